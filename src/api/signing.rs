//! Request signing with an access key, SDK-HMAC-SHA256 (`api/facts.md`, section 4): pure, the date is an argument.
//! It knows where keys are used and not where they come from.

use std::fmt::Write;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::{HeaderValue, Request, Uri};
use jiff::Timestamp;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::client::RESERVED;
use crate::config::Secret;

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// The headers that are signed where they are present, in the order of their names. User-Agent is not among them: a
/// proxy that rewrites it would break the signature.
const SIGNED: [HeaderName; 4] = [HOST, X_PROJECT_ID, X_SDK_DATE, X_SECURITY_TOKEN];

/// An access key; all parts are printable ASCII, which its readers check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessKey {
    /// AK: names the key.
    pub(super) id: Secret,
    /// SK: signs.
    pub(super) secret: Secret,
    /// Of a temporary key.
    pub(super) security_token: Option<Secret>,
    /// When a temporary key ends, if its source says so.
    pub(super) expires_at: Option<Timestamp>,
}

/// Signs a request that has its final URI and body: adds `Host`, `X-Sdk-Date`, `X-Project-Id`, `X-Security-Token` and
/// `Authorization`. Sign anew for every attempt, for the date ages.
pub(super) fn sign(request: &mut Request<Bytes>, key: &AccessKey, project_id: Option<&str>, now: Timestamp) {
    let host = host_of(request.uri());
    let headers = request.headers_mut();
    headers.insert(HOST, shown(&host));
    headers.insert(X_SDK_DATE, shown(&now.strftime("%Y%m%dT%H%M%SZ").to_string()));
    if let Some(project_id) = project_id {
        headers.insert(X_PROJECT_ID, shown(project_id));
    }
    if let Some(token) = &key.security_token {
        headers.insert(X_SECURITY_TOKEN, hidden(token.expose()));
    }
    let present: Vec<HeaderName> = SIGNED
        .into_iter()
        .filter(|name| request.headers().contains_key(name))
        .collect();
    let authorization = authorization(request, &present, key);
    request.headers_mut().insert(AUTHORIZATION, hidden(&authorization));
}

/// The value of the Authorization header; `names` are the headers to sign, sorted.
fn authorization(request: &Request<Bytes>, names: &[HeaderName], key: &AccessKey) -> String {
    let date = header(request, &X_SDK_DATE);
    let canonical = canonical_request(request, names);
    let string_to_sign = format!("{ALGORITHM}\n{date}\n{}", sha256(canonical.as_bytes()));
    let signature = hmac_sha256(key.secret.expose(), &string_to_sign);
    let list = signed_list(names);
    format!(
        "{ALGORITHM} Access={}, SignedHeaders={list}, Signature={signature}",
        key.id.expose()
    )
}

fn canonical_request(request: &Request<Bytes>, names: &[HeaderName]) -> String {
    let headers: Vec<String> = names
        .iter()
        .map(|name| format!("{name}:{}\n", header(request, name)))
        .collect();
    [
        request.method().as_str(),
        &canonical_path(request.uri().path()),
        &canonical_query(request.uri().query().unwrap_or_default()),
        &headers.concat(),
        &signed_list(names),
        &sha256(request.body()),
    ]
    .join("\n")
}

fn signed_list(names: &[HeaderName]) -> String {
    names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(";")
}

fn header<'a>(request: &'a Request<Bytes>, name: &HeaderName) -> &'a str {
    let value = request.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim()
}

/// Each segment decoded and encoded again, as the vendor's Python SDK does, with a slash at the end.
fn canonical_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut canonical = decoded.split('/').map(encoded).collect::<Vec<_>>().join("/");
    if !canonical.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// Sorted by raw key, then raw value: sorting encoded pairs gives another order.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let raw = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
            (raw(key), raw(value))
        })
        .collect();
    pairs.sort();
    let encoded = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    encoded.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What the HTTP client sends as Host: a port only where it is not the scheme's own.
fn host_of(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match (uri.port_u16(), uri.scheme_str()) {
        (None, _) | (Some(443), Some("https")) | (Some(80), Some("http")) => host.to_owned(),
        (Some(port), _) => format!("{host}:{port}"),
    }
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(super) fn hmac_sha256(secret: &str, text: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    hexadecimal(&mac.finalize().into_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
            // Writing into a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// A header's value of printable ASCII: hosts, dates and checked project ids.
fn shown(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The same, marked so that no log shows it.
pub(super) fn hidden(text: &str) -> HeaderValue {
    let mut value = shown(text);
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        let text = include_str!("../../tests/fixtures/signing-vectors.json");
        serde_json::from_str(text).expect("the vectors are JSON")
    }

    fn text<'a>(value: &'a Value, key: &str) -> &'a str {
        value[key].as_str().unwrap_or_default()
    }

    fn request(input: &Value, target: &str, host: &str) -> Request<Bytes> {
        let body = Bytes::from(text(input, "body").to_owned());
        let mut request = Request::builder()
            .method(text(input, "method"))
            .uri(format!("https://{host}{target}"))
            .header("host", host);
        for (name, value) in input["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        for (name, key) in [
            ("x-sdk-date", "x_sdk_date"),
            ("x-project-id", "project_id_header"),
            ("x-security-token", "security_token"),
        ] {
            if let Some(value) = input[key].as_str() {
                request = request.header(name, value);
            }
        }
        request.body(body).expect("a request")
    }

    fn names(list: &str) -> Vec<HeaderName> {
        list.split(';')
            .map(|name| name.parse().expect("a header's name"))
            .collect()
    }

    fn key(input: &Value) -> AccessKey {
        AccessKey {
            id: Secret::new(text(input, "ak").to_owned()),
            secret: Secret::new(text(input, "sk").to_owned()),
            security_token: None,
            expires_at: None,
        }
    }

    #[test]
    fn every_vector_of_the_python_sdk_is_reproduced() {
        let vectors = vectors();
        let vectors = vectors["vectors"].as_array().expect("vectors");
        assert!(vectors.len() >= 15);
        for vector in vectors {
            let (name, input, expected) = (text(vector, "name"), &vector["input"], &vector["expected"]);
            assert_eq!(text(vector, "algorithm"), ALGORITHM);
            let request = request(input, text(expected, "request_target"), text(input, "host"));
            let names = names(text(expected, "signed_headers"));
            assert_eq!(
                canonical_request(&request, &names),
                text(expected, "canonical_request"),
                "{name}"
            );
            assert_eq!(
                authorization(&request, &names, &key(input)),
                text(expected, "authorization"),
                "{name}"
            );
        }
    }

    #[test]
    fn every_published_vector_is_reproduced() {
        let vectors = vectors();
        for vector in vectors["published"].as_array().expect("vectors") {
            let name = text(vector, "name");
            let query = canonical_query_of(vector);
            let target = format!("{}?{query}", text(vector, "path"));
            let request = request(vector, &target, text(vector, "host"));
            let names: Vec<HeaderName> = vector["signed"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str()?.parse().ok())
                .collect();
            assert_eq!(
                canonical_request(&request, &names),
                text(vector, "canonical_request"),
                "{name}"
            );
            assert_eq!(
                authorization(&request, &names, &key(vector)),
                text(vector, "expected_authorization"),
                "{name}"
            );
        }
        for vector in vectors["published_hash_only"].as_array().expect("vectors") {
            let target = format!("{}?{}", text(vector, "path"), canonical_query_of(vector));
            let mut request = request(vector, &target, text(vector, "host"));
            request.headers_mut().insert("host", shown(text(vector, "host")));
            let canonical = canonical_request(&request, &names("content-type;host;x-sdk-date"));
            assert_eq!(
                sha256(canonical.as_bytes()),
                text(vector, "expected_canonical_request_sha256")
            );
        }
    }

    fn canonical_query_of(vector: &Value) -> String {
        let pairs = vector["query"].as_array().into_iter().flatten();
        let encoded = pairs.map(|pair| {
            let part = |position: usize| encoded(pair[position].as_str().unwrap_or_default());
            format!("{}={}", part(0), part(1))
        });
        encoded.collect::<Vec<_>>().join("&")
    }

    #[test]
    fn a_request_is_signed_with_host_date_project_and_security_token_only() {
        let mut request = Request::builder()
            .uri("https://workspace.example:8443/v2/p/desktops/detail?limit=1")
            .header("accept", "application/json")
            .body(Bytes::new())
            .expect("a request");
        let key = AccessKey {
            id: Secret::new("AK".to_owned()),
            secret: Secret::new("SK".to_owned()),
            security_token: Some(Secret::new("TOKEN".to_owned())),
            expires_at: None,
        };
        let now = "2026-01-02T03:04:05Z".parse().expect("a time");
        sign(&mut request, &key, Some("p"), now);
        assert_eq!(request.headers()["host"], "workspace.example:8443");
        assert_eq!(request.headers()["x-sdk-date"], "20260102T030405Z");
        let authorization = &request.headers()[AUTHORIZATION];
        let text = authorization.to_str().expect("ASCII");
        assert!(
            text.contains("SignedHeaders=host;x-project-id;x-sdk-date;x-security-token,"),
            "{text}"
        );
        assert!(authorization.is_sensitive() && request.headers()["x-security-token"].is_sensitive());
        assert!(!format!("{request:?}{key:?}").contains("TOKEN"));
    }
}
