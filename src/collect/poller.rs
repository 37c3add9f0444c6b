//! The loop of one project: wait for a tick or the stop, do one pass, publish or count.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::listing::{self, ListingError};
use super::networks::{self, Batching, Extent, NetworkPass};
use crate::api::Client;
use crate::causes;
use crate::config::Settings;
use crate::inventory::{Losses, Networks, SnapshotBuilder};
use crate::own_metrics::ProjectMetrics;
use crate::publish::Publisher;
use crate::seams::{Chance, WallClock};

/// The longest a listing may take, whatever the interval (`semantics.md`, section 2).
const LISTING_MAXIMUM: Duration = Duration::from_secs(240);

/// The part of the interval that a listing may take.
const LISTING_PART: f64 = 0.8;

/// A pass over the networks may take this long, whatever the interval.
const NETWORK_MINIMUM: Duration = Duration::from_secs(30);

/// New words are logged once each; past this many a log line would tell nobody anything.
const LOGGED_WORDS_MAXIMUM: usize = 100;

/// How often and how widely the cloud is asked.
#[derive(Debug, Clone)]
pub struct Pace {
    interval: Duration,
    jitter: f64,
    network_interval: Option<Duration>,
    page_size: usize,
    batching: Batching,
}

impl Pace {
    /// Takes what matters here from the settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            interval: settings.collect.interval,
            jitter: settings.collect.jitter,
            network_interval: settings.collect.network_interval,
            page_size: settings.api.page_size,
            batching: Batching {
                batch_size: settings.api.network_batch_size,
                concurrency: settings.api.concurrency,
            },
        }
    }

    fn listing_deadline(&self) -> Duration {
        self.interval.mul_f64(LISTING_PART).min(LISTING_MAXIMUM)
    }

    /// Networks may hold a short interval's next poll up: a first pass over a small fleet ends in any case.
    fn network_deadline(&self) -> Duration {
        self.listing_deadline().max(NETWORK_MINIMUM)
    }

    /// When the next poll begins after one that began at `last`. A poll that outlasts the interval is followed at
    /// once; polls never overlap.
    fn next_after(&self, last: Instant, chance: f64) -> Instant {
        let around_one = 1.0 + self.jitter * (2.0 * chance - 1.0);
        last + self.interval.mul_f64(around_one)
    }
}

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
    networks: Networks,
    networks_began_at: Option<Instant>,
    networks_completed_at: Option<Instant>,
    logged_words: HashSet<(&'static str, Box<str>)>,
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
        Self {
            project,
            client,
            pace,
            publisher,
            metrics,
            clock,
            chance,
            networks: Networks::default(),
            networks_began_at: None,
            networks_completed_at: None,
            logged_words: HashSet::new(),
        }
    }

    /// Polls at once, then at each tick, until `stop`. A poll under way is given up.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(next) => {}
            }
            next = self.pace.next_after(Instant::now(), self.chance.fraction());
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.poll() => {}
            }
        }
    }

    /// One poll: a snapshot is published whole, or the last one stays.
    #[tracing::instrument(name = "poll", skip_all, fields(project = %self.project))]
    async fn poll(&mut self) {
        let began_at = Instant::now();
        let listed_at = self.clock.now();
        self.metrics
            .poll_began(Duration::try_from(listed_at.as_duration()).unwrap_or_default());
        let deadline = self.pace.listing_deadline();
        let listing = listing::list_all(&self.client, self.pace.page_size, listed_at);
        let listed = timeout(deadline, listing)
            .await
            .unwrap_or(Err(ListingError::TooSlow(deadline)));
        match listed {
            Ok(builder) => self.complete(builder, began_at).await,
            Err(error) => {
                let reason = error.reason();
                self.metrics.poll_failed(error.result(), reason, began_at.elapsed());
                tracing::warn!(
                    reason = reason.as_str(),
                    error = %causes::line(&error),
                    "poll failed, the last snapshot stays"
                );
            }
        }
    }

    /// Asks for networks and publishes; their failure costs the desktops nothing.
    async fn complete(&mut self, mut builder: SnapshotBuilder, began_at: Instant) {
        let pass = self.ask_networks(&builder).await;
        builder.found_losses(pass.losses);
        self.networks = pass.networks;
        if let Some(shortfall) = pass.shortfall {
            tracing::warn!(error = %causes::line(&shortfall), "networks were not all read, what was known of them stays");
        }
        let snapshot = Arc::new(builder.build(&self.networks));
        self.report_losses(snapshot.losses());
        let sequence = self.publisher.publish(&snapshot, self.networks_completed_at);
        let elapsed = began_at.elapsed();
        self.metrics.poll_succeeded(elapsed);
        tracing::info!(
            snapshot.sequence = sequence,
            desktops = snapshot.entries().len(),
            pages = snapshot.pages(),
            elapsed_ms = elapsed.as_millis(),
            "snapshot published"
        );
    }

    async fn ask_networks(&mut self, builder: &SnapshotBuilder) -> NetworkPass {
        let began_at = Instant::now();
        let is_due = match (self.pace.network_interval, self.networks_began_at) {
            (Some(interval), Some(last)) => began_at.duration_since(last) >= interval,
            _ => true,
        };
        let extent = if is_due { Extent::All } else { Extent::Unknown };
        let ids = builder.ids();
        let deadline = began_at + self.pace.network_deadline();
        let pass = networks::ask(&self.client, &ids, &self.networks, extent, self.pace.batching, deadline).await;
        if is_due {
            self.networks_began_at = Some(began_at);
            if pass.shortfall.is_none() {
                self.networks_completed_at = Some(Instant::now());
            }
        }
        pass
    }

    /// Counts what was not understood; a new word is logged once, with the field it stood in.
    fn report_losses(&mut self, losses: &Losses) {
        for ((field, raw), count) in &losses.unknown_words {
            self.metrics.found_unknown_values(field, *count);
            let word = (*field, raw.clone());
            if self.logged_words.len() < LOGGED_WORDS_MAXIMUM && self.logged_words.insert(word) {
                tracing::warn!(field, value = ?raw, "the API sent a state word that is not known, shown as unknown");
            }
        }
        for (field, count) in &losses.other_shapes {
            self.metrics.found_other_shapes(field, *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(interval: u64) -> Pace {
        let mut settings = Settings::default();
        settings.collect.interval = Duration::from_secs(interval);
        Pace::of(&settings)
    }

    #[test]
    fn ticks_spread_around_the_interval_by_the_jitter() {
        let start = Instant::now();
        let after = |chance| pace(60).next_after(start, chance).duration_since(start).as_secs();
        assert_eq!((after(0.0), after(0.5), after(0.999_999)), (54, 60, 65));
    }

    #[test]
    fn a_listing_ends_before_the_next_tick_and_within_four_minutes() {
        assert_eq!(pace(60).listing_deadline(), Duration::from_secs(48));
        assert_eq!(pace(3_600).listing_deadline(), Duration::from_secs(240));
    }
}
