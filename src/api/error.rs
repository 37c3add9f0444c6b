//! What can go wrong with a call, by what the caller can do about it.

use std::time::Duration;

use http::StatusCode;

use super::auth::CredentialError;
use super::decode::DecodeError;
use super::operation::Operation;
use super::refusal::Refusal;
use super::transport::TransportError;
use crate::inventory::FailureReason;

/// A call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer came, or not all of it.
    #[error("{operation} got no whole answer")]
    Unanswered {
        /// Which call.
        operation: Operation,
        /// Why.
        source: TransportError,
    },
    /// The cloud said no.
    #[error("{operation} was refused: {refusal}")]
    Refused {
        /// Which call.
        operation: Operation,
        /// What it said.
        refusal: Refusal,
    },
    /// The credential was not accepted; only a person or a newer credential helps.
    #[error("{operation} was refused: {refusal}; {advice}")]
    Unauthorized {
        /// Which call.
        operation: Operation,
        /// What it said.
        refusal: Refusal,
        /// Which setting to look at.
        advice: String,
    },
    /// The answer is not what the reference page promises.
    #[error("{operation} answered something else than the API promises")]
    Undecodable {
        /// Which call.
        operation: Operation,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The request cannot be written as a URL.
    #[error("{operation} cannot be asked for in one URL (check the endpoint, or lower api.network_batch_size)")]
    Unsendable {
        /// Which call.
        operation: Operation,
        /// Why.
        source: http::uri::InvalidUri,
    },
    /// IAM does not know exactly one project by the region's name.
    #[error("IAM knows {found} projects named {region:?}: set projects[].project_id (console, My Credentials)")]
    NoProject {
        /// The name asked for.
        region: String,
        /// How many have it.
        found: usize,
    },
    /// The time of the pass is over before the call could go out.
    #[error("{operation} was not asked for: the time of this pass is over (lower the load or raise the interval)")]
    OutOfTime {
        /// Which call.
        operation: Operation,
    },
    /// There is no credential to call with.
    #[error("the credential cannot be used")]
    Credential(#[from] CredentialError),
}

impl Error {
    /// Whether the same call may succeed a moment later (`semantics.md`, section 3).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unanswered { source, .. } => source.is_transient(),
            Error::Refused { refusal, .. } => refusal.is_transient(),
            Error::Undecodable { source, .. } => source.is_transient(),
            Error::Unauthorized { .. }
            | Error::Unsendable { .. }
            | Error::NoProject { .. }
            | Error::OutOfTime { .. }
            | Error::Credential(_) => false,
        }
    }

    /// How long the cloud asked us to stay away.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Refused { refusal, .. } => refusal.retry_after,
            Error::Unanswered { .. }
            | Error::Unauthorized { .. }
            | Error::Undecodable { .. }
            | Error::Unsendable { .. }
            | Error::NoProject { .. }
            | Error::OutOfTime { .. }
            | Error::Credential(_) => None,
        }
    }

    /// The refusal, if the cloud refused.
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused { refusal, .. } | Error::Unauthorized { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The IAM action that the credential lacks; where the cloud does not say which, the one that the call is known to need.
    #[must_use]
    pub fn missing_action(&self) -> Option<&str> {
        let Error::Refused { operation, refusal } = self else {
            return None;
        };
        if refusal.status != StatusCode::FORBIDDEN {
            return None;
        }
        refusal.action.as_deref().or_else(|| operation.action())
    }

    /// Whether the cloud asked for fewer calls.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.reason() == FailureReason::Throttled
    }

    /// Whether one of the ids asked for may be what the cloud does not like: fewer ids may be answered (`semantics.md`,
    /// section 3).
    #[must_use]
    pub fn may_be_about_an_id(&self) -> bool {
        let status = self.refusal().map(|refusal| refusal.status.as_u16());
        matches!(status, Some(400 | 404 | 409 | 414)) && !self.is_not_offered()
            || matches!(self, Error::Unsendable { .. })
    }

    /// Whether somebody else is changing what was asked for: a moment later it may be answered.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.status == StatusCode::CONFLICT)
    }

    /// Whether this region does not offer the call at all.
    #[must_use]
    pub fn is_not_offered(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.code.as_deref() == Some("APIGW.0101"))
    }

    /// The label of `poll_failures_total`.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self {
            Error::Unanswered { source, .. } => source.reason(),
            Error::Refused { refusal, .. } => refusal.reason(),
            Error::Unauthorized { .. } | Error::Credential(_) => FailureReason::Auth,
            Error::NoProject { .. } => FailureReason::Permission,
            Error::OutOfTime { .. } => FailureReason::Timeout,
            Error::Undecodable { .. } => FailureReason::Decode,
            Error::Unsendable { .. } => FailureReason::Limit,
        }
    }
}
