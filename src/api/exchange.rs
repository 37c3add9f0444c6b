//! One call with all its attempts: wait for the rate, send, tell the observer, decide. It knows no credential.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, timeout};

use super::cloud_clock::CloudClock;
use super::decode::DecodeError;
use super::error::Error;
use super::operation::Operation;
use super::quota::{Paid, Quota};
use super::rate::Bucket;
use super::refusal::Refusal;
use super::retry::{self, Decision, Standing};
use super::transport::{Transport, TransportError};
use crate::config::ApiSettings;
use crate::seams::Chance;

/// A call without a deadline of its own still ends.
const NO_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Which call.
    pub operation: Operation,
    /// The answer's status; `None` without an answer.
    pub status: Option<StatusCode>,
    /// From sending to the last byte.
    pub elapsed: Duration,
    /// The answer's body.
    pub bytes: usize,
    /// The rate in force for this call, a second.
    pub rate: f64,
}

/// What the observer is told of.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// An attempt ended.
    Attempted(Attempt),
    /// A failed attempt is followed by another.
    Retried(Operation),
    /// The cloud asked for fewer calls.
    Throttled(Operation),
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

/// The calls of one project, paced and retried; cheap to clone, all clones pace together.
#[derive(Clone)]
pub struct Exchange {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

struct Shared {
    transport: Arc<dyn Transport>,
    observer: Observer,
    buckets: Mutex<[Bucket; Operation::ALL.len()]>,
    quota: Mutex<Quota>,
    attempts: u32,
    attempt_timeout: Duration,
    clock: Arc<CloudClock>,
    chance: Chance,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exchange")
    }
}

impl Exchange {
    /// Puts the parts together; the rate's buckets and the retry quota start full.
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
        let shared = Shared {
            transport,
            observer,
            buckets: Mutex::new(Operation::ALL.map(bucket)),
            quota: Mutex::new(Quota::new(settings.retry_quota)),
            attempts: settings.attempts,
            attempt_timeout: settings.timeout,
            clock,
            chance,
        };
        Self {
            shared: Arc::new(shared),
            deadline: None,
        }
    }

    /// The same exchange for calls that must end by then, with all their attempts.
    pub(super) fn until(&self, deadline: Instant) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            deadline: Some(deadline),
        }
    }

    /// Tells the observer.
    pub(super) fn tell(&self, event: &Event) {
        (self.shared.observer)(event);
    }

    /// The time as the cloud has it.
    pub(super) fn clock(&self) -> &CloudClock {
        &self.shared.clock
    }

    fn time_left(&self) -> Duration {
        self.deadline.map_or(NO_DEADLINE, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Calls until the answer decodes or the error is final; each attempt sends a request built, and signed, afresh for the
    /// time it is given.
    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        build: impl Fn(Timestamp) -> Request<Bytes> + Send + Sync,
        decode: impl Fn(&Response<Bytes>) -> Result<T, DecodeError> + Send + Sync,
    ) -> Result<T, Error> {
        let mut attempts = 1;
        let mut retry: Option<Paid> = None;
        loop {
            let answer = self.attempt(operation, build(self.clock().now())).await;
            let decoded = answer
                .and_then(|response| decode(&response).map_err(|source| Error::Undecodable { operation, source }));
            let error = match decoded {
                Ok(decoded) => {
                    locked(&self.shared.quota).succeeded(retry);
                    return Ok(decoded);
                }
                Err(error) => error,
            };
            let standing = Standing {
                attempts,
                attempts_maximum: self.shared.attempts,
                time_left: self.time_left(),
            };
            let Decision::Again(pause) = retry::decide(standing, &error, self.shared.chance.fraction()) else {
                return Err(error);
            };
            retry = locked(&self.shared.quota).pay(error.is_throttling());
            if retry.is_none() {
                tracing::debug!(operation = %operation, "the retry quota is used up");
                return Err(error);
            }
            self.tell(&Event::Retried(operation));
            tracing::debug!(operation = %operation, attempt = attempts, error = %error, "call failed and is tried again");
            sleep(pause).await;
            attempts += 1;
        }
    }

    /// One attempt, paced and counted.
    pub(super) async fn attempt(
        &self,
        operation: Operation,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Error> {
        let (wait, rate) = self.reserve(operation)?;
        sleep(wait).await;
        let started_at = Instant::now();
        let patience = self.shared.attempt_timeout.min(self.time_left());
        let sent = timeout(patience, self.shared.transport.send(request)).await;
        let answer = sent.unwrap_or(Err(TransportError::Timeout));
        let elapsed = started_at.elapsed();
        let status = answer.as_ref().ok().map(Response::status);
        self.tell(&Event::Attempted(Attempt {
            operation,
            status,
            elapsed,
            bytes: answer.as_ref().map_or(0, |response| response.body().len()),
            rate,
        }));
        tracing::debug!(
            operation = %operation,
            http.status = status.map(|status| status.as_u16()),
            elapsed_ms = elapsed.as_millis(),
            "request ended"
        );
        let response = answer.map_err(|source| Error::Unanswered { operation, source })?;
        if let Some(skew) = self.clock().measure(response.headers()) {
            self.tell(&Event::ClockSkewed(skew));
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let refusal = Refusal::read(
            response.status(),
            response.headers(),
            response.body(),
            self.clock().now(),
        );
        if refusal.is_about_load() {
            self.bucket(operation, |bucket, now| bucket.throttled(refusal.limit, now));
            self.tell(&Event::Throttled(operation));
        }
        Err(Error::Refused { operation, refusal })
    }

    /// Takes a place in the rate: how long to wait for it, and the rate in force. Takes none that comes too late.
    fn reserve(&self, operation: Operation) -> Result<(Duration, f64), Error> {
        let time_left = self.time_left();
        self.bucket(operation, |bucket, now| {
            if bucket.wait(now) >= time_left {
                return Err(Error::OutOfTime { operation });
            }
            Ok((bucket.reserve(now), bucket.per_second(now)))
        })
    }

    fn bucket<T>(&self, operation: Operation, act: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        act(&mut locked(&self.shared.buckets)[operation as usize], Instant::now())
    }
}

/// What is locked here is whole between any two uses, so a panic elsewhere cannot have spoilt it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
