//! What is counted for one project; components hold these handles and know no registry.

use std::time::Duration;

use prometheus::{Gauge, IntCounter};

use super::OwnMetrics;
use crate::inventory::FailureReason;

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
    pub(super) const ALL: [Self; 4] = [
        PollResult::Ok,
        PollResult::Failed,
        PollResult::Rejected,
        PollResult::Denied,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            PollResult::Ok => "ok",
            PollResult::Failed => "failed",
            PollResult::Rejected => "rejected",
            PollResult::Denied => "denied",
        }
    }
}

/// The handles for one project.
#[derive(Debug, Clone)]
pub struct ProjectMetrics {
    pub(super) project: String,
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
