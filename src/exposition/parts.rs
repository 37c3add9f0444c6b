//! A project's fleet in parts that are made at the same time, one a thread; each part begins where a block does.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

use super::fleet::{Cut, Fleet};
use super::format::Syntax;
use super::plan::Plan;
use crate::inventory::Entry;

/// Starting a thread costs as much as making this many desktops ready, many times over.
const DESKTOPS_WORTH_A_THREAD: usize = 4_096;

/// A project's fleet; never without a part.
#[derive(Debug)]
pub(super) struct Parts {
    /// Each part with its first desktop.
    parts: Vec<(usize, Fleet)>,
    desktops: usize,
}

impl Parts {
    /// Makes the fleet of these desktops ready to be written, on every core that it is worth.
    pub(super) fn of(project_name: &str, entries: &[Entry], plan: &Plan, syntax: Syntax) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let count = (entries.len() / DESKTOPS_WORTH_A_THREAD).clamp(1, cores);
        let cut = Cut::of(entries.len(), None);
        let first = |part: usize| match part {
            part if part == count => entries.len(),
            part => cut.range(cut.blocks() * part / count, entries).start,
        };
        let make = |part: usize| {
            let desktops = first(part)..first(part + 1);
            let mut fleet = Fleet::new(project_name, plan, syntax);
            fleet.extend(&entries[desktops.clone()], plan);
            (desktops.start, fleet)
        };
        let parts = scope(|threads| {
            let make = &make;
            let others: Vec<_> = (1..count).map(|part| threads.spawn(move || make(part))).collect();
            let others = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            std::iter::once(make(0)).chain(others).collect()
        });
        Self {
            parts,
            desktops: entries.len(),
        }
    }

    /// The label that every row of the project begins with.
    pub(super) fn project(&self) -> &[u8] {
        self.parts[0].1.project()
    }

    /// How many desktops it has.
    pub(super) fn len(&self) -> usize {
        self.desktops
    }

    /// How many rows its desktops have in a family of the plan.
    pub(super) fn rows(&self, family: usize) -> u64 {
        self.parts.iter().map(|(_, fleet)| fleet.rows(family)).sum()
    }

    /// Writes the rows of these desktops, which are of one block, in a family of the plan.
    pub(super) fn write(&self, family: usize, desktops: Range<usize>, plan: &Plan, out: &mut Vec<u8>) {
        let part = self.parts.partition_point(|(first, _)| *first <= desktops.start);
        let (first, fleet) = &self.parts[part.saturating_sub(1)];
        fleet.write(family, desktops.start - first..desktops.end - first, plan, out);
    }
}
