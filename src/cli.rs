//! What a person types: flags, each also in the environment, and subcommands. It holds no logic of the daemon.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::Level;

use crate::app::{self, App, StartError};
use crate::config::{self, ConfigError, Overrides, Settings};
use crate::simulate::{self, Tour, TourError};
use crate::telemetry::LogFormat;
use crate::{documentation, shutdown};

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

#[derive(Debug, Args)]
struct Flags {
    /// The configuration file (YAML)
    #[arg(
        long = "config.file",
        env = "WORKSPACE_EXPORTER_CONFIG_FILE",
        value_name = "FILE",
        global = true
    )]
    config_file: Option<PathBuf>,

    /// Print the settings in force, each with its source, and end
    #[arg(long = "config.print", global = true)]
    config_print: bool,

    /// Where to listen: IP:PORT, :PORT or unix:PATH; repeatable [default: 0.0.0.0:10223]
    #[arg(
        long = "web.listen-address",
        env = "WORKSPACE_EXPORTER_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ',',
        global = true
    )]
    listen: Vec<String>,

    /// The path of the metrics [default: /metrics]
    #[arg(
        long = "web.telemetry-path",
        env = "WORKSPACE_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH",
        global = true
    )]
    telemetry_path: Option<String>,

    /// Connections served at once [default: 64]
    #[arg(
        long = "web.max-connections",
        env = "WORKSPACE_EXPORTER_WEB_MAX_CONNECTIONS",
        value_name = "N",
        global = true
    )]
    max_connections: Option<u32>,

    /// Serve POST /-/reload
    #[arg(
        long = "web.enable-lifecycle",
        env = "WORKSPACE_EXPORTER_WEB_ENABLE_LIFECYCLE",
        global = true
    )]
    lifecycle: bool,

    /// How often every project is polled [default: 60s]
    #[arg(
        long = "collect.interval",
        env = "WORKSPACE_EXPORTER_COLLECT_INTERVAL",
        value_name = "DURATION",
        global = true
    )]
    interval: Option<String>,

    /// The region, such as cn-north-4; without a file it is all it takes
    #[arg(
        long = "region",
        env = "WORKSPACE_EXPORTER_REGION",
        value_name = "REGION",
        global = true
    )]
    region: Option<String>,

    /// The project's id; without it, IAM is asked for the region's default project
    #[arg(
        long = "project-id",
        env = "WORKSPACE_EXPORTER_PROJECT_ID",
        value_name = "ID",
        global = true
    )]
    project_id: Option<String>,

    /// What is logged: error, warn, info, debug or trace
    #[arg(
        long = "log.level",
        env = "WORKSPACE_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    log_level: Level,

    /// How lines are written
    #[arg(
        long = "log.format",
        env = "WORKSPACE_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    log_format: LogFormat,
}

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

/// Why the process ends with another code than 0.
#[derive(Debug)]
pub enum Failure {
    /// The flags or the settings are wrong: code 64 (`EX_USAGE`).
    Usage(Box<dyn StdError>),
    /// Everything else: code 1.
    Trouble(Box<dyn StdError>),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 64,
            Failure::Trouble(_) => 1,
        }
    }

    /// The error and its causes on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let (Failure::Usage(error) | Failure::Trouble(error)) = self;
        crate::causes::line(error.as_ref())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Usage(error.into())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(_) | StartError::Transport(_) => Failure::Usage(error.into()),
            StartError::Bind(_) | StartError::Metrics(_) => Failure::Trouble(error.into()),
        }
    }
}

impl From<TourError> for Failure {
    fn from(error: TourError) -> Self {
        match error {
            TourError::Start(error) => error.into(),
            other => Failure::Trouble(other.into()),
        }
    }
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
        let overrides = Overrides {
            listen: self.flags.listen,
            telemetry_path: self.flags.telemetry_path,
            max_connections: self.flags.max_connections,
            lifecycle: self.flags.lifecycle.then_some(true),
            interval: self.flags.interval,
            region: self.flags.region,
            project_id: self.flags.project_id,
        };
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
            } => {
                let tour = Tour {
                    desktops,
                    seed,
                    api_only,
                    api_listen,
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
