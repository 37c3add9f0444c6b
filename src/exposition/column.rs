//! What the rows of one family end with, for each desktop of a fleet: shared where few endings serve all, or one after the
//! other in one buffer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::family::{PortRows, Source};
use super::format::Syntax;
use super::plan::{Plan, Planned};
use super::rows::{Rows, Value, push_labels, tail};
use crate::inventory::Entry;

/// Room for what a desktop's rows have for themselves.
const OWN_BYTES: usize = 64;

/// What the rows of one family end with, for each desktop. A desktop has none, one or several rows.
#[derive(Debug)]
pub(super) enum Column {
    /// Few endings serve all desktops.
    Shared {
        /// Which each desktop has; 0 is none.
        numbers: Vec<u32>,
        endings: Vec<Ending>,
        /// Which facts have which.
        known: Numbers,
    },
    /// Each desktop has its own.
    Own(Own),
}

/// The endings of one desktop's rows, each with the beginning of the row that follows: that is one copy less a row.
type Ending = Box<[Box<[u8]>]>;

/// Numbers of what is kept once, by its address.
type Numbers = HashMap<usize, u32>;

/// Endings one after the other, and what many of them end with.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// What each row has for itself.
    bytes: Vec<u8>,
    /// Where each row's end.
    ends: Vec<usize>,
    /// How many rows the desktops up to each one have.
    rows: Vec<u32>,
    /// What each row goes on with; without rows where none does.
    rests: Vec<u32>,
    /// What rows go on with, each with the beginning of the row that follows.
    shared: Vec<Box<[u8]>>,
    known: Numbers,
}

impl Column {
    /// The empty column of a family; `None` where rows are not per desktop.
    pub(super) fn new(planned: &Planned, syntax: Syntax) -> Option<Self> {
        let followed = |ending: &[u8]| -> Box<[u8]> { [ending, &planned.head].concat().into() };
        match &planned.family.source {
            Source::State(states) => {
                let of_word = |place| planned.endings(place, syntax).map(followed).collect();
                Some(Self::shared((0..(states.words)().len()).map(of_word)))
            }
            Source::Flag(_) => {
                let of_flag = |flag| [followed(&tail([], Value::Flag(flag)))].into();
                Some(Self::shared([false, true].map(of_flag)))
            }
            Source::Facts(_) => Some(Self::shared([])),
            Source::Ports(_) | Source::Desktop(_) => Some(Column::Own(Own::default())),
            Source::Project(_) | Source::Moment(_) => None,
        }
    }

    fn shared(endings: impl IntoIterator<Item = Ending>) -> Self {
        Column::Shared {
            numbers: Vec::new(),
            endings: std::iter::once(Ending::default()).chain(endings).collect(),
            known: Numbers::new(),
        }
    }

    /// Makes room for so many more desktops.
    pub(super) fn reserve(&mut self, desktops: usize) {
        match self {
            Column::Shared { numbers, .. } => numbers.reserve(desktops),
            Column::Own(own) => own.reserve(desktops),
        }
    }

    /// Forgets the desktops; what they shared stays.
    pub(super) fn clear(&mut self) {
        match self {
            Column::Shared { numbers, .. } => numbers.clear(),
            Column::Own(own) => own.clear(),
        }
    }

    /// Takes in the next desktops.
    pub(super) fn extend(&mut self, entries: &[Entry], planned: &Planned, plan: &Plan) {
        match (self, &planned.family.source) {
            (Column::Shared { numbers, .. }, Source::State(states)) => {
                let place = |entry: &Entry| (states.place)(&entry.desktop).map_or(0, |place| number(place + 1));
                numbers.extend(entries.iter().map(place));
            }
            (Column::Shared { numbers, .. }, Source::Flag(flag)) => {
                let number = |entry: &Entry| flag(&entry.desktop).map_or(0, |flag| 1 + u32::from(flag));
                numbers.extend(entries.iter().map(number));
            }
            (
                Column::Shared {
                    numbers,
                    endings,
                    known,
                },
                Source::Facts(tail),
            ) => {
                numbers.extend(entries.iter().map(|entry| {
                    let facts = &entry.desktop.facts;
                    *known.entry(Arc::as_ptr(facts).addr()).or_insert_with(|| {
                        let followed = [&*tail(facts, plan), &planned.head].concat();
                        endings.push([followed.into()].into());
                        number(endings.len() - 1)
                    })
                }));
            }
            (Column::Own(own), Source::Ports(ports)) => own.extend_ports(entries, ports, &planned.head),
            (Column::Own(own), Source::Desktop(write)) => own.extend_rows(entries, plan, *write),
            _ => {}
        }
    }

    /// Writes the rows of these desktops.
    pub(super) fn write<'l>(
        &self,
        desktops: Range<usize>,
        head: &[u8],
        leading_of: impl Fn(usize) -> &'l [u8],
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(head);
        match self {
            Column::Shared { numbers, endings, .. } => {
                for place in desktops {
                    for ending in &endings[numbers[place] as usize] {
                        out.extend_from_slice(leading_of(place));
                        out.extend_from_slice(ending);
                    }
                }
            }
            Column::Own(own) => {
                for place in desktops {
                    for row in own.rows_of(place) {
                        out.extend_from_slice(leading_of(place));
                        out.extend_from_slice(own.of_row(row));
                        out.extend_from_slice(own.rest_of_row(row).unwrap_or(head));
                    }
                }
            }
        }
        // No row follows the last one.
        out.truncate(out.len() - head.len());
    }

    /// How many rows all desktops have.
    pub(super) fn rows(&self) -> u64 {
        match self {
            Column::Shared { numbers, endings, .. } => {
                let rows = numbers.iter().map(|number| endings[*number as usize].len() as u64);
                rows.sum()
            }
            Column::Own(own) => own.ends.len() as u64,
        }
    }
}

impl Own {
    /// A row a desktop; what is not needed is not touched, and what is not touched is not there.
    fn reserve(&mut self, desktops: usize) {
        self.bytes.reserve(desktops * OWN_BYTES);
        self.ends.reserve(desktops);
        self.rows.reserve(desktops);
        self.rests.reserve(desktops);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.rows.clear();
        self.rests.clear();
    }

    /// Ends the rows of a desktop.
    fn end_desktop(&mut self) {
        self.rows.push(number(self.ends.len()));
    }

    fn extend_rows(&mut self, entries: &[Entry], plan: &Plan, write: fn(&Entry, &Plan, &mut Rows<'_>)) {
        for entry in entries {
            let start = self.bytes.len();
            let mut rows = Rows::new(&mut self.bytes, &[], &[]);
            write(entry, plan, &mut rows);
            match rows.count() {
                0 => {}
                1 => self.ends.push(self.bytes.len()),
                // No row holds a newline but at its end.
                _ => {
                    let ends = memchr::memchr_iter(b'\n', &self.bytes[start..]);
                    self.ends.extend(ends.map(|end| start + end + 1));
                }
            }
            self.end_desktop();
        }
    }

    fn extend_ports(&mut self, entries: &[Entry], ports: &PortRows, head: &[u8]) {
        for entry in entries {
            for port in entry.ports.iter().flat_map(|ports| ports.iter()) {
                push_labels(&mut self.bytes, (ports.labels)(port));
                self.ends.push(self.bytes.len());
                let rest = self.known.entry(Arc::as_ptr(&port.place).addr()).or_insert_with(|| {
                    self.shared.push([&*(ports.rest)(&port.place), head].concat().into());
                    number(self.shared.len() - 1)
                });
                self.rests.push(*rest);
            }
            self.end_desktop();
        }
    }

    fn rows_of(&self, place: usize) -> Range<usize> {
        let first = place.checked_sub(1).map_or(0, |before| self.rows[before]);
        first as usize..self.rows[place] as usize
    }

    fn of_row(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }

    /// What the row goes on with, and the beginning of the one that follows; `None`: it ended.
    fn rest_of_row(&self, row: usize) -> Option<&[u8]> {
        let number = self.rests.get(row)?;
        Some(&self.shared[*number as usize])
    }
}

/// Fleets are bounded far below this.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(0)
}
