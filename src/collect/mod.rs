//! When and how the cloud is asked, and whether the answer is published.
//!
//! ```text
//! Poller (when) --> listing (Walk decides, Client asks) --> networks (batches) --> Publisher, or the last one stays
//! ```
//!
//! It refuses to know wire formats, metric names and scrapes.

mod listing;
mod networks;
mod poller;
mod walk;

pub use poller::{Pace, Poller};
