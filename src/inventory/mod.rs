//! What is known about a fleet at a moment: desktops, their states, their networks, and what was lost on the way.
//!
//! The core of the exporter. It refuses to know I/O, clocks, wire formats, metrics and every other module of ours.

mod builder;
mod census;
mod changes;
mod desktop;
mod facts;
mod failure;
mod network;
mod snapshot;
mod states;
mod task;

pub use builder::SnapshotBuilder;
pub use census::{Census, DesktopType, Tally};
pub use changes::{Changes, Field, LastTransitions};
pub use desktop::{Desktop, DesktopId, Text, UserName};
pub use facts::{Facts, Volume, VolumeRole};
pub use failure::FailureReason;
pub use network::{Networks, Place, Port, SecurityGroup};
pub use snapshot::{Entry, Kept, Losses, Snapshot};
pub use states::{AttachState, LoginStatus, State, Status, Word};
pub use task::TaskStatus;
