//! One call with all its attempts: wait for the rate, send, tell the observer, decide. It knows no credential.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::cloud_clock::CloudClock;
use super::decode::DecodeError;
use super::error::{Error, Refusal};
use super::operation::Operation;
use super::rate::Bucket;
use super::retry::{self, Decision};
use super::transport::Transport;
use crate::config::ApiSettings;
use crate::seams::Chance;

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

/// The calls of one project, paced and retried.
pub struct Exchange {
    transport: Arc<dyn Transport>,
    observer: Observer,
    buckets: Mutex<[Bucket; Operation::ALL.len()]>,
    clock: Arc<CloudClock>,
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
        clock: Arc<CloudClock>,
        chance: Chance,
    ) -> Self {
        let now = Instant::now();
        let bucket = |_| Bucket::new(settings.requests_per_second, settings.burst, now);
        Self {
            transport,
            observer,
            buckets: Mutex::new(Operation::ALL.map(bucket)),
            clock,
            chance,
        }
    }

    /// Tells the observer.
    pub(super) fn tell(&self, event: &Event) {
        (self.observer)(event);
    }

    /// The time as the cloud has it.
    pub(super) fn clock(&self) -> &CloudClock {
        &self.clock
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
            let answer = self.attempt(operation, build(self.clock.now())).await;
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
        if let Some(skew) = self.clock.measure(response.headers()) {
            self.tell(&Event::ClockSkewed(skew));
        }
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
