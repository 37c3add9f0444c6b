//! A publication made ready to be written: what many rows share is escaped once. Every reader of one publication shares
//! one sheet.
//!
//! A fleet is cut into blocks by the places of its ids, which never move: a desktop that comes or goes changes one block.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::family::Source;
use super::format::Syntax;
use super::label_value::{push_description, push_identity};
use super::plan::{Plan, Planned};
use super::rows::Rows;
use super::selection::Selection;
use crate::inventory::{Entry, Facts, Snapshot};
use crate::publish::{ProjectState, Publication};

/// A block has this many desktops, give or take; more than twice as many, or less than half, and the fleet is cut anew.
const BLOCK: usize = 64;

/// A publication made ready to be written.
#[derive(Debug)]
pub struct Sheet {
    publication: Arc<Publication>,
    plan: Arc<Plan>,
    fleets: Vec<Fleet>,
    counts: Counts,
}

/// How many rows each family has that is the same until the next publication.
pub type Counts = Arc<[(&'static str, u64)]>;

/// What the rows of one project share.
#[derive(Debug)]
struct Fleet {
    /// `project="NAME"`.
    project: Vec<u8>,
    /// What each desktop's rows begin with, one after the other.
    leading: Vec<u8>,
    /// Where each desktop's ends.
    leading_ends: Vec<usize>,
    /// Which of `tails` each desktop has.
    facts: Vec<usize>,
    /// For each of the different facts, what its families' rows end with.
    tails: Vec<Vec<Box<[u8]>>>,
    cut: Cut,
}

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

impl Sheet {
    /// Makes a publication ready. Costs two escaped labels a desktop, and a look at each for each family.
    #[must_use]
    pub fn of(publication: Arc<Publication>, plan: Arc<Plan>) -> Self {
        Self::beside(publication, plan, |_| None)
    }

    /// The same, with fleets cut as they were before where that will do.
    pub(super) fn beside(
        publication: Arc<Publication>,
        plan: Arc<Plan>,
        before: impl Fn(&ProjectState) -> Option<Cut>,
    ) -> Self {
        let fleet = |state: &ProjectState| Fleet::of(state, &plan, before(state));
        Self {
            fleets: publication.projects.iter().map(fleet).collect(),
            counts: count_rows(&publication, &plan),
            publication,
            plan,
        }
    }

    /// The publication that it is of.
    #[must_use]
    pub fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// The plan that it follows.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How many rows each family has.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(super) fn cut(&self, project: usize) -> Cut {
        self.fleets[project].cut
    }

    pub(super) fn entries(&self, project: usize) -> &[Entry] {
        entries_of(&self.publication.projects[project])
    }

    /// Writes the rows of one block, or of one project where the family is not per desktop.
    pub(super) fn write(&self, unit: &Unit<'_>, selection: &Selection, syntax: Syntax, out: &mut Vec<u8>) {
        let (project, planned, block) = match unit {
            Unit::Header(planned) => {
                return out.extend_from_slice(self.plan.header(planned.family, syntax).as_bytes());
            }
            Unit::Project(project, planned) => (*project, *planned, 0),
            Unit::Block(project, planned, block) => (*project, *planned, *block),
        };
        let (state, fleet) = (&self.publication.projects[project], &self.fleets[project]);
        if let Source::Project(write) = &planned.family.source {
            if let Some(published) = &state.published {
                write(state, published, &mut Rows::new(out, &planned.head, &fleet.project));
            }
            return;
        }
        let entries = entries_of(state);
        let mut rows = Rows::new(out, &planned.head, &[]);
        for place in fleet.cut.range(block, entries) {
            let entry = &entries[place];
            if !selection.has_desktop(&entry.desktop.id) {
                continue;
            }
            rows.lead(fleet.leading_of(place));
            match &planned.family.source {
                Source::Facts(_) => rows.row_ending(fleet.tail_of(place, planned, &self.plan)),
                _ => write_entry(entry, planned, &self.plan, syntax, &mut rows),
            }
        }
    }
}

/// Writes the rows of one desktop in one family behind labels that are there already.
pub(super) fn write_entry(entry: &Entry, planned: &Planned, plan: &Plan, syntax: Syntax, rows: &mut Rows<'_>) {
    match &planned.family.source {
        Source::State(states) => {
            if let Some(place) = (states.place)(&entry.desktop) {
                for ending in planned.endings(place, syntax) {
                    rows.row_ending(ending);
                }
            }
        }
        Source::Facts(tail) => rows.row_ending(&tail(&entry.desktop.facts, plan)),
        Source::Desktop(write) => write(entry, plan, rows),
        Source::Project(_) | Source::Moment(_) => {}
    }
}

fn entries_of(state: &ProjectState) -> &[Entry] {
    state
        .published
        .as_ref()
        .map_or(&[], |published| published.snapshot.entries())
}

impl Fleet {
    fn of(state: &ProjectState, plan: &Plan, before: Option<Cut>) -> Self {
        let entries = entries_of(state);
        let mut project = b"project=\"".to_vec();
        push_identity(&mut project, &state.project.name);
        project.push(b'"');
        let mut fleet = Self {
            leading: Vec::with_capacity(entries.len() * (project.len() + 96)),
            leading_ends: Vec::with_capacity(entries.len()),
            facts: Vec::with_capacity(entries.len()),
            tails: Vec::new(),
            cut: Cut::of(entries.len(), before),
            project,
        };
        let mut numbers: HashMap<*const Facts, usize> = HashMap::new();
        for entry in entries {
            fleet.push_leading(entry);
            let facts = &entry.desktop.facts;
            let number = *numbers.entry(Arc::as_ptr(facts)).or_insert_with(|| {
                fleet.tails.push(tails_of(facts, plan));
                fleet.tails.len() - 1
            });
            fleet.facts.push(number);
        }
        fleet
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

    /// Families made of facts alone come in the plan's order.
    fn tail_of(&self, place: usize, planned: &Planned, plan: &Plan) -> &[u8] {
        let number = of_facts(plan).position(|other| std::ptr::eq(other, planned));
        number.map_or(&[], |number| &self.tails[self.facts[place]][number])
    }
}

fn of_facts(plan: &Plan) -> impl Iterator<Item = &Planned> {
    let is_of_facts = |planned: &&Planned| matches!(planned.family.source, Source::Facts(_));
    plan.families().iter().filter(is_of_facts)
}

fn tails_of(facts: &Facts, plan: &Plan) -> Vec<Box<[u8]>> {
    let tails = of_facts(plan).filter_map(|planned| match &planned.family.source {
        Source::Facts(tail) => Some(tail(facts, plan)),
        _ => None,
    });
    tails.collect()
}

/// Costs a look at each desktop for each family, and no bytes.
fn count_rows(publication: &Publication, plan: &Plan) -> Counts {
    let count = |planned: &Planned| {
        let mut count = 0;
        for state in &publication.projects {
            let mut rows = Rows::counting();
            match (&planned.family.source, &state.published) {
                (Source::Project(write), Some(published)) => write(state, published, &mut rows),
                (Source::State(states), Some(published)) => {
                    let entries = published.snapshot.entries().iter();
                    let with_word = entries.filter(|entry| (states.place)(&entry.desktop).is_some());
                    count += with_word.count() as u64 * planned.endings_count();
                }
                (Source::Facts(_), Some(published)) => count += published.snapshot.entries().len() as u64,
                (Source::Desktop(write), Some(published)) => {
                    for entry in published.snapshot.entries() {
                        write(entry, plan, &mut rows);
                    }
                }
                (Source::Moment(_), _) | (_, None) => {}
            }
            count += rows.count();
        }
        (planned.family.name, count)
    };
    let is_still = |planned: &&Planned| !matches!(planned.family.source, Source::Moment(_));
    plan.families().iter().filter(is_still).map(count).collect()
}

/// A part of the exposition that is written at once.
#[derive(Debug)]
pub(super) enum Unit<'a> {
    /// HELP and TYPE of a family.
    Header(&'a Planned),
    /// The rows of a project.
    Project(usize, &'a Planned),
    /// The rows of a block of a project's desktops.
    Block(usize, &'a Planned, usize),
}

/// Where in the units of a sheet a writer is. The units are those of everything that is the same until the next
/// publication, family by family, in each project by project.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    family: usize,
    /// 0 is the header.
    project: usize,
    block: usize,
}

impl Cursor {
    /// The unit here, and moves on; `None` at the end.
    pub(super) fn next<'a>(&mut self, sheet: &'a Sheet, selection: &Selection) -> Option<Unit<'a>> {
        loop {
            let planned = sheet.plan.families().get(self.family)?;
            let is_moment = matches!(planned.family.source, Source::Moment(_));
            if is_moment || !selection.has_group(planned.family.group) || self.project > sheet.fleets.len() {
                *self = Self {
                    family: self.family + 1,
                    ..Self::default()
                };
                continue;
            }
            let Some(project) = self.project.checked_sub(1) else {
                self.project = 1;
                return Some(Unit::Header(planned));
            };
            if !selection.has_project(&sheet.publication.projects[project].project.name) {
                self.project += 1;
                continue;
            }
            if !planned.family.group.is_per_desktop() {
                self.project += 1;
                return Some(Unit::Project(project, planned));
            }
            let block = self.block;
            if block < sheet.cut(project).blocks() {
                self.block += 1;
                return Some(Unit::Block(project, planned, block));
            }
            (self.project, self.block) = (self.project + 1, 0);
        }
    }
}

/// The snapshot of a project, if there is one.
pub(super) fn snapshot_of(state: &ProjectState) -> Option<&Arc<Snapshot>> {
    state.published.as_ref().map(|published| &published.snapshot)
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
