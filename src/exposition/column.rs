//! What the rows of one family end with, for each desktop of a fleet: shared where few endings serve all, or one after the
//! other in one buffer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::family::Source;
use super::format::Syntax;
use super::plan::{Plan, Planned};
use super::rows::{Rows, Value, tail};
use crate::inventory::Entry;

/// Room for the endings of a desktop at first; families that need less cost no more, for what is not touched is not there.
const OWN_BYTES: usize = 64;

/// How many rows each family has, by its name.
pub type Counts = Arc<[(&'static str, u64)]>;

/// What the rows of one family end with, for each desktop. A desktop has none, one or several rows.
#[derive(Debug)]
pub(super) enum Column {
    /// Few endings serve all desktops.
    Shared {
        /// Which each desktop has; 0 is none.
        numbers: Vec<u32>,
        endings: Vec<Ending>,
        /// Which facts have which, by their address.
        known: HashMap<usize, u32>,
    },
    /// Each desktop has its own; each ending ends with a newline and holds no other.
    Own {
        bytes: Vec<u8>,
        /// Where each desktop's end.
        ends: Vec<usize>,
        rows: u64,
        /// No desktop has more.
        most: u64,
    },
}

/// The endings of one desktop's rows, each with the beginning of the row that follows: that is one copy less a row.
type Ending = Box<[Box<[u8]>]>;

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
            Source::Desktop(_) => Some(Column::Own {
                bytes: Vec::new(),
                ends: Vec::new(),
                rows: 0,
                most: 0,
            }),
            Source::Project(_) | Source::Moment(_) => None,
        }
    }

    fn shared(endings: impl IntoIterator<Item = Ending>) -> Self {
        Column::Shared {
            numbers: Vec::new(),
            endings: std::iter::once(Ending::default()).chain(endings).collect(),
            known: HashMap::new(),
        }
    }

    /// Makes room for so many more desktops.
    pub(super) fn reserve(&mut self, desktops: usize) {
        match self {
            Column::Shared { numbers, .. } => numbers.reserve(desktops),
            Column::Own { bytes, ends, .. } => {
                bytes.reserve(desktops * OWN_BYTES);
                ends.reserve(desktops);
            }
        }
    }

    /// Forgets the desktops; what they shared stays.
    pub(super) fn clear(&mut self) {
        match self {
            Column::Shared { numbers, .. } => numbers.clear(),
            Column::Own {
                bytes,
                ends,
                rows,
                most,
            } => {
                bytes.clear();
                ends.clear();
                (*rows, *most) = (0, 0);
            }
        }
    }

    /// Takes in the next desktop.
    pub(super) fn push(&mut self, entry: &Entry, planned: &Planned, plan: &Plan) {
        match (self, &planned.family.source) {
            (Column::Shared { numbers, .. }, Source::State(states)) => {
                let place = (states.place)(&entry.desktop);
                numbers.push(place.map_or(0, |place| number(place + 1)));
            }
            (Column::Shared { numbers, .. }, Source::Flag(flag)) => {
                numbers.push(flag(&entry.desktop).map_or(0, |flag| 1 + u32::from(flag)));
            }
            (
                Column::Shared {
                    numbers,
                    endings,
                    known,
                },
                Source::Facts(tail),
            ) => {
                let facts = &entry.desktop.facts;
                numbers.push(*known.entry(Arc::as_ptr(facts).addr()).or_insert_with(|| {
                    let followed = [&*tail(facts, plan), &planned.head].concat();
                    endings.push([followed.into()].into());
                    number(endings.len() - 1)
                }));
            }
            (
                Column::Own {
                    bytes,
                    ends,
                    rows,
                    most,
                },
                Source::Desktop(write),
            ) => {
                let mut writer = Rows::new(bytes, &[], &[]);
                write(entry, plan, &mut writer);
                *rows += writer.count();
                *most = writer.count().max(*most);
                ends.push(bytes.len());
            }
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
            Column::Own { bytes, ends, most, .. } => {
                let mut row = |place: usize, ending: &[u8]| {
                    out.extend_from_slice(leading_of(place));
                    out.extend_from_slice(ending);
                    out.extend_from_slice(head);
                };
                for place in desktops {
                    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
                    let endings = &bytes[start..ends[place]];
                    if *most > 1 {
                        lines(endings).for_each(|ending| row(place, ending));
                    } else if !endings.is_empty() {
                        row(place, endings);
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
            Column::Own { rows, .. } => *rows,
        }
    }
}

/// The endings one by one.
fn lines(mut endings: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', endings)? + 1;
        let (ending, rest) = endings.split_at(end);
        endings = rest;
        Some(ending)
    })
}

/// Fleets are bounded far below this.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(0)
}

/// What makes the rows of a desktop differ: equal ones are written alike.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endings {
    Word(Option<usize>),
    Text(Vec<u8>),
}

/// What the rows of one desktop in one family end with, for comparison.
pub(super) fn endings_of(entry: &Entry, planned: &Planned, plan: &Plan) -> Endings {
    match &planned.family.source {
        Source::State(states) => Endings::Word((states.place)(&entry.desktop)),
        Source::Flag(flag) => Endings::Word(flag(&entry.desktop).map(usize::from)),
        Source::Facts(tail) => Endings::Text(tail(&entry.desktop.facts, plan).into()),
        Source::Desktop(write) => {
            let mut text = Vec::new();
            write(entry, plan, &mut Rows::new(&mut text, &[], &[]));
            Endings::Text(text)
        }
        Source::Project(_) | Source::Moment(_) => Endings::Word(None),
    }
}
