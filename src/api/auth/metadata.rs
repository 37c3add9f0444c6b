//! A temporary key of the agency that an ECS runs under, from the metadata service (`api/facts.md`, section 5.5).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::CredentialError;
use super::key_file::is_printable;
use crate::api::client::uri;
use crate::api::decode::{DecodeError, metadata_key};
use crate::api::error::Error;
use crate::api::exchange::Exchange;
use crate::api::operation::Operation;
use crate::api::signing::{AccessKey, hidden};

/// Where every ECS finds it.
pub(super) const ENDPOINT: &str = "http://169.254.169.254";

/// Elsewhere than on an ECS nothing answers at all, and a chain should not hang there.
const PATIENCE: Duration = Duration::from_secs(3);

const TOKEN_TTL: HeaderName = HeaderName::from_static("x-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-metadata-token");

/// Asks for the agency's key: a session token first, unless the service is of the kind that has none.
pub(super) async fn read(endpoint: &str, setting: &str, exchange: &Exchange) -> Result<AccessKey, Error> {
    let session = session_token(endpoint, exchange).await?;
    let answer = security_key(endpoint, session.as_ref(), exchange).await?;
    let key = metadata_key(answer.body()).map_err(|source| Error::Undecodable {
        operation: Operation::MetadataCredentials,
        source,
    })?;
    let parts = [Some(&key.id), Some(&key.secret), key.security_token.as_ref()];
    if parts.into_iter().flatten().all(|part| is_printable(part.expose())) {
        return Ok(key);
    }
    Err(CredentialError::NoAgencyKey {
        setting: setting.to_owned(),
    }
    .into())
}

/// 404, 405 and 503 mean a metadata service without sessions; its key is asked for without one.
async fn session_token(endpoint: &str, exchange: &Exchange) -> Result<Option<HeaderValue>, Error> {
    let mut request = request(endpoint, Method::PUT, "/meta-data/latest/api/token")?;
    request
        .headers_mut()
        .insert(TOKEN_TTL, HeaderValue::from_static("21600"));
    match send(request, exchange).await {
        Ok(response) => {
            let token = std::str::from_utf8(response.body())
                .ok()
                .map(str::trim)
                .filter(|token| is_printable(token));
            let missing = DecodeError::Missing { what: "session token" };
            token.map(|token| Some(hidden(token))).ok_or(Error::Undecodable {
                operation: Operation::MetadataCredentials,
                source: missing,
            })
        }
        Err(Error::Refused { refusal, .. }) if has_no_sessions(refusal.status) => Ok(None),
        Err(error) => Err(error),
    }
}

fn has_no_sessions(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 405 | 503)
}

async fn security_key(
    endpoint: &str,
    session: Option<&HeaderValue>,
    exchange: &Exchange,
) -> Result<Response<Bytes>, Error> {
    let mut request = request(endpoint, Method::GET, "/openstack/latest/securitykey")?;
    if let Some(session) = session {
        request.headers_mut().insert(TOKEN, session.clone());
    }
    send(request, exchange).await
}

fn request(endpoint: &str, method: Method, path: &str) -> Result<Request<Bytes>, Error> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri(Operation::MetadataCredentials, endpoint, path)?;
    Ok(request)
}

/// One attempt: the next use of the credential asks again.
async fn send(request: Request<Bytes>, exchange: &Exchange) -> Result<Response<Bytes>, Error> {
    let operation = Operation::MetadataCredentials;
    timeout(PATIENCE, exchange.attempt(operation, request))
        .await
        .unwrap_or(Err(Error::Unanswered {
            operation,
            source: crate::api::transport::TransportError::Timeout,
        }))
}
