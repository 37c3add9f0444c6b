//! Whether and when a failed call is tried again: a pure decision. It knows no clock and no call.

use std::time::Duration;

use super::error::Error;

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

/// Where a call stands after a failed attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Attempts made, at least 1.
    pub(super) attempts: u32,
    /// Attempts allowed.
    pub(super) attempts_maximum: u32,
    /// Until the deadline of the pass.
    pub(super) time_left: Duration,
}

/// Decides after a failed attempt. Full jitter: `chance` is a fraction below 1, and the Retry-After of the cloud is a
/// floor. A pause that does not leave time for another attempt ends the call; the next pass comes anyway.
pub(super) fn decide(standing: Standing, error: &Error, chance: f64) -> Decision {
    if !error.is_transient() || standing.attempts >= standing.attempts_maximum {
        return Decision::Stop;
    }
    let base = if error.is_throttling() {
        BASE_WHEN_THROTTLED
    } else {
        BASE
    };
    let asked = error.retry_after().unwrap_or(Duration::ZERO);
    let ceiling = base.saturating_mul(1 << standing.attempts.min(16)).min(CAP);
    let pause = ceiling.mul_f64(chance).max(asked);
    if pause >= standing.time_left {
        return Decision::Stop;
    }
    Decision::Again(pause)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::operation::Operation;
    use super::super::refusal::Refusal;
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        Error::Refused {
            operation: Operation::ListDesktops,
            refusal: Refusal {
                status: StatusCode::from_u16(status).expect("a status"),
                code: None,
                request_id: None,
                retry_after: retry_after.map(Duration::from_secs),
                limit: None,
                action: None,
            },
        }
    }

    #[track_caller]
    fn check(attempts: u32, error: &Error, chance: f64, expected: Option<u64>) {
        let standing = Standing {
            attempts,
            attempts_maximum: 3,
            time_left: Duration::from_secs(48),
        };
        let expected = expected.map_or(Decision::Stop, |millis| Decision::Again(Duration::from_millis(millis)));
        assert_eq!(decide(standing, error, chance), expected);
    }

    #[test]
    fn transient_errors_are_tried_three_times_with_full_jitter() {
        let server = refused(502, None);
        check(1, &server, 0.5, Some(200));
        check(2, &server, 0.5, Some(400));
        check(3, &server, 0.5, None);
        check(1, &server, 0.0, Some(0));
    }

    #[test]
    fn throttling_waits_longer_and_no_less_than_asked() {
        check(1, &refused(429, None), 0.5, Some(1_000));
        check(1, &refused(429, Some(5)), 0.5, Some(5_000));
        check(2, &refused(503, Some(30)), 0.5, Some(30_000));
    }

    #[test]
    fn a_pause_past_the_deadline_ends_the_call() {
        check(1, &refused(429, Some(47)), 0.5, Some(47_000));
        check(1, &refused(429, Some(48)), 0.5, None);
        check(1, &refused(429, Some(3_600)), 0.5, None);
    }

    #[test]
    fn the_longest_pause_is_the_cap() {
        let standing = Standing {
            attempts: 40,
            attempts_maximum: 99,
            time_left: Duration::from_secs(100),
        };
        let almost_one = 1.0 - f64::EPSILON;
        let Decision::Again(pause) = decide(standing, &refused(500, None), almost_one) else {
            panic!("not tried again");
        };
        assert!(pause <= CAP && pause > CAP / 2, "{pause:?}");
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for status in [302, 400, 401, 403, 404, 409, 414, 501] {
            check(1, &refused(status, None), 0.5, None);
        }
    }
}
