//! What a scenario does to the fleet: every few seconds it comes over some more desktops, and when its cause is gone they
//! recover. Which, and in which order, follows from their numbers alone.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;

use super::desktop::{Desktop, Task};
use crate::scenario::{Scenario, Script};

/// From one step of a story to the next.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// A story has come over all its desktops after so many steps.
const STEPS: usize = 24;

/// How desktops live while a story is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mood {
    /// Desktops break by themselves now and then.
    pub(super) may_fail: bool,
    /// Running desktops register.
    pub(super) registers: bool,
    /// Everybody wants in, at once.
    pub(super) is_rush: bool,
}

impl Default for Mood {
    fn default() -> Self {
        Self {
            may_fail: true,
            registers: true,
            is_rush: false,
        }
    }
}

/// What comes over one desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Sleeps,
    Breaks,
    LosesRegistration,
    EntersMaintenance,
    Recovers,
}

/// A story that is being told to a fleet.
#[derive(Debug, Clone)]
pub(super) struct Story {
    script: Script,
    /// The next step; `None` when it is over.
    due: Option<Timestamp>,
    steps: usize,
}

impl Story {
    pub(super) fn new(script: Script) -> Self {
        Self {
            due: Some(script.begins_at),
            script,
            steps: 0,
        }
    }

    /// When something happens next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// How desktops live at a moment.
    pub(super) fn mood(&self, now: Timestamp) -> Mood {
        let usual = Mood::default();
        match self.script.at(now) {
            Some(Scenario::MondayMorning) => Mood { is_rush: true, ..usual },
            Some(Scenario::RegistrationOutage) => Mood {
                registers: false,
                ..usual
            },
            Some(Scenario::CalmDay | Scenario::ImageRollout | Scenario::MaintenanceWindow) => Mood {
                may_fail: false,
                ..usual
            },
            Some(Scenario::ApiOutage | Scenario::Throttled) | None => usual,
        }
    }

    /// What happens now, and to whom; plans the step after it.
    pub(super) fn next(&mut self, desktops: &[Desktop], now: Timestamp) -> Vec<(usize, Turn)> {
        if self.script.at(now).is_none() {
            self.due = None;
            return recoveries(desktops);
        }
        let part = self.steps;
        self.steps += 1;
        let is_told = self.steps >= STEPS;
        self.due = match (self.script.ends_at, is_told) {
            (end, true) => end,
            (Some(end), false) => Some(end.min(now + STEP)),
            (None, false) => Some(now + STEP),
        };
        let is_due = |desktop: &&Desktop| desktop.number % STEPS == part;
        match self.script.scenario {
            Scenario::CalmDay if part == 0 => told(desktops.iter().filter(|it| it.status == "ERROR"), Turn::Recovers),
            Scenario::MondayMorning if part == 0 => told(desktops.iter(), Turn::Sleeps),
            Scenario::ImageRollout => {
                let has_image =
                    |desktop: &&Desktop| desktop.image.name == ROLLED_OUT && !desktop.number.is_multiple_of(4);
                told(desktops.iter().filter(is_due).filter(has_image), Turn::Breaks)
            }
            Scenario::RegistrationOutage => {
                let runs = |desktop: &&Desktop| desktop.status == "ACTIVE";
                told(desktops.iter().filter(is_due).filter(runs), Turn::LosesRegistration)
            }
            Scenario::MaintenanceWindow => {
                let is_third = |desktop: &&Desktop| desktop.number.is_multiple_of(3);
                told(desktops.iter().filter(is_due).filter(is_third), Turn::EntersMaintenance)
            }
            Scenario::CalmDay | Scenario::MondayMorning | Scenario::ApiOutage | Scenario::Throttled => Vec::new(),
        }
    }
}

/// Whoever a story may have brought into trouble recovers.
pub(super) fn recoveries(desktops: &[Desktop]) -> Vec<(usize, Turn)> {
    let is_in_trouble = |desktop: &&Desktop| desktop.is_stuck || !desktop.registers();
    told(desktops.iter().filter(is_in_trouble), Turn::Recovers)
}

/// The image that a bad rollout is of.
const ROLLED_OUT: &str = "office-win11-2026.01";

fn told<'a>(desktops: impl Iterator<Item = &'a Desktop>, turn: Turn) -> Vec<(usize, Turn)> {
    desktops.map(|desktop| (desktop.number, turn)).collect()
}

impl Turn {
    /// Lets it come over a desktop; its own next event may be earlier or later then.
    pub(super) fn come_over(self, desktop: &mut Desktop, now: Timestamp) {
        let mut within = |seconds: i64| now + SignedDuration::from_secs(desktop.random.random_range(1..=seconds));
        match self {
            Turn::Sleeps => {
                desktop.next_event = within(120);
                desktop.in_maintenance = false;
                let (status, login_status) = match desktop.number % 10 {
                    0..4 => ("SHUTOFF", "UNREGISTER"),
                    4..7 => ("HIBERNATED", "OFFLINE"),
                    _ => ("ACTIVE", "REGISTERED"),
                };
                (desktop.status, desktop.login_status, desktop.task) = (status, login_status, Task::Idle);
            }
            Turn::Breaks => {
                desktop.is_stuck = true;
                (desktop.status, desktop.login_status, desktop.task) = ("ERROR", "UNREGISTER", Task::Idle);
                desktop.in_maintenance = false;
            }
            Turn::LosesRegistration => {
                (desktop.login_status, desktop.task) = ("UNREGISTER", Task::Idle);
            }
            Turn::EntersMaintenance => {
                desktop.is_stuck = true;
                desktop.in_maintenance = true;
                let status = if desktop.number.is_multiple_of(5) {
                    "ERROR"
                } else {
                    "SHUTOFF"
                };
                (desktop.status, desktop.login_status, desktop.task) = (status, "UNREGISTER", Task::Idle);
            }
            Turn::Recovers => {
                desktop.next_event = within(60);
                desktop.in_maintenance &= !desktop.is_stuck;
                desktop.is_stuck = false;
                if desktop.status == "ERROR" {
                    (desktop.status, desktop.task) = ("RESTARTING", Task::Running("rebooting"));
                }
            }
        }
    }
}
