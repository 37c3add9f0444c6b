//! One call with all its attempts: wait for the rate, send, tell the observer, decide. It knows no credential.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::decode::DecodeError;
use super::error::{Error, Refusal};
use super::operation::Operation;
use super::rate::Bucket;
use super::retry::{self, Decision};
use super::transport::Transport;
use crate::config::ApiSettings;
use crate::seams::{Chance, WallClock};

/// One attempt, as the observer is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Which call.
    pub operation: Operation,
    /// The answer's status; `None` without an answer.
    pub status: Option<StatusCode>,
    /// From sending to the last byte.
    pub elapsed: Duration,
}

/// Is told of each attempt.
pub type Observer = Arc<dyn Fn(&Attempt) + Send + Sync>;

/// The calls of one project, paced and retried.
pub struct Exchange {
    transport: Arc<dyn Transport>,
    observer: Observer,
    buckets: Mutex<[Bucket; Operation::ALL.len()]>,
    clock: WallClock,
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
            chance,
        }
    }

    /// Calls until the answer decodes or the error is final; each attempt sends a request built afresh.
    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        build: impl Fn() -> Request<Bytes> + Send + Sync,
        decode: impl Fn(&Response<Bytes>) -> Result<T, DecodeError> + Send + Sync,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            let answer = self.attempt(operation, build()).await;
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

    async fn attempt(&self, operation: Operation, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let wait = self.reserve(operation);
        sleep(wait).await;
        let started_at = Instant::now();
        let answer = self.transport.send(request).await;
        let elapsed = started_at.elapsed();
        let status = answer.as_ref().ok().map(Response::status);
        (self.observer)(&Attempt {
            operation,
            status,
            elapsed,
        });
        tracing::debug!(
            operation = %operation,
            http.status = status.map(|status| status.as_u16()),
            elapsed_ms = elapsed.as_millis(),
            "request ended"
        );
        let response = answer.map_err(|source| Error::Unanswered { operation, source })?;
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
