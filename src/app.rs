//! The composition root: settings become parts, parts are joined, tasks are started, supervised and awaited.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{HttpTransport, TransportSetupError, UserKeyError, UserNames};
use crate::causes;
use crate::config::{ConfigError, Listen, Settings};
use crate::exposition::Plan;
use crate::generation::{Common, Generation};
use crate::http::{BindError, Forms, Reload, Routes, Server, Site};
use crate::own_metrics::{OwnMetrics, RegistrationError};
use crate::publish::Board;
use crate::seams::{Chance, Environment, WallClock};
use crate::supervise::{GaveUp, supervise};
use crate::systemd::{self, Watchdog};
use crate::workshop::Seams;

/// From the first signal to the end of the process (`semantics.md`, section 3).
const STOP_DEADLINE: Duration = Duration::from_millis(4_800);

/// Where settings and seams come from, again at each reload.
pub trait Origin: Send + Sync + 'static {
    /// Reads and checks the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the key.
    fn settings(&self) -> Result<Settings, ConfigError>;

    /// Sockets, the system's clock, chance and environment, the key of users' hashes.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting.
    fn seams(&self, settings: &Settings) -> Result<Seams, StartError> {
        Ok(Seams {
            transport: Arc::new(HttpTransport::new(&settings.api)?),
            clock: WallClock::system(),
            chance: Chance::of_system(),
            environment: Environment::system(),
            users: UserNames::of(&settings.privacy)?,
        })
    }
}

/// The process cannot start; exit code 1, or 64 where a setting is wrong.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting of the cloud's transport is wrong.
    #[error(transparent)]
    Transport(#[from] TransportSetupError),
    /// The key of users' hashes cannot be read.
    #[error(transparent)]
    UserKey(#[from] UserKeyError),
    /// An address is taken or not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Our own metrics clash.
    #[error(transparent)]
    Metrics(#[from] RegistrationError),
}

/// A task ended too often; exit code 1, so that a supervisor starts the process again.
#[derive(Debug, thiserror::Error)]
#[error("the exporter cannot go on")]
pub struct RunError(#[from] GaveUp);

/// The bound exporter: it knows its addresses and has asked nothing yet.
pub struct App {
    origin: Arc<dyn Origin>,
    common: Common,
    forms: Forms,
    server: Arc<Server>,
    generation: Generation,
    reloads: mpsc::Receiver<Reload>,
    /// Kept, so that the channel stays open where nobody else may ask.
    _ask: mpsc::Sender<Reload>,
    web: crate::config::WebSettings,
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("App")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Joins the parts and binds the sockets. What an earlier run left behind is shown from the first scrape on.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting.
    pub async fn bind(origin: impl Origin, notice: Option<&'static str>) -> Result<Self, StartError> {
        let (settings, seams, plan) = read(&origin)?;
        let metrics = OwnMetrics::new()?;
        metrics.config_loaded(true, since_epoch(&seams.clock));
        let (board, reader) = Board::open();
        let (ask, reloads) = mpsc::channel(1);
        let site = Site {
            telemetry_path: settings.web.telemetry_path.clone(),
            notice,
        };
        let reload = settings.web.lifecycle.then(|| ask.clone());
        let forms = Forms::new(reader.clone(), plan);
        let routes = Routes::new(site, forms.clone(), metrics.clone(), reload);
        let server = Server::bind(&settings.web, routes).await?;
        let common = Common { metrics, board, reader };
        Ok(Self {
            generation: Generation::new(&settings, &seams, &common),
            origin: Arc::new(origin),
            common,
            forms,
            server: Arc::new(server),
            reloads,
            _ask: ask,
            web: settings.web,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        self.server.addresses()
    }

    /// Serves and polls until `stop`, then ends within 5 s. Each `hangup` reloads the configuration.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a task ended too often: better to end loudly than to serve a fleet that nobody watches.
    pub async fn run(mut self, stop: CancellationToken, mut hangup: mpsc::Receiver<()>) -> Result<(), RunError> {
        for address in self.addresses() {
            tracing::info!(address = %address, "listening");
        }
        let server = Arc::clone(&self.server);
        let serve = move |stop| Arc::clone(&server).run(stop);
        let mut serving = tokio::spawn(supervise("server".to_owned(), stop.clone(), serve));
        self.generation.start();
        let serving_on = self.serving_on();
        systemd::ready(&serving_on);
        let mut watchdog = Watchdog::of_environment();
        let ended = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break Ok(()),
                () = watchdog.due() => watchdog.tell(),
                ended = &mut serving => break ended.unwrap_or(Ok(())),
                gave_up = self.generation.failed() => break Err(gave_up),
                Some(()) = hangup.recv() => drop(self.reload().await),
                Some(reload) = self.reloads.recv() => {
                    let outcome = self.reload().await;
                    // Whoever asked may have gone away.
                    drop(reload.answer.send(outcome));
                }
            }
        };
        stop.cancel();
        systemd::stopping();
        let drained = timeout(STOP_DEADLINE, async {
            self.generation.end().await;
            if !serving.is_finished() {
                drop(serving.await);
            }
        });
        if drained.await.is_err() {
            tracing::warn!("tasks were still running at the end of the stop and are cut");
        }
        Ok(ended?)
    }

    /// Reads the whole configuration anew; the old one stays in force if any of the new one is wrong.
    async fn reload(&mut self) -> Result<(), String> {
        systemd::reloading();
        let reloaded = self.replace().await;
        systemd::ready(&self.serving_on());
        reloaded
    }

    fn serving_on(&self) -> String {
        let addresses: Vec<String> = self.addresses().iter().map(Listen::to_string).collect();
        addresses.join(", ")
    }

    async fn replace(&mut self) -> Result<(), String> {
        let (settings, seams, plan) = match read(&*self.origin) {
            Ok(read) => read,
            Err(error) => {
                let error = causes::line(&error);
                self.common.metrics.config_loaded(false, Duration::ZERO);
                tracing::error!(%error, "the new configuration is wrong, the old one stays in force");
                return Err(error);
            }
        };
        if settings.web != self.web {
            tracing::warn!("web is another in the new configuration; that takes a restart");
        }
        let next = Generation::new(&settings, &seams, &self.common);
        let last = std::mem::replace(&mut self.generation, next);
        last.end().await;
        self.forms.follow(plan);
        self.generation.start();
        self.common.metrics.config_loaded(true, since_epoch(&seams.clock));
        tracing::info!("the new configuration is in force");
        Ok(())
    }
}

/// Reads a whole configuration: the settings, the outside they ask for, and the plan of what is served.
pub(crate) fn read(origin: &(impl Origin + ?Sized)) -> Result<(Settings, Seams, Arc<Plan>), StartError> {
    let settings = origin.settings()?;
    let seams = origin.seams(&settings)?;
    let plan = plan_of(&settings)?;
    Ok((settings, seams, plan))
}

/// Which families are served. The catalogue knows their names, so that the settings' own check cannot.
fn plan_of(settings: &Settings) -> Result<Arc<Plan>, ConfigError> {
    let plan = Plan::of(&settings.metrics, settings.privacy.users);
    plan.map(Arc::new).map_err(|error| ConfigError::Key {
        origin: "the configuration".to_owned(),
        key: error.key,
        problem: error.problem,
    })
}

pub(crate) fn since_epoch(clock: &WallClock) -> Duration {
    Duration::try_from(clock.now().as_duration()).unwrap_or_default()
}

/// A channel that never tells of a hangup.
#[must_use]
pub fn no_hangup() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    drop(sender);
    receiver
}
