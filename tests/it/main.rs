//! Promises to the outside, kept by the real binary over real sockets. One rig, one binary; names are claims.

mod api_errors;
mod daemon;
mod end_to_end;
mod exposition;
mod fleets;
mod names;
mod paused_clock;
mod privacy;
mod reference_api;
mod rig;
mod settings;
mod shapes;
mod simulate;
