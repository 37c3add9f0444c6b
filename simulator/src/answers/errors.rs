//! Refusals in the shapes that the gateway and the Workspace service really use.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Response, StatusCode};
use serde_json::json;

use crate::simulator::Simulator;

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The gateway knows no such call.
    ApiNotFound,
    /// No token, a wrong one or one that expired.
    BadToken,
    /// The token is good, but not for this project.
    ForeignProject,
    /// A parameter the service cannot accept.
    BadParameter(String),
}

impl Refusal {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::ApiNotFound => (StatusCode::NOT_FOUND, "APIGW.0101"),
            Refusal::BadToken => (StatusCode::UNAUTHORIZED, "APIGW.0301"),
            Refusal::ForeignProject => (StatusCode::FORBIDDEN, "WKS.0403"),
            Refusal::BadParameter(_) => (StatusCode::BAD_REQUEST, "WKS.0001"),
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::ApiNotFound => "The API does not exist or has not been published in the environment".to_owned(),
            Refusal::BadToken => "Incorrect IAM authentication information: decrypt token fail".to_owned(),
            Refusal::ForeignProject => "The token does not belong to the project of the request.".to_owned(),
            Refusal::BadParameter(problem) => problem.clone(),
        }
    }
}

/// Writes a refusal: gateway errors carry the request id in the body, service errors do not.
pub(crate) fn response(simulator: &mut Simulator, refusal: &Refusal) -> Response<Bytes> {
    let (status, code) = refusal.status_and_code();
    let request_id = simulator.request_id();
    let body = if code.starts_with("APIGW.") {
        json!({"error_msg": refusal.message(), "error_code": code, "request_id": request_id})
    } else {
        json!({"error_code": code, "error_msg": refusal.message()})
    };
    let mut response = super::json(status, &body);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
