//! What every reader sees: the latest snapshot of each project, all of them swapped as one value.
//!
//! A scrape reads one [`Publication`] from beginning to end. It refuses to know how snapshots are made and shown.

mod board;
mod publication;
mod totals;

pub use board::{Board, Publisher, Reader};
pub use publication::{NetworkFacts, Project, ProjectState, Publication, Published};
pub use totals::Totals;
