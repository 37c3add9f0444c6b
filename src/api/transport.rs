//! The first seam: how a request travels. Production goes through reqwest, a test through the simulator in process.
//! It knows no call and no credential; signing, retry, rate and decoding all sit above it.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::timeout;

use crate::config::ApiSettings;
use crate::inventory::FailureReason;

/// The longest answer read (`semantics.md`, section 2: 32 MiB a page).
const BODY_MAXIMUM: usize = 32 * 1024 * 1024;

/// The ECS metadata service and this host: what they answer is for this machine alone.
const NEVER_THROUGH_A_PROXY: &str = "169.254.169.254,127.0.0.1,localhost,::1";

/// Carries one request to the cloud and its whole answer back.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request once. Any HTTP status is a success here.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;
}

/// No answer came, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The connection could not be made.
    #[error("failed to connect")]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection is not trusted: look at the certificate, `api.ca_file` and the endpoint's host.
    #[error("failed to establish trust (check the endpoint's host and api.ca_file)")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    /// The attempt took longer than `api.timeout`, or stalled.
    #[error("timed out")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
    /// The answer is longer than we read.
    #[error("the answer is longer than {BODY_MAXIMUM} bytes; lower api.page_size")]
    TooLong,
}

impl TransportError {
    /// Whether a new connection may do better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            TransportError::Connect(_) | TransportError::Timeout | TransportError::Broken(_) => true,
            TransportError::Tls(_) | TransportError::TooLong => false,
        }
    }

    /// The label of `poll_failures_total`.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self {
            TransportError::Connect(_) | TransportError::Broken(_) => FailureReason::Network,
            TransportError::Tls(_) => FailureReason::Tls,
            TransportError::Timeout => FailureReason::Timeout,
            TransportError::TooLong => FailureReason::Limit,
        }
    }
}

/// The transport cannot be set up from the settings.
#[derive(Debug, thiserror::Error)]
pub enum TransportSetupError {
    /// `api.ca_file` cannot be read.
    #[error("api.ca_file: failed to read {}", path.display())]
    CaFileUnreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `api.ca_file` holds no certificate.
    #[error("api.ca_file: {} holds no PEM certificate", path.display())]
    CaFileWithoutCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// `api.proxy` is no proxy.
    #[error("api.proxy: not the URL of an HTTP proxy")]
    Proxy,
    /// The TLS library refused to start.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// HTTPS through reqwest: rustls, no redirects, no proxy unless configured (`semantics.md`, section 4).
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    first_byte_timeout: Duration,
}

impl HttpTransport {
    /// Sets the client up.
    ///
    /// # Errors
    ///
    /// [`TransportSetupError`] names the setting.
    pub fn new(settings: &ApiSettings) -> Result<Self, TransportSetupError> {
        // Already installed means that this process did it before: the choice is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("workspace-exporter/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.stall_timeout)
            .timeout(settings.timeout);
        if let Some(proxy) = &settings.proxy {
            let proxy = reqwest::Proxy::all(proxy).map_err(|_| TransportSetupError::Proxy)?;
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(NEVER_THROUGH_A_PROXY)));
        }
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let client = builder.build().map_err(TransportSetupError::Client)?;
        Ok(Self {
            client,
            first_byte_timeout: settings.first_byte_timeout,
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(sorted)?;
        let answered = timeout(self.first_byte_timeout, self.client.execute(request)).await;
        let mut answer = answered.map_err(|_| TransportError::Timeout)?.map_err(sorted)?;
        // As long as it says it is, if it may be: a body that grows is copied again and again.
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = BytesMut::with_capacity(length.map_or(0, |length| length.min(BODY_MAXIMUM)));
        while let Some(chunk) = answer.chunk().await.map_err(sorted)? {
            if body.len() + chunk.len() > BODY_MAXIMUM {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, TransportSetupError> {
    let pem = std::fs::read(path).map_err(|source| TransportSetupError::CaFileUnreadable {
        path: path.to_owned(),
        source,
    })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TransportSetupError::CaFileWithoutCertificate { path: path.to_owned() }),
    }
}

/// Sorts reqwest's error by what it means here. Its URL is dropped: no URL is shown with its query.
fn sorted(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_timeout() {
        return TransportError::Timeout;
    }
    if is_about_tls(&error) {
        return TransportError::Tls(Box::new(error));
    }
    if error.is_connect() {
        return TransportError::Connect(Box::new(error));
    }
    TransportError::Broken(Box::new(error))
}

fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<rustls::Error>() {
            return true;
        }
        // An I/O error that wraps another is no link of the chain: its source is the source of what it wraps.
        cause = match current.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|wrapped| wrapped as &(dyn StdError + 'static)),
            None => current.source(),
        };
    }
    false
}
