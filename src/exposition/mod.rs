//! From a publication to the bytes of a scrape. Pure: no I/O, no clock, and it knows nothing of the cloud.
//!
//! ```text
//! catalogue::FAMILIES --> Plan (which, and how)
//!                           |
//! Publication ----------> Sheet (labels escaped once) --> Print (plain, chunk after chunk)
//!                                                    '--> Packed (compressed once, what is unchanged copied)
//! ```
//!
//! What is the same until the next publication comes first, made by either; `push_moment`, `push_registry`, `push_series`
//! and `push_end` write the short rest of each scrape.

mod catalogue;
mod changed;
mod column;
mod counts;
mod desktop_families;
mod family;
mod fleet;
mod format;
mod label_value;
mod moment;
mod packed;
mod packer;
mod plan;
mod print;
mod project_catalogue;
mod project_families;
mod registry;
mod rows;
mod selection;
mod sheet;

use std::sync::Arc;

use tokio::time::Instant;

use crate::publish::Publication;
pub use catalogue::families;
pub use counts::{Counts, count};
pub use family::{Family, Group, Kind};
pub use format::{Coding, Format, Syntax};
pub use moment::{SERIES, SERIES_HELP, push_end, push_moment, push_series};
pub use packed::Packed;
pub use plan::{Plan, PlanError, presence_in_words};
pub use print::Print;
pub use registry::push_registry;
pub use selection::{Selection, SelectionError};
pub use sheet::Sheet;

/// Appends everything that comes from a publication at a moment, without the exporter's own counters.
pub fn render(publication: &Arc<Publication>, plan: &Arc<Plan>, syntax: Syntax, now: Instant, out: &mut Vec<u8>) {
    let sheet = Sheet::of(Arc::clone(publication), Arc::clone(plan), syntax);
    let everything = Selection::default();
    Print::new(Arc::new(sheet), everything.clone()).fill(out, usize::MAX);
    push_moment(publication, plan, now, (&everything, syntax), out, &mut Vec::new());
}
