//! What is counted for one project; components hold these handles and know no registry.

use std::time::Duration;

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
    pub(super) all: OwnMetrics,
}

impl ProjectMetrics {
    /// A poll begins, this long after the epoch.
    pub fn poll_began(&self, since_epoch: Duration) {
        self.all.change(|families| {
            let last_attempt = families.last_attempt.with_label_values(&[&self.project]);
            last_attempt.set(since_epoch.as_secs_f64());
        });
    }

    /// A poll published a snapshot.
    pub fn poll_succeeded(&self, elapsed: Duration) {
        self.poll_ended(PollResult::Ok, elapsed);
    }

    /// A poll published nothing.
    pub fn poll_failed(&self, result: PollResult, reason: FailureReason, elapsed: Duration) {
        let labels = [self.project.as_str(), reason.as_str()];
        self.all
            .change(|families| families.poll_failures.with_label_values(&labels).inc());
        self.poll_ended(result, elapsed);
    }

    fn poll_ended(&self, result: PollResult, elapsed: Duration) {
        let project = self.project.as_str();
        self.all.change(|families| {
            families.polls.with_label_values(&[project, result.as_str()]).inc();
            let duration = families.poll_duration.with_label_values(&[project]);
            duration.set(elapsed.as_secs_f64());
        });
    }

    /// Polls did not begin when they should have.
    pub fn polls_skipped(&self, count: u64) {
        let labels = [self.project.as_str(), PollResult::Skipped.as_str()];
        self.all
            .change(|families| families.polls.with_label_values(&labels).inc_by(count));
    }

    /// A listing had gaps that were mended.
    pub fn gaps_found(&self, count: u64) {
        self.all
            .change(|families| families.listing_gaps.with_label_values(&[&self.project]).inc_by(count));
    }

    /// An attempt of a call ended; `code` is its HTTP status, if an answer came; `rate` is the one in force, a second.
    pub fn request_ended(&self, operation: &str, code: Option<u16>, elapsed: Duration, bytes: usize, rate: f64) {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let of_operation = [self.project.as_str(), operation];
        self.all.change(|families| {
            let requests = &families.api_requests;
            requests.with_label_values(&[&self.project, operation, &code]).inc();
            let durations = families.api_request_duration.with_label_values(&[operation]);
            durations.observe(elapsed.as_secs_f64());
            let sizes = families.api_response_bytes.with_label_values(&of_operation);
            sizes.inc_by(bytes as u64);
            families.api_rate_limit.with_label_values(&of_operation).set(rate);
        });
    }

    /// A failed attempt is followed by another.
    pub fn request_retried(&self, operation: &str) {
        let labels = [self.project.as_str(), operation];
        self.all
            .change(|families| families.api_retries.with_label_values(&labels).inc());
    }

    /// The cloud asked for fewer calls.
    pub fn request_throttled(&self, operation: &str) {
        let labels = [self.project.as_str(), operation];
        self.all
            .change(|families| families.api_throttled.with_label_values(&labels).inc());
    }

    /// An operation is going to be called: its counters are there before anything happens.
    pub fn expect_operation(&self, operation: &str) {
        let labels = [self.project.as_str(), operation];
        self.all.change(|families| {
            for counter in [
                &families.api_retries,
                &families.api_throttled,
                &families.api_response_bytes,
            ] {
                counter.with_label_values(&labels);
            }
        });
    }

    /// The credential was refused.
    pub fn auth_failed(&self) {
        self.all
            .change(|families| families.auth_failures.with_label_values(&[&self.project]).inc());
    }

    /// IAM gave a token.
    pub fn token_refreshed(&self) {
        self.all
            .change(|families| families.token_refreshes.with_label_values(&[&self.project]).inc());
    }

    /// The credential in use ends this many seconds after the epoch.
    pub fn credential_expires(&self, since_epoch_seconds: f64) {
        self.all.change(|families| {
            let expiry = families.credentials_expiry.with_label_values(&[&self.project]);
            expiry.set(since_epoch_seconds);
        });
    }

    /// The cloud's clock is ahead of ours by this much.
    pub fn clock_skewed(&self, seconds: f64) {
        self.all
            .change(|families| families.clock_skew.with_label_values(&[&self.project]).set(seconds));
    }

    /// Words outside the contract were read.
    pub fn found_unknown_values(&self, field: &str, count: u64) {
        self.all
            .change(|families| families.unknown_values.with_label_values(&[field]).inc_by(count));
    }

    /// Fields of another JSON type were left out.
    pub fn found_other_shapes(&self, field: &str, count: u64) {
        self.all
            .change(|families| families.field_shape.with_label_values(&[field]).inc_by(count));
    }
}
