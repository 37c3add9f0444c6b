//! The fleet: every desktop there is, and the queue of what happens to it next.
//!
//! Each desktop has its own random stream and its own next event, and comings and goings have theirs; so the state at a
//! moment does not depend on how often somebody looked. Nothing here knows the API.

mod chronicle;
mod churn;
mod company;
mod desktop;
mod life;
mod story;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;

pub use chronicle::{Chronicle, Record};
pub use churn::Churn;
use churn::Comings;
pub use desktop::{Desktop, Nic, Task};
use story::Story;

use crate::scenario::Script;

/// All desktops, in order of creation, living up to a moment.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// In order of their numbers, which is that of their creation.
    desktops: Vec<Desktop>,
    number_of: HashMap<String, usize>,
    next_events: BinaryHeap<Reverse<(Timestamp, usize)>>,
    comings: Option<Comings>,
    story: Option<Story>,
    chronicle: Option<Chronicle>,
    hired: usize,
    seed: u64,
    now: Timestamp,
}

impl Fleet {
    /// Hires `count` desktops, each in a state that fits the hour of `start`.
    #[must_use]
    pub fn new(count: usize, seed: u64, start: Timestamp) -> Self {
        let mut fleet = Self {
            desktops: Vec::with_capacity(count),
            number_of: HashMap::new(),
            next_events: BinaryHeap::new(),
            comings: None,
            story: None,
            chronicle: None,
            hired: count,
            seed,
            now: start,
        };
        for number in 0..count {
            fleet.admit(company::hire(number, count, seed, start));
        }
        fleet
    }

    /// Desktops come and go from now on.
    pub fn set_churn(&mut self, churn: Churn) {
        self.comings = Some(Comings::new(churn, self.seed, self.now));
        for desktop in &mut self.desktops {
            desktop.flaps = churn.flaps(desktop.number, self.seed);
        }
    }

    /// Is told a story from now on; from an earlier one, desktops recover.
    pub(crate) fn set_script(&mut self, script: Option<Script>) {
        if self.story.take().is_some() {
            let turns = story::recoveries(&self.desktops);
            self.come_over(turns, self.now);
        }
        self.story = script.map(Story::new);
    }

    /// Writes down from now on what happens to each desktop.
    pub fn keep_chronicle(&mut self) {
        let mut chronicle = Chronicle::default();
        for desktop in &self.desktops {
            chronicle.hired(desktop, self.now);
        }
        self.chronicle = Some(chronicle);
    }

    /// What happened to each desktop, if it was written down.
    #[must_use]
    pub fn chronicle(&self) -> Option<&Chronicle> {
        self.chronicle.as_ref()
    }

    /// Lets every event happen that is due by `now`.
    pub fn advance(&mut self, now: Timestamp) {
        loop {
            let event = self.next_events.peek().map(|Reverse((due, _))| *due);
            let coming = self.comings.as_ref().map(Comings::due);
            let turn = self.story.as_ref().and_then(Story::due);
            let next = event.into_iter().chain(coming).chain(turn).min();
            let Some(due) = next.filter(|due| *due <= now) else {
                break;
            };
            self.now = self.now.max(due);
            if coming == Some(due) {
                self.come_and_go(due);
            } else if turn == Some(due) {
                self.tell(due);
            } else {
                self.step(due);
            }
        }
        self.now = self.now.max(now);
    }

    /// The next event of one desktop.
    fn step(&mut self, due: Timestamp) {
        let Some(Reverse((_, number))) = self.next_events.pop() else {
            return;
        };
        let Ok(position) = self.position(number) else { return };
        let mood = self
            .story
            .as_ref()
            .map_or_else(Default::default, |story| story.mood(due));
        let desktop = &mut self.desktops[position];
        if desktop.next_event != due {
            // A story has planned another event since.
            return;
        }
        if desktop.is_doomed {
            let id = desktop.id.clone();
            self.dismiss(&id);
            return;
        }
        life::step(desktop, mood, due);
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.changed(desktop, due);
        }
        self.next_events.push(Reverse((desktop.next_event, number)));
    }

    /// The next step of the story.
    fn tell(&mut self, due: Timestamp) {
        let turns = self
            .story
            .as_mut()
            .map_or_else(Vec::new, |story| story.next(&self.desktops, due));
        self.come_over(turns, due);
    }

    fn come_over(&mut self, turns: Vec<(usize, story::Turn)>, due: Timestamp) {
        for (number, turn) in turns {
            let Ok(position) = self.position(number) else { continue };
            let desktop = &mut self.desktops[position];
            let planned = desktop.next_event;
            turn.come_over(desktop, due);
            if desktop.next_event != planned {
                self.next_events.push(Reverse((desktop.next_event, number)));
            }
            if let Some(chronicle) = &mut self.chronicle {
                chronicle.changed(desktop, due);
            }
        }
    }

    fn come_and_go(&mut self, due: Timestamp) {
        let Some(comings) = &mut self.comings else { return };
        let turn = comings.next(&self.desktops, due);
        let churn = comings.churn();
        for _ in 0..turn.hires {
            let mut desktop = company::hire_now(self.hired, self.seed, due);
            desktop.flaps = churn.flaps(self.hired, self.seed);
            self.hired += 1;
            self.admit(desktop);
        }
        for (id, is_announced) in turn.dismissals {
            if is_announced {
                self.change(&id, |desktop| {
                    desktop.task = Task::Running("deleting");
                    desktop.is_doomed = true;
                });
            } else {
                self.dismiss(&id);
            }
        }
    }

    fn admit(&mut self, desktop: Desktop) {
        self.number_of.insert(desktop.id.clone(), desktop.number);
        self.next_events.push(Reverse((desktop.next_event, desktop.number)));
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.hired(&desktop, self.now);
        }
        self.desktops.push(desktop);
    }

    /// Deletes a desktop at once. Returns whether there was such a desktop.
    pub fn dismiss(&mut self, id: &str) -> bool {
        let Some(number) = self.number_of.remove(id) else {
            return false;
        };
        let Ok(position) = self.position(number) else {
            return false;
        };
        self.desktops.remove(position);
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.dismissed(id, self.now);
        }
        true
    }

    fn position(&self, number: usize) -> Result<usize, usize> {
        self.desktops.binary_search_by_key(&number, |desktop| desktop.number)
    }

    /// Every desktop, oldest first.
    #[must_use]
    pub fn desktops(&self) -> &[Desktop] {
        &self.desktops
    }

    /// The desktop with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Desktop> {
        let position = self.position(*self.number_of.get(id)?).ok()?;
        Some(&self.desktops[position])
    }

    /// Changes a desktop by hand; its next own event still comes. Returns whether there is such a desktop.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Desktop)) -> bool {
        let Some(position) = self.number_of.get(id).and_then(|number| self.position(*number).ok()) else {
            return false;
        };
        let desktop = &mut self.desktops[position];
        change(desktop);
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.changed(desktop, self.now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::SignedDuration;

    use super::*;

    fn states(fleet: &Fleet) -> Vec<(&str, &str, bool)> {
        fleet
            .desktops()
            .iter()
            .map(|desktop| (desktop.status, desktop.login_status, desktop.in_maintenance))
            .collect()
    }

    fn monday_morning() -> Timestamp {
        "2026-01-05T01:00:00Z".parse().expect("a valid time")
    }

    #[test]
    fn looking_more_often_changes_nothing() {
        let start = monday_morning();
        let later = start + SignedDuration::from_hours(9);
        let mut looked_once = Fleet::new(300, 7, start);
        let mut looked_often = Fleet::new(300, 7, start);
        looked_once.advance(later);
        for minute in 0..=540 {
            looked_often.advance(start + SignedDuration::from_mins(minute));
        }
        assert_eq!(states(&looked_once), states(&looked_often));
    }

    #[test]
    fn logins_follow_the_hour() {
        let connected = |fleet: &Fleet| {
            fleet
                .desktops()
                .iter()
                .filter(|desktop| desktop.login_status == "CONNECTED")
                .count()
        };
        let night: Timestamp = "2026-01-04T19:00:00Z".parse().expect("a valid time");
        let mut fleet = Fleet::new(2_000, 1, night);
        let at_three_in_the_morning = connected(&fleet);
        fleet.advance(night + SignedDuration::from_hours(7));
        let at_ten = connected(&fleet);
        assert!(
            at_ten > 4 * at_three_in_the_morning,
            "{at_ten} connected at ten, {at_three_in_the_morning} at three in the morning"
        );
    }

    #[test]
    fn most_are_active_a_few_are_in_error_and_every_day_brings_both() {
        let start = monday_morning();
        let mut fleet = Fleet::new(2_000, 3, start);
        let mut seen = HashSet::new();
        for hour in 0..24 {
            fleet.advance(start + SignedDuration::from_hours(hour));
            let errors = fleet
                .desktops()
                .iter()
                .filter(|desktop| desktop.status == "ERROR")
                .count();
            assert!((1..200).contains(&errors), "{errors} in ERROR at hour {hour}");
            seen.extend(fleet.desktops().iter().map(|desktop| desktop.status));
            seen.extend(
                fleet
                    .desktops()
                    .iter()
                    .filter(|desktop| desktop.in_maintenance)
                    .map(|_| "maintenance"),
            );
        }
        for state in [
            "ACTIVE",
            "SHUTOFF",
            "HIBERNATED",
            "STARTING",
            "STOPPING",
            "RESTARTING",
            "maintenance",
        ] {
            assert!(seen.contains(state), "no desktop was ever {state}");
        }
    }

    #[test]
    fn ids_are_unique_and_creation_never_runs_backwards() {
        let fleet = Fleet::new(5_000, 9, monday_morning());
        let ids: HashSet<&str> = fleet.desktops().iter().map(|desktop| desktop.id.as_str()).collect();
        assert_eq!(ids.len(), 5_000);
        assert!(fleet.desktops().is_sorted_by_key(|desktop| desktop.created));
    }
}
