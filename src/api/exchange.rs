//! One call with all its attempts: wait for the rate, send, tell the observer, decide. It knows no credential.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::decode::DecodeError;
use super::error::{Error, Refusal, read_http_date};
use super::operation::Operation;
use super::rate::Bucket;
use super::retry::{self, Decision};
use super::transport::Transport;
use crate::config::ApiSettings;
use crate::seams::{Chance, WallClock};

/// Beyond this a clock is wrong enough for the gateway to refuse signatures; it draws the line at 15 minutes.
const SKEW_MAXIMUM: SignedDuration = SignedDuration::from_mins(5);

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Which call.
    pub operation: Operation,
    /// The answer's status; `None` without an answer.
    pub status: Option<StatusCode>,
    /// From sending to the last byte.
    pub elapsed: Duration,
}

/// What the observer is told of.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// An attempt ended.
    Attempted(Attempt),
    /// The cloud's clock is ahead of ours by this much.
    ClockSkewed(SignedDuration),
    /// The credential was refused.
    AuthFailed,
    /// IAM gave a token.
    TokenRefreshed,
    /// The credential in use ends then.
    CredentialExpires(Timestamp),
}

/// Is told of what happens.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// How our clock stands to the cloud's, as far as answers told.
#[derive(Debug, Default)]
struct Skew {
    measured: SignedDuration,
    /// Added to our time when requests are signed.
    correction: SignedDuration,
}

/// The calls of one project, paced and retried.
pub struct Exchange {
    transport: Arc<dyn Transport>,
    observer: Observer,
    buckets: Mutex<[Bucket; Operation::ALL.len()]>,
    clock: WallClock,
    skew: Mutex<Skew>,
    chance: Chance,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exchange")
    }
}

impl Exchange {
    /// Puts the parts together; the rate's buckets start full.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        observer: Observer,
        settings: &ApiSettings,
        clock: WallClock,
        chance: Chance,
    ) -> Self {
        let now = Instant::now();
        let bucket = |_| Bucket::new(settings.requests_per_second, settings.burst, now);
        Self {
            transport,
            observer,
            buckets: Mutex::new(Operation::ALL.map(bucket)),
            clock,
            skew: Mutex::default(),
            chance,
        }
    }

    /// Tells the observer.
    pub(super) fn tell(&self, event: &Event) {
        (self.observer)(event);
    }

    /// The time to sign with: ours, corrected if the cloud's had to be adopted.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(self.skew().correction).unwrap_or(now)
    }

    /// Signs with the cloud's time from now on, if ours is wrong by more than five minutes. Returns whether that changes
    /// anything.
    pub(super) fn adopt_clock_of_cloud(&self) -> bool {
        let mut skew = self.skew();
        let off_by = skew.measured - skew.correction;
        if off_by.abs() <= SKEW_MAXIMUM {
            return false;
        }
        skew.correction = skew.measured;
        let seconds = skew.measured.as_secs();
        tracing::warn!(
            skew_seconds = seconds,
            "this machine's clock is wrong: requests are signed with the cloud's time"
        );
        true
    }

    /// A hint for people when our clock is wrong enough to matter.
    pub(super) fn skew_in_words(&self) -> Option<String> {
        let measured = self.skew().measured;
        let is_wrong = measured.abs() > SKEW_MAXIMUM;
        is_wrong.then(|| {
            format!(
                "; this machine's clock differs from the cloud's by {} s",
                measured.as_secs()
            )
        })
    }

    fn skew(&self) -> MutexGuard<'_, Skew> {
        // Two durations are whole between any two uses, so a panic elsewhere cannot have spoilt them.
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from an answer's Date header.
    fn measure_skew(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(read_http_date) {
            let measured = date.duration_since(self.clock.now());
            self.skew().measured = measured;
            self.tell(&Event::ClockSkewed(measured));
        }
    }

    /// Calls until the answer decodes or the error is final; each attempt sends a request built, and signed, afresh for the
    /// time it is given.
    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        build: impl Fn(Timestamp) -> Request<Bytes> + Send + Sync,
        decode: impl Fn(&Response<Bytes>) -> Result<T, DecodeError> + Send + Sync,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            let answer = self.attempt(operation, build(self.now())).await;
            let decoded = answer
                .and_then(|response| decode(&response).map_err(|source| Error::Undecodable { operation, source }));
            let error = match decoded {
                Ok(decoded) => return Ok(decoded),
                Err(error) => error,
            };
            match retry::decide(attempt, &error, self.chance.fraction()) {
                Decision::Stop => return Err(error),
                Decision::Again(pause) => {
                    tracing::debug!(operation = %operation, attempt, error = %error, "call failed and is tried again");
                    sleep(pause).await;
                }
            }
            attempt += 1;
        }
    }

    /// One attempt, paced and counted.
    pub(super) async fn attempt(
        &self,
        operation: Operation,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Error> {
        let wait = self.reserve(operation);
        sleep(wait).await;
        let started_at = Instant::now();
        let answer = self.transport.send(request).await;
        let elapsed = started_at.elapsed();
        let status = answer.as_ref().ok().map(Response::status);
        self.tell(&Event::Attempted(Attempt {
            operation,
            status,
            elapsed,
        }));
        tracing::debug!(
            operation = %operation,
            http.status = status.map(|status| status.as_u16()),
            elapsed_ms = elapsed.as_millis(),
            "request ended"
        );
        let response = answer.map_err(|source| Error::Unanswered { operation, source })?;
        self.measure_skew(response.headers());
        if response.status().is_success() {
            return Ok(response);
        }
        let refusal = Refusal::read(response.status(), response.headers(), response.body(), self.clock.now());
        Err(Error::Refused { operation, refusal })
    }

    fn reserve(&self, operation: Operation) -> Duration {
        // A bucket is whole between any two reservations, so a panic elsewhere cannot have spoilt it.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets[operation as usize].reserve(Instant::now())
    }
}
