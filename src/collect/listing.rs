//! Reads the whole list of desktops, page after page, as [`Walk`] decides.

use jiff::Timestamp;

use super::walk::{PageFacts, Step, Walk};
use crate::api::{self, Client, PageRequest};
use crate::inventory::{FailureReason, SnapshotBuilder};
use crate::own_metrics::PollResult;

/// The list could not be read or not be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    /// The call for a page failed.
    #[error("failed to list the page at offset {offset}")]
    Call {
        /// Where the page begins.
        offset: usize,
        /// Why.
        source: api::Error,
    },
    /// The pages do not make a whole list.
    #[error(
        "the list cannot be believed ({}): the page at offset {offset} brought {returned} desktops, \
         {unique} were read in all, and the API counts {}",
        reason.as_str(),
        reported.map_or_else(|| "none".to_owned(), |reported| reported.to_string())
    )]
    Unbelievable {
        /// Why.
        reason: FailureReason,
        /// Where the last page began.
        offset: usize,
        /// How many records it held.
        returned: usize,
        /// How many different desktops were read.
        unique: usize,
        /// `total_count`, if it was given.
        reported: Option<u64>,
    },
    /// The whole listing took too long.
    #[error("the listing took longer than {} s; raise collect.interval or api.requests_per_second", .0.as_secs())]
    TooSlow(std::time::Duration),
}

impl ListingError {
    /// The label of `poll_failures_total`.
    pub(super) fn reason(&self) -> FailureReason {
        match self {
            ListingError::Call { source, .. } => source.reason(),
            ListingError::Unbelievable { reason, .. } => *reason,
            ListingError::TooSlow(_) => FailureReason::Timeout,
        }
    }

    /// The label of `polls_total`.
    pub(super) fn result(&self) -> PollResult {
        match self {
            ListingError::Call { source, .. } if source.reason() == FailureReason::Permission => PollResult::Denied,
            ListingError::Call { .. } | ListingError::TooSlow(_) => PollResult::Failed,
            ListingError::Unbelievable { .. } => PollResult::Rejected,
        }
    }
}

/// Reads every page; nothing is published unless all of them were read.
pub(super) async fn list_all(
    client: &Client,
    page_size: usize,
    listed_at: Timestamp,
) -> Result<SnapshotBuilder, ListingError> {
    let mut offset = 0;
    let project_id = client
        .project_id()
        .await
        .map_err(|source| ListingError::Call { offset, source })?;
    let mut builder = SnapshotBuilder::new(project_id, listed_at);
    let mut walk = Walk::new(page_size);
    loop {
        let request = PageRequest {
            offset,
            limit: page_size,
        };
        let page = client
            .list_desktops(request)
            .await
            .map_err(|source| ListingError::Call { offset, source })?;
        let returned = page.desktops.len();
        let new = page
            .desktops
            .into_iter()
            .map(|desktop| usize::from(builder.found_desktop(desktop)))
            .sum();
        builder.found_page_end(page.total);
        builder.found_losses(page.losses);
        let facts = PageFacts {
            returned,
            new,
            total: page.total,
        };
        match walk.after(facts) {
            Step::Ask(next) => offset = next,
            Step::Done => return Ok(builder),
            Step::Broken(reason) => {
                return Err(ListingError::Unbelievable {
                    reason,
                    offset,
                    returned,
                    unique: builder.len(),
                    reported: builder.reported(),
                });
            }
        }
    }
}
