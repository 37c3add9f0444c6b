//! The simulator behind the transport seam: what it does to a connection becomes what a transport tells of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::{Instant, sleep};
use workspace_exporter::api::{Transport, TransportError};
use workspace_exporter::seams::WallClock;
use workspace_simulator::{Conduct, Simulator};

use crate::trace::Trace;

/// The longest answer that the real transport reads.
const BODY_MAXIMUM: usize = 32 * 1024 * 1024;

/// The cloud of one world; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cloud {
    simulator: Arc<Mutex<Simulator>>,
    clock: WallClock,
    calls: Arc<Mutex<Vec<Instant>>>,
    trace: Trace,
}

impl Cloud {
    pub(crate) fn new(simulator: Simulator, clock: WallClock, trace: Trace) -> Self {
        Self {
            simulator: Arc::new(Mutex::new(simulator)),
            clock,
            calls: Arc::default(),
            trace,
        }
    }

    pub(crate) fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.simulator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When calls were made.
    pub(crate) fn calls(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.calls().push(Instant::now());
        let conduct = self.simulator().play(&request, self.clock.now());
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let call = path.rsplit('/').next().unwrap_or_default();
        match conduct {
            Conduct::Answers(delay, response) => {
                self.trace
                    .line(format_args!("{call} {query:.60} -> {} in {delay:?}", response.status()));
                sleep(delay).await;
                if response.body().len() > BODY_MAXIMUM {
                    return Err(TransportError::TooLong);
                }
                Ok(response)
            }
            Conduct::Refuses => {
                self.trace.line(format_args!("{call} refused"));
                Err(TransportError::Connect("simulated".into()))
            }
            Conduct::Breaks(_) => {
                self.trace.line(format_args!("{call} broken"));
                Err(TransportError::Broken("simulated".into()))
            }
            Conduct::KeepsSilent => {
                self.trace.line(format_args!("{call} silence"));
                std::future::pending().await
            }
        }
    }
}

impl Transport for Cloud {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}
