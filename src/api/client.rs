//! The calls for one project, each as one method. It knows paths and parameters, and nothing of walks or polls.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::auth::{Authenticator, Token};
use super::decode::{DecodeError, DesktopPage, NetworkAnswer, desktop_page, network_answer};
use super::error::Error;
use super::exchange::Exchange;
use super::operation::Operation;
use crate::inventory::DesktopId;

/// RFC 3986's unreserved characters stay; everything else is `%XX`, a space too.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which part of the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many desktops to pass over.
    pub offset: usize,
    /// How many to return at most.
    pub limit: usize,
}

/// The Workspace API of one project.
#[derive(Debug)]
pub struct Client {
    endpoint: String,
    project_id: Option<Arc<str>>,
    authenticator: Authenticator,
    exchange: Exchange,
}

impl Client {
    /// Calls `endpoint` for a project; without an id, the one that the token is for is used.
    #[must_use]
    pub fn new(endpoint: String, project_id: Option<&str>, authenticator: Authenticator, exchange: Exchange) -> Self {
        Self {
            endpoint,
            project_id: project_id.map(Arc::from),
            authenticator,
            exchange,
        }
    }

    /// The project's id, from the settings or from IAM.
    ///
    /// # Errors
    ///
    /// [`Error`] when IAM must be asked and does not say.
    pub async fn project_id(&self) -> Result<Arc<str>, Error> {
        let token = self.authenticator.token(&self.exchange).await?;
        self.project_id_with(&token)
    }

    /// Lists one page of desktops, oldest first. One call, three attempts at most.
    ///
    /// # Errors
    ///
    /// [`Error`] says whether a later poll may do better.
    pub async fn list_desktops(&self, page: PageRequest) -> Result<DesktopPage, Error> {
        let PageRequest { offset, limit } = page;
        let query = format!("limit={limit}&offset={offset}&sort_field=created&sort_type=ASC");
        let call = format!("desktops/detail?{query}");
        self.get(Operation::ListDesktops, &call, desktop_page).await
    }

    /// Asks for the networks of 1 to 100 desktops; no ids are answered with nothing, without a call.
    ///
    /// # Errors
    ///
    /// [`Error`] says whether a later poll may do better.
    pub async fn list_networks(&self, ids: &[DesktopId]) -> Result<NetworkAnswer, Error> {
        let mut call = "desktops/networks".to_owned();
        for (position, id) in ids.iter().enumerate() {
            let separator = if position == 0 { '?' } else { '&' };
            let id = utf8_percent_encode(id.as_str(), RESERVED);
            // Writing into a String cannot fail.
            let _ = write!(call, "{separator}desktop_ids={id}");
        }
        if ids.is_empty() {
            return Ok(NetworkAnswer::default());
        }
        self.get(Operation::ListNetworks, &call, network_answer).await
    }

    async fn get<T>(
        &self,
        operation: Operation,
        call: &str,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        let token = self.authenticator.token(&self.exchange).await?;
        match self.get_with(&token, operation, call, decode).await {
            // Tokens die early when a password changes: one renewal, one repeat (`semantics.md`, section 3).
            Err(refused @ Error::Unauthorized { .. }) => {
                match self.authenticator.renewed(&token, &self.exchange).await? {
                    Some(token) => self.get_with(&token, operation, call, decode).await,
                    None => Err(refused),
                }
            }
            answered => answered,
        }
    }

    async fn get_with<T>(
        &self,
        token: &Token,
        operation: Operation,
        call: &str,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        let project_id = self.project_id_with(token)?;
        let project_id = utf8_percent_encode(&project_id, RESERVED);
        let uri = uri(operation, &self.endpoint, &format!("/v2/{project_id}/{call}"))?;
        let build = || {
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert("x-auth-token", token.header());
            request
        };
        let answered = self
            .exchange
            .call(operation, build, |response| decode(response.body()))
            .await;
        answered.map_err(|error| self.authenticator.explained(error))
    }

    fn project_id_with(&self, token: &Token) -> Result<Arc<str>, Error> {
        let from_token = || token.project_id().map(Arc::from);
        self.project_id.clone().or_else(from_token).ok_or(Error::Undecodable {
            operation: Operation::CreateToken,
            source: DecodeError::Missing {
                what: "token.project.id",
            },
        })
    }
}

/// Joins an endpoint and what follows it; the endpoint was checked with the settings.
pub(super) fn uri(operation: Operation, endpoint: &str, path_and_query: &str) -> Result<Uri, Error> {
    format!("{endpoint}{path_and_query}")
        .parse()
        .map_err(|source| Error::Unsendable { operation, source })
}
