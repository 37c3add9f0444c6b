//! A poller of a simulated fleet on tokio's own time: no socket, no bytes on a wire, a day in milliseconds.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};
use workspace_exporter::api::{
    Client, CloudClock, Credential, Event, Exchange, Extras, Observer, Scope, Transport, TransportError,
};
use workspace_exporter::collect::{Pace, Poller};
use workspace_exporter::config::{CredentialSettings, Secret, SecretSource, Settings};
use workspace_exporter::own_metrics::OwnMetrics;
use workspace_exporter::publish::{Board, Project, Reader};
use workspace_exporter::seams::{Chance, Environment, WallClock};
use workspace_exporter::workshop;
use workspace_simulator::{Conduct, Identity, Options, Simulator};

/// Something that happens to the cloud before it answers a call whose path ends so.
pub(crate) type Happening = (&'static str, fn(&mut Simulator));

/// The simulator as a transport: no socket, no bytes on a wire.
pub(crate) struct InProcess {
    pub(crate) simulator: Mutex<Simulator>,
    clock: WallClock,
    pub(crate) happening: Mutex<Option<Happening>>,
}

impl InProcess {
    /// Changes the cloud, or asks it for the truth.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Simulator) -> T) -> T {
        act(&mut self.simulator.lock().unwrap())
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let mut simulator = self.simulator.lock().unwrap();
        let mut happening = self.happening.lock().unwrap();
        let target = request.uri().path_and_query().unwrap().as_str();
        if let Some((_, happens)) = happening.take_if(|(part, _)| target.contains(*part)) {
            happens(&mut simulator);
        }
        let conduct = simulator.play(&request, self.clock.now());
        Box::pin(async move {
            match conduct {
                Conduct::Answers(delay, response) => {
                    sleep(delay).await;
                    Ok(response)
                }
                Conduct::Refuses => Err(TransportError::Connect("simulated".into())),
                Conduct::Breaks(_) => Err(TransportError::Broken("simulated".into())),
                Conduct::KeepsSilent => std::future::pending().await,
            }
        })
    }
}

const REGION: &str = "simulated-1";

pub(crate) struct World {
    pub(crate) cloud: Arc<InProcess>,
    pub(crate) reader: Reader,
    pub(crate) poller: Poller,
    pub(crate) metrics: OwnMetrics,
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
}

/// What lets the poller in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Password,
    Agency,
}

/// A poller of a simulated fleet, on tokio's own time; wall time follows it from a Monday morning on.
pub(crate) fn world(desktops: usize, seed: u64) -> World {
    world_with(desktops, seed, Kind::Password)
}

pub(crate) fn world_with(desktops: usize, seed: u64, kind: Kind) -> World {
    let origin = Instant::now();
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let clock = WallClock::new(move || start + SignedDuration::try_from(origin.elapsed()).unwrap());
    let simulator = Simulator::new(&Options { desktops, seed, start });
    let identity = simulator.identity().clone();
    let cloud = Arc::new(InProcess {
        simulator: Mutex::new(simulator),
        clock: clock.clone(),
        happening: Mutex::default(),
    });
    let mut settings = Settings::default();
    settings.api.page_size = 25;
    settings.collect.network_interval = settings.collect.interval;
    settings.api.network_batch_size = 20;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let project = Arc::new(Project {
        name: "simulated".to_owned(),
        region: identity.region.clone(),
        endpoint: "http://simulated".to_owned(),
        project_id: None,
        required: true,
        interval: settings.collect.interval,
        network_interval: settings.collect.interval,
    });
    let (board, reader) = Board::open();
    let metrics = OwnMetrics::new().unwrap();
    let poller = Poller::new(
        "simulated".to_owned(),
        client(
            &settings,
            &credential_of(&identity, kind),
            Arc::clone(&cloud),
            &calls,
            &clock,
            (seed, &metrics),
        ),
        Pace::of(&settings),
        board.add(project),
        metrics.for_project("simulated", settings.collect.interval),
        clock,
        Chance::of_seed(seed),
    );
    World {
        cloud,
        reader,
        poller,
        metrics,
        calls,
    }
}

fn credential_of(identity: &Identity, kind: Kind) -> CredentialSettings {
    match kind {
        Kind::Password => CredentialSettings::Password {
            user: identity.user.clone(),
            domain: identity.domain.clone(),
            password: SecretSource::Given(Secret::new(identity.password.clone())),
            iam_endpoint: None,
        },
        Kind::Agency => CredentialSettings::EcsAgency {
            metadata_endpoint: Some("http://metadata.simulated".to_owned()),
            iam_endpoint: None,
        },
    }
}

fn client(
    settings: &Settings,
    credential: &CredentialSettings,
    cloud: Arc<InProcess>,
    calls: &Arc<Mutex<Vec<String>>>,
    clock: &WallClock,
    (seed, metrics): (u64, &OwnMetrics),
) -> Client {
    let origin = Instant::now();
    let trace = Arc::clone(calls);
    let counted = metrics.for_project("simulated", settings.collect.interval);
    let observer: Observer = Arc::new(move |event| {
        workshop::count(event, &counted);
        if let Event::Attempted(attempt) = event {
            let line = format!("{:?} {} {:?}", origin.elapsed(), attempt.operation, attempt.status);
            trace.lock().unwrap().push(line);
        }
    });
    let scope = Scope {
        region: REGION.to_owned(),
        project_id: None,
        iam_endpoint: "http://iam.simulated".to_owned(),
    };
    let cloud_clock = Arc::new(CloudClock::new(clock.clone()));
    let exchange = Exchange::new(cloud, observer, &settings.api, cloud_clock, Chance::of_seed(seed));
    let credential = Credential::new("test", credential, Environment::new(|_| None));
    Client::new(
        "http://simulated".to_owned(),
        scope,
        Arc::new(credential),
        exchange,
        Extras::default(),
    )
}
