//! Which rows of a block of desktops are others than they were in an earlier snapshot.

use std::sync::Arc;

use super::family::Source;
use super::plan::{Plan, Planned};
use super::rows::Rows;
use crate::inventory::{Entry, Port};

/// For each family of the plan, whether the rows of a block are others than they were. Of a desktop that both snapshots do not
/// share, what its rows are made from is compared: they may be said to be others where they are not, but never the reverse.
pub(super) fn changes(before: &[Entry], after: &[Entry], plan: &Plan) -> Vec<bool> {
    let families = plan.families();
    let is_led_alike = |(before, after): (&Entry, &Entry)| {
        let is_shared = Arc::ptr_eq(&before.desktop, &after.desktop);
        let (before, after) = (&before.desktop, &after.desktop);
        is_shared || (before.id == after.id && before.computer_name == after.computer_name)
    };
    if before.len() != after.len() || !before.iter().zip(after).all(is_led_alike) {
        return vec![true; families.len()];
    }
    let mut is_changed = vec![false; families.len()];
    for (before, after) in before
        .iter()
        .zip(after)
        .filter(|(before, after)| !is_shared(before, after))
    {
        for (planned, is_changed) in families.iter().zip(&mut is_changed) {
            *is_changed = *is_changed || endings_of(before, planned, plan) != endings_of(after, planned, plan);
        }
    }
    is_changed
}

/// Whether two entries are known to be alike without a look at what they hold.
fn is_shared(before: &Entry, after: &Entry) -> bool {
    let is_same_ports = match (&before.ports, &after.ports) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    };
    Arc::ptr_eq(&before.desktop, &after.desktop) && is_same_ports && before.last_transitions == after.last_transitions
}

/// What makes the rows of a desktop differ: equal ones are written alike.
#[derive(Debug, PartialEq, Eq)]
enum Endings<'e> {
    Word(Option<usize>),
    Text(Vec<u8>),
    Ports(&'e [Port]),
}

/// What the rows of one desktop in one family end with, for comparison.
fn endings_of<'e>(entry: &'e Entry, planned: &Planned, plan: &Plan) -> Endings<'e> {
    match &planned.family.source {
        Source::State(states) => Endings::Word((states.place)(&entry.desktop)),
        Source::Flag(flag) => Endings::Word(flag(&entry.desktop).map(usize::from)),
        Source::Facts(tail) => Endings::Text(tail(&entry.desktop.facts, plan).into()),
        Source::Ports(_) => Endings::Ports(entry.ports.as_deref().unwrap_or_default()),
        Source::Desktop(write) => {
            let mut text = Vec::new();
            write(entry, plan, &mut Rows::new(&mut text, &[], &[]));
            Endings::Text(text)
        }
        Source::Project(_) | Source::Moment(_) => Endings::Word(None),
    }
}
