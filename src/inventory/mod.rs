//! What is known about a fleet at a moment: desktops, their states, their networks, and what was lost on the way.
//!
//! The core of the exporter. It refuses to know I/O, clocks, wire formats, metrics and every other module of ours.

mod census;
mod desktop;
mod failure;
mod network;
mod snapshot;
mod states;

pub use census::{Census, DesktopType, Tally};
pub use desktop::{Desktop, DesktopId, Text};
pub use failure::FailureReason;
pub use network::{Networks, Port};
pub use snapshot::{Entry, Losses, Snapshot, SnapshotBuilder};
pub use states::{AttachState, LoginStatus, State, Status, Word};
