//! What the rows of a project's desktops are made of, made once, desktop by desktop, so that writing rows is copying; and
//! how a fleet is cut into blocks, by the places of its ids, which never move: a desktop that comes or goes changes one block.

use std::ops::Range;

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

    pub(super) fn blocks(self) -> usize {
        1 << self.0
    }

    /// The desktops of a block, as a range of the snapshot's.
    pub(super) fn range(self, block: usize, entries: &[Entry]) -> Range<usize> {
        let start_of = |block: u128| {
            let start = block << (64 - self.0);
            entries.partition_point(|entry| u128::from(entry.desktop.id.place()) < start)
        };
        start_of(block as u128)..start_of(block as u128 + 1)
    }
}

/// What the rows of a project's desktops are made of.
#[derive(Debug)]
pub(super) struct Fleet {
    /// `project="NAME"`.
    project: Vec<u8>,
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
            leading: Vec::new(),
            leading_ends: Vec::new(),
            columns: families.map(|planned| Column::new(planned, syntax)).collect(),
        }
    }

    /// The label that every row of the project begins with.
    pub(super) fn project(&self) -> &[u8] {
        &self.project
    }

    /// How many desktops it has.
    pub(super) fn len(&self) -> usize {
        self.leading_ends.len()
    }

    /// Forgets the desktops; what they shared stays.
    pub(super) fn clear(&mut self) {
        self.leading.clear();
        self.leading_ends.clear();
        self.columns.iter_mut().flatten().for_each(Column::clear);
    }

    /// Takes in desktops one by one: what is known of one is near by only once.
    pub(super) fn extend(&mut self, entries: &[Entry], plan: &Plan) {
        self.leading.reserve(entries.len() * (self.project.len() + 96));
        self.leading_ends.reserve(entries.len());
        for column in self.columns.iter_mut().flatten() {
            column.reserve(entries.len());
        }
        for entry in entries {
            self.push_leading(entry);
            for (column, planned) in self.columns.iter_mut().zip(plan.families()) {
                if let Some(column) = column {
                    column.push(entry, planned, plan);
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
