//! What a person types: flags, each also in the environment, and subcommands. It holds no logic of the daemon.

mod failure;
mod flags;

use std::error::Error as StdError;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use tracing::Level;

use crate::app::{self, App};
use crate::config::{self, ConfigError, Overrides, Settings};
use crate::simulate::{self, Scenario, Tour};
use crate::telemetry::LogFormat;
use crate::{documentation, shutdown};
pub use failure::Failure;
use flags::Flags;

/// Prometheus exporter for Huawei Cloud Workspace.
#[derive(Debug, Parser)]
#[command(name = "workspace-exporter", version = VERSION, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; without one, serve.
    #[command(subcommand)]
    command: Option<Command>,

    /// Flags of every subcommand.
    #[command(flatten)]
    flags: Flags,
}

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("WORKSPACE_EXPORTER_REVISION"),
    ", rustc ",
    env!("WORKSPACE_EXPORTER_RUSTC"),
    ")"
);

#[derive(Debug, Subcommand)]
enum Command {
    /// Poll and serve (the default)
    Serve,
    /// Serve a simulated Workspace API and poll it: the tour, no account needed
    Simulate {
        /// The fleet's size
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        desktops: usize,
        /// Everything random comes from it
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        /// Serve only the API, for other clients
        #[arg(long)]
        api_only: bool,
        /// Where the API listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        api_listen: SocketAddr,
        /// A story that the fleet and the API go through
        #[arg(long, value_name = "NAME", value_parser = scenario_names())]
        scenario: Option<Scenario>,
        /// The story begins so much later
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration, requires = "scenario")]
        scenario_after: SignedDuration,
        /// The story ends after so long; without it, it does not end
        #[arg(long, value_name = "DURATION", value_parser = duration, requires = "scenario")]
        scenario_lasts: Option<SignedDuration>,
        /// Desktops come and go
        #[arg(long)]
        churn: bool,
    },
    /// Print the catalogue of metrics
    Metrics {
        /// As which
        #[arg(long, value_name = "FORMAT", default_value = "markdown")]
        format: CatalogueFormat,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CatalogueFormat {
    Markdown,
    Json,
}

impl Cli {
    /// The log's level.
    #[must_use]
    pub fn log_level(&self) -> Level {
        self.flags.log_level
    }

    /// The log's format.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.flags.log_format
    }

    /// Does what was asked for; returns when it is done.
    ///
    /// # Errors
    ///
    /// [`Failure`] tells the exit code and the line to end with.
    pub async fn run(self) -> Result<(), Failure> {
        let overrides = self.flags.overrides();
        if self.flags.config_print {
            return print_settings(self.flags.config_file.as_deref(), &overrides);
        }
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(self.flags.config_file, overrides).await,
            Command::Simulate {
                desktops,
                seed,
                api_only,
                api_listen,
                scenario,
                scenario_after,
                scenario_lasts,
                churn,
            } => {
                let tour = Tour {
                    desktops,
                    seed,
                    api_only,
                    api_listen,
                    story: scenario.map(|scenario| (scenario, scenario_after, scenario_lasts)),
                    churn,
                };
                let stop = shutdown::on_signals().map_err(trouble)?;
                Ok(simulate::run(&tour, &overrides, stop).await?)
            }
            Command::Metrics { format } => {
                let catalogue = match format {
                    CatalogueFormat::Markdown => documentation::markdown(),
                    CatalogueFormat::Json => documentation::json(),
                };
                io::stdout().write_all(catalogue.as_bytes()).map_err(trouble)
            }
        }
    }
}

fn scenario_names() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str))
        .try_map(|name| Scenario::named(&name).ok_or("no such scenario"))
}

/// `90s`, `5m`; nothing below zero.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let is_negative = duration.is_negative();
    (!is_negative)
        .then_some(duration)
        .ok_or_else(|| "it cannot be negative".to_owned())
}

/// Settings that cannot be used are not printed: the error says which and why.
fn print_settings(config_file: Option<&Path>, overrides: &Overrides) -> Result<(), Failure> {
    config::load(config_file, overrides)?;
    let (origin, text) = config::read(config_file)?;
    let page = config::print(&origin, &text, overrides)?;
    io::stdout().write_all(page.as_bytes()).map_err(trouble)
}

/// The file and the flags, read again at each reload.
struct Origin {
    config_file: Option<PathBuf>,
    overrides: Overrides,
}

impl app::Origin for Origin {
    fn settings(&self) -> Result<Settings, ConfigError> {
        config::load(self.config_file.as_deref(), &self.overrides)
    }
}

async fn serve(config_file: Option<PathBuf>, overrides: Overrides) -> Result<(), Failure> {
    let origin = Origin { config_file, overrides };
    let app = App::bind(origin, None).await?;
    let stop = shutdown::on_signals().map_err(trouble)?;
    let hangup = shutdown::on_hangup().map_err(trouble)?;
    app.run(stop, hangup).await.map_err(trouble)
}

fn trouble(error: impl StdError + 'static) -> Failure {
    Failure::Trouble(error.into())
}
