//! Which path answers what. A scrape reads one publication from beginning to end and never waits for the cloud.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::body::Page;
use super::forms::Forms;
use super::landing_page;
use super::rest::Rest;
use super::scrape::Scrape;
use crate::own_metrics::OwnMetrics;
use crate::publish::Publication;

/// The longest request target (`semantics.md`, section 4).
const TARGET_MAXIMUM: usize = 8 * 1024;

/// Left of a scraper's timeout for the answer.
const SCRAPE_MARGIN: Duration = Duration::from_millis(500);

/// No scrape is held longer, whatever it says.
const SCRAPE_PATIENCE_MAXIMUM: Duration = Duration::from_secs(120);

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// What the pages say of themselves.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where the metrics are.
    pub telemetry_path: String,
    /// A sentence that every reader must see, such as that the data are simulated.
    pub notice: Option<&'static str>,
}

/// Everything that answers requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Routes {
    site: Site,
    forms: Forms,
    metrics: OwnMetrics,
    rest: Rest,
    /// Who reloads the configuration; `None` where that is not served.
    reload: Option<mpsc::Sender<Reload>>,
}

/// Somebody asks for the configuration to be read again.
#[derive(Debug)]
pub struct Reload {
    /// Told how it went: what is wrong, in one line.
    pub answer: oneshot::Sender<Result<(), String>>,
}

/// A path that is served; its name is the `handler` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handler {
    Metrics,
    Healthy,
    Ready,
    Landing,
    Reload,
    Other,
}

impl Handler {
    fn as_str(self) -> &'static str {
        match self {
            Handler::Metrics => "metrics",
            Handler::Healthy => "healthy",
            Handler::Ready => "ready",
            Handler::Landing => "landing",
            Handler::Reload => "reload",
            Handler::Other => "other",
        }
    }
}

impl Routes {
    /// Serves this site from these publications.
    #[must_use]
    pub fn new(site: Site, forms: Forms, metrics: OwnMetrics, reload: Option<mpsc::Sender<Reload>>) -> Self {
        Self {
            site,
            forms,
            rest: Rest::new(metrics.clone()),
            metrics,
            reload,
        }
    }

    /// What is made for scrapes.
    pub(super) fn forms(&self) -> &Forms {
        &self.forms
    }

    /// Answers one request and counts it. The body of an answer to HEAD is the server's to leave out.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Response<Page> {
        let began_at = Instant::now();
        let handler = self.handler_of(request.uri().path());
        let response = self.respond(handler, request).await;
        self.metrics
            .answered(handler.as_str(), response.status().as_str(), began_at.elapsed());
        response
    }

    fn handler_of(&self, path: &str) -> Handler {
        match path {
            "/" => Handler::Landing,
            "/-/healthy" => Handler::Healthy,
            "/-/ready" => Handler::Ready,
            "/-/reload" => Handler::Reload,
            path if path == self.site.telemetry_path => Handler::Metrics,
            _ => Handler::Other,
        }
    }

    async fn respond<B>(&self, handler: Handler, request: &Request<B>) -> Response<Page> {
        let (method, target) = (request.method(), request.uri());
        if handler == Handler::Reload {
            return self.reload(method).await;
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let refused = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET and HEAD are served here\n".to_owned(),
            );
            return with(refused, ALLOW, "GET, HEAD");
        }
        if target.path_and_query().map_or(0, |target| target.as_str().len()) > TARGET_MAXIMUM {
            return text(
                StatusCode::URI_TOO_LONG,
                format!("a URL may have {TARGET_MAXIMUM} bytes\n"),
            );
        }
        match handler {
            Handler::Metrics => {
                self.metrics_page(target.query().unwrap_or_default(), request.headers())
                    .await
            }
            Handler::Healthy => text(StatusCode::OK, "healthy\n".to_owned()),
            Handler::Ready => readiness(&self.forms.reader().current()),
            Handler::Landing => self.landing(),
            Handler::Reload | Handler::Other => {
                text(StatusCode::NOT_FOUND, "nothing is served here; see /\n".to_owned())
            }
        }
    }

    /// Reads the configuration again, if that is served.
    async fn reload(&self, method: &Method) -> Response<Page> {
        let Some(reload) = &self.reload else {
            let refused = "reloading is not enabled here: set web.lifecycle, or send SIGHUP\n";
            return text(StatusCode::FORBIDDEN, refused.to_owned());
        };
        if *method != Method::POST {
            let refused = text(StatusCode::METHOD_NOT_ALLOWED, "only POST is served here\n".to_owned());
            return with(refused, ALLOW, "POST");
        }
        let (answer, outcome) = oneshot::channel();
        // A process that ends reloads nothing; its silence is told below.
        drop(reload.send(Reload { answer }).await);
        match outcome.await {
            Ok(Ok(())) => text(StatusCode::OK, "reloaded\n".to_owned()),
            Ok(Err(problem)) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{problem}\n")),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the exporter is stopping\n".to_owned()),
        }
    }

    /// While nothing is known yet, a scraper that says how long it waits is held: what it does not see, it takes for gone.
    async fn metrics_page(&self, query: &str, headers: &HeaderMap) -> Response<Page> {
        let scrape = match Scrape::parse(query, headers) {
            Ok(scrape) => scrape,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        drop(self.forms.reader().warm(patience_of(headers)).await);
        let failed = "the metrics could not be written; see the log\n";
        let answered = scrape.answer(&self.forms, &self.rest).await;
        answered.unwrap_or_else(|| text(StatusCode::INTERNAL_SERVER_ERROR, failed.to_owned()))
    }

    fn landing(&self) -> Response<Page> {
        let page = landing_page::render(&self.site, &self.forms.reader().current(), Instant::now());
        let response = answer(StatusCode::OK, HTML, page.into_bytes());
        with(
            response,
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        )
    }
}

/// How long a scrape may be held: the scraper's own timeout, less half a second to answer in (`semantics.md`, section 3).
fn patience_of(headers: &HeaderMap) -> Duration {
    let timeout = headers
        .get("x-prometheus-scrape-timeout-seconds")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    timeout
        .unwrap_or_default()
        .saturating_sub(SCRAPE_MARGIN)
        .min(SCRAPE_PATIENCE_MAXIMUM)
}

fn readiness(publication: &Publication) -> Response<Page> {
    if publication.is_ready() {
        return text(StatusCode::OK, "ready\n".to_owned());
    }
    let waiting: Vec<&str> = publication
        .projects
        .iter()
        .filter(|state| state.project.required && state.published.is_none())
        .map(|state| state.project.name.as_str())
        .collect();
    let body = format!("waiting for the first snapshot of: {}\n", waiting.join(", "));
    text(StatusCode::SERVICE_UNAVAILABLE, body)
}

fn text(status: StatusCode, body: String) -> Response<Page> {
    answer(status, TEXT, body.into_bytes())
}

fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Page> {
    let mut response = Response::new(Page::of([Bytes::from(body)]));
    *response.status_mut() = status;
    let response = with(response, CONTENT_TYPE, content_type);
    with(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn with(mut response: Response<Page>, name: HeaderName, value: &'static str) -> Response<Page> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// How long ago, in words for a page: `8 s`, `3 min`, `2 h`.
pub(super) fn ago(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
