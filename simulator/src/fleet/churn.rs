//! Who comes and who goes, and when: people are hired in batches, desktops are deleted one by one or a few at a time.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_pcg::Pcg32;

use super::desktop::Desktop;

/// How restless a fleet is.
#[derive(Debug, Clone, Copy)]
pub struct Churn {
    /// The mean time from one coming or going to the next.
    pub pause: SignedDuration,
    /// The most desktops that come at once, with equal creation times, or go at once.
    pub batch: u32,
    /// The fleet shrinks no further.
    pub minimum: usize,
    /// Of a thousand desktops, so many go in and out of ERROR all the time.
    pub flapping: u32,
}

impl Churn {
    /// Whether the desktop of this number is one that flaps.
    pub(super) fn flaps(self, number: usize, seed: u64) -> bool {
        Pcg32::new(seed ^ 0x00f1_a950, number as u64).random_ratio(self.flapping.min(1_000), 1_000)
    }
}

/// One coming or going.
pub(super) struct Turn {
    pub(super) hires: u32,
    /// Ids, and whether the deletion shows as a task first.
    pub(super) dismissals: Vec<(String, bool)>,
}

/// The stream of comings and goings.
#[derive(Debug, Clone)]
pub(super) struct Comings {
    churn: Churn,
    random: Pcg32,
    due: Timestamp,
    size_at_first: Option<usize>,
}

impl Comings {
    pub(super) fn new(churn: Churn, seed: u64, now: Timestamp) -> Self {
        let mut comings = Self {
            churn,
            random: Pcg32::new(seed, 0xc4),
            due: now,
            size_at_first: None,
        };
        comings.plan(now);
        comings
    }

    pub(super) fn churn(&self) -> Churn {
        self.churn
    }

    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    fn plan(&mut self, now: Timestamp) {
        let mean = u64::try_from(self.churn.pause.as_millis()).unwrap_or(1).max(1);
        let pause = self.random.random_range(1..=2 * mean);
        self.due = now + SignedDuration::from_millis(i64::try_from(pause).unwrap_or(i64::MAX));
    }

    /// What happens now; the fleet stays around the size it had at first.
    pub(super) fn next(&mut self, desktops: &[Desktop], now: Timestamp) -> Turn {
        self.plan(now);
        let size_at_first = *self.size_at_first.get_or_insert(desktops.len());
        let count = self.random.random_range(1..=self.churn.batch.max(1));
        let is_growth = self.random.random_ratio(1, 2) && desktops.len() < size_at_first + size_at_first / 2;
        let mut turn = Turn {
            hires: 0,
            dismissals: Vec::new(),
        };
        if is_growth || desktops.len() <= self.churn.minimum {
            turn.hires = count;
            return turn;
        }
        for _ in 0..count.min(u32::try_from(desktops.len() - self.churn.minimum).unwrap_or(u32::MAX)) {
            let place = self.random.random_range(0..desktops.len());
            turn.dismissals
                .push((desktops[place].id.clone(), self.random.random_ratio(7, 10)));
        }
        turn
    }
}
