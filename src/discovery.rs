//! Watches which projects an account has: new ones are polled, vanished ones dropped. A failed answer changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::causes;
use crate::config::{DiscoverySettings, ProjectSettings};
use crate::publish::Project;
use crate::workshop::Workshop;

/// A discovered project under watch.
#[derive(Debug)]
struct Watched {
    project: Arc<Project>,
    stop: CancellationToken,
    polling: JoinHandle<()>,
}

/// The loop that asks IAM and starts and stops pollers.
#[derive(Debug)]
pub struct Discovery {
    settings: DiscoverySettings,
    client: Client,
    workshop: Arc<Workshop>,
    /// Named in the settings: they are watched anyway.
    configured: Vec<String>,
    watched: BTreeMap<String, Watched>,
}

impl Discovery {
    /// Nothing is asked before `run`; `None` without a credential, which the settings' check rules out.
    #[must_use]
    pub fn new(settings: &DiscoverySettings, configured: Vec<String>, workshop: Arc<Workshop>) -> Option<Self> {
        workshop.board().await_discovery();
        Some(Self {
            client: workshop.client_for_discovery(settings)?,
            settings: settings.clone(),
            workshop,
            configured,
            watched: BTreeMap::new(),
        })
    }

    /// Asks at once, then at each refresh, until `stop`; then waits for its pollers.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                found = self.client.list_projects() => match found {
                    Ok(found) => self.reconcile(&found, &stop).await,
                    Err(error) => tracing::warn!(
                        reason = error.reason().as_str(),
                        error = %causes::line(&error),
                        "discovery failed, the projects stay as they are"
                    ),
                }
            }
            // Out of time is in time for the next refresh.
            let _ = timeout(self.settings.refresh, stop.cancelled()).await;
        }
        for watched in self.watched.into_values() {
            // A poller that panicked has said so itself.
            let _ = watched.polling.await;
        }
    }

    /// Starts what is new and drops what vanished.
    async fn reconcile(&mut self, found: &[(String, String)], stop: &CancellationToken) {
        let wanted = wanted(&self.settings, &self.configured, found);
        let vanished: Vec<String> = self
            .watched
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        for name in vanished {
            if let Some(watched) = self.watched.remove(&name) {
                watched.stop.cancel();
                // A poller that panicked has said so itself.
                let _ = watched.polling.await;
                self.workshop.board().remove(&watched.project);
                tracing::info!(project = %name, "the project is gone and is dropped");
            }
        }
        for (name, project) in wanted {
            if self.watched.contains_key(&name) {
                continue;
            }
            if let Some((project, poller)) = self.workshop.poller_for(&project) {
                tracing::info!(project = %name, "a new project is watched");
                let stop = stop.child_token();
                let polling = tokio::spawn(poller.run(stop.clone()));
                self.watched.insert(name, Watched { project, stop, polling });
            }
        }
        self.workshop.board().end_discovery();
    }
}

/// The projects to watch, by name, out of all that IAM knows.
fn wanted(
    settings: &DiscoverySettings,
    configured: &[String],
    found: &[(String, String)],
) -> BTreeMap<String, ProjectSettings> {
    found
        .iter()
        .filter(|(_, name)| !configured.contains(name))
        .filter_map(|(id, name)| Some((name.clone(), settings.project(name, id)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_that_the_settings_name_is_not_watched_twice() {
        let settings = DiscoverySettings {
            regions: vec!["cn-north-4".to_owned()],
            ..DiscoverySettings::default()
        };
        let found = [("1", "cn-north-4"), ("2", "cn-north-4_b"), ("3", "elsewhere")];
        let found = found.map(|(id, name)| (id.to_owned(), name.to_owned()));
        let wanted = wanted(&settings, &["cn-north-4".to_owned()], &found);
        assert_eq!(wanted.keys().collect::<Vec<_>>(), ["cn-north-4_b"]);
        assert_eq!(wanted["cn-north-4_b"].project_id.as_deref(), Some("2"));
    }
}
