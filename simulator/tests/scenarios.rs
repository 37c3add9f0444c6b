//! What each story does to the fleet and the API, and that it is mended when its cause is gone.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use workspace_simulator::{Conduct, Desktop, Options, Scenario, Script, Simulator};

const DESKTOPS: usize = 1_000;

struct Stage {
    simulator: Simulator,
    start: Timestamp,
}

impl Stage {
    /// Tells a story from the second minute to the twelfth.
    fn of(scenario: Scenario) -> Self {
        let start: Timestamp = "2026-01-05T02:00:00Z".parse().unwrap();
        let mut simulator = Simulator::new(&Options {
            desktops: DESKTOPS,
            seed: 5,
            start,
        });
        simulator.set_script(Some(Script {
            scenario,
            begins_at: start + SignedDuration::from_mins(2),
            ends_at: Some(start + SignedDuration::from_mins(12)),
        }));
        Self { simulator, start }
    }

    fn at(&self, minute: i64) -> Timestamp {
        self.start + SignedDuration::from_mins(minute)
    }

    /// How many desktops are so at a minute.
    fn count(&mut self, minute: i64, is_so: impl Fn(&Desktop) -> bool) -> usize {
        let now = self.at(minute);
        let fleet = self.simulator.fleet_mut();
        fleet.advance(now);
        fleet.desktops().iter().filter(|desktop| is_so(desktop)).count()
    }

    /// What the list call answers at a minute.
    fn status(&mut self, minute: i64) -> StatusCode {
        let identity = self.simulator.identity().clone();
        let request = Request::builder()
            .uri(format!("/v2/{}/desktops/detail?limit=1", identity.project_id))
            .header("x-auth-token", &identity.token)
            .body(Bytes::new())
            .unwrap();
        match self.simulator.play(&request, self.at(minute)) {
            Conduct::Answers(_, response) => response.status(),
            other => panic!("{other:?}"),
        }
    }
}

fn is_in_error(desktop: &Desktop) -> bool {
    desktop.status == "ERROR"
}

fn takes_no_login(desktop: &Desktop) -> bool {
    (desktop.status, desktop.login_status) == ("ACTIVE", "UNREGISTER")
}

#[test]
fn every_story_has_a_name() {
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::named(scenario.as_str()), Some(scenario));
    }
    assert_eq!(Scenario::named("none"), None);
}

#[test]
fn on_a_calm_day_nothing_breaks() {
    let mut stage = Stage::of(Scenario::CalmDay);
    assert!(stage.count(1, is_in_error) > 0);
    for minute in 3..12 {
        assert_eq!(stage.count(minute, is_in_error), 0, "at minute {minute}");
    }
}

#[test]
fn on_a_monday_morning_everybody_comes_at_once() {
    let mut stage = Stage::of(Scenario::MondayMorning);
    let is_connected = |desktop: &Desktop| desktop.login_status == "CONNECTED";
    let first = stage.count(2, is_connected);
    let then = stage.count(11, is_connected);
    assert_eq!(first, 0);
    assert!(then > DESKTOPS / 2, "{then} connected after nine minutes");
}

#[test]
fn a_bad_image_breaks_its_desktops_one_after_the_other_until_it_is_taken_back() {
    let mut stage = Stage::of(Scenario::ImageRollout);
    let (early, late) = (stage.count(3, is_in_error), stage.count(6, is_in_error));
    assert!(
        early > 30 && late > 2 * early - 30 && late > 200,
        "{early}, then {late}"
    );
    let after = stage.count(14, is_in_error);
    assert!(after < 20, "{after} are still in ERROR");
}

#[test]
fn desktops_lose_their_registration_and_get_it_back() {
    let mut stage = Stage::of(Scenario::RegistrationOutage);
    let before = stage.count(1, takes_no_login);
    let within = stage.count(8, takes_no_login);
    let after = stage.count(15, takes_no_login);
    assert!(within > DESKTOPS / 2, "{within} of {DESKTOPS}");
    assert!(before < 50 && after < 80, "{before} before, {after} after");
}

#[test]
fn a_third_is_in_maintenance_and_some_break_there() {
    let mut stage = Stage::of(Scenario::MaintenanceWindow);
    let in_maintenance = stage.count(6, |desktop| desktop.in_maintenance);
    assert!(in_maintenance > DESKTOPS / 3, "{in_maintenance}");
    let broken = stage.count(6, |desktop| desktop.in_maintenance && is_in_error(desktop));
    assert!(broken > 50, "{broken}");
    let after = stage.count(13, |desktop| desktop.in_maintenance);
    assert!(after < 50, "{after} are still in maintenance");
}

#[test]
fn an_outage_and_throttling_begin_and_end() {
    let mut stage = Stage::of(Scenario::ApiOutage);
    assert_eq!(stage.status(1), StatusCode::OK);
    assert_eq!(stage.status(2), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stage.status(12), StatusCode::OK);
    let mut stage = Stage::of(Scenario::Throttled);
    let throttled = (0..100)
        .filter(|_| stage.status(5) == StatusCode::TOO_MANY_REQUESTS)
        .count();
    assert!((30..70).contains(&throttled), "{throttled} of 100");
    assert_eq!(stage.status(13), StatusCode::OK);
}

#[test]
fn a_story_does_not_depend_on_who_looks() {
    for scenario in Scenario::ALL {
        let states = |minutes: &[i64]| {
            let mut stage = Stage::of(scenario);
            for minute in minutes {
                stage.count(*minute, |_| true);
            }
            let desktops = stage.simulator.fleet().desktops().iter();
            desktops
                .map(|desktop| (desktop.status, desktop.login_status, desktop.in_maintenance))
                .collect::<Vec<_>>()
        };
        let often: Vec<i64> = (0..=14).collect();
        assert_eq!(states(&often), states(&[14]), "{scenario:?}");
    }
}

#[test]
fn another_story_can_be_asked_for_at_any_time_and_an_outage_does_not_hinder_it() {
    let mut stage = Stage::of(Scenario::ApiOutage);
    let mut ask = |method: Method, name: &str, minute: i64| {
        let request = Request::builder().method(method).uri("/simulator/scenario");
        let now = stage.start + SignedDuration::from_mins(minute);
        let request = request.body(Bytes::from(name.to_owned())).unwrap();
        let response = stage.simulator.handle(&request, now);
        (
            response.status().as_u16(),
            String::from_utf8(response.into_body().into()).unwrap(),
        )
    };
    assert_eq!(ask(Method::GET, "", 1), (200, "none\n".to_owned()));
    assert_eq!(ask(Method::GET, "", 5), (200, "api-outage\n".to_owned()));
    assert_eq!(
        ask(Method::PUT, "image-rollout", 5),
        (200, "image-rollout\n".to_owned())
    );
    assert_eq!(ask(Method::PUT, "no-such-story", 6).0, 404);
    assert_eq!(ask(Method::PUT, "none\n", 10), (200, "none\n".to_owned()));
    let after = stage.count(12, is_in_error);
    assert!(after < 30, "{after} are still in ERROR");
}
