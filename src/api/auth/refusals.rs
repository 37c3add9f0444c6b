//! How often a refused credential may be tried: five failures in a row lock an access key for five minutes
//! (`api/facts.md`, section 6.3), so at most three are made in any five minutes. Pure: moments are arguments.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Refusals in any five minutes.
const FAILURES_MAXIMUM: usize = 3;
const WINDOW: Duration = Duration::from_secs(300);

/// The refusals of one credential.
#[derive(Debug, Default)]
pub(super) struct Refusals(VecDeque<Instant>);

impl Refusals {
    /// Whether another try may be made; if not, how long until one may.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let recent = self
            .0
            .iter()
            .filter(|moment| now.saturating_duration_since(**moment) < WINDOW);
        let recent: Vec<&Instant> = recent.collect();
        let oldest_that_counts = recent
            .len()
            .checked_sub(FAILURES_MAXIMUM)
            .map(|skipped| *recent[skipped])?;
        Some(WINDOW.saturating_sub(now.saturating_duration_since(oldest_that_counts)))
    }

    /// It was refused.
    pub(super) fn refused(&mut self, now: Instant) {
        self.0.push_back(now);
        while self.0.len() > FAILURES_MAXIMUM {
            self.0.pop_front();
        }
    }

    /// It was accepted, or it is another credential now.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fourth_try_waits_until_the_first_refusal_is_five_minutes_old() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut refusals = Refusals::default();
        for seconds in [0, 60, 120] {
            assert_eq!(refusals.wait(at(seconds)), None);
            refusals.refused(at(seconds));
        }
        assert_eq!(refusals.wait(at(180)), Some(Duration::from_secs(120)));
        assert_eq!(refusals.wait(at(300)), None);
        refusals.forget();
        assert_eq!(refusals.wait(at(180)), None);
    }

    proptest! {
        #[test]
        fn no_five_minutes_hold_more_than_three_refusals(gaps in proptest::collection::vec(0_u64..200, 1..60)) {
            let mut now = Instant::now();
            let mut refusals = Refusals::default();
            let mut made: Vec<Instant> = Vec::new();
            for gap in gaps {
                now += Duration::from_secs(gap);
                if refusals.wait(now).is_none() {
                    refusals.refused(now);
                    made.push(now);
                }
            }
            for window in made.windows(FAILURES_MAXIMUM + 1) {
                prop_assert!(window[FAILURES_MAXIMUM] - window[0] >= WINDOW);
            }
        }
    }
}
