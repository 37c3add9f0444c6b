//! Promises to the outside, kept by the real binary over real sockets. One rig, one binary; names are claims.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where"
)]
#![expect(
    clippy::float_cmp,
    reason = "values of an exposition are compared as they stand there"
)]
#![expect(clippy::cast_precision_loss, reason = "fleets of a test are small numbers")]

mod api_errors;
mod cloud;
mod commands;
mod credentials;
mod daemon;
mod dashboards;
mod deploy;
mod end_to_end;
mod exposition;
mod fleets;
mod formats;
mod lifecycle;
mod names;
mod packages;
mod paused_clock;
mod privacy;
mod prometheus_proxy;
mod reference_api;
mod reference_renderer;
mod rig;
mod settings;
mod shapes;
mod simulate;
mod swaps;
mod systemd;
mod transport;
mod trouble;
mod vendor_sdk;
mod world;
