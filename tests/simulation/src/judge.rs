//! Compares every scrape and every publication with the truth: the invariants I1 to I6, I8 and I9 of `semantics.md`,
//! section 5. It has never heard of how the exporter works.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use workspace_simulator::Chronicle;

use crate::scrape::Scrape;
use crate::weather::CALM_AFTER;

/// Two replicas of the cloud may be this far apart.
const LAG_MAXIMUM: SignedDuration = SignedDuration::from_secs(20);

/// Calls in any minute: two operations at two a second after bursts of five, and the few that credentials take.
const CALLS_A_MINUTE_MAXIMUM: usize = 2 * (120 + 5) + 20;

/// Tasks of one poller, one scraper and the weather.
const TASKS_MAXIMUM: usize = 40;

/// Seconds by which a row's rounding may differ from the truth.
const ROUNDING: f64 = 0.01;

/// The bounds of one world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) interval: Duration,
    pub(crate) listing: Duration,
    pub(crate) scrape_interval: Duration,
}

impl Bounds {
    /// B of the contract: interval, listing deadline and scrape interval.
    fn reach(&self) -> SignedDuration {
        // Ticks are early or late by a tenth of the interval.
        let reach = self.interval.mul_f64(1.1) + self.listing + self.scrape_interval;
        SignedDuration::try_from(reach).unwrap_or(SignedDuration::MAX)
    }
}

/// What the judge knows of the moment of a scrape beside what it shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The cloud's time, which is the true one.
    pub(crate) now: Timestamp,
    /// The exporter's clock minus the true time.
    pub(crate) skew: SignedDuration,
    /// Since when nothing is wrong.
    pub(crate) calm_since: Option<Timestamp>,
    /// The exporter's clock has been right for long.
    pub(crate) is_clock_right: bool,
    /// The server does not sort.
    pub(crate) is_unsorted: bool,
    /// The server shows nothing at all.
    pub(crate) is_blind: bool,
    /// Calls in the last minute.
    pub(crate) calls: usize,
    /// Tasks that are alive.
    pub(crate) tasks: usize,
}

/// Judges one world.
pub(crate) struct Judge {
    bounds: Bounds,
    last: Option<Scrape>,
    /// Since when it is calm, and the polls that had ended at its first scrape, but for those that the shrink guard rejects:
    /// it takes its time by contract.
    calm: Option<(Timestamp, f64)>,
    /// The first scrape of this run of the exporter.
    awake_since: Option<Timestamp>,
    /// The exporter has seen desktops, in this run or through what an earlier one saved.
    knows_a_fleet: bool,
    /// Since when the shrink guard has rejected every poll.
    guarded_since: Option<Timestamp>,
    pub(crate) violations: Vec<String>,
    pub(crate) scrapes: u64,
    pub(crate) resolved: u64,
}

impl Judge {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            last: None,
            calm: None,
            awake_since: None,
            knows_a_fleet: false,
            guarded_since: None,
            violations: Vec::new(),
            scrapes: 0,
            resolved: 0,
        }
    }

    fn violated(&mut self, moment: &Moment, what: &str) {
        self.violations.push(format!("{}: {what}", moment.now));
    }

    /// The exporter was killed. What it saved is shown again, if anything usable was saved; times begin anew.
    pub(crate) fn restarted(&mut self, has_state: bool) {
        self.calm = None;
        self.awake_since = None;
        self.guarded_since = None;
        self.knows_a_fleet &= has_state;
        match &mut self.last {
            // What was published after the last save is forgotten with the process.
            Some(last) if has_state => last.snapshot_timestamp = None,
            _ => self.last = None,
        }
    }

    /// Judges a scrape that was answered.
    pub(crate) fn scraped(&mut self, scrape: Scrape, moment: &Moment, truth: &Chronicle) {
        self.scrapes += 1;
        self.no_false_resolve(&scrape, moment, truth);
        self.bounded_detection(&scrape, moment, truth);
        self.no_ghost(&scrape, moment, truth);
        self.honest_times(&scrape, moment);
        self.liveness(&scrape, moment);
        self.limits(moment);
        self.last = Some(scrape);
    }

    /// I1.
    fn no_false_resolve(&mut self, scrape: &Scrape, moment: &Moment, truth: &Chronicle) {
        let Some(last) = &self.last else { return };
        let gone: Vec<String> = last.in_error.difference(&scrape.in_error).cloned().collect();
        self.resolved += gone.len() as u64;
        let from = moment.now - self.bounds.reach() - LAG_MAXIMUM;
        for id in gone {
            if truth
                .get(&id)
                .is_some_and(|record| record.was_in_error_throughout(from, moment.now))
            {
                self.violated(moment, &format!("I1: {id} is in ERROR and left the scrape"));
            }
        }
    }

    /// I2.
    fn bounded_detection(&mut self, scrape: &Scrape, moment: &Moment, truth: &Chronicle) {
        let from = moment.now - self.bounds.reach() - self.bounds.reach();
        if !is_calm(moment, from) {
            return;
        }
        for (id, record) in truth.iter() {
            if record.was_in_error_throughout(from, moment.now) && !scrape.in_error.contains(id) {
                self.violated(moment, &format!("I2: {id} has been in ERROR for 2B and is not shown"));
            }
        }
    }

    /// I3.
    fn no_ghost(&mut self, scrape: &Scrape, moment: &Moment, truth: &Chronicle) {
        let three_listings = SignedDuration::try_from(3 * self.bounds.interval).unwrap_or(SignedDuration::MAX);
        let from = moment.now - self.bounds.reach() - three_listings;
        if !is_calm(moment, from) {
            return;
        }
        for id in &scrape.desktops {
            let deleted_at = truth.get(id).map(|record| record.deleted_at);
            if deleted_at.is_none_or(|deleted_at| deleted_at.is_some_and(|deleted_at| deleted_at < from)) {
                self.violated(
                    moment,
                    &format!("I3: {id} was deleted {deleted_at:?} and is still shown"),
                );
            }
        }
    }

    /// I4 and I5.
    fn honest_times(&mut self, scrape: &Scrape, moment: &Moment) {
        let here = (moment.now + moment.skew).as_duration().as_secs_f64();
        if let (Some(snapshot), Some(attempt)) = (scrape.snapshot_timestamp, scrape.last_attempt)
            && moment.is_clock_right
            && self
                .last
                .as_ref()
                .is_some_and(|last| last.last_attempt == scrape.last_attempt)
            && snapshot > attempt.max(here) + ROUNDING
        {
            self.violated(
                moment,
                &format!("I4: a snapshot of {snapshot}, and the last poll began at {attempt}"),
            );
        }
        let before = self.last.as_ref().and_then(|last| last.snapshot_timestamp);
        if let (Some(before), Some(now)) = (before, scrape.snapshot_timestamp)
            && now < before
        {
            self.violated(moment, &format!("I4: the snapshot's time fell from {before} to {now}"));
        }
        if scrape.is_up && scrape.is_restored {
            self.violated(moment, "I5: up with the snapshot of an earlier run");
        }
        let oldest = 3.0 * self.bounds.interval.as_secs_f64() + self.bounds.listing.as_secs_f64() + 10.0;
        if let Some(snapshot) = scrape.snapshot_timestamp
            && moment.is_clock_right
            && scrape.is_up
            && here - snapshot > oldest
        {
            self.violated(
                moment,
                &format!("I5: up with a listing that began {} s ago", here - snapshot),
            );
        }
    }

    /// I6, at the moment of a publication: `listed_at` is when its listing began.
    pub(crate) fn published(
        &mut self,
        shown: &BTreeSet<String>,
        listed_at: Timestamp,
        moment: &Moment,
        truth: &Chronicle,
    ) {
        self.knows_a_fleet |= !shown.is_empty();
        if moment.is_blind && !self.knows_a_fleet {
            // An empty answer to an exporter that knows of nothing: nobody could know better.
            return;
        }
        for (id, record) in truth.iter() {
            if record.lived_throughout(listed_at - LAG_MAXIMUM, moment.now) && !shown.contains(id) {
                self.violated(
                    moment,
                    &format!("I6: {id} lived throughout the listing and is not in the snapshot"),
                );
            }
        }
    }

    /// Whether the shrink guard holds the exporter up: by contract it takes three listings and five minutes.
    fn is_guarded(&mut self, scrape: &Scrape, moment: &Moment) -> bool {
        let (polls, shrunken) = self
            .last
            .as_ref()
            .map_or((scrape.polls, scrape.shrunken), |last| (last.polls, last.shrunken));
        if scrape.shrunken > shrunken {
            self.guarded_since.get_or_insert(moment.now);
        } else if scrape.polls > polls {
            self.guarded_since = None;
        }
        let longest = Duration::from_secs(300) + 3 * self.bounds.interval + self.bounds.listing;
        let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
        self.guarded_since
            .is_some_and(|since| moment.now.duration_since(since) <= longest)
    }

    /// I8.
    fn liveness(&mut self, scrape: &Scrape, moment: &Moment) {
        let is_guarded = self.is_guarded(scrape, moment);
        let Some(since) = moment.calm_since else {
            self.calm = None;
            return;
        };
        let (began, polls) = *self.calm.get_or_insert((since, scrape.polls - scrape.shrunken));
        // The poll under way when the faults stopped does not count.
        let passes = if moment.is_unsorted { 5.0 } else { 2.0 };
        let made = scrape.polls - scrape.shrunken;
        if made >= polls + passes + 1.0 && !scrape.is_up && !is_guarded {
            self.violated(
                moment,
                &format!("I8: calm since {began}, {} polls later not up", made - polls),
            );
        }
        let longest = SignedDuration::try_from(CALM_AFTER).unwrap_or(SignedDuration::MAX) + self.bounds.reach();
        let awake_since = *self.awake_since.get_or_insert(moment.now);
        if moment.now.duration_since(since.max(awake_since)) > longest && !scrape.is_up && !is_guarded {
            self.violated(moment, &format!("I8: calm since {began} and not up"));
        }
    }

    /// I9.
    fn limits(&mut self, moment: &Moment) {
        if moment.calls > CALLS_A_MINUTE_MAXIMUM {
            self.violated(moment, &format!("I9: {} calls in a minute", moment.calls));
        }
        if moment.tasks > TASKS_MAXIMUM {
            self.violated(moment, &format!("I9: {} tasks", moment.tasks));
        }
    }
}

/// Whether all is well from a moment on, with time before it to recover.
fn is_calm(moment: &Moment, from: Timestamp) -> bool {
    let recovery = SignedDuration::try_from(CALM_AFTER).unwrap_or(SignedDuration::MAX);
    moment.calm_since.is_some_and(|since| since + recovery <= from)
}
