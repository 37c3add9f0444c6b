//! The tour without an account: a simulated Workspace API on loopback, and the exporter polling it over real HTTP.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
pub use workspace_simulator::Scenario;
use workspace_simulator::{BindError, Churn, Identity, Options, Script, Server, Simulator};

use crate::app::{App, Origin, RunError, StartError, no_hangup};
use crate::config::{
    self, ConfigError, CredentialSettings, Listen, Overrides, ProjectSettings, Secret, SecretSource, Settings,
};
use crate::seams::WallClock;

/// What every reader of the pages and the log must know.
const NOTICE: &str = "All of this is simulated: no desktop here exists.";

/// The simulated cloud is asked often and has no other clients to be polite to.
const BASE: &str = "
collect: { interval: 10s, network_interval: 1m }
api: { requests_per_second: 100, burst: 100 }
";

/// The mean time from one coming or going to the next, where there are any.
const CHURN_PAUSE: SignedDuration = SignedDuration::from_secs(20);

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Tour {
    /// The fleet's size.
    pub desktops: usize,
    /// Everything random comes from it.
    pub seed: u64,
    /// Serve only the API, for other clients.
    pub api_only: bool,
    /// Where the API listens.
    pub api_listen: SocketAddr,
    /// The story that is told, after how long, and how long it lasts; `None`: for ever.
    pub story: Option<(Scenario, SignedDuration, Option<SignedDuration>)>,
    /// Whether desktops come and go.
    pub churn: bool,
}

/// The tour cannot start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// The API's address is taken or not ours.
    #[error("--api-listen: {0}")]
    ApiListen(#[from] BindError),
    /// The exporter cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The exporter ended by itself.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Standard output is closed.
    #[error("failed to print the addresses")]
    Print(#[from] io::Error),
}

/// Runs the tour until `stop`.
///
/// # Errors
///
/// [`TourError`] names the flag.
pub async fn run(tour: &Tour, overrides: &Overrides, stop: CancellationToken) -> Result<(), TourError> {
    let clock = WallClock::system();
    let simulator = simulator_of(tour, clock.now());
    let identity = simulator.identity().clone();
    let simulator = Arc::new(Mutex::new(simulator));
    let api = Server::bind(tour.api_listen, simulator, Arc::new(move || clock.now())).await?;
    let api_address = api.address();
    tracing::warn!(%api_address, desktops = tour.desktops, seed = tour.seed, "{NOTICE}");
    let mut metrics = Vec::new();
    let mut exporter = None;
    if !tour.api_only {
        let origin = Simulated {
            identity: identity.clone(),
            api: api_address,
            overrides: overrides.clone(),
        };
        let telemetry_path = origin.settings().map_err(StartError::from)?.web.telemetry_path;
        let app = App::bind(origin, Some(NOTICE)).await?;
        let url_of = |address: &Listen| {
            let host = address.to_string().replace("0.0.0.0", "localhost");
            format!("http://{host}{telemetry_path}")
        };
        metrics = app.addresses().iter().map(url_of).collect();
        exporter = Some(app);
    }
    print_welcome(tour, &identity, api_address, &metrics)?;
    let exporting = async {
        if let Some(app) = exporter {
            return app.run(stop.clone(), no_hangup()).await;
        }
        stop.cancelled().await;
        Ok(())
    };
    tokio::select! {
        () = api.run() => Ok(()),
        ended = exporting => Ok(ended?),
    }
}

fn simulator_of(tour: &Tour, start: Timestamp) -> Simulator {
    let mut simulator = Simulator::new(&Options {
        desktops: tour.desktops,
        seed: tour.seed,
        start,
    });
    if tour.churn {
        simulator.fleet_mut().set_churn(Churn {
            pause: CHURN_PAUSE,
            batch: 3,
            minimum: tour.desktops / 2,
            flapping: 2,
        });
    }
    let script = tour.story.map(|(scenario, after, lasts)| Script {
        scenario,
        begins_at: start + after,
        ends_at: lasts.map(|lasts| start + after + lasts),
    });
    simulator.set_script(script);
    simulator
}

/// The simulated cloud as a configuration.
struct Simulated {
    identity: Identity,
    api: SocketAddr,
    overrides: Overrides,
}

impl Origin for Simulated {
    fn settings(&self) -> Result<Settings, ConfigError> {
        settings_for(&self.identity, self.api, &self.overrides)
    }
}

fn settings_for(identity: &Identity, api: SocketAddr, overrides: &Overrides) -> Result<Settings, ConfigError> {
    let endpoint = format!("http://{api}");
    let mut settings = config::parse("simulate", BASE, overrides)?;
    let credential = CredentialSettings::Password {
        user: identity.user.clone(),
        domain: identity.domain.clone(),
        password: SecretSource::Given(Secret::new(identity.password.clone())),
        iam_endpoint: Some(endpoint.clone()),
    };
    settings.credentials.insert("simulated".to_owned(), credential);
    settings.projects.push(ProjectSettings {
        name: Some("simulated".to_owned()),
        region: Some(identity.region.clone()),
        endpoint: Some(endpoint),
        ..ProjectSettings::default()
    });
    config::check("simulate", settings)
}

/// The one thing a person needs to see; the log tells the rest.
fn print_welcome(tour: &Tour, identity: &Identity, api: SocketAddr, metrics: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{NOTICE}\n")?;
    for url in metrics {
        writeln!(out, "  metrics     {url}")?;
    }
    writeln!(out, "  API         http://{api}")?;
    writeln!(out, "  region      {}", identity.region)?;
    writeln!(out, "  project id  {}", identity.project_id)?;
    writeln!(out, "  account     {}", identity.domain)?;
    writeln!(out, "  user        {}", identity.user)?;
    writeln!(out, "  password    {}", identity.password)?;
    writeln!(out, "  access key  {}", identity.access_key)?;
    writeln!(out, "  secret key  {}", identity.secret_key)?;
    writeln!(out, "  token       {}", identity.token)?;
    if let Some((scenario, ..)) = tour.story {
        writeln!(out, "  scenario    {}", scenario.as_str())?;
    }
    writeln!(
        out,
        "\nAnother story, or none: curl -X PUT -d NAME http://{api}/simulator/scenario"
    )?;
    writeln!(out, "Stop with Ctrl-C.")?;
    out.flush()
}
