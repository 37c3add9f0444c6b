//! Refusals in the shapes that the gateway and the Workspace service really use.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Response, StatusCode};
use serde_json::json;

use crate::gateway::Denial;
use crate::simulator::Simulator;

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The gateway knows no such call.
    ApiNotFound,
    /// The gateway does not let the request in.
    Denied(Denial),
    /// The user may not perform this action.
    Forbidden(&'static str),
    /// The credential is good, but not for this project.
    ForeignProject,
    /// A parameter the service cannot accept.
    BadParameter(String),
    /// One of the desktops asked for spoils the answer.
    Poisoned(u16),
}

impl Refusal {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::ApiNotFound => (StatusCode::NOT_FOUND, "APIGW.0101"),
            Refusal::Denied(_) => (StatusCode::UNAUTHORIZED, "APIGW.0301"),
            Refusal::Forbidden(_) => (StatusCode::FORBIDDEN, "PAP.0046"),
            Refusal::ForeignProject => (StatusCode::FORBIDDEN, "WKS.0403"),
            Refusal::BadParameter(_) => (StatusCode::BAD_REQUEST, "WKS.0001"),
            Refusal::Poisoned(status) => (
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST),
                "WKS.00010002",
            ),
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::ApiNotFound => "The API does not exist or has not been published in the environment".to_owned(),
            Refusal::Denied(denial) => format!("Incorrect IAM authentication information: {}", words(denial)),
            Refusal::Forbidden(action) => format!("Policy doesn't allow {action} to be performed."),
            Refusal::ForeignProject => "The token does not belong to the project of the request.".to_owned(),
            Refusal::BadParameter(problem) => problem.clone(),
            Refusal::Poisoned(_) => "The desktop is in a state in which this operation is not possible.".to_owned(),
        }
    }
}

/// What the gateway says: for a wrong signature it echoes the request as it saw it.
fn words(denial: &Denial) -> &str {
    match denial {
        Denial::Token => "decrypt token fail",
        Denial::Signature(problem) => problem,
        Denial::Locked => "too many failures, the access key is locked for 5 minutes",
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
