//! What time it is for the cloud: our clock, and how far it is off by the Date of answers. Shared by all projects, for
//! they run on one machine.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use super::refusal::read_http_date;
use crate::seams::WallClock;

/// Beyond this a clock is wrong enough to be corrected; the gateway refuses signatures that are off by 15 minutes.
const SKEW_MAXIMUM: SignedDuration = SignedDuration::from_mins(5);

/// Our clock beside the cloud's.
pub struct CloudClock {
    clock: WallClock,
    skew: Mutex<Skew>,
}

#[derive(Debug, Default)]
struct Skew {
    /// The cloud's time minus ours, by the last answer.
    measured: SignedDuration,
    /// Added to our time when requests are signed.
    correction: SignedDuration,
}

impl fmt::Debug for CloudClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CloudClock")
    }
}

impl CloudClock {
    /// Trusts our clock until answers say otherwise.
    #[must_use]
    pub fn new(clock: WallClock) -> Self {
        Self {
            clock,
            skew: Mutex::default(),
        }
    }

    /// The time to sign with.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(self.skew().correction).unwrap_or(now)
    }

    /// Learns from an answer's Date header; returns the cloud's time minus ours.
    pub(super) fn measure(&self, headers: &HeaderMap) -> Option<SignedDuration> {
        let date = headers.get(DATE)?.to_str().ok().and_then(read_http_date)?;
        let measured = date.duration_since(self.clock.now());
        self.skew().measured = measured;
        Some(measured)
    }

    /// Signs with the cloud's time from now on, if ours is wrong by more than five minutes. Returns whether that changes
    /// anything.
    pub(super) fn adopt(&self) -> bool {
        let mut skew = self.skew();
        if (skew.measured - skew.correction).abs() <= SKEW_MAXIMUM {
            return false;
        }
        skew.correction = skew.measured;
        let seconds = skew.measured.as_secs();
        tracing::warn!(
            skew_seconds = seconds,
            "this machine's clock is wrong: requests are signed with the cloud's time"
        );
        true
    }

    /// A hint for people when our clock is wrong enough to matter.
    pub(super) fn skew_in_words(&self) -> Option<String> {
        let measured = self.skew().measured;
        let is_wrong = measured.abs() > SKEW_MAXIMUM;
        is_wrong.then(|| {
            format!(
                "; this machine's clock differs from the cloud's by {} s",
                measured.as_secs()
            )
        })
    }

    fn skew(&self) -> MutexGuard<'_, Skew> {
        // Two durations are whole between any two uses, so a panic elsewhere cannot have spoilt them.
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// A clock that stands at noon, after an answer with this Date.
    fn after_answer(date: &'static str) -> CloudClock {
        let noon = "2026-01-02T12:00:00Z".parse().expect("a time");
        let clock = CloudClock::new(WallClock::new(move || noon));
        let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]);
        assert!(clock.measure(&headers).is_some());
        clock
    }

    #[test]
    fn a_clock_that_is_far_off_is_corrected_once() {
        let clock = after_answer("Fri, 02 Jan 2026 12:20:00 GMT");
        assert_eq!(clock.now().to_string(), "2026-01-02T12:00:00Z");
        assert!(clock.adopt());
        assert_eq!(clock.now().to_string(), "2026-01-02T12:20:00Z");
        assert!(!clock.adopt(), "the same correction twice is no help");
        assert!(clock.skew_in_words().is_some_and(|words| words.contains("1200 s")));
    }

    #[test]
    fn a_clock_that_is_a_little_off_is_left_alone() {
        let clock = after_answer("Fri, 02 Jan 2026 12:04:00 GMT");
        assert!(!clock.adopt());
        assert_eq!(clock.skew_in_words(), None);
    }
}
