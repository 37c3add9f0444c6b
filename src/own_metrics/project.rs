//! What is counted for one project; components hold these handles and know no registry.

use std::time::Duration;

use prometheus::{Gauge, IntCounter};

use super::OwnMetrics;
use crate::inventory::{Changes, FailureReason};

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
    /// It did not begin, because another was under way or the cloud asked us to stay away.
    Skipped,
}

impl PollResult {
    pub(super) const ALL: [Self; 5] = [
        PollResult::Ok,
        PollResult::Failed,
        PollResult::Rejected,
        PollResult::Denied,
        PollResult::Skipped,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            PollResult::Ok => "ok",
            PollResult::Failed => "failed",
            PollResult::Rejected => "rejected",
            PollResult::Denied => "denied",
            PollResult::Skipped => "skipped",
        }
    }
}

/// The handles for one project.
#[derive(Debug, Clone)]
pub struct ProjectMetrics {
    pub(super) project: String,
    pub(super) appeared: IntCounter,
    pub(super) disappeared: IntCounter,
    pub(super) listing_gaps: IntCounter,
    pub(super) auth_failures: IntCounter,
    pub(super) token_refreshes: IntCounter,
    pub(super) poll_duration: Gauge,
    pub(super) last_attempt: Gauge,
    pub(super) all: OwnMetrics,
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

    /// Polls did not begin when they should have.
    pub fn polls_skipped(&self, count: u64) {
        let labels = [self.project.as_str(), PollResult::Skipped.as_str()];
        self.all.polls.with_label_values(&labels).inc_by(count);
    }

    /// A listing had gaps that were mended.
    pub fn gaps_found(&self, count: u64) {
        self.listing_gaps.inc_by(count);
    }

    /// What is different in a new snapshot.
    pub fn changes_seen(&self, changes: &Changes) {
        for ((field, from, to), count) in &changes.transitions {
            let labels = [self.project.as_str(), field.as_str(), from, to];
            self.all.transitions.with_label_values(&labels).inc_by(*count);
        }
        self.appeared.inc_by(changes.appeared);
        self.disappeared.inc_by(changes.disappeared);
    }

    /// An attempt of a call ended; `code` is its HTTP status, if an answer came; `rate` is the one in force, a second.
    pub fn request_ended(&self, operation: &str, code: Option<u16>, elapsed: Duration, bytes: usize, rate: f64) {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let project = self.project.as_str();
        self.all
            .api_requests
            .with_label_values(&[project, operation, &code])
            .inc();
        self.all
            .api_request_duration
            .with_label_values(&[operation])
            .observe(elapsed.as_secs_f64());
        self.all
            .api_response_bytes
            .with_label_values(&[project, operation])
            .inc_by(bytes as u64);
        self.all
            .api_rate_limit
            .with_label_values(&[project, operation])
            .set(rate);
    }

    /// A failed attempt is followed by another.
    pub fn request_retried(&self, operation: &str) {
        self.all
            .api_retries
            .with_label_values(&[&self.project, operation])
            .inc();
    }

    /// The cloud asked for fewer calls.
    pub fn request_throttled(&self, operation: &str) {
        self.all
            .api_throttled
            .with_label_values(&[&self.project, operation])
            .inc();
    }

    /// An operation is going to be called: its counters are there before anything happens.
    pub fn expect_operation(&self, operation: &str) {
        let labels = [self.project.as_str(), operation];
        self.all.api_retries.with_label_values(&labels);
        self.all.api_throttled.with_label_values(&labels);
        self.all.api_response_bytes.with_label_values(&labels);
    }

    /// The credential was refused.
    pub fn auth_failed(&self) {
        self.auth_failures.inc();
    }

    /// IAM gave a token.
    pub fn token_refreshed(&self) {
        self.token_refreshes.inc();
    }

    /// The credential in use ends this many seconds after the epoch.
    pub fn credential_expires(&self, since_epoch_seconds: f64) {
        self.all
            .credentials_expiry
            .with_label_values(&[&self.project])
            .set(since_epoch_seconds);
    }

    /// The cloud's clock is ahead of ours by this much.
    pub fn clock_skewed(&self, seconds: f64) {
        self.all.clock_skew.with_label_values(&[&self.project]).set(seconds);
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
