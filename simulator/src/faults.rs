//! What can go wrong between a good answer and whoever asked. Pure: a fault turns an answer into another conduct; who is
//! struck is decided by the simulator's own chance.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use jiff::SignedDuration;

/// A fault, how often it strikes, and whom.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What happens.
    pub fault: Fault,
    /// Of a hundred calls, so many are struck.
    pub percent: u32,
    /// Only calls whose path and query contain this.
    pub calls: &'static str,
}

impl Trouble {
    /// Strikes every call.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self {
            fault,
            percent: 100,
            calls: "",
        }
    }
}

/// Something that goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is refused.
    Refused,
    /// The connection breaks before an answer.
    Reset,
    /// The connection breaks within the body.
    ResetInBody,
    /// The connection is accepted and nothing ever comes.
    Silence,
    /// The answer comes late.
    Slow(Duration),
    /// The service answers with this status, in the gateway's shape.
    Status(u16),
    /// As `Status`, with a Retry-After header.
    StatusRetryAfter(u16, String),
    /// The gateway throttles and states its limit: APIGW.0308.
    Throttled {
        /// The limit's text, such as `limit:200,time:1 minute`.
        limit: &'static str,
    },
    /// The answer is good, but for its body.
    Body(BodyFault),
    /// The answer leads to another host.
    Redirect(String),
}

/// What a body is instead of the promised JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// A proxy's page.
    Html,
    /// Nothing.
    Empty,
    /// `null`
    Null,
    /// `[]`
    EmptyArray,
    /// `{}`
    EmptyObject,
    /// The first half.
    Truncated,
    /// `desktops` and `networks` are text.
    WrongTypes,
    /// Arrays in arrays, ten thousand deep.
    DeepNesting,
    /// Forty megabytes.
    Huge,
    /// Compressed, though nobody asked for that.
    Compressed,
    /// A record that has no id.
    RecordWithoutId,
}

/// How the list call lies for as long as it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFault {
    /// No page holds more than this.
    Capped(usize),
    /// Another order than the one asked for, the same each time.
    Unsorted,
    /// Another order each time.
    Shuffled,
    /// The total is not what it should be.
    Total(TotalFault),
    /// The first page, whatever the offset.
    SamePageForEver,
    /// Every other answer is this old.
    ReplicaLag(SignedDuration),
    /// Nothing, as after a permission was narrowed.
    Nothing,
    /// Names that are hard to show.
    NastyNames,
    /// Leaves the desktop of this number out, though it answers for it by its id.
    Hides(usize),
}

/// How a total is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalFault {
    /// Left out.
    Missing,
    /// So many too many.
    More(usize),
    /// So many too few.
    Less(usize),
}

/// How the networks call lies for as long as it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The region does not offer it: 404, APIGW.0101.
    NotOffered,
    /// A batch with one of these desktops (one in so many) is answered with this status.
    Poisoned {
        /// One in so many.
        one_in: usize,
        /// The status.
        status: u16,
    },
    /// Desktops are answered for that nobody asked for.
    ForeignIds,
}

/// How the cloud behaves towards one request.
#[derive(Debug)]
pub enum Conduct {
    /// It answers after a while.
    Answers(Duration, Response<Bytes>),
    /// It refuses the connection.
    Refuses,
    /// It breaks the connection, after this much of the body if the answer had begun.
    Breaks(Option<Response<Bytes>>),
    /// It says nothing.
    KeepsSilent,
}

impl Fault {
    /// Turns a good answer into what is seen of it.
    #[must_use]
    pub(crate) fn strike(&self, answer: Response<Bytes>, request_id: &str) -> Conduct {
        match self {
            Fault::Refused => Conduct::Refuses,
            Fault::Reset => Conduct::Breaks(None),
            Fault::ResetInBody => Conduct::Breaks(Some(answer)),
            Fault::Silence => Conduct::KeepsSilent,
            Fault::Slow(delay) => Conduct::Answers(*delay, answer),
            Fault::Status(status) => at_once(refusal(*status, "simulated trouble", request_id)),
            Fault::StatusRetryAfter(status, after) => at_once(with(
                refusal(*status, "simulated trouble", request_id),
                RETRY_AFTER,
                after,
            )),
            Fault::Throttled { limit } => {
                let message = format!("The throttling threshold has been reached: policy user over ratelimit,{limit}");
                at_once(refusal(429, &message, request_id))
            }
            Fault::Body(fault) => at_once(fault.spoil(answer)),
            Fault::Redirect(to) => at_once(with(empty(307), LOCATION, to)),
        }
    }
}

impl BodyFault {
    fn spoil(self, answer: Response<Bytes>) -> Response<Bytes> {
        let half = answer.body().len() / 2;
        let body = match self {
            BodyFault::Html => Bytes::from_static(b"<html><body>502 Bad Gateway</body></html>"),
            BodyFault::Empty => Bytes::new(),
            BodyFault::Null => Bytes::from_static(b"null"),
            BodyFault::EmptyArray => Bytes::from_static(b"[]"),
            BodyFault::EmptyObject => Bytes::from_static(b"{}"),
            BodyFault::Truncated => answer.body().slice(..half),
            BodyFault::WrongTypes => {
                Bytes::from_static(br#"{"desktops": "many", "networks": "some", "total_count": "a few"}"#)
            }
            BodyFault::DeepNesting => Bytes::from("[".repeat(10_000)),
            BodyFault::Huge => Bytes::from(vec![b' '; 40 * 1024 * 1024]),
            BodyFault::Compressed => Bytes::from_static(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
            BodyFault::RecordWithoutId => {
                Bytes::from_static(br#"{"desktops": [{"status": "ERROR"}], "networks": [{}], "total_count": 1}"#)
            }
        };
        answer.map(|_| body)
    }
}

fn at_once(answer: Response<Bytes>) -> Conduct {
    Conduct::Answers(Duration::ZERO, answer)
}

fn empty(status: u16) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// An error in the gateway's shape.
fn refusal(status: u16, message: &str, request_id: &str) -> Response<Bytes> {
    let code = match status {
        429 => "APIGW.0308",
        404 => "WKS.00010001",
        _ => "APIGW.0201",
    };
    let body = serde_json::json!({"error_msg": message, "error_code": code, "request_id": request_id});
    let response = empty(status).map(|_| Bytes::from(body.to_string()));
    with(response, CONTENT_TYPE, "application/json")
}

fn with(mut response: Response<Bytes>, name: HeaderName, value: &str) -> Response<Bytes> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
