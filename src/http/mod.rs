//! What the exporter serves: metrics, health, a landing page. It has never heard of Huawei.
//!
//! `bind` gives a server that knows its addresses; `run` serves until it is stopped.

mod landing_page;
mod routes;
mod server;

pub use routes::{Reload, Routes, Site};
pub use server::{BindError, Server};
