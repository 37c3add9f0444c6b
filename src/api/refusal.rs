//! What the cloud said when it said no. Bodies are never kept: only a code, a request id and a limit's numbers.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::rate::Limit;
use crate::inventory::FailureReason;

/// How much of an error's body is read for its code (`semantics.md`, section 2).
const ERROR_BODY_MAXIMUM: usize = 8 * 1024;

/// What the cloud said when it said no. `Display` is safe to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// Huawei's error code, if the body had one in its usual form.
    pub code: Option<Box<str>>,
    /// The id to quote to the vendor's support.
    pub request_id: Option<Box<str>>,
    /// From the Retry-After header.
    pub retry_after: Option<Duration>,
    /// The limit that was exceeded, if the message names it.
    pub limit: Option<Limit>,
    /// The IAM action that is missing, if the message names it.
    pub action: Option<Box<str>>,
}

/// The error shapes of `api/facts.md`, section 5.2. Of the message only a limit's two numbers are kept: it may echo a
/// whole request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(alias = "errorCode", alias = "code")]
    error_code: Option<serde_json::Value>,
    #[serde(alias = "errorMsg", alias = "message")]
    error_msg: Option<serde_json::Value>,
    request_id: Option<serde_json::Value>,
}

impl Refusal {
    /// Reads a refusal; `now` turns a date in Retry-After into a wait.
    #[must_use]
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        let body = body.get(..ERROR_BODY_MAXIMUM).unwrap_or(body);
        let fields: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let message = fields.error_msg.as_ref().and_then(serde_json::Value::as_str);
        let from_body = fields.request_id.as_ref().and_then(serde_json::Value::as_str);
        let from_header = ["x-request-id", "x-iam-trace-id"]
            .iter()
            .find_map(|name| headers.get(*name)?.to_str().ok());
        Self {
            status,
            code: fields
                .error_code
                .as_ref()
                .and_then(serde_json::Value::as_str)
                .filter(|code| is_error_code(code))
                .map(Box::from),
            request_id: from_body.or(from_header).filter(|id| is_request_id(id)).map(Box::from),
            retry_after: headers
                .get(http::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| read_retry_after(value, now)),
            limit: message.and_then(read_limit),
            action: message
                .filter(|_| status == StatusCode::FORBIDDEN)
                .and_then(read_action),
        }
    }

    /// Whether fewer calls would have been answered (`semantics.md`, section 3).
    pub(super) fn is_about_load(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 503)
    }

    pub(super) fn is_transient(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
    }

    pub(super) fn reason(&self) -> FailureReason {
        match self.status.as_u16() {
            401 => FailureReason::Auth,
            429 => FailureReason::Throttled,
            408 => FailureReason::Timeout,
            400..=499 => FailureReason::Permission,
            _ => FailureReason::Server,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, ", code {code}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(formatter, ", request id {request_id}")?;
        }
        if let Some(action) = &self.action {
            write!(formatter, ", missing permission {action}")?;
        }
        Ok(())
    }
}

/// `APIGW.0301`, `WKS.00010099`: a short word, a dot, a short number. Anything else could be an echo of something secret.
fn is_error_code(code: &str) -> bool {
    code.split_once('.').is_some_and(|(service, number)| {
        (1..=16).contains(&service.len())
            && (1..=12).contains(&number.len())
            && service.bytes().all(|byte| byte.is_ascii_alphabetic())
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Request ids are hexadecimal, some with dashes.
fn is_request_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A date as headers write it (RFC 9110, section 5.6.7).
pub(super) fn read_http_date(value: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(value.trim()).ok()
}

/// Seconds or an HTTP date (RFC 9110, section 10.2.3); a date that passed means now.
fn read_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = read_http_date(value)?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The first `service:resource:action` of the services that we call, as in "Policy doesn't allow vpc:ports:get to be
/// performed." Letters only: nothing that a request could echo looks like it.
fn read_action(message: &str) -> Option<Box<str>> {
    let words = message.split(|character: char| !character.is_ascii_alphabetic() && character != ':');
    let is_action = |word: &&str| {
        let mut parts = word.split(':');
        let service = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        ["workspace", "vpc", "eip", "iam"].contains(&service)
            && rest.len() == 2
            && rest.iter().all(|part| (1..=40).contains(&part.len()))
    };
    words.map(|word| word.trim_matches(':')).find(is_action).map(Box::from)
}

/// The limit in the text of APIGW.0308, `limit:200,time:1 minute` (`api/facts.md`, section 6.2).
fn read_limit(message: &str) -> Option<Limit> {
    let after = |text: &'_ str, key: &str| Some(text.split_once(key)?.1.trim_start().to_owned());
    let number = |text: &str| {
        let digits = text.find(|character: char| !character.is_ascii_digit());
        let (number, rest) = text.split_at(digits.unwrap_or(text.len()));
        Some((number.parse::<u32>().ok()?, rest.trim_start().to_owned()))
    };
    let (requests, rest) = number(&after(message, "limit:")?)?;
    let (count, unit) = number(&after(&rest, "time:")?)?;
    let unit_seconds = match unit.get(..3)? {
        "sec" => 1,
        "min" => 60,
        "hou" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    let window = Duration::from_secs(u64::from(count) * unit_seconds);
    (requests > 0 && !window.is_zero()).then_some(Limit { requests, window })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttling_message_states_its_limit() {
        let limit = |message: &str| read_limit(message).map(|limit| (limit.requests, limit.window.as_secs()));
        let stated = "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:1 minute";
        assert_eq!(limit(stated), Some((200, 60)));
        assert_eq!(limit("limit: 5, time: 10 seconds"), Some((5, 10)));
        assert_eq!(limit("limit:10,time:2 hours"), Some((10, 7_200)));
        for nothing in [
            "",
            "limit:",
            "limit:x,time:1 minute",
            "limit:5,time:1 moon",
            "limit:0,time:1 minute",
            "limit:5",
        ] {
            assert_eq!(limit(nothing), None, "{nothing:?}");
        }
    }

    fn read(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Refusal {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header value"));
        }
        let now = "2026-01-02T03:04:05Z".parse().expect("a time");
        let status = StatusCode::from_u16(status).expect("a status");
        Refusal::read(status, &map, body.as_bytes(), now)
    }

    #[track_caller]
    fn check(status: u16, body: &str, expected: &str) {
        assert_eq!(read(status, body, &[]).to_string(), expected);
    }

    #[test]
    fn a_refusal_is_its_status_its_code_and_its_request_id() {
        check(
            401,
            r#"{"error_msg":"Incorrect IAM authentication information: decrypt token fail MIIsecret","error_code":"APIGW.0301","request_id":"9b8f3c6d7e"}"#,
            "401 Unauthorized, code APIGW.0301, request id 9b8f3c6d7e",
        );
        check(
            500,
            r#"{"error_code":"WKS.0202","error_msg":"not found"}"#,
            "500 Internal Server Error, code WKS.0202",
        );
        check(
            401,
            r#"{"error":{"code":401,"message":"x","title":"Unauthorized"}}"#,
            "401 Unauthorized",
        );
        check(502, "<html>bad gateway</html>", "502 Bad Gateway");
        check(502, "", "502 Bad Gateway");
    }

    #[test]
    fn an_echo_in_the_place_of_a_code_or_an_id_is_dropped() {
        check(
            401,
            r#"{"error_code":"MIIsecrettoken","request_id":"GET|/v2/|MIIsecret"}"#,
            "401 Unauthorized",
        );
        check(
            401,
            r#"{"error_code":"A.SECRET","request_id":"my-secret"}"#,
            "401 Unauthorized",
        );
    }

    #[test]
    fn a_missing_permission_is_named_and_nothing_else_of_the_message() {
        let action = |status, message: &str| {
            let body = serde_json::json!({ "error_msg": message }).to_string();
            read(status, &body, &[]).action
        };
        let message = "Policy doesn't allow vpc:ports:get to be performed.";
        assert_eq!(action(403, message).as_deref(), Some("vpc:ports:get"));
        assert_eq!(
            action(403, "no permission: workspace:desktops:listDetail").as_deref(),
            Some("workspace:desktops:listDetail")
        );
        for nothing in [
            "denied",
            "user:secret:word is denied",
            "workspace:desktops",
            "vpc:ports:get:more",
        ] {
            assert_eq!(action(403, nothing), None, "{nothing}");
        }
        assert_eq!(action(401, message), None);
        let body = serde_json::json!({ "error_msg": message }).to_string();
        check(403, &body, "403 Forbidden, missing permission vpc:ports:get");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_or_nothing() {
        let after = |value| read(503, "", &[("retry-after", value)]).retry_after;
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Fri, 02 Jan 2026 03:04:15 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(after("Fri, 02 Jan 2026 03:04:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
