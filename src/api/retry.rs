//! Whether and when a failed call is tried again: a pure decision. It knows no clock and no call.

use std::time::Duration;

use super::error::Error;

/// Attempts per call (`semantics.md`, section 2).
const ATTEMPTS: u32 = 3;

const BASE: Duration = Duration::from_millis(200);
const BASE_WHEN_THROTTLED: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(20);

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Wait this long, then try again.
    Again(Duration),
    /// The error is final.
    Stop,
}

/// Decides after attempt number `attempt`, counted from 1. Full jitter: `chance` is a fraction below 1, and the
/// Retry-After of the cloud is a floor. One that is longer than the cap ends the call; the next pass comes anyway.
pub(super) fn decide(attempt: u32, error: &Error, chance: f64) -> Decision {
    let asked = error.retry_after().unwrap_or(Duration::ZERO);
    if !error.is_transient() || attempt >= ATTEMPTS || asked > CAP {
        return Decision::Stop;
    }
    let base = if error.is_throttling() {
        BASE_WHEN_THROTTLED
    } else {
        BASE
    };
    let ceiling = base.saturating_mul(1 << attempt.min(16)).min(CAP);
    Decision::Again(ceiling.mul_f64(chance).max(asked))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::error::Refusal;
    use super::super::operation::Operation;
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        Error::Refused {
            operation: Operation::ListDesktops,
            refusal: Refusal {
                status: StatusCode::from_u16(status).expect("a status"),
                code: None,
                request_id: None,
                retry_after: retry_after.map(Duration::from_secs),
            },
        }
    }

    #[track_caller]
    fn check(attempt: u32, error: &Error, chance: f64, expected: Option<u64>) {
        let expected = expected.map_or(Decision::Stop, |millis| Decision::Again(Duration::from_millis(millis)));
        assert_eq!(decide(attempt, error, chance), expected);
    }

    #[test]
    fn transient_errors_are_tried_three_times_with_full_jitter() {
        let server = refused(503, None);
        check(1, &server, 0.5, Some(200));
        check(2, &server, 0.5, Some(400));
        check(3, &server, 0.5, None);
        check(1, &server, 0.0, Some(0));
    }

    #[test]
    fn throttling_waits_longer_and_no_less_than_asked() {
        check(1, &refused(429, None), 0.5, Some(1_000));
        check(1, &refused(429, Some(5)), 0.5, Some(5_000));
        check(1, &refused(429, Some(3_600)), 0.5, None);
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for status in [400, 401, 403, 404, 409, 414, 501] {
            check(1, &refused(status, None), 0.5, None);
        }
    }
}
