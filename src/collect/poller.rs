//! The loop of one project: wait for a tick or the stop, read the list, judge it, publish or count. Networks are asked for
//! beside it and renew what is published.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::confirm::confirm;
use super::judge::{Case, Record, Verdict, judge};
use super::listing::{self, ListingError, Proof};
use super::networks::{Extent, NetworkKeeper, renewed};
use super::pace::Pace;
use super::schedule::{Ending, Schedule};
use crate::api::Client;
use crate::causes;
use crate::inventory::{Losses, Snapshot, SnapshotBuilder};
use crate::own_metrics::ProjectMetrics;
use crate::publish::Publisher;
use crate::seams::{Chance, WallClock};

/// The first snapshot waits this long for its networks, so that a small fleet appears whole.
const FIRST_NETWORKS: Duration = Duration::from_secs(5);

/// New words are logged once each; past this many a log line would tell nobody anything.
const LOGGED_WORDS_MAXIMUM: usize = 100;

/// Polls one project until it is stopped.
#[derive(Debug)]
pub struct Poller {
    project: String,
    client: Client,
    pace: Pace,
    publisher: Publisher,
    metrics: ProjectMetrics,
    clock: WallClock,
    chance: Chance,
    networks: NetworkKeeper,
    /// A new listing was published.
    was_published: Notify,
    logged_words: Mutex<HashSet<(&'static str, Box<str>)>>,
}

impl Poller {
    /// Puts the parts together; nothing is asked before `run`.
    #[must_use]
    pub fn new(
        project: String,
        client: Client,
        pace: Pace,
        publisher: Publisher,
        metrics: ProjectMetrics,
        clock: WallClock,
        chance: Chance,
    ) -> Self {
        let networks = NetworkKeeper::new(
            client.clone(),
            pace.batching,
            pace.network_interval,
            pace.network_max_age,
        );
        Self {
            project,
            client,
            pace,
            publisher,
            metrics,
            clock,
            chance,
            networks,
            was_published: Notify::new(),
            logged_words: Mutex::default(),
        }
    }

    /// Polls at once, then at each tick, until `stop`. A poll under way is given up.
    pub async fn run(self, stop: CancellationToken) {
        if let Some(published) = self.publisher.current() {
            self.networks.adopt(&published.snapshot);
        }
        // In this order always: which comes first must not be left to chance.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.keep_listing() => {}
            () = self.keep_networks() => {}
        }
    }

    async fn keep_listing(&self) {
        let mut schedule = Schedule::new(self.pace.interval, self.pace.jitter);
        let mut record = Record::default();
        loop {
            let began_at = Instant::now();
            let ending = self.poll(began_at, &mut record).await;
            let next = schedule.after(began_at, Instant::now(), ending, self.chance.fraction());
            self.metrics.polls_skipped(next.skipped);
            sleep_until(next.at).await;
        }
    }

    /// One poll: a snapshot is published whole, or the last one stays.
    #[tracing::instrument(name = "poll", skip_all, fields(project = %self.project))]
    async fn poll(&self, began_at: Instant, record: &mut Record) -> Ending {
        let listed_at = self.clock.now();
        self.metrics
            .poll_began(Duration::try_from(listed_at.as_duration()).unwrap_or_default());
        let read = self.read_and_judge(listed_at, began_at, record).await;
        let ending = match read {
            Ok(builder) => {
                self.publish(builder, began_at).await;
                Ending::default()
            }
            Err(error) => self.fail(&error, began_at),
        };
        self.publisher.attempted();
        ending
    }

    async fn read_and_judge(
        &self,
        listed_at: Timestamp,
        began_at: Instant,
        record: &mut Record,
    ) -> Result<SnapshotBuilder, ListingError> {
        let patience = self.pace.listing_patience();
        let deadline = began_at + patience;
        let client = self.client.until(deadline);
        let before = self.publisher.current().map(|published| published.snapshot);
        // Published times never go back, whatever the clock does.
        let listed_at = before
            .as_ref()
            .map_or(listed_at, |before| listed_at.max(before.listed_at()));
        let reading = listing::read(&client, self.pace.reading, &self.metrics, listed_at, deadline);
        let read = timeout_at(deadline, reading).await;
        let builder = read.unwrap_or(Err(ListingError::TooSlow(patience)))?;
        match &before {
            Some(before) if self.pace.reading.proof == Proof::Anchored => {
                self.judge(before, builder, &client, record).await
            }
            _ => Ok(builder),
        }
    }

    /// Judges a listing against the last one, asking for vanished desktops if need be.
    async fn judge(
        &self,
        before: &Snapshot,
        mut builder: SnapshotBuilder,
        client: &Client,
        record: &mut Record,
    ) -> Result<SnapshotBuilder, ListingError> {
        let mut confirmation = None;
        loop {
            let (verdict, next) = judge(&Case {
                before: Some(before),
                listed: &builder,
                confirmation: confirmation.as_ref(),
                record,
                now: Instant::now(),
            });
            *record = next;
            match verdict {
                Verdict::Confirm(ids) => confirmation = Some(confirm(client, ids, self.pace.batching).await),
                Verdict::Reject(reason) => return Err(ListingError::Rejected(reason)),
                Verdict::Publish { held } => {
                    for entry in held.iter().filter_map(|id| before.get(id)) {
                        builder.hold(entry);
                    }
                    let put_back = confirmation.map_or_else(Vec::new, |confirmation| confirmation.answered);
                    self.metrics.gaps_found(put_back.len() as u64);
                    for desktop in put_back {
                        builder.found_desktop(desktop);
                    }
                    return Ok(builder);
                }
            }
        }
    }

    async fn publish(&self, builder: SnapshotBuilder, began_at: Instant) {
        let before = self.publisher.current().map(|published| published.snapshot);
        if before.is_none() {
            let deadline = Instant::now() + FIRST_NETWORKS;
            self.networks.pass(builder.desktops(), Extent::All, deadline).await;
        }
        let now = Instant::now();
        let snapshot = self
            .networks
            .with(|networks| builder.build(before.as_deref(), networks, now));
        let snapshot = Arc::new(snapshot);
        self.networks.retain(&snapshot);
        self.report_losses(snapshot.losses());
        let sequence = self.publisher.publish(&snapshot, self.networks.facts());
        let elapsed = began_at.elapsed();
        self.metrics.poll_succeeded(elapsed);
        tracing::info!(
            snapshot.sequence = sequence,
            desktops = snapshot.entries().len(),
            held = snapshot.held(),
            pages = snapshot.pages(),
            elapsed_ms = elapsed.as_millis(),
            "snapshot published"
        );
        self.was_published.notify_one();
    }

    fn fail(&self, error: &ListingError, began_at: Instant) -> Ending {
        let (result, reason) = (error.result(), error.reason());
        self.metrics.poll_failed(result, reason, began_at.elapsed());
        tracing::warn!(
            reason = reason.as_str(),
            error = %causes::line(error),
            "poll failed, the last snapshot stays"
        );
        Ending {
            was_denied: error.result() == crate::own_metrics::PollResult::Denied,
            retry_after: error.retry_after(),
        }
    }

    /// Asks for networks after each publication and at their own cadence, and renews what is published.
    async fn keep_networks(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.was_published.notified() => {}
                () = sleep_until(self.networks.due_at()) => {}
            }
            let Some(published) = self.publisher.current() else {
                // Nothing is listed yet; the first publication tells.
                self.was_published.notified().await;
                continue;
            };
            let now = Instant::now();
            let is_due = now >= self.networks.due_at();
            let extent = if is_due { Extent::All } else { Extent::Fresh };
            let desktops = published.snapshot.entries().iter().map(|entry| &*entry.desktop);
            let deadline = now + self.networks.patience();
            if self.networks.pass(desktops, extent, deadline).await {
                self.renew();
            }
        }
    }

    fn renew(&self) {
        self.report_losses(&self.networks.take_losses());
        let Some(published) = self.publisher.current() else {
            return;
        };
        let now = Instant::now();
        let snapshot = self
            .networks
            .with(|networks| renewed(&published.snapshot, networks, now));
        self.publisher.renew(snapshot, self.networks.facts());
    }

    /// Counts what was not understood; a new word is logged once, with the field it stood in.
    fn report_losses(&self, losses: &Losses) {
        // A set is whole between any two insertions, so a panic elsewhere cannot have spoilt it.
        let mut logged_words = self.logged_words.lock().unwrap_or_else(PoisonError::into_inner);
        for ((field, raw), count) in &losses.unknown_words {
            self.metrics.found_unknown_values(field, *count);
            let word = (*field, raw.clone());
            if logged_words.len() < LOGGED_WORDS_MAXIMUM && logged_words.insert(word) {
                tracing::warn!(field, value = ?raw, "the API sent a state word that is not known, shown as unknown");
            }
        }
        for (field, count) in &losses.other_shapes {
            self.metrics.found_other_shapes(field, *count);
        }
    }
}
