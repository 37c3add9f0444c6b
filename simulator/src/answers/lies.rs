//! How the list call lies: what the faults in force mean for one answer.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::faults::{ListFault, TotalFault};
use crate::fleet::Desktop;

/// The lies of one answer.
#[derive(Debug, Default)]
pub(super) struct Lies {
    cap: Option<usize>,
    /// Orders by a hash that this takes part in.
    disorder: Option<i64>,
    total: Option<TotalFault>,
    is_stuck: bool,
    is_blind: bool,
    hidden: Option<usize>,
    pub(super) has_nasty_names: bool,
}

impl Lies {
    pub(super) fn of(faults: &[ListFault], now: Timestamp) -> Self {
        let mut lies = Self::default();
        for fault in faults {
            match *fault {
                ListFault::Capped(cap) => lies.cap = Some(cap),
                ListFault::Unsorted => lies.disorder = Some(0),
                ListFault::Shuffled => lies.disorder = Some(now.as_millisecond()),
                ListFault::Total(total) => lies.total = Some(total),
                ListFault::SamePageForEver => lies.is_stuck = true,
                ListFault::Nothing => lies.is_blind = true,
                ListFault::Hides(number) => lies.hidden = Some(number),
                ListFault::NastyNames => lies.has_nasty_names = true,
                // The simulator itself answers from another fleet.
                ListFault::ReplicaLag(_) => {}
            }
        }
        lies
    }

    /// Puts the selected desktops into the order that is shown; some may be left out, unless they were asked for by id.
    pub(super) fn disorder(&self, selected: &mut Vec<&Desktop>, is_by_id: bool) {
        if self.is_blind {
            selected.clear();
        }
        if !is_by_id {
            selected.retain(|desktop| self.hidden != Some(desktop.number));
        }
        if let Some(salt) = self.disorder {
            selected.sort_by_key(|desktop| {
                let mut hasher = DefaultHasher::new();
                (salt, &desktop.id).hash(&mut hasher);
                hasher.finish()
            });
        }
    }

    /// Which page is shown when this one is asked for: offset and length.
    pub(super) fn page(&self, offset: usize, limit: usize) -> (usize, usize) {
        let offset = if self.is_stuck { 0 } else { offset };
        (offset, self.cap.map_or(limit, |cap| limit.min(cap)))
    }

    /// The total that is told; `None` leaves it out.
    pub(super) fn total(&self, total: usize) -> Option<usize> {
        match self.total {
            None => Some(total),
            Some(TotalFault::Missing) => None,
            Some(TotalFault::More(more)) => Some(total + more),
            Some(TotalFault::Less(less)) => Some(total.saturating_sub(less)),
        }
    }
}
