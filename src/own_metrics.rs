//! The exporter about itself: a private `prometheus` registry and typed handles. What can be read off a snapshot is
//! not here but in the exposition's catalogue: only what was counted on the way.

use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::inventory::FailureReason;

/// A family of this registry, as the documentation shows it.
#[derive(Debug)]
pub struct Definition {
    /// Its full name.
    pub name: &'static str,
    /// One sentence for HELP.
    pub help: &'static str,
    /// The word of the text format.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
}

const BUILD_INFO: Definition = Definition {
    name: "huaweicloud_workspace_exporter_build_info",
    help: "Facts of this build as labels; always 1.",
    kind: "gauge",
    labels: &["version", "revision", "rustc"],
};

const POLLS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_polls_total",
    help: "Polls of the project by result.",
    kind: "counter",
    labels: &["project", "result"],
};

const POLL_FAILURES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_failures_total",
    help: "Polls of the project that published nothing, by reason.",
    kind: "counter",
    labels: &["project", "reason"],
};

const POLL_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_duration_seconds",
    help: "How long the last poll of the project took, networks included.",
    kind: "gauge",
    labels: &["project"],
};

const POLL_INTERVAL: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_interval_seconds",
    help: "How often the project is polled, as configured.",
    kind: "gauge",
    labels: &["project"],
};

const LAST_ATTEMPT: Definition = Definition {
    name: "huaweicloud_workspace_exporter_last_attempt_timestamp_seconds",
    help: "When the last poll of the project began, in seconds since the epoch.",
    kind: "gauge",
    labels: &["project"],
};

const API_REQUESTS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_requests_total",
    help: "Requests sent to the cloud, every attempt counted; code none: no answer came.",
    kind: "counter",
    labels: &["project", "operation", "code"],
};

const API_REQUEST_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_request_duration_seconds",
    help: "Time from sending a request to the last byte of its answer.",
    kind: "histogram",
    labels: &["operation"],
};

const UNKNOWN_VALUES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_unknown_values_total",
    help: "State words that the contract does not list, shown as unknown; counted in every listing.",
    kind: "counter",
    labels: &["field"],
};

const FIELD_SHAPE: Definition = Definition {
    name: "huaweicloud_workspace_exporter_field_shape_total",
    help: "Fields left out because the API sent another JSON type than it documents; counted in every listing.",
    kind: "counter",
    labels: &["field"],
};

const HTTP_REQUESTS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_http_requests_total",
    help: "Requests that this exporter answered.",
    kind: "counter",
    labels: &["handler", "code"],
};

const HTTP_REQUEST_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_http_request_duration_seconds",
    help: "Time that this exporter took to make an answer.",
    kind: "histogram",
    labels: &["handler"],
};

/// Every family of the registry but the standard `process_*` ones.
pub const DEFINITIONS: [&Definition; 12] = [
    &BUILD_INFO,
    &POLLS,
    &POLL_FAILURES,
    &POLL_DURATION,
    &POLL_INTERVAL,
    &LAST_ATTEMPT,
    &API_REQUESTS,
    &API_REQUEST_DURATION,
    &UNKNOWN_VALUES,
    &FIELD_SHAPE,
    &HTTP_REQUESTS,
    &HTTP_REQUEST_DURATION,
];

/// From .05 to 30 s: the attempt timeout's range.
const API_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A scrape takes milliseconds, of a large fleet up to a second.
const HTTP_BUCKETS: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// How a poll ended; the label of `polls_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollResult {
    /// A new snapshot was published.
    Ok,
    /// The cloud could not be asked.
    Failed,
    /// The listing was read and not believed.
    Rejected,
    /// The cloud refused, and will again.
    Denied,
}

impl PollResult {
    const ALL: [Self; 4] = [
        PollResult::Ok,
        PollResult::Failed,
        PollResult::Rejected,
        PollResult::Denied,
    ];

    fn as_str(self) -> &'static str {
        match self {
            PollResult::Ok => "ok",
            PollResult::Failed => "failed",
            PollResult::Rejected => "rejected",
            PollResult::Denied => "denied",
        }
    }
}

/// The registry's names are constants of this file, so a refusal is our own mistake; it stops the start.
#[derive(Debug, thiserror::Error)]
#[error("failed to register the exporter's own metrics")]
pub struct RegistrationError(#[from] prometheus::Error);

/// The exporter's own metrics; cheap to clone, all clones count together.
#[derive(Debug, Clone)]
pub struct OwnMetrics {
    registry: Registry,
    polls: IntCounterVec,
    poll_failures: IntCounterVec,
    poll_duration: GaugeVec,
    poll_interval: GaugeVec,
    last_attempt: GaugeVec,
    api_requests: IntCounterVec,
    api_request_duration: HistogramVec,
    unknown_values: IntCounterVec,
    field_shape: IntCounterVec,
    http_requests: IntCounterVec,
    http_request_duration: HistogramVec,
}

impl OwnMetrics {
    /// Registers every family.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`] when two families of ours clash.
    pub fn new() -> Result<Self, RegistrationError> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let build_info = register(&registry, IntGaugeVec::new(options(&BUILD_INFO), BUILD_INFO.labels)?)?;
        let one: IntGauge = build_info.with_label_values(&[
            env!("CARGO_PKG_VERSION"),
            env!("WORKSPACE_EXPORTER_REVISION"),
            env!("WORKSPACE_EXPORTER_RUSTC"),
        ]);
        one.set(1);
        Ok(Self {
            polls: counters(&registry, &POLLS)?,
            poll_failures: counters(&registry, &POLL_FAILURES)?,
            poll_duration: gauges(&registry, &POLL_DURATION)?,
            poll_interval: gauges(&registry, &POLL_INTERVAL)?,
            last_attempt: gauges(&registry, &LAST_ATTEMPT)?,
            api_requests: counters(&registry, &API_REQUESTS)?,
            api_request_duration: histograms(&registry, &API_REQUEST_DURATION, &API_BUCKETS)?,
            unknown_values: counters(&registry, &UNKNOWN_VALUES)?,
            field_shape: counters(&registry, &FIELD_SHAPE)?,
            http_requests: counters(&registry, &HTTP_REQUESTS)?,
            http_request_duration: histograms(&registry, &HTTP_REQUEST_DURATION, &HTTP_BUCKETS)?,
            registry,
        })
    }

    /// The handles for one project; its counters start at zero, so that the first failure is an increase.
    #[must_use]
    pub fn for_project(&self, project: &str, interval: Duration) -> ProjectMetrics {
        for result in PollResult::ALL {
            self.polls.with_label_values(&[project, result.as_str()]);
        }
        for reason in FailureReason::ALL {
            self.poll_failures.with_label_values(&[project, reason.as_str()]);
        }
        self.poll_interval
            .with_label_values(&[project])
            .set(interval.as_secs_f64());
        ProjectMetrics {
            project: project.to_owned(),
            poll_duration: self.poll_duration.with_label_values(&[project]),
            last_attempt: self.last_attempt.with_label_values(&[project]),
            all: self.clone(),
        }
    }

    /// An answer of our own server ended.
    pub fn answered(&self, handler: &str, code: &str, elapsed: Duration) {
        self.http_requests.with_label_values(&[handler, code]).inc();
        self.http_request_duration
            .with_label_values(&[handler])
            .observe(elapsed.as_secs_f64());
    }

    /// Appends every family in text format 0.0.4.
    ///
    /// # Errors
    ///
    /// The encoder's, when a family of ours is not well formed.
    pub fn render(&self, out: &mut Vec<u8>) -> Result<(), prometheus::Error> {
        TextEncoder::new().encode(&self.registry.gather(), out)
    }
}

/// The handles for one project.
#[derive(Debug, Clone)]
pub struct ProjectMetrics {
    project: String,
    poll_duration: Gauge,
    last_attempt: Gauge,
    all: OwnMetrics,
}

impl ProjectMetrics {
    /// A poll begins, this long after the epoch.
    pub fn poll_began(&self, since_epoch: Duration) {
        self.last_attempt.set(since_epoch.as_secs_f64());
    }

    /// A poll published a snapshot.
    pub fn poll_succeeded(&self, elapsed: Duration) {
        self.poll_ended(PollResult::Ok, elapsed);
    }

    /// A poll published nothing.
    pub fn poll_failed(&self, result: PollResult, reason: FailureReason, elapsed: Duration) {
        self.all
            .poll_failures
            .with_label_values(&[&self.project, reason.as_str()])
            .inc();
        self.poll_ended(result, elapsed);
    }

    fn poll_ended(&self, result: PollResult, elapsed: Duration) {
        self.all
            .polls
            .with_label_values(&[&self.project, result.as_str()])
            .inc();
        self.poll_duration.set(elapsed.as_secs_f64());
    }

    /// An attempt of a call ended; `code` is its HTTP status, if an answer came.
    pub fn request_ended(&self, operation: &str, code: Option<u16>, elapsed: Duration) {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.all
            .api_requests
            .with_label_values(&[self.project.as_str(), operation, &code])
            .inc();
        self.all
            .api_request_duration
            .with_label_values(&[operation])
            .observe(elapsed.as_secs_f64());
    }

    /// Words outside the contract were read.
    pub fn found_unknown_values(&self, field: &str, count: u64) {
        self.all.unknown_values.with_label_values(&[field]).inc_by(count);
    }

    /// Fields of another JSON type were left out.
    pub fn found_other_shapes(&self, field: &str, count: u64) {
        self.all.field_shape.with_label_values(&[field]).inc_by(count);
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
    C: prometheus::core::Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
