//! What the exporter serves: metrics, health, a landing page. It has never heard of Huawei.
//!
//! `bind` gives a server that knows its addresses; `run` serves until it is stopped.

mod body;
mod forms;
mod landing_page;
mod listener;
mod patience;
mod rest;
mod routes;
mod scrape;
mod server;

pub use body::Page;
pub use forms::Forms;
pub use listener::BindError;
pub use routes::{Reload, Routes, Site};
pub use server::Server;
