//! Four acts: arguments, logging, run, exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use workspace_exporter::cli::{Cli, Failure};
use workspace_exporter::telemetry;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_answer = !error.use_stderr();
            // Help that nobody can read changes nothing.
            let _ = error.print();
            return if is_answer {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(64)
            };
        }
    };
    telemetry::init(cli.log_level(), cli.log_format());
    let ended = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => Err(Failure::Trouble(error.into())),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A process that cannot even say why still ends with its code.
            let _ = writeln!(io::stderr(), "workspace-exporter: {}", failure.line());
            ExitCode::from(failure.exit_code())
        }
    }
}
