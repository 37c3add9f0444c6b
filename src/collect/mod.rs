//! When and how the cloud is asked, and whether the answer is published.
//!
//! ```text
//! Poller (Schedule: when) --> listing (Walk decides, Client asks) --> Judge (publish, hold or reject)
//!         '--> NetworkKeeper (batches, halved where refused)              '--> Publisher, or the last one stays
//! ```
//!
//! It refuses to know wire formats, metric names and scrapes.

mod batches;
mod confirm;
mod forecast;
mod judge;
mod listing;
mod networks;
mod pace;
#[cfg(test)]
mod pages;
mod plain;
mod poller;
mod schedule;
mod walk;

pub use forecast::Forecast;
pub use listing::Proof;
pub use pace::Pace;
pub use poller::Poller;
