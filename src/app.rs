//! The composition root: settings become parts, parts are joined, tasks are started and awaited.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{Client, Credential, Event, Exchange, HttpTransport, Scope, Transport, TransportSetupError};
use crate::collect::{Pace, Poller};
use crate::config::{Listen, ProjectSettings, Settings};
use crate::http::{BindError, Routes, Server, Site};
use crate::own_metrics::{OwnMetrics, ProjectMetrics, RegistrationError};
use crate::publish::{self, Project};
use crate::seams::{Chance, Environment, WallClock};

/// From the first signal to the end of the process (`semantics.md`, section 3).
const STOP_DEADLINE: Duration = Duration::from_millis(4_800);

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

impl Seams {
    /// Sockets, the system's clock and the system's chance.
    ///
    /// # Errors
    ///
    /// [`TransportSetupError`] names the setting.
    pub fn production(settings: &Settings) -> Result<Self, TransportSetupError> {
        Ok(Self {
            transport: Arc::new(HttpTransport::new(&settings.api)?),
            clock: WallClock::system(),
            chance: Chance::of_system(),
            environment: Environment::system(),
        })
    }
}

/// The process cannot start; exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Our own metrics clash.
    #[error(transparent)]
    Metrics(#[from] RegistrationError),
    /// A project has no credential; the settings' check rules it out.
    #[error("projects: {0:?} has no credential")]
    NoCredential(String),
}

/// A task ended that should run as long as the process; exit code 1, so that a supervisor starts it again.
#[derive(Debug, thiserror::Error)]
#[error("a task of the exporter ended by itself, its last words are above")]
pub struct RunError;

/// The bound exporter: it knows its addresses and has asked nothing yet.
#[derive(Debug)]
pub struct App {
    server: Server,
    pollers: Vec<Poller>,
}

impl App {
    /// Joins the parts and binds the sockets.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting.
    pub async fn bind(settings: &Settings, seams: &Seams, notice: Option<&'static str>) -> Result<Self, StartError> {
        let metrics = OwnMetrics::new()?;
        let (reader, publishers) = publish::open(settings.projects.iter().map(|project| facts_of(project, settings)));
        let mut credentials = HashMap::new();
        let mut pollers = Vec::new();
        for (project, publisher) in settings.projects.iter().zip(publishers) {
            let project_metrics = metrics.for_project(project.label(), settings.collect.interval);
            pollers.push(Poller::new(
                project.label().to_owned(),
                client_of(project, settings, seams, project_metrics.clone(), &mut credentials)?,
                Pace::of(settings),
                publisher,
                project_metrics,
                seams.clock.clone(),
                seams.chance.clone(),
            ));
        }
        let site = Site {
            telemetry_path: settings.web.telemetry_path.clone(),
            notice,
        };
        let server = Server::bind(&settings.web, Routes::new(site, reader, metrics)).await?;
        Ok(Self { server, pollers })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        self.server.addresses()
    }

    /// Serves and polls until `stop`, then ends within 5 s.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a task ended by itself: better to end loudly than to serve a fleet that nobody watches.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        for address in self.addresses() {
            tracing::info!(address = %address, "listening");
        }
        let mut tasks = JoinSet::new();
        for poller in self.pollers {
            tasks.spawn(poller.run(stop.clone()));
        }
        tasks.spawn(self.server.run(stop.clone()));
        let ended_early = tokio::select! {
            () = stop.cancelled() => false,
            Some(_) = tasks.join_next() => !stop.is_cancelled(),
        };
        stop.cancel();
        let drained = timeout(STOP_DEADLINE, async { while tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("tasks were still running at the end of the stop and are cut");
        }
        if ended_early { Err(RunError) } else { Ok(()) }
    }
}

fn facts_of(project: &ProjectSettings, settings: &Settings) -> Arc<Project> {
    let interval = settings.collect.interval;
    Arc::new(Project {
        name: project.label().to_owned(),
        region: project.region().to_owned(),
        endpoint: project.endpoint(),
        required: project.is_required(),
        interval,
        network_interval: settings.collect.network_interval.unwrap_or(interval),
    })
}

fn client_of(
    project: &ProjectSettings,
    settings: &Settings,
    seams: &Seams,
    metrics: ProjectMetrics,
    credentials: &mut HashMap<String, Arc<Credential>>,
) -> Result<Client, StartError> {
    let (name, credential) = project
        .credential(settings)
        .ok_or_else(|| StartError::NoCredential(project.label().to_owned()))?;
    let scope = Scope {
        region: project.region().to_owned(),
        project_id: project.project_id.clone(),
        iam_endpoint: project.iam_endpoint(credential.iam_endpoint()),
    };
    let credential = credentials
        .entry(name.to_owned())
        .or_insert_with(|| Arc::new(Credential::new(name, credential, seams.environment.clone())));
    let exchange = Exchange::new(
        Arc::clone(&seams.transport),
        Arc::new(move |event: &Event| count(event, &metrics)),
        &settings.api,
        seams.clock.clone(),
        seams.chance.clone(),
    );
    Ok(Client::new(project.endpoint(), scope, Arc::clone(credential), exchange))
}

/// Where what `api` tells becomes what is counted: neither knows the other.
fn count(event: &Event, metrics: &ProjectMetrics) {
    match event {
        Event::Attempted(attempt) => {
            let code = attempt.status.map(|status| status.as_u16());
            metrics.request_ended(attempt.operation.as_str(), code, attempt.elapsed);
        }
        Event::ClockSkewed(skew) => metrics.clock_skewed(skew.as_secs_f64()),
        Event::AuthFailed => metrics.auth_failed(),
        Event::TokenRefreshed => metrics.token_refreshed(),
        Event::CredentialExpires(moment) => metrics.credential_expires(moment.as_duration().as_secs_f64()),
    }
}
