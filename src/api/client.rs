//! The calls for one project, each as one method. It knows paths and parameters, and nothing of walks or polls.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::auth::{Credential, Grant, Scope};
use super::decode::{DecodeError, DesktopPage, NetworkAnswer, desktop_page, network_answer, projects};
use super::error::Error;
use super::exchange::Exchange;
use super::operation::Operation;
use super::users::Extras;
use crate::inventory::DesktopId;

/// RFC 3986's unreserved characters stay; everything else is `%XX`, a space too.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which part of the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many desktops to pass over.
    pub offset: usize,
    /// How many to return at most.
    pub limit: usize,
}

/// Which desktops are listed.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// All of them.
    All,
    /// Those in ERROR.
    InError,
    /// Those with these ids, at most 100.
    Ids(&'a [DesktopId]),
}

/// The Workspace API of one project; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Arc<str>,
    scope: Arc<Scope>,
    project_id: Arc<OnceCell<Arc<str>>>,
    credential: Arc<Credential>,
    exchange: Exchange,
    extras: Extras,
}

impl Client {
    /// Calls `endpoint` for the project of a scope; credentials may be shared.
    #[must_use]
    pub fn new(
        endpoint: String,
        scope: Scope,
        credential: Arc<Credential>,
        exchange: Exchange,
        extras: Extras,
    ) -> Self {
        Self {
            endpoint: endpoint.into(),
            project_id: Arc::new(OnceCell::new_with(scope.project_id.as_deref().map(Arc::from))),
            scope: Arc::new(scope),
            credential,
            exchange,
            extras,
        }
    }

    /// The same client for calls that must end by then, with all their attempts.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            exchange: self.exchange.until(deadline),
            ..self.clone()
        }
    }

    /// The project's id: from the settings, from the token, or found through IAM by the region's name, once.
    ///
    /// # Errors
    ///
    /// [`Error`] when IAM must be asked and does not say.
    pub async fn project_id(&self) -> Result<Arc<str>, Error> {
        self.project_id.get_or_try_init(|| self.find_project()).await.cloned()
    }

    async fn find_project(&self) -> Result<Arc<str>, Error> {
        let grant = self.credential.grant(&self.scope, &self.exchange).await?;
        if let Some(project_id) = grant.project_id() {
            return Ok(Arc::from(project_id));
        }
        let region = &self.scope.region;
        let path = format!("/v3/projects?name={}", utf8_percent_encode(region, RESERVED));
        let endpoint = &self.scope.iam_endpoint;
        let mut found = self
            .get(Operation::FindProject, endpoint, &path, None, projects)
            .await?;
        // A server may answer with more than was asked for.
        found.retain(|(_, name)| name == region);
        match found.as_slice() {
            [(project_id, _)] => Ok(Arc::from(project_id.as_str())),
            others => Err(Error::NoProject {
                region: region.clone(),
                found: others.len(),
            }),
        }
    }

    /// Every project that the credential may see: id and name.
    ///
    /// # Errors
    ///
    /// [`Error`] says whether a later refresh may do better.
    pub async fn list_projects(&self) -> Result<Vec<(String, String)>, Error> {
        let endpoint = &self.scope.iam_endpoint;
        self.get(Operation::FindProject, endpoint, "/v3/projects", None, projects)
            .await
    }

    /// Lists one page of desktops, oldest first. One call, three attempts at most.
    ///
    /// # Errors
    ///
    /// [`Error`] says whether a later poll may do better.
    pub async fn list_desktops(&self, selection: Selection<'_>, page: PageRequest) -> Result<DesktopPage, Error> {
        let PageRequest { offset, limit } = page;
        let mut call = format!("desktops/detail?limit={limit}&offset={offset}&sort_field=created&sort_type=ASC");
        match selection {
            Selection::All => {}
            Selection::InError => call.push_str("&status=ERROR"),
            Selection::Ids(ids) => push_ids(&mut call, "desktop_id", ids),
        }
        let decode = |body: &[u8]| desktop_page(body, &self.extras);
        self.get_of_project(Operation::ListDesktops, &call, decode).await
    }

    /// Asks for the networks of 1 to 100 desktops; no ids are answered with nothing, without a call.
    ///
    /// # Errors
    ///
    /// [`Error`] says whether a later poll may do better.
    pub async fn list_networks(&self, ids: &[DesktopId]) -> Result<NetworkAnswer, Error> {
        let mut call = "desktops/networks?".to_owned();
        push_ids(&mut call, "desktop_ids", ids);
        if ids.is_empty() {
            return Ok(NetworkAnswer::default());
        }
        self.get_of_project(Operation::ListNetworks, &call, network_answer)
            .await
    }

    async fn get_of_project<T>(
        &self,
        operation: Operation,
        call: &str,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError> + Send + Sync,
    ) -> Result<T, Error> {
        let project_id = self.project_id().await?;
        let path = format!("/v2/{}/{call}", utf8_percent_encode(&project_id, RESERVED));
        self.get(operation, &self.endpoint, &path, Some(&project_id), decode)
            .await
    }

    /// A GET with the grant in use; after a 401, once more with another grant if there is one (`semantics.md`, section 3).
    async fn get<T>(
        &self,
        operation: Operation,
        endpoint: &str,
        path: &str,
        project_id: Option<&str>,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError> + Send + Sync,
    ) -> Result<T, Error> {
        let (credential, exchange) = (&self.credential, &self.exchange);
        let uri = uri(operation, endpoint, path)?;
        let attempt = async |grant: &Grant| {
            let build = |now| allowed(&uri, grant, project_id, now);
            let answered = exchange
                .call(operation, build, |response| decode(response.body()))
                .await;
            answered.map_err(|error| credential.explained(error, exchange))
        };
        let _turn = credential.turn().await;
        let grant = credential.grant(&self.scope, exchange).await?;
        let answered = match attempt(&grant).await {
            Err(refused @ Error::Unauthorized { .. }) => match credential.another(&grant, &self.scope, exchange).await?
            {
                Some(grant) => attempt(&grant).await,
                None => Err(refused),
            },
            answered => answered,
        };
        if answered.is_ok() {
            credential.accepted();
        }
        answered
    }
}

/// Repeats a key for each id, as every SDK does (`api/facts.md`, section 3).
fn push_ids(call: &mut String, key: &str, ids: &[DesktopId]) {
    for id in ids {
        if !call.ends_with('?') {
            call.push('&');
        }
        let id = utf8_percent_encode(id.as_str(), RESERVED);
        // Writing into a String cannot fail.
        let _ = write!(call, "{key}={id}");
    }
}

fn allowed(uri: &Uri, grant: &Grant, project_id: Option<&str>, now: Timestamp) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    grant.allow(&mut request, project_id, now);
    request
}

/// Joins an endpoint and what follows it; the endpoint was checked with the settings.
pub(super) fn uri(operation: Operation, endpoint: &str, path_and_query: &str) -> Result<Uri, Error> {
    format!("{endpoint}{path_and_query}")
        .parse()
        .map_err(|source| Error::Unsendable { operation, source })
}
