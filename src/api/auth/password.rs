//! A token for an IAM user's password: `POST /v3/auth/tokens`, scoped to one project (`api/facts.md`, section 5.1).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, Uri};
use serde_json::json;
use tokio::time::Instant;

use super::Scope;
use super::tokens::Token;
use crate::api::client::uri;
use crate::api::decode::{DecodeError, token_facts};
use crate::api::error::Error;
use crate::api::exchange::Exchange;
use crate::api::operation::Operation;
use crate::config::Secret;

/// A fresh token is asked for when this part of the old one's life is over.
const RENEWED_AT: f64 = 0.8;

/// A token is used at least this long, whatever life IAM gives it: nobody should log in with every call.
const LIFE_MINIMUM: Duration = Duration::from_secs(60);

/// Who logs in, to what.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) domain: &'a str,
    pub(super) password: &'a Secret,
    pub(super) scope: &'a Scope,
}

/// Asks IAM for a token.
pub(super) async fn create_token(login: &Login<'_>, exchange: &Exchange) -> Result<Token, Error> {
    let asked_at = Instant::now();
    let path_and_query = "/v3/auth/tokens?nocatalog=true";
    let uri = uri(Operation::CreateToken, &login.scope.iam_endpoint, path_and_query)?;
    exchange
        .call(
            Operation::CreateToken,
            |_| request(login, &uri),
            |response| token(response, asked_at),
        )
        .await
}

fn request(login: &Login<'_>, uri: &Uri) -> Request<Bytes> {
    let scope = match &login.scope.project_id {
        Some(id) => json!({"project": {"id": id}}),
        None => json!({"project": {"name": login.scope.region}}),
    };
    let body = json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {
                "name": login.user,
                "password": login.password.expose(),
                "domain": {"name": login.domain},
            }},
        },
        "scope": scope,
    }});
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn token(response: &Response<Bytes>, asked_at: Instant) -> Result<Token, DecodeError> {
    let value = response
        .headers()
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or(DecodeError::Missing {
            what: "X-Subject-Token header",
        })?;
    let facts = token_facts(response.body())?;
    Ok(Token {
        value: Secret::new(value.to_owned()),
        project_id: facts.project_id,
        life: Some(facts.life),
        renew_at: asked_at + facts.life.mul_f64(RENEWED_AT).max(LIFE_MINIMUM),
    })
}
