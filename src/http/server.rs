//! The sockets: bind, accept, limit, drain. What is answered is decided in `routes`.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::listener::{BindError, Listener, Stream};
use super::patience::Patient;
use super::routes::Routes;
use crate::config::{Listen, WebSettings};

/// A client that has not sent its header by then is let go (`semantics.md`, section 4).
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that is older ends with its next answer, so that clients find another address when there is one.
const CONNECTION_AGE_MAXIMUM: Duration = Duration::from_secs(600);

/// Request headers over this are refused by hyper with 431.
const HEADER_BYTES_MAXIMUM: usize = 64 * 1024;

/// Scrapes under way may finish within this after a stop; the whole process has 5 s.
const DRAIN: Duration = Duration::from_secs(4);

/// After a failed accept, most likely for want of file descriptors, some may close meanwhile.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Bound sockets that know their addresses.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Arc<Listener>>,
    addresses: Vec<Listen>,
    connections: Arc<Semaphore>,
    routes: Routes,
}

impl Server {
    /// Binds every address, or none.
    ///
    /// # Errors
    ///
    /// [`BindError`] names the address.
    pub async fn bind(settings: &WebSettings, routes: Routes) -> Result<Self, BindError> {
        let bound = Listener::bind_all(settings).await?;
        let (listeners, addresses) = bound
            .into_iter()
            .map(|(listener, address)| (Arc::new(listener), address))
            .unzip();
        Ok(Self {
            listeners,
            addresses,
            connections: Arc::new(Semaphore::new(settings.max_connections)),
            routes,
        })
    }

    /// Where it listens, in the order of the settings; port 0 has become the port.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Serves until `stop`; then accepts no more and lets answers under way finish for a while.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut accepting = JoinSet::new();
        for listener in &self.listeners {
            let listener = Arc::clone(listener);
            let (connections, routes) = (Arc::clone(&self.connections), self.routes.clone());
            accepting.spawn(accept(listener, connections, routes, stop.clone()));
        }
        accepting.spawn(self.routes.forms().clone().run(stop));
        while accepting.join_next().await.is_some() {}
    }
}

/// Accepts on one socket; a failed accept ends nothing.
async fn accept(listener: Arc<Listener>, limit: Arc<Semaphore>, routes: Routes, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            // Reaps what ended, so that the set stays as small as the limit.
            Some(_) = connections.join_next() => continue,
            accepted = accept_one(&listener, Arc::clone(&limit)) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let served = serve(stream, permit, routes.clone(), graceful.watcher());
                connections.spawn(served);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
            }
        }
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open at the end of the drain and are cut");
    }
}

/// Waits for a free place first: over the limit, clients wait in the socket's queue.
async fn accept_one(
    listener: &Listener,
    limit: Arc<Semaphore>,
) -> io::Result<(Box<dyn Stream>, Option<OwnedSemaphorePermit>)> {
    // The semaphore is never closed, so there is always a permit.
    let permit = limit.acquire_owned().await.ok();
    let stream = listener.accept().await?;
    Ok((stream, permit))
}

async fn serve(stream: Box<dyn Stream>, permit: Option<OwnedSemaphorePermit>, routes: Routes, watcher: Watcher) {
    let accepted_at = Instant::now();
    let service = service_fn(move |request: Request<Incoming>| {
        let routes = routes.clone();
        async move {
            let mut answer = routes.answer(&request).await;
            if accepted_at.elapsed() >= CONNECTION_AGE_MAXIMUM {
                answer
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAXIMUM)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(permit);
}
