//! Reads the list of desktops and proves it: the anchored walk, the second look at those in ERROR, and the list read twice
//! where the server does not sort. The decisions are [`Walk`]'s and [`PlainWalk`]'s; the calls are made here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::plain::{PlainStep, PlainWalk};
use super::walk::{Step, Walk};
use crate::api::{self, Client, DesktopPage, PageRequest, Selection};
use crate::causes;
use crate::inventory::{DesktopId, FailureReason, SnapshotBuilder};
use crate::own_metrics::{PollResult, ProjectMetrics};

/// Walks begun anew after one that failed (`semantics.md`, section 1).
const RESTARTS: u32 = 2;

/// The list could not be read or not be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    /// A call failed.
    #[error("failed to list the page at offset {offset}")]
    Call {
        /// Where the page begins.
        offset: usize,
        /// Why.
        source: Box<api::Error>,
    },
    /// The pages do not make a whole list.
    #[error(
        "the list cannot be believed ({}): {unique} desktops were read on {pages} pages, and the API counts {}",
        reason.as_str(),
        reported.map_or_else(|| "none".to_owned(), |reported| reported.to_string())
    )]
    Unbelievable {
        /// Why.
        reason: FailureReason,
        /// How many different desktops were read.
        unique: usize,
        /// How many pages were read.
        pages: u64,
        /// `total_count`, if it was given.
        reported: Option<u64>,
    },
    /// The list was proven and is too different from the one before.
    #[error("the list is too different from the last one to be believed at once ({})", .0.as_str())]
    Rejected(FailureReason),
    /// The whole listing took too long.
    #[error("the listing took longer than {} s; raise collect.interval or api.requests_per_second", .0.as_secs())]
    TooSlow(Duration),
}

impl ListingError {
    /// The label of `poll_failures_total`.
    pub(super) fn reason(&self) -> FailureReason {
        match self {
            ListingError::Call { source, .. } => source.reason(),
            ListingError::Unbelievable { reason, .. } | ListingError::Rejected(reason) => *reason,
            ListingError::TooSlow(_) => FailureReason::Timeout,
        }
    }

    /// The label of `polls_total`.
    pub(super) fn result(&self) -> PollResult {
        match self {
            ListingError::Call { source, .. } if source.reason() == FailureReason::Permission => PollResult::Denied,
            ListingError::Call { .. } | ListingError::TooSlow(_) => PollResult::Failed,
            ListingError::Unbelievable { .. } | ListingError::Rejected(_) => PollResult::Rejected,
        }
    }

    /// How long the cloud asked us to stay away.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            ListingError::Call { source, .. } => source.retry_after(),
            _ => None,
        }
    }
}

/// How lists are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Desktops asked for in one call.
    pub(super) page_size: usize,
    /// A larger fleet is refused.
    pub(super) max_desktops: usize,
    /// What counts as proof.
    pub(super) proof: Proof,
}

/// What counts as proof that a list is whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proof {
    /// The anchored walk and everything beside it.
    #[default]
    Anchored,
    /// None: page after page until the total is reached. The simulation's checker must find its holes; nothing else uses
    /// it.
    #[cfg(feature = "naive-paging")]
    Naive,
}

/// One listing under way.
pub(super) struct Listing<'a> {
    client: &'a Client,
    reading: Reading,
    metrics: &'a ProjectMetrics,
    project_id: Arc<str>,
    listed_at: Timestamp,
}

/// How a walk ended.
enum Walked {
    Whole(Box<SnapshotBuilder>),
    Again(ListingError),
    Unordered,
}

/// Reads the whole list; what is returned was proven.
pub(super) async fn read(
    client: &Client,
    reading: Reading,
    metrics: &ProjectMetrics,
    listed_at: Timestamp,
    deadline: Instant,
) -> Result<SnapshotBuilder, ListingError> {
    let project_id = client.project_id().await;
    let listing = Listing {
        client,
        reading,
        metrics,
        project_id: project_id.map_err(|error| call_failed(0, error))?,
        listed_at,
    };
    #[cfg(feature = "naive-paging")]
    if reading.proof == Proof::Naive {
        return listing.read_plainly().await;
    }
    let mut builder = listing.read_proven().await?;
    // One page is atomic and needs no second net.
    if builder.pages() > 1 {
        listing.look_at_errors_again(&mut builder, deadline).await;
    }
    Ok(builder)
}

impl Listing<'_> {
    fn builder(&self) -> SnapshotBuilder {
        SnapshotBuilder::new(Arc::clone(&self.project_id), self.listed_at)
    }

    async fn read_proven(&self) -> Result<SnapshotBuilder, ListingError> {
        let mut restarts = 0;
        loop {
            match self.walk().await? {
                Walked::Whole(builder) => return Ok(*builder),
                Walked::Unordered => return self.read_twice().await,
                Walked::Again(error) if restarts == RESTARTS => return Err(error),
                Walked::Again(error) => tracing::debug!(%error, "the walk begins anew"),
            }
            restarts += 1;
        }
    }

    async fn walk(&self) -> Result<Walked, ListingError> {
        let mut builder = self.builder();
        let mut walk = Walk::new(self.reading.page_size);
        let mut offset = 0;
        loop {
            let page = self.page(Selection::All, offset).await?;
            let gaps = walk.gaps();
            let step = walk.after(&page, count_new(&builder, &page));
            self.metrics.gaps_found(walk.gaps() - gaps);
            if let Step::Back(next) = step {
                offset = next;
                continue;
            }
            self.take(page, &mut builder)?;
            match step {
                Step::Ask(next) | Step::Back(next) => offset = next,
                Step::Done => return Ok(Walked::Whole(Box::new(builder))),
                Step::Again(reason) => return Ok(Walked::Again(unbelievable(reason, &builder))),
                Step::Unordered => return Ok(Walked::Unordered),
            }
        }
    }

    /// Where no walk can prove anything: two lists in a row must hold the same desktops.
    async fn read_twice(&self) -> Result<SnapshotBuilder, ListingError> {
        let mut last = self.read_plainly().await?;
        for _ in 0..RESTARTS {
            let next = self.read_plainly().await?;
            if last.ids() == next.ids() {
                return Ok(next);
            }
            last = next;
        }
        Err(unbelievable(FailureReason::Order, &last))
    }

    async fn read_plainly(&self) -> Result<SnapshotBuilder, ListingError> {
        let mut builder = self.builder();
        let mut walk = PlainWalk::new(self.reading.page_size);
        let mut offset = 0;
        loop {
            let page = self.page(Selection::All, offset).await?;
            let step = walk.after(&page, count_new(&builder, &page));
            self.take(page, &mut builder)?;
            match step {
                PlainStep::Ask(next) => offset = next,
                PlainStep::Done => return Ok(builder),
                PlainStep::Broken(reason) => return Err(unbelievable(reason, &builder)),
            }
        }
    }

    /// Unites the list with a fresh one of the desktops in ERROR. It is a second net: when it fails, the proven list stands.
    async fn look_at_errors_again(&self, builder: &mut SnapshotBuilder, deadline: Instant) {
        let looked = timeout_at(deadline, self.unite_with_errors(builder)).await;
        if let Ok(Err(error)) = looked {
            tracing::warn!(error = %causes::line(&error), "desktops in ERROR could not be looked at again");
        }
    }

    async fn unite_with_errors(&self, builder: &mut SnapshotBuilder) -> Result<(), ListingError> {
        let mut seen = self.builder();
        let mut walk = PlainWalk::new(self.reading.page_size);
        let mut offset = 0;
        loop {
            let page = self.page(Selection::InError, offset).await?;
            let step = walk.after(&page, count_new(&seen, &page));
            for desktop in page.desktops {
                seen.found_desktop(desktop.clone());
                builder.found_desktop(desktop);
            }
            match step {
                PlainStep::Ask(next) => offset = next,
                PlainStep::Done => return Ok(()),
                PlainStep::Broken(reason) => return Err(unbelievable(reason, &seen)),
            }
            // A server that ignores the selection is not read to its end a second time.
            if seen.len() > builder.len() / 2 + self.reading.page_size {
                return Ok(());
            }
        }
    }

    async fn page(&self, selection: Selection<'_>, offset: usize) -> Result<DesktopPage, ListingError> {
        let request = PageRequest {
            offset,
            limit: self.reading.page_size,
        };
        let page = self.client.list_desktops(selection, request).await;
        page.map_err(|error| call_failed(offset, error))
    }

    fn take(&self, page: DesktopPage, builder: &mut SnapshotBuilder) -> Result<(), ListingError> {
        for desktop in page.desktops {
            builder.found_desktop(desktop);
        }
        builder.found_page_end(page.total);
        builder.found_losses(page.losses);
        if builder.len() > self.reading.max_desktops {
            return Err(unbelievable(FailureReason::Limit, builder));
        }
        Ok(())
    }
}

/// How many ids of a page are new to what was read.
fn count_new(builder: &SnapshotBuilder, page: &DesktopPage) -> usize {
    let mut ids: Vec<&DesktopId> = page.desktops.iter().map(|desktop| &desktop.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter(|id| !builder.contains(id)).count()
}

fn call_failed(offset: usize, error: api::Error) -> ListingError {
    ListingError::Call {
        offset,
        source: Box::new(error),
    }
}

fn unbelievable(reason: FailureReason, builder: &SnapshotBuilder) -> ListingError {
    ListingError::Unbelievable {
        reason,
        unique: builder.len(),
        pages: builder.pages(),
        reported: builder.reported(),
    }
}
