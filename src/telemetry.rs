//! Where log lines go and which are written: ours at the level asked for, those of libraries only as warnings.
//!
//! Libraries are kept at warnings at any level, because some write headers and bodies when asked to trace.

use std::io;

use clap::ValueEnum;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// How a line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value`, as Prometheus writes its own.
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Writes log lines to standard error from now on. A second call changes nothing.
pub fn init(level: Level, format: LogFormat) {
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("workspace_exporter", level);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Logfmt => tracing_logfmt::builder().layer().with_writer(io::stderr).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(io::stderr).boxed(),
    };
    // Fails only when a subscriber is set already, which then stays.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .try_init();
}
