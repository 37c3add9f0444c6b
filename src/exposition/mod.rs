//! From a publication to the bytes of a scrape. Pure: no I/O, no clock, and it knows nothing of the cloud.
//!
//! ```text
//! catalogue::FAMILIES (name, help, type, labels, rows) x Publication --> text::Rows --> bytes
//! ```

mod catalogue;
mod desktop_families;
mod label_value;
mod project_families;
mod text;

pub use catalogue::{FAMILIES, Family, Kind};
pub use text::{CONTENT_TYPE, render};
