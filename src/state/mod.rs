//! What survives a restart: the snapshots of all projects, in one file that is whole or not there.
//!
//! ```text
//! Publication --> codec (bytes with a checksum) --> file (0600, atomic) --> codec --> Saved --> the board
//! ```
//!
//! It refuses to know the cloud and the exposition. No user names are in it, whatever the settings say.

mod codec;
mod file;
mod keeper;
mod records;
mod shared_records;

pub use codec::{SavedProject, StateError, decode, encode};
pub use file::{load, save};
pub use keeper::StateKeeper;
