//! The fleet: every desktop there is, and the queue of what happens to it next.
//!
//! Each desktop has its own random stream and its own next event, so the state at a moment does not depend on how
//! often somebody looked. Nothing here knows the API.

mod company;
mod desktop;
mod life;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;

pub use desktop::{Desktop, Nic, Task};

/// All desktops, in order of creation, living up to a moment.
#[derive(Debug)]
pub struct Fleet {
    desktops: Vec<Desktop>,
    position_of: HashMap<String, usize>,
    next_events: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Fleet {
    /// Hires `count` desktops, each in a state that fits the hour of `start`.
    #[must_use]
    pub fn new(count: usize, seed: u64, start: Timestamp) -> Self {
        let desktops: Vec<Desktop> = (0..count)
            .map(|index| company::hire(index, count, seed, start))
            .collect();
        let position_of = desktops
            .iter()
            .enumerate()
            .map(|(position, desktop)| (desktop.id.clone(), position))
            .collect();
        let next_events = desktops
            .iter()
            .enumerate()
            .map(|(position, desktop)| Reverse((desktop.next_event, position)))
            .collect();
        Self {
            desktops,
            position_of,
            next_events,
        }
    }

    /// Lets every event happen that is due by `now`.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(&Reverse((due, position))) = self.next_events.peek() {
            if due > now {
                return;
            }
            self.next_events.pop();
            let desktop = &mut self.desktops[position];
            life::step(desktop, due);
            self.next_events.push(Reverse((desktop.next_event, position)));
        }
    }

    /// Every desktop, oldest first.
    #[must_use]
    pub fn desktops(&self) -> &[Desktop] {
        &self.desktops
    }

    /// The desktop with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Desktop> {
        self.position_of.get(id).map(|&position| &self.desktops[position])
    }

    /// Changes a desktop by hand; its next own event still comes. Returns whether there is such a desktop.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Desktop)) -> bool {
        let Some(&position) = self.position_of.get(id) else {
            return false;
        };
        change(&mut self.desktops[position]);
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
