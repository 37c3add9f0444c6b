//! The compressed exposition of a publication, made once and shared by every reader who takes this coding. Each unit is
//! compressed for itself, so that the next publication redoes those that changed and copies the others.
//!
//! gzip: ONE member, because `curl --compressed` stops after the first. Raw deflate segments, each ended by a full flush
//! (RFC 1951: a byte boundary that nothing before is referred to from), their CRCs joined, one trailer. zstd: one frame a
//! unit; frames may follow each other (RFC 8878, section 3.1).

use std::sync::Arc;

use bytes::Bytes;

use super::format::{Coding, Syntax};
use super::packer::{Checksum, Packer, Segment, gzip_closing, zstd_closing};
use super::plan::Plan;
use super::rows::Rows;
use super::selection::Selection;
use super::sheet::{Counts, Cursor, Cut, Sheet, Unit, snapshot_of, write_entry};
use crate::inventory::{Entry, Snapshot};
use crate::publish::{ProjectState, Publication};

/// The compressed exposition of what is the same until the next publication.
#[derive(Debug)]
pub struct Packed {
    publication: Arc<Publication>,
    plan: Arc<Plan>,
    coding: Coding,
    body: Bytes,
    /// Where the segments of each project's blocks are in the body, family by family.
    fleets: Vec<Segments>,
    /// Of the plain text, for the trailer of gzip.
    checksum: Checksum,
    counts: Counts,
}

#[derive(Debug)]
struct Segments {
    cut: Cut,
    segments: Vec<Segment>,
}

/// What a fleet was before, and which of its segments are the same still.
struct Before<'a> {
    segments: &'a [Segment],
    /// For each block, and in it for each family of the plan, whether it is another now.
    is_changed: Vec<Vec<bool>>,
}

impl Packed {
    /// Compresses a publication, beside an earlier form of the same selection if there is one. Costs a few µs a desktop,
    /// or, beside an earlier form, a few for each that changed.
    #[must_use]
    pub fn of(
        publication: Arc<Publication>,
        plan: Arc<Plan>,
        (selection, syntax, coding): (&Selection, Syntax, Coding),
        before: Option<&Packed>,
    ) -> Self {
        let before = before.filter(|before| Arc::ptr_eq(&before.plan, &plan) && before.coding == coding);
        let last = |state: &ProjectState| before?.fleet_of(state);
        let cut = |state: &ProjectState| Some(last(state)?.1.cut);
        let sheet = Sheet::beside(Arc::clone(&publication), Arc::clone(&plan), cut);
        let unchanged: Vec<Option<Before<'_>>> = publication
            .projects
            .iter()
            .enumerate()
            .map(|(project, state)| {
                let (snapshot, fleet) = last(state)?;
                let is_same_cut = fleet.cut == sheet.cut(project);
                is_same_cut.then(|| Before {
                    segments: &fleet.segments,
                    is_changed: changes(snapshot, sheet.entries(project), fleet.cut, &plan, syntax),
                })
            })
            .collect();
        let mut packer = Packer::new(coding, before.map_or(0, |before| before.body.len()));
        let mut fleets: Vec<Segments> = (0..publication.projects.len())
            .map(|project| Segments {
                cut: sheet.cut(project),
                segments: Vec::new(),
            })
            .collect();
        let (mut cursor, mut text) = (Cursor::default(), Vec::new());
        while let Some(unit) = cursor.next(&sheet, selection) {
            let Unit::Block(project, planned, block) = unit else {
                text.clear();
                sheet.write(&unit, selection, syntax, &mut text);
                packer.push(&text);
                continue;
            };
            let segments = &mut fleets[project].segments;
            let family = plan.families().iter().position(|other| std::ptr::eq(other, planned));
            let kept = unchanged[project].as_ref().zip(family).and_then(|(fleet, family)| {
                let is_changed = fleet.is_changed[block][family];
                let segment = fleet.segments.get(segments.len())?;
                let bytes = before?.body.get(segment.start..segment.end)?;
                (!is_changed).then_some((bytes, &segment.checksum))
            });
            segments.push(match kept {
                Some((bytes, checksum)) => packer.push_packed(bytes, checksum),
                None => {
                    text.clear();
                    sheet.write(&unit, selection, syntax, &mut text);
                    packer.push(&text)
                }
            });
        }
        let (body, checksum) = packer.finish();
        Self {
            publication,
            plan,
            coding,
            body,
            fleets,
            checksum,
            counts: Arc::clone(sheet.counts()),
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

    /// How many rows each family has, whatever was selected.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The bytes that every reader is sent first; what [`Packed::closing`] makes must follow.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Packs the text that follows, and ends the stream. A short text is stored as it is: it is gone sooner than packed.
    #[must_use]
    pub fn closing(&self, text: &[u8]) -> Vec<u8> {
        match self.coding {
            Coding::Identity => text.to_vec(),
            Coding::Gzip => gzip_closing(self.checksum.clone(), text),
            Coding::Zstd => zstd_closing(text),
        }
    }

    /// The last snapshot of a project and where its segments are.
    fn fleet_of(&self, state: &ProjectState) -> Option<(&Snapshot, &Segments)> {
        let mut fleets = self.publication.projects.iter().zip(&self.fleets);
        let (before, fleet) = fleets.find(|(before, _)| before.project.name == state.project.name)?;
        Some((snapshot_of(before)?, fleet))
    }
}

/// For each block, and in it for each family of the plan, whether its rows are others than they were. Exact: a desktop
/// that is not shared by both snapshots is written for both and compared.
fn changes(before: &Snapshot, after: &[Entry], cut: Cut, plan: &Plan, syntax: Syntax) -> Vec<Vec<bool>> {
    let families = plan.families();
    let block_of = |block: usize| {
        let old = &before.entries()[cut.range(block, before.entries())];
        let new = &after[cut.range(block, after)];
        let is_led_alike = |(old, new): (&Entry, &Entry)| {
            old.desktop.id == new.desktop.id && old.desktop.computer_name == new.desktop.computer_name
        };
        if old.len() != new.len() || !old.iter().zip(new).all(is_led_alike) {
            return vec![true; families.len()];
        }
        let mut is_changed = vec![false; families.len()];
        let others = old.iter().zip(new).filter(|(old, new)| !is_shared(old, new));
        for (old, new) in others {
            for (planned, is_changed) in families.iter().zip(&mut is_changed) {
                *is_changed = *is_changed || {
                    let written = [old, new].map(|entry| {
                        let mut text = Vec::new();
                        write_entry(entry, planned, plan, syntax, &mut Rows::new(&mut text, &[], &[]));
                        text
                    });
                    written[0] != written[1]
                };
            }
        }
        is_changed
    };
    (0..cut.blocks()).map(block_of).collect()
}

/// Whether two entries are known to be alike without a look at what they hold.
fn is_shared(old: &Entry, new: &Entry) -> bool {
    let is_same_ports = match (&old.ports, &new.ports) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (None, None) => true,
        _ => false,
    };
    Arc::ptr_eq(&old.desktop, &new.desktop) && is_same_ports && old.last_transitions == new.last_transitions
}
