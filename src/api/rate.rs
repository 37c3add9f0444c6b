//! How fast calls may go out: a token bucket over given moments, slowed when the cloud asks for it. It never waits; it
//! says how long to.

use std::time::Duration;

use tokio::time::Instant;

/// How long a throttled rate stays halved (`semantics.md`, section 2).
const HALVED_FOR: Duration = Duration::from_secs(600);

/// A limit as the cloud stated it: so many calls in any window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Calls.
    pub requests: u32,
    /// In any time this long.
    pub window: Duration,
}

/// A rate of calls after a burst.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    per_second: f64,
    burst: f64,
}

impl Pace {
    /// The fastest pace that keeps a limit in every window, whatever was sent before.
    fn within(limit: Limit) -> Self {
        let (requests, window) = (f64::from(limit.requests.max(1)), limit.window.as_secs_f64().max(1.0));
        let burst = (requests / 4.0).floor().max(1.0);
        Self {
            per_second: (requests - burst).max(requests / 2.0) / window,
            burst,
        }
    }

    fn slower_of(self, other: Self) -> Self {
        Self {
            per_second: self.per_second.min(other.per_second),
            burst: self.burst.min(other.burst),
        }
    }
}

/// A bucket that fills at a rate up to a burst. Calls reserve a place and may have to wait for it, in order.
#[derive(Debug)]
pub(super) struct Bucket {
    pace: Pace,
    halved_until: Option<Instant>,
    /// Negative while calls are waiting.
    level: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket; the rate is positive.
    pub(super) fn new(per_second: f64, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self {
            pace: Pace { per_second, burst },
            halved_until: None,
            level: burst,
            filled_at: now,
        }
    }

    /// Calls a second at this moment.
    pub(super) fn per_second(&self, now: Instant) -> f64 {
        let is_halved = self.halved_until.is_some_and(|until| now < until);
        self.pace.per_second / if is_halved { 2.0 } else { 1.0 }
    }

    /// How long a call made now would wait.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        let per_second = self.per_second(now);
        self.level = (self.level + elapsed * per_second).min(self.pace.burst);
        self.filled_at = now;
        Duration::from_secs_f64(((1.0 - self.level) / per_second).max(0.0))
    }

    /// Takes a place; returns how long to wait for it.
    pub(super) fn reserve(&mut self, now: Instant) -> Duration {
        let wait = self.wait(now);
        self.level -= 1.0;
        wait
    }

    /// The cloud throttled a call: half the rate for ten minutes, no burst now, and the limit it stated from now on.
    pub(super) fn throttled(&mut self, stated: Option<Limit>, now: Instant) {
        self.wait(now);
        if let Some(limit) = stated {
            self.pace = self.pace.slower_of(Pace::within(limit));
        }
        self.halved_until = Some(now + HALVED_FOR);
        self.level = self.level.min(0.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_goes_out_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, 5, start);
        let waits: Vec<u128> = (0..8).map(|_| bucket.reserve(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 500, 1_000, 1_500]);
    }

    #[test]
    fn a_quiet_time_refills_no_more_than_a_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, 2, start);
        let later = start + Duration::from_secs(3_600);
        let waits: Vec<u128> = (0..3).map(|_| bucket.reserve(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500]);
    }

    #[test]
    fn a_throttled_rate_is_halved_once_for_ten_minutes() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, 5, start);
        bucket.throttled(None, start);
        bucket.throttled(None, start);
        assert_eq!(bucket.reserve(start), Duration::from_secs(1));
        let rate_after = |seconds| bucket.per_second(start + Duration::from_secs(seconds));
        assert_eq!((rate_after(0), rate_after(599), rate_after(600)), (1.0, 1.0, 2.0));
    }

    #[test]
    fn a_faster_limit_than_ours_changes_nothing_but_the_halving() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, 5, start);
        let limit = Limit {
            requests: 200,
            window: Duration::from_secs(60),
        };
        bucket.throttled(Some(limit), start);
        assert!((bucket.per_second(start + HALVED_FOR) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_stated_limit_is_used_as_far_as_it_can_be() {
        let within = |requests, seconds| {
            let pace = Pace::within(Limit {
                requests,
                window: Duration::from_secs(seconds),
            });
            (pace.burst, pace.per_second)
        };
        assert_eq!(within(200, 60), (50.0, 2.5));
        assert_eq!(within(9, 7), (2.0, 1.0));
        assert_eq!(within(1, 10), (1.0, 0.05));
    }

    proptest! {
        #[test]
        fn a_stated_limit_is_kept_in_every_window(
            requests in 1_u32..60,
            window in 1_u64..120,
            gaps in proptest::collection::vec(0_u64..20, 1..200),
        ) {
            let limit = Limit { requests, window: Duration::from_secs(window) };
            let start = Instant::now();
            let mut bucket = Bucket::new(1_000.0, 1_000, start);
            bucket.throttled(Some(limit), start);
            // After the halving, which would make it easy.
            let mut now = start + HALVED_FOR;
            let mut sent: Vec<Instant> = Vec::new();
            for gap in gaps {
                now += Duration::from_secs(gap);
                let at = now + bucket.reserve(now);
                sent.push(at);
                now = now.max(at);
            }
            for (position, first) in sent.iter().enumerate() {
                let end = *first + limit.window;
                let inside = sent[position..].iter().filter(|moment| **moment < end).count();
                prop_assert!(inside <= requests as usize, "{inside} calls in a window of {requests}");
            }
        }
    }
}
