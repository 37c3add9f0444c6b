//! When the next poll begins: a pure decision over when the last one began, how it ended and what the cloud asked for.

use std::time::Duration;

use tokio::time::Instant;

/// A refused project is asked less and less often, down to this (`semantics.md`, section 3).
const DENIED_INTERVAL_MAXIMUM: Duration = Duration::from_secs(600);

/// The longest that a Retry-After keeps us away (`semantics.md`, section 2).
const RETRY_AFTER_MAXIMUM: Duration = Duration::from_secs(900);

/// How a poll ended, as far as it matters for the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ending {
    /// The cloud refused, and will again.
    pub(super) was_denied: bool,
    /// How long the cloud asked us to stay away.
    pub(super) retry_after: Option<Duration>,
}

/// The ticks of one project.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    jitter: f64,
    denied_in_a_row: u32,
}

/// The next poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// When it begins.
    pub(super) at: Instant,
    /// Polls that would have begun meanwhile and do not.
    pub(super) skipped: u64,
}

impl Schedule {
    /// A tick each interval, early or late by up to this part of it.
    pub(super) fn new(interval: Duration, jitter: f64) -> Self {
        Self {
            interval,
            jitter,
            denied_in_a_row: 0,
        }
    }

    /// Decides after a poll. One that outlasts the interval is followed at once; polls never overlap. `chance` is a
    /// fraction below 1.
    pub(super) fn after(&mut self, began_at: Instant, ended_at: Instant, ending: Ending, chance: f64) -> Next {
        self.denied_in_a_row = if ending.was_denied { self.denied_in_a_row + 1 } else { 0 };
        let doubled = self.interval.saturating_mul(1 << self.denied_in_a_row.min(16));
        let interval = doubled.min(DENIED_INTERVAL_MAXIMUM).max(self.interval);
        let tick = began_at + interval.mul_f64(1.0 + self.jitter * (2.0 * chance - 1.0));
        let asked = ending.retry_after.unwrap_or_default().min(RETRY_AFTER_MAXIMUM);
        let at = tick.max(ended_at + asked);
        let late = at.saturating_duration_since(tick);
        let skipped = late.as_nanos() / self.interval.as_nanos().max(1);
        Next {
            at,
            skipped: u64::try_from(skipped).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: f64 = 0.5;

    /// Seconds until the next poll begins, and how many are skipped, after one that took so long.
    fn after(schedule: &mut Schedule, took: u64, ending: Ending, chance: f64) -> (u64, u64) {
        let began_at = Instant::now();
        let next = schedule.after(began_at, began_at + Duration::from_secs(took), ending, chance);
        (next.at.duration_since(began_at).as_secs(), next.skipped)
    }

    fn schedule() -> Schedule {
        Schedule::new(Duration::from_secs(60), 0.1)
    }

    #[test]
    fn ticks_spread_around_the_interval_by_the_jitter() {
        let at = |chance| after(&mut schedule(), 1, Ending::default(), chance);
        assert_eq!((at(0.0), at(MIDDLE), at(0.999_999)), ((54, 0), (60, 0), (65, 0)));
    }

    #[test]
    fn a_poll_that_outlasts_its_interval_is_followed_at_once_and_those_it_cost_are_counted() {
        let took = |seconds| after(&mut schedule(), seconds, Ending::default(), MIDDLE);
        assert_eq!((took(59), took(61), took(200)), ((60, 0), (61, 0), (200, 2)));
    }

    #[test]
    fn refusals_double_the_interval_up_to_ten_minutes_and_a_success_ends_that() {
        let denied = Ending {
            was_denied: true,
            retry_after: None,
        };
        let mut schedule = schedule();
        let waits: Vec<u64> = (0..5).map(|_| after(&mut schedule, 1, denied, MIDDLE).0).collect();
        assert_eq!(waits, [120, 240, 480, 600, 600]);
        assert_eq!(after(&mut schedule, 1, Ending::default(), MIDDLE), (60, 0));
        let mut slow = Schedule::new(Duration::from_secs(3_600), 0.0);
        assert_eq!(after(&mut slow, 1, denied, MIDDLE), (3_600, 0));
    }

    #[test]
    fn the_cloud_is_left_alone_as_long_as_it_asks_up_to_a_quarter_of_an_hour() {
        let asked = |seconds| Ending {
            was_denied: false,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(after(&mut schedule(), 1, asked(10), MIDDLE), (60, 0));
        assert_eq!(after(&mut schedule(), 1, asked(300), MIDDLE), (301, 4));
        assert_eq!(after(&mut schedule(), 1, asked(1_000_000), MIDDLE), (901, 14));
    }
}
