//! What happens to a desktop next. One step is one event of one desktop; it knows no other desktop.
//!
//! People come at eight and leave at six (China Standard Time); machines that nobody uses are stopped or hibernated;
//! a few fail, stay in ERROR for a while, and are restarted.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz};
use rand::RngExt;

use super::desktop::{Desktop, Task};
use super::story::Mood;

/// The part of the staff at work, by local hour, in percent.
const PRESENCE: [u32; 24] = [
    3, 2, 2, 2, 2, 3, 8, 30, 75, 90, 92, 88, 70, 85, 92, 92, 88, 78, 45, 25, 18, 12, 8, 5,
];

/// Puts a new desktop into a state that fits the hour.
pub(super) fn settle(desktop: &mut Desktop, now: Timestamp) {
    let at_work = presence(now);
    let chance = |desktop: &mut Desktop, percent: u32| desktop.random.random_ratio(percent, 100);
    desktop.in_maintenance = desktop.random.random_ratio(1, 80);
    if desktop.random.random_ratio(1, 60) {
        enter(desktop, "ERROR", "UNREGISTER", Task::Idle);
    } else if chance(desktop, at_work) {
        enter(desktop, "ACTIVE", "CONNECTED", Task::Idle);
    } else if chance(desktop, 70) {
        let login_status = if chance(desktop, 40) {
            "DISCONNECTED"
        } else {
            "REGISTERED"
        };
        enter(desktop, "ACTIVE", login_status, Task::Idle);
    } else if chance(desktop, 40) {
        enter(desktop, "HIBERNATED", "OFFLINE", Task::Idle);
    } else {
        enter(desktop, "SHUTOFF", "UNREGISTER", Task::Idle);
    }
    let first_event = SignedDuration::from_secs(desktop.random.random_range(1..900));
    desktop.next_event = now + first_event;
}

/// Lets the desktop's next event happen at `now` and plans the one after it.
pub(super) fn step(desktop: &mut Desktop, mood: Mood, now: Timestamp) {
    let at_work = if mood.is_rush { 95 } else { presence(now) };
    if desktop.is_stuck {
        desktop.next_event = now + pause(desktop);
        return;
    }
    if desktop.flaps {
        let status = if desktop.status == "ERROR" { "ACTIVE" } else { "ERROR" };
        enter(desktop, status, "UNREGISTER", Task::Idle);
        desktop.next_event = now + SignedDuration::from_secs(desktop.random.random_range(10..400));
        return;
    }
    match desktop.status {
        "STARTING" | "AWAKENING" | "RESTARTING" => enter(desktop, "ACTIVE", "UNREGISTER", Task::Idle),
        "STOPPING" => enter(desktop, "SHUTOFF", "UNREGISTER", Task::Idle),
        "HIBERNATING" => enter(desktop, "HIBERNATED", "OFFLINE", Task::Idle),
        "ERROR" => enter(desktop, "RESTARTING", "UNREGISTER", Task::Running("rebooting_hard")),
        "SHUTOFF" if desktop.random.random_ratio(at_work, 200) => {
            enter(desktop, "STARTING", "UNREGISTER", Task::Running("powering-on"));
        }
        "HIBERNATED" if desktop.random.random_ratio(at_work, 100) => {
            enter(desktop, "AWAKENING", "OFFLINE", Task::Idle);
        }
        "ACTIVE" => live(desktop, mood, at_work),
        _ => {}
    }
    let pause = pause(desktop);
    desktop.next_event = now + if mood.is_rush { pause / 8 } else { pause };
}

/// One event of a running desktop.
fn live(desktop: &mut Desktop, mood: Mood, at_work: u32) {
    if desktop.task != Task::Idle {
        desktop.task = Task::Idle;
        return;
    }
    if desktop.login_status == "UNREGISTER" {
        if mood.registers {
            desktop.login_status = "REGISTERED";
        }
        return;
    }
    match desktop.random.random_range(0..1_000) {
        0..3 if mood.may_fail => return enter(desktop, "ERROR", "UNREGISTER", Task::Idle),
        3..8 => return enter(desktop, "RESTARTING", "UNREGISTER", Task::Running("rebooting")),
        8..14 => desktop.task = Task::Running("updating"),
        14..18 => desktop.task = Task::Running("desktopNetworkChanging"),
        18..30 => desktop.in_maintenance = desktop.random.random_ratio(1, 20),
        _ => {}
    }
    let wanted = desktop.random.random_ratio(at_work, 100);
    match (desktop.login_status, wanted) {
        ("CONNECTED", false) => desktop.login_status = "DISCONNECTED",
        ("REGISTERED" | "DISCONNECTED", true) => desktop.login_status = "CONNECTED",
        ("DISCONNECTED", false) => desktop.login_status = "REGISTERED",
        ("REGISTERED", false) => match desktop.random.random_range(0..60) {
            0 => enter(desktop, "STOPPING", "UNREGISTER", Task::Running("powering-off")),
            1 => enter(desktop, "HIBERNATING", "OFFLINE", Task::Idle),
            _ => {}
        },
        _ => {}
    }
}

fn enter(desktop: &mut Desktop, status: &'static str, login_status: &'static str, task: Task) {
    desktop.status = status;
    desktop.login_status = login_status;
    desktop.task = task;
}

/// How long the state just entered lasts, in the vendor's orders of magnitude.
fn pause(desktop: &mut Desktop) -> SignedDuration {
    let seconds = match (desktop.status, desktop.login_status) {
        ("STARTING" | "AWAKENING" | "RESTARTING", _) => 30..150,
        ("STOPPING" | "HIBERNATING", _) => 20..90,
        ("ACTIVE", "UNREGISTER") => 15..90,
        ("ERROR", _) => 900..7_200,
        _ => 240..1_200,
    };
    SignedDuration::from_secs(desktop.random.random_range(seconds))
}

/// The part of the staff at work at a moment, in percent.
fn presence(now: Timestamp) -> u32 {
    let local = tz::offset(8).to_datetime(now);
    let weekday = PRESENCE[usize::try_from(local.hour()).unwrap_or_default()];
    match local.weekday() {
        Weekday::Saturday | Weekday::Sunday => weekday / 5,
        _ => weekday,
    }
}
