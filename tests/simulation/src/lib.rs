//! Days of trouble in milliseconds: the exporter's own poller and exposition against the simulated cloud, on one thread,
//! with a paused clock and one seed. A model of Prometheus scrapes it; a judge compares every scrape with what truly
//! happened (`semantics.md`, section 5).
//!
//! ```text
//! weather (what goes wrong when) --> cloud (simulator behind the transport seam) --> exporter --> scrape --> judge
//!                                        '------------- chronicle: the truth ----------------------------------^
//! ```

mod cloud;
mod judge;
mod scrape;
mod trace;
mod weather;
mod world;

pub use world::{Plan, Report, run};
