//! The exporter about itself: a private `prometheus` registry and typed handles. What can be read off a snapshot is
//! not here but in the exposition's catalogue: only what was counted on the way.

mod definitions;
mod project;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::inventory::FailureReason;
use definitions::{
    API_RATE_LIMIT, API_REQUEST_DURATION, API_REQUESTS, API_RESPONSE_BYTES, API_RETRIES, API_THROTTLED, AUTH_FAILURES,
    BUILD_INFO, CLOCK_SKEW, CONFIG_RELOAD, CONFIG_RELOAD_TIME, CREDENTIALS_EXPIRY, FIELD_SHAPE, HTTP_REQUEST_DURATION,
    HTTP_REQUESTS, LAST_ATTEMPT, LISTING_GAPS, POLL_DURATION, POLL_FAILURES, POLL_INTERVAL, POLLS, TOKEN_REFRESHES,
    UNKNOWN_VALUES,
};

pub use definitions::{DEFINITIONS, Definition};
pub use project::{PollResult, ProjectMetrics};

/// From .05 to 30 s: the attempt timeout's range.
const API_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A scrape takes milliseconds, of a large fleet up to a second.
const HTTP_BUCKETS: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The registry's names are constants of this file, so a refusal is our own mistake; it stops the start.
#[derive(Debug, thiserror::Error)]
#[error("failed to register the exporter's own metrics")]
pub struct RegistrationError(#[from] prometheus::Error);

/// The exporter's own metrics; cheap to clone, all clones count together.
///
/// They are three parts, for what changes with each scrape must not make a scrape gather the rest anew.
#[derive(Debug, Clone)]
pub struct OwnMetrics {
    events: Registry,
    answers: Registry,
    process: Registry,
    /// One more after each event.
    version: Arc<AtomicU64>,
    families: Arc<Families>,
    http_requests: IntCounterVec,
    http_request_duration: HistogramVec,
}

/// What events are counted in; changed through [`OwnMetrics::change`] alone.
#[derive(Debug)]
struct Families {
    listing_gaps: IntCounterVec,
    api_retries: IntCounterVec,
    api_throttled: IntCounterVec,
    api_rate_limit: GaugeVec,
    api_response_bytes: IntCounterVec,
    config_reload: GaugeVec,
    config_reload_time: GaugeVec,
    polls: IntCounterVec,
    poll_failures: IntCounterVec,
    poll_duration: GaugeVec,
    poll_interval: GaugeVec,
    last_attempt: GaugeVec,
    api_requests: IntCounterVec,
    api_request_duration: HistogramVec,
    auth_failures: IntCounterVec,
    credentials_expiry: GaugeVec,
    token_refreshes: IntCounterVec,
    clock_skew: GaugeVec,
    unknown_values: IntCounterVec,
    field_shape: IntCounterVec,
}

impl Families {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            listing_gaps: counters(registry, &LISTING_GAPS)?,
            api_retries: counters(registry, &API_RETRIES)?,
            api_throttled: counters(registry, &API_THROTTLED)?,
            api_rate_limit: gauges(registry, &API_RATE_LIMIT)?,
            api_response_bytes: counters(registry, &API_RESPONSE_BYTES)?,
            config_reload: gauges(registry, &CONFIG_RELOAD)?,
            config_reload_time: gauges(registry, &CONFIG_RELOAD_TIME)?,
            polls: counters(registry, &POLLS)?,
            poll_failures: counters(registry, &POLL_FAILURES)?,
            poll_duration: gauges(registry, &POLL_DURATION)?,
            poll_interval: gauges(registry, &POLL_INTERVAL)?,
            last_attempt: gauges(registry, &LAST_ATTEMPT)?,
            api_requests: counters(registry, &API_REQUESTS)?,
            api_request_duration: histograms(registry, &API_REQUEST_DURATION, &API_BUCKETS)?,
            auth_failures: counters(registry, &AUTH_FAILURES)?,
            credentials_expiry: gauges(registry, &CREDENTIALS_EXPIRY)?,
            token_refreshes: counters(registry, &TOKEN_REFRESHES)?,
            clock_skew: gauges(registry, &CLOCK_SKEW)?,
            unknown_values: counters(registry, &UNKNOWN_VALUES)?,
            field_shape: counters(registry, &FIELD_SHAPE)?,
        })
    }
}

impl OwnMetrics {
    /// Registers every family.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`] when two families of ours clash.
    pub fn new() -> Result<Self, RegistrationError> {
        let (events, answers, process) = (Registry::new(), Registry::new(), Registry::new());
        process.register(Box::new(ProcessCollector::for_self()))?;
        let build_info = register(&events, IntGaugeVec::new(options(&BUILD_INFO), BUILD_INFO.labels)?)?;
        let one: IntGauge = build_info.with_label_values(&[
            env!("CARGO_PKG_VERSION"),
            env!("WORKSPACE_EXPORTER_REVISION"),
            env!("WORKSPACE_EXPORTER_RUSTC"),
        ]);
        one.set(1);
        Ok(Self {
            families: Arc::new(Families::new(&events)?),
            http_requests: counters(&answers, &HTTP_REQUESTS)?,
            http_request_duration: histograms(&answers, &HTTP_REQUEST_DURATION, &HTTP_BUCKETS)?,
            events,
            answers,
            process,
            version: Arc::default(),
        })
    }

    /// Counts an event. The version moves after the change, so that whoever gathers between the two gathers again.
    fn change<T>(&self, change: impl FnOnce(&Families) -> T) -> T {
        let changed = change(&self.families);
        self.version.fetch_add(1, Ordering::Release);
        changed
    }

    /// The handles for one project; its counters start at zero, so that the first failure is an increase.
    #[must_use]
    pub fn for_project(&self, project: &str, interval: Duration) -> ProjectMetrics {
        self.change(|families| {
            for result in PollResult::ALL {
                families.polls.with_label_values(&[project, result.as_str()]);
            }
            for reason in FailureReason::ALL {
                families.poll_failures.with_label_values(&[project, reason.as_str()]);
            }
            for counter in [
                &families.listing_gaps,
                &families.auth_failures,
                &families.token_refreshes,
            ] {
                counter.with_label_values(&[project]);
            }
            families.poll_duration.with_label_values(&[project]);
            families.last_attempt.with_label_values(&[project]);
            let of_interval = families.poll_interval.with_label_values(&[project]);
            of_interval.set(interval.as_secs_f64());
        });
        ProjectMetrics {
            project: project.to_owned(),
            all: self.clone(),
        }
    }

    /// The configuration was loaded, or was not: then the one before stays.
    pub fn config_loaded(&self, is_success: bool, since_epoch: Duration) {
        let none: [&str; 0] = [];
        self.change(|families| {
            let success = f64::from(u8::from(is_success));
            families.config_reload.with_label_values(&none).set(success);
            if is_success {
                let time = families.config_reload_time.with_label_values(&none);
                time.set(since_epoch.as_secs_f64());
            }
        });
    }

    /// An answer of our own server ended.
    pub fn answered(&self, handler: &str, code: &str, elapsed: Duration) {
        self.http_requests.with_label_values(&[handler, code]).inc();
        self.http_request_duration
            .with_label_values(&[handler])
            .observe(elapsed.as_secs_f64());
    }

    /// Another number when an event was counted since: what [`OwnMetrics::gather_events`] gave before is then old.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// How many attempts of calls to the cloud ended so far; a whole number.
    #[must_use]
    pub fn api_calls(&self) -> f64 {
        let families = Collector::collect(&self.families.api_requests);
        let counters = families.iter().flat_map(MetricFamily::get_metric);
        // An empty sum of floats is -0.
        counters.fold(0.0, |calls, metric| calls + metric.get_counter().get_value())
    }

    /// What events were counted in.
    #[must_use]
    pub fn gather_events(&self) -> Vec<MetricFamily> {
        self.events.gather()
    }

    /// What our own server's answers were counted in: other values after each answer.
    #[must_use]
    pub fn gather_answers(&self) -> Vec<MetricFamily> {
        self.answers.gather()
    }

    /// What the system says of this process: other values each time. Costs a dozen system calls.
    #[must_use]
    pub fn gather_process(&self) -> Vec<MetricFamily> {
        self.process.gather()
    }
}

fn options(definition: &Definition) -> Opts {
    Opts::new(definition.name, definition.help)
}

fn counters(registry: &Registry, definition: &Definition) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(options(definition), definition.labels)?)
}

fn gauges(registry: &Registry, definition: &Definition) -> Result<GaugeVec, prometheus::Error> {
    register(registry, GaugeVec::new(options(definition), definition.labels)?)
}

fn histograms(
    registry: &Registry,
    definition: &Definition,
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::from(options(definition)).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(options, definition.labels)?)
}

fn register<C>(registry: &Registry, collector: C) -> Result<C, prometheus::Error>
where
    C: Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
