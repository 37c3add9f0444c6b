//! How many rows each family has in a publication, whether or not anybody writes them.

use std::sync::Arc;

use super::family::Source;
use super::format::Syntax;
use super::plan::{Plan, Planned};
use super::rows::Rows;
use super::sheet::entries_of;
use crate::inventory::Entry;
use crate::publish::Publication;

/// How many rows each family has that is the same until the next publication, by its name.
pub type Counts = Arc<[(&'static str, u64)]>;

/// Counts the rows of everything, for readers of a part. Costs a look at each desktop for each family.
#[must_use]
pub fn count(publication: &Publication, plan: &Plan) -> Counts {
    let of_desktops = |family: usize| {
        let entries = publication.projects.iter().flat_map(entries_of);
        entries
            .map(|entry| rows_of(entry, &plan.families()[family], plan))
            .sum()
    };
    counts(publication, plan, of_desktops)
}

/// How many rows each family has, where those of desktops are counted already.
pub(super) fn counts(publication: &Publication, plan: &Plan, of_desktops: impl Fn(usize) -> u64) -> Counts {
    let count = |(family, planned): (usize, &Planned)| {
        let mut rows = Rows::counting();
        for state in &publication.projects {
            if let (Source::Project(write), Some(published)) = (&planned.family.source, &state.published) {
                write(state, published, &mut rows);
            }
        }
        (planned.family.name, rows.count() + of_desktops(family))
    };
    let is_still = |(_, planned): &(usize, &Planned)| !matches!(planned.family.source, Source::Moment(_));
    plan.families().iter().enumerate().filter(is_still).map(count).collect()
}

/// How many rows a desktop has in a family; every syntax has as many.
fn rows_of(entry: &Entry, planned: &Planned, plan: &Plan) -> u64 {
    match &planned.family.source {
        Source::State(states) => {
            let place = (states.place)(&entry.desktop);
            place.map_or(0, |place| planned.endings(place, Syntax::Classic).count() as u64)
        }
        Source::Flag(flag) => u64::from(flag(&entry.desktop).is_some()),
        Source::Facts(_) => 1,
        Source::Ports(_) => entry.ports.as_ref().map_or(0, |ports| ports.len() as u64),
        Source::Desktop(write) => {
            let mut rows = Rows::counting();
            write(entry, plan, &mut rows);
            rows.count()
        }
        Source::Project(_) | Source::Moment(_) => 0,
    }
}
