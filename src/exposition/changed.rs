//! Which rows of a block of desktops are others than they were in an earlier snapshot.

use std::sync::Arc;

use super::column::endings_of;
use super::plan::Plan;
use crate::inventory::Entry;

/// For each family of the plan, whether the rows of a block are others than they were. Exact: of a desktop that both
/// snapshots do not share, what its rows are made from is compared.
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
