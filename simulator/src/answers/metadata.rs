//! The metadata service of an ECS with an agency: a session token by PUT, then the agency's temporary key.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::json as write;
use crate::simulator::Simulator;

/// `PUT /meta-data/latest/api/token`; 404 where sessions are not offered.
pub(super) fn create_session(simulator: &mut Simulator, request: &Request<Bytes>) -> Response<Bytes> {
    if !simulator.metadata().has_sessions {
        return plain(StatusCode::NOT_FOUND, "404 Not Found".to_owned());
    }
    if !request.headers().contains_key("x-metadata-token-ttl-seconds") {
        return plain(
            StatusCode::BAD_REQUEST,
            "missing X-Metadata-Token-Ttl-Seconds".to_owned(),
        );
    }
    let session = simulator.open_metadata_session();
    plain(StatusCode::OK, session)
}

/// `GET /openstack/latest/securitykey`.
pub(super) fn security_key(simulator: &mut Simulator, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    let session = request
        .headers()
        .get("x-metadata-token")
        .and_then(|token| token.to_str().ok());
    if !simulator.metadata().lets_in(session) {
        return plain(StatusCode::UNAUTHORIZED, "invalid metadata token".to_owned());
    }
    let key = simulator.issue_temporary_key(now);
    let answer = json!({"credential": {
        "access": key.access_key,
        "secret": key.secret_key,
        "securitytoken": key.security_token,
        "expires_at": format!("{:.6}", key.ends_at),
    }});
    write(StatusCode::OK, &answer)
}

fn plain(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
