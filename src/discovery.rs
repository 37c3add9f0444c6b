//! Watches which projects an account has: new ones are polled, vanished ones dropped. A failed answer changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::causes;
use crate::config::{DiscoverySettings, ProjectSettings, Settings};
use crate::publish::Project;
use crate::supervise::{GaveUp, supervise};
use crate::workshop::Workshop;

/// A discovered project under watch.
#[derive(Debug)]
struct Watched {
    /// With the id it has now: one that was closed and opened again under its name is another project.
    settings: ProjectSettings,
    project: Arc<Project>,
    stop: CancellationToken,
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
    polling: JoinSet<Result<(), GaveUp>>,
}

impl Discovery {
    /// Nothing is asked before `run`; `None` where nothing is to be discovered, or without a credential, which the settings'
    /// check rules out.
    #[must_use]
    pub fn new(settings: &Settings, workshop: Arc<Workshop>) -> Option<Self> {
        let discovery = settings.discovery.as_ref()?;
        let configured = settings.projects.iter().map(|project| project.label().to_owned());
        Some(Self {
            client: workshop.client_for_discovery(discovery)?,
            settings: discovery.clone(),
            workshop,
            configured: configured.collect(),
            watched: BTreeMap::new(),
            polling: JoinSet::new(),
        })
    }

    /// Asks at once, then at each refresh, until `stop`; then waits for its pollers.
    ///
    /// # Errors
    ///
    /// [`GaveUp`] when one of its pollers ended too often.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), GaveUp> {
        let mut refresh_at = Instant::now();
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(ended) = self.polling.join_next() => ended.unwrap_or(Ok(()))?,
                () = sleep_until(refresh_at) => {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = self.refresh(&stop) => {}
                    }
                    refresh_at = Instant::now() + self.settings.refresh;
                }
            }
        }
        while self.polling.join_next().await.is_some() {}
        Ok(())
    }

    async fn refresh(&mut self, stop: &CancellationToken) {
        match self.client.list_projects().await {
            Ok(found) => self.reconcile(wanted(&self.settings, &self.configured, &found), stop),
            Err(error) => tracing::warn!(
                reason = error.reason().as_str(),
                error = %causes::line(&error),
                "discovery failed, the projects stay as they are"
            ),
        }
    }

    /// Drops what is not wanted any more as it is, and starts what is new. A poller that still ends has nothing to publish
    /// to once its project is off the board.
    fn reconcile(&mut self, wanted: BTreeMap<String, ProjectSettings>, stop: &CancellationToken) {
        self.watched.retain(|name, watched| {
            let is_wanted = wanted.get(name) == Some(&watched.settings);
            if !is_wanted {
                watched.stop.cancel();
                tracing::info!(project = %name, "the project is gone and is dropped");
            }
            is_wanted
        });
        for (name, settings) in wanted {
            if !self.watched.contains_key(&name) {
                self.watch(name, settings, stop);
            }
        }
        let board = self.workshop.board();
        board.retain(|project| {
            let is_watched = |watched: &Watched| Arc::ptr_eq(&watched.project, project);
            self.configured.contains(&project.name) || self.watched.values().any(is_watched)
        });
        board.end_discovery();
    }

    fn watch(&mut self, name: String, settings: ProjectSettings, stop: &CancellationToken) {
        let Some(watch) = self.workshop.watch(&settings) else {
            return;
        };
        tracing::info!(project = %name, "a new project is watched");
        let stop = stop.child_token();
        let project = Arc::clone(watch.project());
        self.polling
            .spawn(supervise(format!("poller of {name}"), stop.clone(), move |stop| {
                watch.clone().run(stop)
            }));
        let watched = Watched {
            settings,
            project,
            stop,
        };
        self.watched.insert(name, watched);
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
