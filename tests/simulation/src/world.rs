//! One seed's world: a fleet that churns, a weather, an exporter that is killed now and then, and a scraper.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use workspace_exporter::api::UserNames;
use workspace_exporter::collect::Proof;
use workspace_exporter::config::{CredentialSettings, ProjectSettings, Secret, SecretSource, Settings};
use workspace_exporter::exposition::{self, Selection, Syntax};
use workspace_exporter::own_metrics::OwnMetrics;
use workspace_exporter::publish::{Board, Reader};
use workspace_exporter::seams::{Chance, Environment, WallClock};
use workspace_exporter::state::{self, SavedProject};
use workspace_exporter::workshop::{Seams, Workshop};
use workspace_simulator::{Churn, Identity, Options, Simulator};

use crate::cloud::Cloud;
use crate::judge::{Bounds, Judge, Moment};
use crate::scrape::Scrape;
use crate::trace::Trace;
use crate::weather::{Spell, Weather};

/// A scraper's timeout, as Prometheus tells it by default.
const SCRAPE_PATIENCE: Duration = Duration::from_millis(9_500);

/// After a clock was set, the next polls are published with the new one.
const RECOVERY: SignedDuration = SignedDuration::from_mins(15);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Everything random comes from it.
    pub seed: u64,
    /// Simulated hours.
    pub hours: u32,
    /// Page as every peer does, without any proof.
    pub is_naive: bool,
    /// Keep the text of the trace.
    pub keeps_trace: bool,
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each broken invariant, with when and who.
    pub violations: Vec<String>,
    /// Snapshots of new listings.
    pub listings: u64,
    /// Polls that published nothing.
    pub failures: u64,
    /// Scrapes that were answered.
    pub scrapes: u64,
    /// Calls of the cloud.
    pub calls: u64,
    /// Desktops that came or went.
    pub churn: u64,
    /// Rows of ERROR that ended.
    pub resolved: u64,
    /// The same for the same seed.
    pub fingerprint: String,
    /// The trace's text, if it was kept.
    pub trace: String,
}

/// Runs one seed to its end on one thread; costs about a second for a simulated day.
///
/// # Panics
///
/// When tokio cannot make a runtime.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    #[expect(clippy::expect_used, reason = "without a runtime there is nothing to simulate")]
    let runtime = runtime.expect("a runtime");
    // Within the runtime, whose clock is paused.
    runtime.block_on(async { World::of(plan).live(plan).await })
}

/// The dimensions of a world, drawn from its seed.
struct World {
    cloud: Cloud,
    settings: Settings,
    start: Timestamp,
    origin: Instant,
    scrape_interval: Duration,
    random: Pcg32,
    weather: Weather,
    skew: Arc<Mutex<SignedDuration>>,
    trace: Trace,
    proof: Proof,
}

/// A running exporter.
struct Exporter {
    reader: Reader,
    metrics: OwnMetrics,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    fn of(plan: &Plan) -> Self {
        let mut random = Pcg32::new(plan.seed, 0x7701d);
        #[expect(clippy::expect_used, reason = "a constant")]
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().expect("a time");
        let mut simulator = Simulator::new(&Options {
            desktops: random.random_range(30..90),
            seed: plan.seed,
            start,
        });
        simulator.fleet_mut().keep_chronicle();
        simulator.fleet_mut().set_churn(Churn {
            pause: SignedDuration::from_secs(random.random_range(30..600)),
            batch: random.random_range(1..5),
            minimum: 20,
            flapping: random.random_range(0..60),
        });
        let identity = simulator.identity().clone();
        let mut settings = Settings::default();
        settings.collect.interval = Duration::from_secs([30, 60, 60, 120][random.random_range(0..4)]);
        settings.api.page_size = random.random_range(24..40);
        settings.api.network_batch_size = random.random_range(5..40);
        let (origin, trace) = (Instant::now(), Trace::new(plan.keeps_trace));
        let clock = WallClock::new(move || start + since(origin));
        Self {
            cloud: Cloud::new(simulator, clock, trace.clone()),
            settings: with_project(settings, &identity),
            start,
            origin,
            scrape_interval: Duration::from_secs([15, 30, 60, 60][random.random_range(0..4)]),
            weather: Weather::of_seed(plan.seed),
            random,
            skew: Arc::default(),
            trace,
            proof: if plan.is_naive { Proof::Naive } else { Proof::Anchored },
        }
    }

    /// The exporter's own clock, which may be wrong.
    fn clock(&self) -> WallClock {
        let (start, origin, skew) = (self.start, self.origin, Arc::clone(&self.skew));
        WallClock::new(move || start + since(origin) + *locked(&skew))
    }

    fn now(&self) -> Timestamp {
        self.start + since(self.origin)
    }

    fn start_exporter(&mut self, saved: Vec<SavedProject>) -> Option<Exporter> {
        let metrics = OwnMetrics::new().ok()?;
        let (board, reader) = Board::open();
        let seams = Seams {
            transport: Arc::new(self.cloud.clone()),
            clock: self.clock(),
            chance: Chance::of_seed(self.random.random()),
            environment: Environment::new(|_| None),
            users: UserNames::Off,
        };
        let workshop = Workshop::new(&self.settings, &seams, metrics.clone(), board, saved).with_proof(self.proof);
        let watch = Arc::new(workshop).watch(&self.settings.projects[0])?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(watch.run(stop.clone()));
        Some(Exporter {
            reader,
            metrics,
            stop,
            task,
        })
    }

    async fn live(mut self, plan: &Plan) -> Report {
        let _log = self.trace.catch_log();
        let bounds = Bounds {
            interval: self.settings.collect.interval,
            listing: self
                .settings
                .collect
                .interval
                .mul_f64(0.8)
                .min(self.settings.collect.listing_timeout),
            scrape_interval: self.scrape_interval,
        };
        let judge = Arc::new(Mutex::new(Judge::new(bounds)));
        let sky = Arc::new(Mutex::new(Sky::default()));
        let end = self.origin + Duration::from_secs(3_600) * plan.hours;
        let mut saved: Vec<u8> = Vec::new();
        let (mut listings, mut failures) = (0.0, 0.0);
        while Instant::now() < end {
            let (restored, has_state) = self.wake(&saved);
            let Some(exporter) = self.start_exporter(restored) else {
                break;
            };
            locked(&judge).restarted(has_state);
            let life = Duration::from_secs(self.random.random_range(600..30_000));
            let death = end.min(Instant::now() + life);
            let last = self.live_until(death, &exporter, &judge, &sky, &mut saved).await;
            listings += last.polls_ok;
            failures += last.polls - last.polls_ok;
            exporter.stop.cancel();
            exporter.task.abort();
            drop(exporter.task.await);
            self.trace.line(format_args!("the exporter is killed"));
            self.corrupt(&mut saved);
            sleep(Duration::from_secs(self.random.random_range(1..40))).await;
        }
        let calls = self.cloud.calls().len() as u64;
        let simulator = self.cloud.simulator();
        let chronicle = simulator.fleet().chronicle();
        let came = chronicle.map_or(0, |chronicle| chronicle.iter().count());
        let went = chronicle.map_or(0, |chronicle| {
            chronicle
                .iter()
                .filter(|(_, record)| record.deleted_at.is_some())
                .count()
        });
        let judge = locked(&judge);
        for violation in &judge.violations {
            self.trace.line(format_args!("VIOLATION {violation}"));
        }
        let (fingerprint, trace) = self.trace.end();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole small numbers of a counter"
        )]
        Report {
            violations: judge.violations.clone(),
            listings: listings as u64,
            failures: failures as u64,
            scrapes: judge.scrapes,
            calls,
            churn: (came + went) as u64,
            resolved: judge.resolved,
            fingerprint,
            trace,
        }
    }

    /// What a start finds of the saved state, and whether it found anything.
    fn wake(&self, saved: &[u8]) -> (Vec<SavedProject>, bool) {
        let mut projects = state::decode(saved).unwrap_or_default();
        let now = self.clock().now();
        let max_age = SignedDuration::try_from(self.settings.state.max_age).unwrap_or(SignedDuration::MAX);
        projects.retain(|project| now.duration_since(project.snapshot.listed_at()) <= max_age);
        let has_state = !projects.is_empty();
        self.trace
            .line(format_args!("the exporter starts, with state: {has_state}"));
        (projects, has_state)
    }

    /// A disk that tears or flips what was written: it must be all or nothing.
    fn corrupt(&mut self, saved: &mut Vec<u8>) {
        match self.random.random_range(0..6) {
            0 if !saved.is_empty() => saved.truncate(self.random.random_range(0..saved.len())),
            1 if !saved.is_empty() => {
                let place = self.random.random_range(0..saved.len());
                saved[place] ^= 1 << self.random.random_range(0..8);
            }
            _ => {}
        }
    }

    /// Scrapes, saves and changes the weather until the exporter's end; returns its last scrape.
    async fn live_until(
        &mut self,
        death: Instant,
        exporter: &Exporter,
        judge: &Mutex<Judge>,
        sky: &Mutex<Sky>,
        saved: &mut Vec<u8>,
    ) -> Scrape {
        let mut last = Scrape::default();
        let phase = self.scrape_interval.mul_f64(self.random.random_range(0.0..1.0));
        let mut next_scrape = Instant::now() + phase;
        let mut reader = exporter.reader.clone();
        let mut seen = None;
        let exposed = Arc::new(exposition::Plan::default());
        while Instant::now() < death {
            let next_spell = locked(sky).until(self.origin);
            tokio::select! {
                biased;
                () = sleep_until(death) => break,
                () = sleep_until(next_spell) => self.change_weather(sky),
                () = reader.changed() => {
                    self.look_at_publication(&reader, &mut seen, judge, sky);
                    *saved = state::encode(&reader.current());
                }
                () = sleep_until(next_scrape) => {
                    // A held scrape holds nothing else up.
                    let publication = exporter.reader.warm(SCRAPE_PATIENCE.min(death - Instant::now())).await;
                    let mut body = Vec::new();
                    exposition::render(&publication, &exposed, Syntax::Classic, Instant::now(), &mut body);
                    let (everything, counted) = (Selection::default(), exporter.metrics.gather_events());
                    exposition::push_registry(&counted, &everything, Syntax::Classic, &mut body, &mut Vec::new());
                    last = self.scraped(&body, judge, sky);
                    while next_scrape <= Instant::now() {
                        next_scrape += self.scrape_interval;
                    }
                }
            }
        }
        last
    }

    fn change_weather(&mut self, sky: &Mutex<Sky>) {
        let (duration, spell) = self.weather.next();
        self.trace.line(format_args!("weather for {duration:?}: {spell:?}"));
        let mut simulator = self.cloud.simulator();
        simulator.fleet_mut().advance(self.start + since(self.origin));
        spell.apply(&mut simulator);
        *locked(&self.skew) = spell.skew;
        locked(sky).change(Instant::now() + duration, spell, self.start + since(self.origin));
    }

    fn moment(&self, sky: &Mutex<Sky>) -> Moment {
        let calls = self.cloud.calls();
        let a_minute_ago = Instant::now().checked_sub(Duration::from_secs(60));
        let recent = calls
            .iter()
            .rev()
            .take_while(|call| a_minute_ago.is_none_or(|moment| **call > moment));
        let recent = recent.count();
        let (sky, now) = (locked(sky), self.now());
        let is_right = sky.spell.skew == SignedDuration::ZERO;
        Moment {
            now,
            is_clock_right: is_right && sky.clock_right_since.is_some_and(|since| since <= now),
            skew: sky.spell.skew,
            calm_since: sky.calm_since.filter(|since| *since <= now),
            is_unsorted: sky.spell.is_unsorted(),
            is_blind: sky.spell.is_blind(),
            calls: recent,
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }

    fn scraped(&self, body: &[u8], judge: &Mutex<Judge>, sky: &Mutex<Sky>) -> Scrape {
        // An exposition is UTF-8; anything else would show no desktop and be found out by that.
        let text = std::str::from_utf8(body).unwrap_or_default();
        let scrape = Scrape::read(text);
        self.absorb(text);
        self.trace.line(format_args!(
            "scrape: {} desktops, {} in ERROR, up {}",
            scrape.desktops.len(),
            scrape.in_error.len(),
            scrape.is_up
        ));
        let moment = self.moment(sky);
        let mut simulator = self.cloud.simulator();
        simulator.fleet_mut().advance(moment.now);
        if let Some(truth) = simulator.fleet().chronicle() {
            locked(judge).scraped(scrape.clone(), &moment, truth);
        }
        scrape
    }

    /// Everything but what the process itself is: its memory and its processor time are not simulated.
    fn absorb(&self, text: &str) {
        for line in text.lines().filter(|line| !line.contains("process_")) {
            self.trace.absorb(line.as_bytes());
        }
    }

    fn look_at_publication(
        &self,
        reader: &Reader,
        seen: &mut Option<Timestamp>,
        judge: &Mutex<Judge>,
        sky: &Mutex<Sky>,
    ) {
        let publication = reader.current();
        let Some(published) = &publication.projects[0].published else {
            return;
        };
        let listed_at = published.snapshot.listed_at();
        // Only new listings: networks and restored snapshots are published too.
        if published.completed_at != Some(Instant::now()) || *seen == Some(listed_at) {
            return;
        }
        *seen = Some(listed_at);
        let entries = published.snapshot.entries().iter();
        let shown: BTreeSet<String> = entries.map(|entry| entry.desktop.id.as_str().to_owned()).collect();
        let moment = self.moment(sky);
        let mut simulator = self.cloud.simulator();
        simulator.fleet_mut().advance(moment.now);
        if let Some(truth) = simulator.fleet().chronicle() {
            locked(judge).published(&shown, listed_at - moment.skew, &moment, truth);
        }
    }
}

/// The weather in force.
#[derive(Default)]
struct Sky {
    until: Option<Instant>,
    spell: Spell,
    calm_since: Option<Timestamp>,
    clock_right_since: Option<Timestamp>,
}

impl Sky {
    fn until(&self, origin: Instant) -> Instant {
        self.until.unwrap_or(origin)
    }

    fn change(&mut self, until: Instant, spell: Spell, now: Timestamp) {
        self.calm_since = match self.calm_since {
            _ if !spell.is_calm() => None,
            Some(since) => Some(since),
            None => Some(now + self.spell.aftermath()),
        };
        if self.spell.skew != spell.skew || self.clock_right_since.is_none() {
            // What was published with a clock that was ahead keeps its time until that has come.
            self.clock_right_since = Some(now + self.spell.skew.max(SignedDuration::ZERO) + RECOVERY);
        }
        self.until = Some(until);
        self.spell = spell;
    }
}

fn with_project(mut settings: Settings, identity: &Identity) -> Settings {
    let credential = CredentialSettings::Password {
        user: identity.user.clone(),
        domain: identity.domain.clone(),
        password: SecretSource::Given(Secret::new(identity.password.clone())),
        iam_endpoint: Some("http://iam.simulated".to_owned()),
    };
    settings.credentials.insert("simulated".to_owned(), credential);
    settings.projects.push(ProjectSettings {
        name: Some("simulated".to_owned()),
        region: Some(identity.region.clone()),
        endpoint: Some("http://simulated".to_owned()),
        ..ProjectSettings::default()
    });
    settings
}

fn since(origin: Instant) -> SignedDuration {
    SignedDuration::try_from(origin.elapsed()).unwrap_or(SignedDuration::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
