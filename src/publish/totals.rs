//! What changed in a project since the process started: counters that are published with the snapshot that moved them, so
//! that a scrape sees both or neither.

use std::collections::BTreeMap;

use crate::inventory::{Changes, Field};

/// Changes added up over all snapshots of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// How many desktops went from one word to another, zeros included: the first change is an increase.
    pub transitions: BTreeMap<(Field, &'static str, &'static str), u64>,
    /// Desktops that a snapshot held and the one before it did not.
    pub appeared: u64,
    /// Desktops that a snapshot held and the one after it did not.
    pub disappeared: u64,
}

impl Default for Totals {
    /// Nothing changed yet.
    fn default() -> Self {
        let mut transitions = BTreeMap::new();
        for field in Field::ALL {
            let words = field.words();
            for (from, to) in words.iter().flat_map(|from| words.iter().map(move |to| (*from, *to))) {
                if from != to {
                    transitions.insert((field, from, to), 0);
                }
            }
        }
        Self {
            transitions,
            appeared: 0,
            disappeared: 0,
        }
    }
}

impl Totals {
    /// These, and what is different in one more snapshot.
    #[must_use]
    pub fn with(&self, changes: &Changes) -> Self {
        let mut totals = self.clone();
        for (transition, count) in &changes.transitions {
            *totals.transitions.entry(*transition).or_default() += count;
        }
        totals.appeared += changes.appeared;
        totals.disappeared += changes.disappeared;
        totals
    }
}
