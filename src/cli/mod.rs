//! What a person types: flags, each also in the environment, and subcommands. It holds no logic of the daemon.

mod failure;
mod flags;

use std::error::Error as StdError;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;
use tracing::Level;

use crate::app::{self, App};
use crate::config::{self, ConfigError, Overrides, Settings};
use crate::healthcheck::{self, Question};
use crate::simulate::{self, Scenario, Tour};
use crate::telemetry::LogFormat;
use crate::{check, documentation, once, shutdown};
pub use failure::Failure;
use flags::Flags;

/// Prometheus exporter for Huawei Cloud Workspace.
#[derive(Debug, Parser)]
#[command(name = NAME, version = VERSION, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; without one, serve.
    #[command(subcommand)]
    command: Option<Command>,

    /// Flags of every subcommand.
    #[command(flatten)]
    flags: Flags,
}

const NAME: &str = "workspace-exporter";

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
    /// Try the configuration: credentials, permissions, calls, series
    Check {
        /// Read the configuration and ask nobody
        #[arg(long)]
        offline: bool,
    },
    /// Poll once and print what a scrape would show, without `process_*`
    Once {
        /// Write to a file instead, whole or not at all
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Ask a running exporter whether it is well
    Healthcheck {
        /// Ask whether every required project has a snapshot, too
        #[arg(long)]
        ready: bool,
    },
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
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
        let origin = Origin {
            overrides: self.flags.overrides(),
            config_file: self.flags.config_file,
        };
        if self.flags.config_print {
            return print_settings(&origin);
        }
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(origin).await,
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
                Ok(simulate::run(&tour, &origin.overrides, stop).await?)
            }
            Command::Check { offline } => check(&origin, offline).await,
            Command::Once { output } => {
                let stop = shutdown::on_signals().map_err(trouble)?;
                Ok(once::run(&origin, output.as_deref(), stop).await?)
            }
            Command::Healthcheck { ready } => {
                let question = if ready { Question::Ready } else { Question::Healthy };
                ask(&origin, question).await
            }
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
                print(&script)
            }
            Command::Man => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command())
                    .render(&mut page)
                    .map_err(trouble)?;
                print(&page)
            }
            Command::Metrics { format } => {
                let catalogue = match format {
                    CatalogueFormat::Markdown => documentation::markdown(),
                    CatalogueFormat::Json => documentation::json(),
                };
                print(catalogue.as_bytes())
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
fn print_settings(origin: &Origin) -> Result<(), Failure> {
    app::Origin::settings(origin)?;
    let (name, text) = config::read(origin.config_file.as_deref())?;
    let page = config::print(&name, &text, &origin.overrides)?;
    print(page.as_bytes())
}

fn print(text: &[u8]) -> Result<(), Failure> {
    io::stdout().write_all(text).map_err(trouble)
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

async fn check(origin: &Origin, is_offline: bool) -> Result<(), Failure> {
    if is_offline {
        let settings = check::offline(origin)?;
        return print(format!("good, projects: {}\n", settings.projects.len()).as_bytes());
    }
    let report = check::run(origin).await?;
    print(report.to_string().as_bytes())?;
    match report.problems() {
        0 => Ok(()),
        problems => Err(Failure::Problems(problems)),
    }
}

/// Where the exporter listens is all that matters here.
async fn ask(origin: &Origin, question: Question) -> Result<(), Failure> {
    let (name, text) = config::read(origin.config_file.as_deref())?;
    let settings = config::parse(&name, &text, &origin.overrides)?;
    for listen in &settings.web.listen {
        healthcheck::ask(listen, question).await.map_err(trouble)?;
    }
    Ok(())
}

async fn serve(origin: Origin) -> Result<(), Failure> {
    let app = App::bind(origin, None).await?;
    let stop = shutdown::on_signals().map_err(trouble)?;
    let hangup = shutdown::on_hangup().map_err(trouble)?;
    app.run(stop, hangup).await.map_err(trouble)
}

fn trouble(error: impl StdError + 'static) -> Failure {
    Failure::Trouble(error.into())
}
