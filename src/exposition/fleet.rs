//! What the rows of a project's desktops are made of, made once, desktop by desktop, so that writing rows is copying; and
//! how a fleet is cut into blocks, by the places of its ids, which never move: a desktop that comes or goes changes one block.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use super::column::Column;
use super::format::Syntax;
use super::label_value::{push_description, push_identity};
use super::plan::Plan;
use crate::inventory::Entry;

/// A block has this many desktops, give or take; more than twice as many, or less than half, and the fleet is cut anew.
const BLOCK: usize = 64;

/// How a fleet is cut into blocks: into two to the power of this, by the leading bits of the ids' places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut(u32);

impl Cut {
    /// The cut of a fleet of this size; that of an earlier time while it will do.
    pub(super) fn of(desktops: usize, before: Option<Cut>) -> Self {
        let fits = |cut: &Cut| {
            let block = desktops >> cut.0;
            block <= BLOCK * 2 && (block >= BLOCK / 2 || cut.0 == 0)
        };
        before
            .filter(fits)
            .unwrap_or_else(|| Cut((desktops / BLOCK).next_power_of_two().ilog2()))
    }

    /// The desktops of each block, as ranges that follow each other, by the places of all.
    pub(super) fn ranges(self, places: impl Iterator<Item = u64>) -> Vec<Range<usize>> {
        let (mut places, mut start) = (places.peekable(), 0);
        let range = |block: usize| {
            let next = (block as u128 + 1) << (64 - self.0);
            let first = start;
            while places.next_if(|place| u128::from(*place) < next).is_some() {
                start += 1;
            }
            first..start
        };
        (0..1 << self.0).map(range).collect()
    }
}

/// What the rows of a project's desktops are made of.
#[derive(Debug)]
pub(super) struct Fleet {
    /// `project="NAME"`.
    project: Vec<u8>,
    /// Each desktop's place in the order.
    places: Vec<u64>,
    /// What each desktop's rows begin with, one after the other.
    leading: Vec<u8>,
    /// Where each desktop's ends.
    leading_ends: Vec<usize>,
    /// For each family of the plan, what each desktop's rows end with; `None` where rows are not per desktop.
    columns: Vec<Option<Column>>,
}

impl Fleet {
    /// Without desktops yet.
    pub(super) fn new(project_name: &str, plan: &Plan, syntax: Syntax) -> Self {
        let mut project = b"project=\"".to_vec();
        push_identity(&mut project, project_name);
        project.push(b'"');
        let families = plan.families().iter();
        Self {
            project,
            places: Vec::new(),
            leading: Vec::new(),
            leading_ends: Vec::new(),
            columns: families.map(|planned| Column::new(planned, syntax)).collect(),
        }
    }

    /// The label that every row of the project begins with.
    pub(super) fn project(&self) -> &[u8] {
        &self.project
    }

    /// The desktops of each block, of a fleet that is cut for the first time.
    pub(super) fn blocks(&self) -> Vec<Range<usize>> {
        Cut::of(self.len(), None).ranges(self.places.iter().copied())
    }

    /// How many desktops it has.
    pub(super) fn len(&self) -> usize {
        self.leading_ends.len()
    }

    /// Forgets the desktops; what they shared stays.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.leading.clear();
        self.leading_ends.clear();
        self.columns.iter_mut().flatten().for_each(Column::clear);
    }

    /// Takes in desktops, a block at a time, so that what is known of one is fetched from memory only once.
    pub(super) fn extend(&mut self, entries: &[Entry], plan: &Plan) {
        self.places.reserve(entries.len());
        self.leading.reserve(entries.len() * (self.project.len() + 96));
        self.leading_ends.reserve(entries.len());
        for column in self.columns.iter_mut().flatten() {
            column.reserve(entries.len());
        }
        for block in entries.chunks(BLOCK) {
            fetch(block);
            self.places.extend(block.iter().map(|entry| entry.desktop.id.place()));
            for entry in block {
                self.push_leading(entry);
            }
            for (column, planned) in self.columns.iter_mut().zip(plan.families()) {
                if let Some(column) = column {
                    column.extend(block, planned, plan);
                }
            }
        }
    }

    fn push_leading(&mut self, entry: &Entry) {
        let out = &mut self.leading;
        out.extend_from_slice(&self.project);
        out.extend_from_slice(b",desktop_id=\"");
        push_identity(out, entry.desktop.id.as_str());
        out.extend_from_slice(b"\",computer_name=\"");
        push_description(out, entry.desktop.computer_name.as_deref().unwrap_or_default());
        out.push(b'"');
        self.leading_ends.push(out.len());
    }

    fn leading_of(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.leading_ends[before]);
        &self.leading[start..self.leading_ends[place]]
    }

    /// How many rows its desktops have in a family of the plan.
    pub(super) fn rows(&self, family: usize) -> u64 {
        self.columns[family].as_ref().map_or(0, Column::rows)
    }

    /// Writes the rows of these desktops in a family of the plan.
    pub(super) fn write(&self, family: usize, desktops: Range<usize>, plan: &Plan, out: &mut Vec<u8>) {
        if let Some(column) = &self.columns[family] {
            let head = &plan.families()[family].head;
            column.write(desktops, head, |place| self.leading_of(place), out);
        }
    }
}

/// Reads a little of everything that rows of these desktops are made from. What is known of a desktop lies in a dozen places far
/// from each other, and a processor fetches many of them at the same time where it can go on without what they hold. Making a
/// sheet takes a third of the time that it takes without.
fn fetch(block: &[Entry]) {
    let first = |text: Option<&str>| text.and_then(|text| text.bytes().next()).map_or(0, usize::from);
    let desktops = block.iter().map(|entry| &*entry.desktop);
    let records = desktops.clone().map(|desktop| {
        let words = [
            desktop.status.is_some(),
            desktop.attach_state.is_some(),
            desktop.created.is_some(),
        ];
        words.into_iter().map(usize::from).sum::<usize>() + desktop.users.len() + Arc::as_ptr(&desktop.facts).addr()
    });
    let names = desktops.map(|desktop| first(Some(desktop.id.as_str())) + first(desktop.computer_name.as_deref()));
    let cards = || block.iter().filter_map(|entry| entry.ports.as_ref()?.first());
    let places = cards().map(|card| Arc::as_ptr(&card.place).addr());
    let addresses = cards().map(|card| first(card.private_ip.as_deref()) + first(card.public_ip.as_deref()));
    let everything = records.chain(places).chain(names).chain(addresses);
    black_box(everything.fold(0, usize::wrapping_add));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_cut_anew_only_when_its_blocks_are_far_too_large_or_small() {
        assert_eq!(Cut::of(0, None), Cut(0));
        assert_eq!(Cut::of(100, None), Cut(0));
        assert_eq!(Cut::of(100_000, None), Cut(11));
        assert_eq!(Cut::of(130_000, Some(Cut(11))), Cut(11));
        assert_eq!(Cut::of(270_000, Some(Cut(11))), Cut(13));
        assert_eq!(Cut::of(40_000, Some(Cut(11))), Cut(10));
        assert_eq!(Cut::of(10, Some(Cut(11))), Cut(0));
    }
}
