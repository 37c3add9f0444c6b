//! The composition root: settings become parts, parts are joined, tasks are started and awaited.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{HttpTransport, TransportSetupError};
use crate::collect::Poller;
use crate::config::{Listen, Settings};
use crate::discovery::Discovery;
use crate::http::{BindError, Routes, Server, Site};
use crate::own_metrics::{OwnMetrics, RegistrationError};
use crate::publish::Board;
use crate::seams::{Chance, Environment, WallClock};
use crate::workshop::{Seams, Workshop};

/// From the first signal to the end of the process (`semantics.md`, section 3).
const STOP_DEADLINE: Duration = Duration::from_millis(4_800);

/// Sockets, the system's clock, chance and environment.
///
/// # Errors
///
/// [`TransportSetupError`] names the setting.
pub fn production_seams(settings: &Settings) -> Result<Seams, TransportSetupError> {
    Ok(Seams {
        transport: Arc::new(HttpTransport::new(&settings.api)?),
        clock: WallClock::system(),
        chance: Chance::of_system(),
        environment: Environment::system(),
    })
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
    discovery: Option<Discovery>,
}

impl App {
    /// Joins the parts and binds the sockets.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting.
    pub async fn bind(settings: &Settings, seams: &Seams, notice: Option<&'static str>) -> Result<Self, StartError> {
        let metrics = OwnMetrics::new()?;
        let (board, reader) = Board::open();
        let workshop = Arc::new(Workshop::new(settings, seams, metrics.clone(), board));
        let mut pollers = Vec::new();
        for project in &settings.projects {
            let made = workshop.poller_for(project);
            let (_, poller) = made.ok_or_else(|| StartError::NoCredential(project.label().to_owned()))?;
            pollers.push(poller);
        }
        let configured = settings
            .projects
            .iter()
            .map(|project| project.label().to_owned())
            .collect();
        let discovery = settings.discovery.as_ref();
        let discovery = discovery.and_then(|discovery| Discovery::new(discovery, configured, workshop));
        let site = Site {
            telemetry_path: settings.web.telemetry_path.clone(),
            notice,
        };
        let server = Server::bind(&settings.web, Routes::new(site, reader, metrics)).await?;
        Ok(Self {
            server,
            pollers,
            discovery,
        })
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
        if let Some(discovery) = self.discovery {
            tasks.spawn(discovery.run(stop.clone()));
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
