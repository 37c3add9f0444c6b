//! A daemon that watches every cloud desktop of Huawei Cloud Workspace projects and tells Prometheus the truth.
//!
//! ```text
//!  Workspace API                                                                  Prometheus, people
//!       |  pages, batches                                                                 ^
//!       v                                                                                 |
//!  api::Client --> api::decode --> inventory::Snapshot --> publish::Publication --> exposition --> http
//!       ^
//!       '--- collect: Poller decides when, Walk which page, Judge whether it is published
//! ```
//!
//! A scrape never waits for the cloud; a poll never waits for a scrape. A snapshot is published whole or not at all.
//! Who may know whom is kept by `tests/tidy.rs`; ARCHITECTURE.md is the map.

pub mod api;
pub mod app;
pub mod causes;
pub mod check;
pub mod cli;
pub mod collect;
pub mod config;
pub mod discovery;
pub mod documentation;
pub mod exposition;
mod generation;
pub mod healthcheck;
pub mod http;
pub mod inventory;
pub mod once;
pub mod own_metrics;
pub mod publish;
pub mod replace;
pub mod seams;
pub mod shutdown;
pub mod simulate;
pub mod state;
pub mod supervise;
pub mod systemd;
pub mod telemetry;
pub mod workshop;
