//! How fast calls may go out: a token bucket over given moments. It never waits; it says how long to.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills at a rate up to a burst. Calls reserve a place and may have to wait for it, in order.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    /// Negative while calls are waiting.
    level: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket; the rate is positive.
    pub(super) fn new(per_second: f64, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self {
            per_second,
            burst,
            level: burst,
            filled_at: now,
        }
    }

    /// Takes a place; returns how long to wait for it.
    pub(super) fn reserve(&mut self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.level = (self.level + elapsed * self.per_second).min(self.burst) - 1.0;
        self.filled_at = now;
        Duration::from_secs_f64((-self.level / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
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
}
