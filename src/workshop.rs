//! Makes the parts of one project from its settings: its place in the publication, its client, its poller. Credentials are
//! made once and shared.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::api::{Client, CloudClock, Credential, Event, Exchange, Extras, Operation, Scope, Transport, UserNames};
use crate::collect::{Pace, Poller};
use crate::config::{CredentialSettings, DiscoverySettings, ProjectSettings, Settings};
use crate::inventory::Snapshot;
use crate::own_metrics::{OwnMetrics, ProjectMetrics};
use crate::publish::{Board, Project, Publisher};
use crate::seams::{Chance, Environment, WallClock};
use crate::state::SavedProject;

/// The outside as it is handed in: production's, or a test's.
#[derive(Clone)]
pub struct Seams {
    /// Carries requests to the cloud.
    pub transport: Arc<dyn Transport>,
    /// Wall time.
    pub clock: WallClock,
    /// Jitter.
    pub chance: Chance,
    /// Where credentials may be.
    pub environment: Environment,
    /// What becomes of users' names.
    pub users: UserNames,
}

/// Everything that projects share.
pub struct Workshop {
    settings: Settings,
    seams: Seams,
    cloud_clock: Arc<CloudClock>,
    metrics: OwnMetrics,
    board: Board,
    credentials: Mutex<HashMap<String, Arc<Credential>>>,
    /// What an earlier run left behind.
    saved: Mutex<Vec<SavedProject>>,
    #[cfg(feature = "naive-paging")]
    proof: crate::collect::Proof,
}

/// A project on the board, and how to make a poller of it: again and again, if one panics.
#[derive(Debug, Clone)]
pub struct Watch {
    workshop: Arc<Workshop>,
    settings: ProjectSettings,
    project: Arc<Project>,
    publisher: Publisher,
}

impl Watch {
    /// Which project.
    #[must_use]
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// Polls the project until `stop`, with a poller of its own.
    pub async fn run(self, stop: CancellationToken) {
        let workshop = &self.workshop;
        let Some(credential) = self.settings.credential(&workshop.settings) else {
            return;
        };
        let metrics = workshop.metrics_of(&self.settings);
        let poller = Poller::new(
            self.project.name.clone(),
            workshop.client_for(&self.settings, credential, &metrics),
            workshop.pace(),
            self.publisher,
            metrics,
            workshop.seams.clock.clone(),
            workshop.seams.chance.clone(),
        );
        poller.run(stop).await;
    }
}

impl fmt::Debug for Workshop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Workshop")
    }
}

impl Workshop {
    /// Works with these settings.
    #[must_use]
    pub fn new(
        settings: &Settings,
        seams: &Seams,
        metrics: OwnMetrics,
        board: Board,
        saved: Vec<SavedProject>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            seams: seams.clone(),
            cloud_clock: Arc::new(CloudClock::new(seams.clock.clone())),
            metrics,
            board,
            credentials: Mutex::default(),
            saved: Mutex::new(saved),
            #[cfg(feature = "naive-paging")]
            proof: crate::collect::Proof::default(),
        }
    }

    /// The same workshop with another idea of proof.
    #[cfg(feature = "naive-paging")]
    #[must_use]
    pub fn with_proof(mut self, proof: crate::collect::Proof) -> Self {
        self.proof = proof;
        self
    }

    fn pace(&self) -> Pace {
        let pace = Pace::of(&self.settings);
        #[cfg(feature = "naive-paging")]
        let pace = pace.with_proof(self.proof);
        pace
    }

    /// Where snapshots are published.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Puts a project on the board, with its saved snapshot if there is one; `None` if it has no credential, which the
    /// settings' check rules out.
    #[must_use]
    pub fn watch(self: &Arc<Self>, settings: &ProjectSettings) -> Option<Watch> {
        settings.credential(&self.settings)?;
        let project = self.facts_of(settings);
        let publisher = self.board.add(Arc::clone(&project));
        if publisher.current().is_none()
            && let Some(saved) = self.saved_of(&project)
        {
            tracing::info!(project = %project.name, listed_at = %saved.listed_at(), "the snapshot of an earlier run is shown");
            publisher.restore(Arc::new(saved));
        }
        Some(Watch {
            workshop: Arc::clone(self),
            settings: settings.clone(),
            project,
            publisher,
        })
    }

    fn saved_of(&self, project: &Project) -> Option<Snapshot> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |saved: &SavedProject| project.owns(&saved.name, &saved.endpoint, &saved.snapshot);
        let place = saved.iter().position(is_ours)?;
        Some(saved.swap_remove(place).snapshot)
    }

    /// A client that asks IAM for projects; what it counts stands under the region's name.
    #[must_use]
    pub fn client_for_discovery(&self, discovery: &DiscoverySettings) -> Option<Client> {
        let credential = discovery.credential(&self.settings)?;
        let region = discovery.of_region(discovery.regions.first()?);
        let metrics = self.metrics.for_project(region.label(), self.settings.collect.interval);
        Some(self.client_for(&region, credential, &metrics))
    }

    /// A project and a client of it, for whoever only looks; `None` as for [`Workshop::watch`].
    #[must_use]
    pub fn client_of(&self, settings: &ProjectSettings) -> Option<(Arc<Project>, Client)> {
        let credential = settings.credential(&self.settings)?;
        let metrics = self.metrics_of(settings);
        Some((self.facts_of(settings), self.client_for(settings, credential, &metrics)))
    }

    /// The handles of a project whose lists and networks are going to be read.
    fn metrics_of(&self, settings: &ProjectSettings) -> ProjectMetrics {
        let interval = self.settings.collect.interval;
        let metrics = self.metrics.for_project(settings.label(), interval);
        for operation in [Operation::ListDesktops, Operation::ListNetworks] {
            metrics.expect_operation(operation.as_str());
        }
        metrics
    }

    fn facts_of(&self, project: &ProjectSettings) -> Arc<Project> {
        let interval = self.settings.collect.interval;
        Arc::new(Project {
            name: project.label().to_owned(),
            region: project.region().to_owned(),
            endpoint: project.endpoint(),
            project_id: project.project_id.clone(),
            required: project.is_required(),
            interval,
            network_interval: self.settings.collect.network_interval,
        })
    }

    fn client_for(
        &self,
        project: &ProjectSettings,
        (name, settings): (&str, &CredentialSettings),
        metrics: &ProjectMetrics,
    ) -> Client {
        let scope = Scope {
            region: project.region().to_owned(),
            project_id: project.project_id.clone(),
            iam_endpoint: project.iam_endpoint(settings.iam_endpoint()),
        };
        let metrics = metrics.clone();
        let exchange = Exchange::new(
            Arc::clone(&self.seams.transport),
            Arc::new(move |event: &Event| count(event, &metrics)),
            &self.settings.api,
            Arc::clone(&self.cloud_clock),
            self.seams.chance.clone(),
        );
        let extras = Extras {
            tags: self.settings.metrics.tags.as_slice().into(),
            users: self.seams.users.clone(),
        };
        let credential = self.credential(name, settings);
        Client::new(project.endpoint(), scope, credential, exchange, extras)
    }

    fn credential(&self, name: &str, settings: &CredentialSettings) -> Arc<Credential> {
        // A map is whole between any two insertions, so a panic elsewhere cannot have spoilt it.
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Credential::new(name, settings, self.seams.environment.clone()));
        Arc::clone(credentials.entry(name.to_owned()).or_insert_with(make))
    }
}

/// Where what `api` tells becomes what is counted: neither knows the other.
pub fn count(event: &Event, metrics: &ProjectMetrics) {
    match event {
        Event::Attempted(attempt) => {
            let code = attempt.status.map(|status| status.as_u16());
            let operation = attempt.operation.as_str();
            metrics.request_ended(operation, code, attempt.elapsed, attempt.bytes, attempt.rate);
        }
        Event::Retried(operation) => metrics.request_retried(operation.as_str()),
        Event::Throttled(operation) => metrics.request_throttled(operation.as_str()),
        Event::ClockSkewed(skew) => metrics.clock_skewed(skew.as_secs_f64()),
        Event::AuthFailed => metrics.auth_failed(),
        Event::TokenRefreshed => metrics.token_refreshed(),
        Event::CredentialExpires(moment) => metrics.credential_expires(moment.as_duration().as_secs_f64()),
    }
}
