//! What a call is allowed with: a token, or a key that signs it. Credentials are shared between projects, and so is what
//! is known of their refusals. Callers see a [`Grant`]; kinds of credentials stay in here.

mod credential;
mod key_file;
mod keys;
mod metadata;
mod password;
mod refusals;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::signing::{AccessKey, sign};
pub use credential::Credential;
use tokens::Token;

/// There is no usable credential; the messages name the file and the setting.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("{setting}: failed to read {}", path.display())]
    Unreadable {
        /// Which setting named it.
        setting: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds nothing that could be one.
    #[error("{setting}: {} holds no usable credential (config/exporter.yaml shows the form)", path.display())]
    Malformed {
        /// Which setting named it.
        setting: String,
        /// Which file.
        path: PathBuf,
    },
    /// Only half a key is in the environment.
    #[error("{setting}: {missing} is not set, and its other half is")]
    Half {
        /// Which setting named it.
        setting: String,
        /// The variable.
        missing: String,
    },
    /// No source has a key.
    #[error("{setting}: no access key was found in: {sources}")]
    NotFound {
        /// Which setting.
        setting: String,
        /// All that were asked.
        sources: String,
    },
    /// The metadata service answered without a usable key.
    #[error("{setting}: the metadata service has no key: bind an agency to this ECS")]
    NoAgencyKey {
        /// Which setting.
        setting: String,
    },
    /// It was refused too often to be tried again now.
    #[error(
        "{setting} was refused three times within five minutes: it is not tried for {wait_seconds} s, or until it changes"
    )]
    Suspended {
        /// Which setting.
        setting: String,
        /// How long.
        wait_seconds: u64,
    },
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The region's name, which is the name of its default project.
    pub region: String,
    /// The project's id, if the settings give one.
    pub project_id: Option<String>,
    /// Scheme and host of IAM.
    pub iam_endpoint: String,
}

/// What allows a call.
#[derive(Debug, Clone)]
pub(super) enum Grant {
    /// Goes into a header.
    Token(Arc<Token>),
    /// Signs the request.
    Key(Arc<AccessKey>),
}

impl Grant {
    /// Puts itself onto a request that is otherwise complete. `project_id` is signed with it where the call has one.
    pub(super) fn allow(&self, request: &mut Request<Bytes>, project_id: Option<&str>, now: Timestamp) {
        match self {
            Grant::Token(token) => drop(request.headers_mut().insert("x-auth-token", token.header())),
            Grant::Key(key) => sign(request, key, project_id, now),
        }
    }

    /// The project that IAM says it is for, if IAM said so.
    pub(super) fn project_id(&self) -> Option<&str> {
        match self {
            Grant::Token(token) => token.project_id(),
            Grant::Key(_) => None,
        }
    }
}
