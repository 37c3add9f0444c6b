//! Makes the parts of one project from its settings: its place in the publication, its client, its poller. Credentials are
//! made once and shared.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{Client, CloudClock, Credential, Event, Exchange, Operation, Scope, Transport};
use crate::collect::{Pace, Poller};
use crate::config::{CredentialSettings, DiscoverySettings, ProjectSettings, Settings};
use crate::own_metrics::{OwnMetrics, ProjectMetrics};
use crate::publish::{Board, Project};
use crate::seams::{Chance, Environment, WallClock};

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
}

/// Everything that projects share.
pub struct Workshop {
    settings: Settings,
    seams: Seams,
    cloud_clock: Arc<CloudClock>,
    metrics: OwnMetrics,
    board: Board,
    credentials: Mutex<HashMap<String, Arc<Credential>>>,
}

impl fmt::Debug for Workshop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Workshop")
    }
}

impl Workshop {
    /// Works with these settings.
    #[must_use]
    pub fn new(settings: &Settings, seams: &Seams, metrics: OwnMetrics, board: Board) -> Self {
        Self {
            settings: settings.clone(),
            seams: seams.clone(),
            cloud_clock: Arc::new(CloudClock::new(seams.clock.clone())),
            metrics,
            board,
            credentials: Mutex::default(),
        }
    }

    /// Where snapshots are published.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Puts a project on the board and makes its poller; `None` if it has no credential, which the settings' check rules
    /// out.
    #[must_use]
    pub fn poller_for(&self, project: &ProjectSettings) -> Option<(Arc<Project>, Poller)> {
        let credential = project.credential(&self.settings)?;
        let facts = self.facts_of(project);
        let metrics = self.metrics.for_project(&facts.name, facts.interval);
        for operation in [Operation::ListDesktops, Operation::ListNetworks] {
            metrics.expect_operation(operation.as_str());
        }
        let client = self.client_for(project, credential, &metrics);
        let poller = Poller::new(
            facts.name.clone(),
            client,
            Pace::of(&self.settings),
            self.board.add(Arc::clone(&facts)),
            metrics,
            self.seams.clock.clone(),
            self.seams.chance.clone(),
        );
        Some((facts, poller))
    }

    /// A client that asks IAM for projects; what it counts stands under the region's name.
    #[must_use]
    pub fn client_for_discovery(&self, discovery: &DiscoverySettings) -> Option<Client> {
        let credential = discovery.credential(&self.settings)?;
        let region = discovery.of_region(discovery.regions.first()?);
        let metrics = self.metrics.for_project(region.label(), self.settings.collect.interval);
        Some(self.client_for(&region, credential, &metrics))
    }

    fn facts_of(&self, project: &ProjectSettings) -> Arc<Project> {
        let interval = self.settings.collect.interval;
        Arc::new(Project {
            name: project.label().to_owned(),
            region: project.region().to_owned(),
            endpoint: project.endpoint(),
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
        Client::new(project.endpoint(), scope, self.credential(name, settings), exchange)
    }

    fn credential(&self, name: &str, settings: &CredentialSettings) -> Arc<Credential> {
        // A map is whole between any two insertions, so a panic elsewhere cannot have spoilt it.
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Credential::new(name, settings, self.seams.environment.clone()));
        Arc::clone(credentials.entry(name.to_owned()).or_insert_with(make))
    }
}

/// Where what `api` tells becomes what is counted: neither knows the other.
fn count(event: &Event, metrics: &ProjectMetrics) {
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
