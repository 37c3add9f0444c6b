//! The simulator on a loopback socket: accept, read a bounded body, ask `handle`, answer. It decides nothing.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::faults::Conduct;
use crate::simulator::Simulator;

/// The longest request body read; the longest real one is a token request of under 1 KiB.
const BODY_MAXIMUM: usize = 64 * 1024;

/// How the server learns the time; a test hands in a fixed one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address}")]
pub struct BindError {
    /// What was asked for.
    pub address: SocketAddr,
    /// Why not.
    pub source: std::io::Error,
}

/// A bound server; it knows its address and serves once `run` is awaited.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Binds an address; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// [`BindError`] when the address is taken or not ours.
    pub async fn bind(address: SocketAddr, simulator: Arc<Mutex<Simulator>>, clock: Clock) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            listener,
            address,
            simulator,
            clock,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the future is dropped; its connections end with it.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (simulator, clock) = (Arc::clone(&self.simulator), Arc::clone(&self.clock));
                        let service = service_fn(move |request| {
                            answer(Arc::clone(&simulator), Arc::clone(&clock), request)
                        });
                        let connection = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .serve_connection(TokioIo::new(stream), service);
                        connections.spawn(connection);
                    }
                    // Out of file descriptors, most likely: a pause lets some close.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn answer(
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    request: Request<Incoming>,
) -> Result<Response<Body>, Broken> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAXIMUM).collect().await else {
        let mut refused = Response::new(whole(Bytes::new()));
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refused);
    };
    let request = Request::from_parts(head, body.to_bytes());
    let conduct = lock(&simulator).play(&request, clock());
    match conduct {
        Conduct::Answers(delay, response) => {
            tokio::time::sleep(delay).await;
            Ok(response.map(whole))
        }
        // A bound socket cannot refuse: the connection ends before an answer, which is as good as none.
        Conduct::Refuses | Conduct::Breaks(None) => Err(Broken),
        Conduct::Breaks(Some(response)) => Ok(response.map(|body| cut(&body))),
        Conduct::KeepsSilent => std::future::pending().await,
    }
}

/// The connection is cut here.
#[derive(Debug, thiserror::Error)]
#[error("simulated: the connection is cut")]
struct Broken;

type Body = UnsyncBoxBody<Bytes, Broken>;

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Half of a body, and then the end of the connection.
struct Cut {
    length: u64,
    half: Option<Bytes>,
}

fn cut(bytes: &Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let cut = Cut {
        length: bytes.len() as u64,
        half: Some(half),
    };
    cut.boxed_unsync()
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let next = self.half.take().map(Frame::data);
        Poll::Ready(Some(next.ok_or(Broken)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// A panic while holding the lock leaves a fleet that is still worth asking.
fn lock(simulator: &Mutex<Simulator>) -> MutexGuard<'_, Simulator> {
    simulator.lock().unwrap_or_else(PoisonError::into_inner)
}
