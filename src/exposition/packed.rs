//! The compressed exposition of a publication, made once and shared by every reader who takes this coding. Each unit is
//! compressed for itself, so that the next publication redoes those that changed and copies the others.
//!
//! gzip: ONE member, because `curl --compressed` stops after the first. Raw deflate segments, each ended by a full flush
//! (RFC 1951: a byte boundary that nothing before is referred to from), their CRCs joined, one trailer. zstd: one frame a
//! unit; frames may follow each other (RFC 8878, section 3.1).

use std::sync::Arc;

use bytes::Bytes;

use super::changed::changes;
use super::counts::{Counts, counts};
use super::family::Source;
use super::fleet::{Cut, Fleet};
use super::format::{Coding, Syntax};
use super::packer::{Checksum, GZIP_HEADER, Packer, Segment, gzip_closing, zstd_closing};
use super::plan::Plan;
use super::rows::Rows;
use super::selection::Selection;
use super::sheet::{entries_of, snapshot_of};
use crate::inventory::{Entry, Snapshot};
use crate::publish::{ProjectState, Publication};

/// Up to this, parts are sent as one.
const JOINED_MAXIMUM: usize = 1 << 20;

/// The compressed exposition of what is the same until the next publication.
#[derive(Debug)]
pub struct Packed {
    publication: Arc<Publication>,
    plan: Arc<Plan>,
    coding: Coding,
    /// One a family, in the plan's order; empty for what is not shown.
    parts: Vec<Bytes>,
    /// The parts as they are sent: few and long.
    sent: Vec<Bytes>,
    fleets: Vec<Segments>,
    /// Of the plain text, for the trailer of gzip.
    checksum: Checksum,
    counts: Counts,
}

/// Where a fleet's segments are in the parts: for each block, one a family.
#[derive(Debug)]
struct Segments {
    cut: Cut,
    blocks: Vec<Vec<Segment>>,
}

impl Segments {
    fn rows(&self, family: usize) -> u64 {
        self.blocks.iter().map(|segments| segments[family].rows).sum()
    }
}

/// What is packed, and into what.
struct Packing<'a> {
    plan: &'a Plan,
    selection: &'a Selection,
    syntax: Syntax,
    packer: Packer,
    /// One a family.
    parts: Vec<Vec<u8>>,
    /// The checksums of each part's segments, in order.
    checksums: Vec<Vec<Checksum>>,
    text: Vec<u8>,
}

impl Packed {
    /// Compresses a publication, beside an earlier form of the same selection if there is one. Costs a few µs a desktop,
    /// or, beside an earlier form, a few for each block of desktops that changed.
    #[must_use]
    pub fn of(
        publication: Arc<Publication>,
        plan: Arc<Plan>,
        (selection, syntax, coding): (&Selection, Syntax, Coding),
        before: Option<&Packed>,
    ) -> Self {
        let before = before.filter(|before| Arc::ptr_eq(&before.plan, &plan) && before.coding == coding);
        let mut packing = Packing {
            plan: &plan,
            selection,
            syntax,
            packer: Packer::new(coding),
            parts: (0..plan.families().len()).map(|family| room(before, family)).collect(),
            checksums: vec![Vec::new(); plan.families().len()],
            text: Vec::new(),
        };
        packing.headers();
        let fleets = publication.projects.iter();
        let fleets: Vec<Segments> = fleets.map(|state| packing.fleet(state, before)).collect();
        let (parts, checksum) = packing.ended();
        let of_desktops = |family: usize| fleets.iter().map(|fleet| fleet.rows(family)).sum();
        Self {
            counts: counts(&publication, &plan, of_desktops),
            publication,
            plan,
            coding,
            sent: sent(coding, &parts),
            parts,
            fleets,
            checksum,
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

    /// How many rows of what was selected each family has.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The bytes that every reader is sent first, one part after the other; what [`Packed::closing`] makes must follow.
    pub fn parts(&self) -> impl Iterator<Item = Bytes> {
        self.sent.iter().cloned()
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

impl Packing<'_> {
    fn is_shown(&self, family: usize) -> bool {
        let family = self.plan.families()[family].family;
        self.selection.has_group(family.group) && !matches!(family.source, Source::Moment(_))
    }

    fn headers(&mut self) {
        for family in 0..self.parts.len() {
            if !self.is_shown(family) {
                continue;
            }
            let header = self.plan.header(self.plan.families()[family].family, self.syntax);
            self.text.clear();
            self.text.extend_from_slice(header.as_bytes());
            self.push_text(family);
        }
    }

    /// Packs the text as the next segment of a family's part.
    fn push_text(&mut self, family: usize) -> Segment {
        let segment = self.packer.push(&self.text, &mut self.parts[family]);
        self.checksums[family].push(segment.checksum.clone());
        segment
    }

    /// Takes over a segment that was packed before.
    fn push_packed(&mut self, family: usize, bytes: &[u8], segment: &Segment) -> Segment {
        let part = &mut self.parts[family];
        let start = part.len();
        part.extend_from_slice(bytes);
        self.checksums[family].push(segment.checksum.clone());
        Segment {
            start,
            end: part.len(),
            ..segment.clone()
        }
    }

    /// Packs a project block by block, so that what is known of a desktop is near by only once.
    fn fleet(&mut self, state: &ProjectState, before: Option<&Packed>) -> Segments {
        let entries = entries_of(state);
        let last = before.and_then(|before| Some((before, before.fleet_of(state)?)));
        let cut = Cut::of(entries.len(), last.map(|(_, (_, segments))| segments.cut));
        let last = last.filter(|(_, (_, segments))| segments.cut == cut);
        let mut fleet = Fleet::new(&state.project.name, self.plan, self.syntax);
        let mut blocks = Vec::new();
        if self.selection.has_project(&state.project.name) {
            self.project_rows(state, fleet.project());
            let blocks_of = |entries: &[Entry]| {
                let places = entries.iter().map(|entry| entry.desktop.id.place());
                let ranges = cut.ranges(places).into_iter();
                ranges
                    .map(|range| self.selection.part_of(range, entries))
                    .collect::<Vec<_>>()
            };
            let earlier = last.map(|(_, (snapshot, _))| (snapshot.entries(), blocks_of(snapshot.entries())));
            for (block, desktops) in blocks_of(entries).into_iter().enumerate() {
                let desktops = &entries[desktops];
                let is_changed = earlier
                    .as_ref()
                    .map(|(earlier, blocks)| changes(&earlier[blocks[block].clone()], desktops, self.plan));
                let is_changed = is_changed.unwrap_or_else(|| vec![true; self.parts.len()]);
                fleet.clear();
                if is_changed.contains(&true) {
                    fleet.extend(desktops, self.plan);
                }
                let last = last.and_then(|(packed, (_, segments))| Some((packed, segments.blocks.get(block)?)));
                blocks.push(self.block(&fleet, &is_changed, last));
            }
        }
        Segments { cut, blocks }
    }

    fn project_rows(&mut self, state: &ProjectState, leading: &[u8]) {
        for (family, planned) in self.plan.families().iter().enumerate() {
            if let (Source::Project(write), Some(published)) = (&planned.family.source, &state.published)
                && self.is_shown(family)
            {
                self.text.clear();
                write(state, published, &mut Rows::new(&mut self.text, &planned.head, leading));
                self.push_text(family);
            }
        }
    }

    /// Packs what changed of a block and copies the rest; one segment a family, empty where nothing is shown.
    fn block(&mut self, fleet: &Fleet, is_changed: &[bool], last: Option<(&Packed, &Vec<Segment>)>) -> Vec<Segment> {
        let families = self.plan.families().iter().enumerate();
        let segments = families.map(|(family, planned)| {
            let is_of_desktops = planned.family.group.is_per_desktop();
            if !is_of_desktops || !self.is_shown(family) {
                return Segment::default();
            }
            let kept = last.filter(|_| !is_changed[family]).and_then(|(packed, segments)| {
                let segment = segments.get(family)?;
                Some((packed.parts[family].get(segment.start..segment.end)?, segment))
            });
            if let Some((bytes, segment)) = kept {
                return self.push_packed(family, bytes, segment);
            }
            self.text.clear();
            fleet.write(family, 0..fleet.len(), self.plan, &mut self.text);
            Segment {
                rows: fleet.rows(family),
                ..self.push_text(family)
            }
        });
        segments.collect()
    }

    /// The parts and the checksum of the whole text.
    fn ended(self) -> (Vec<Bytes>, Checksum) {
        let mut whole = Checksum::default();
        for checksum in self.checksums.iter().flatten() {
            whole.join(checksum);
        }
        let shrunk = self.parts.into_iter().map(|mut part| {
            part.shrink_to_fit();
            Bytes::from(part)
        });
        (shrunk.collect(), whole)
    }
}

/// Room for what a part will be: most likely about what it was. One that grows is there twice for a moment.
fn room(before: Option<&Packed>, family: usize) -> Vec<u8> {
    let last = before.and_then(|before| before.parts.get(family)).map_or(0, Bytes::len);
    Vec::with_capacity(last + last / 16)
}

/// What is sent: a small fleet's parts as one, for a system call more costs more than the copy.
fn sent(coding: Coding, parts: &[Bytes]) -> Vec<Bytes> {
    let header = match coding {
        Coding::Gzip => Bytes::from_static(&GZIP_HEADER),
        Coding::Identity | Coding::Zstd => Bytes::new(),
    };
    if parts.iter().map(Bytes::len).sum::<usize>() > JOINED_MAXIMUM {
        return std::iter::once(header).chain(parts.iter().cloned()).collect();
    }
    let mut joined = header.to_vec();
    for part in parts {
        joined.extend_from_slice(part);
    }
    vec![joined.into()]
}
