//! `cargo run --release -p workspace-simulation -- --seeds A..B --hours H`: days of trouble, judged.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;
use workspace_simulation::{Plan, Report, run};

/// Runs the exporter against a simulated cloud in trouble and judges every scrape by what truly happened.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which seeds, as FIRST..END; each is another fleet, another weather, another day
    #[arg(long, default_value = "0..20", value_parser = read_range)]
    seeds: (u64, u64),
    /// Simulated hours a seed
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Page as every peer does; the judge must find the holes
    #[arg(long)]
    naive: bool,
    /// Run each seed twice and compare the traces
    #[arg(long)]
    twice: bool,
    /// Print the trace: every call, scrape and log line with its time
    #[arg(long)]
    trace: bool,
}

fn read_range(text: &str) -> Result<(u64, u64), String> {
    let (first, end) = text.split_once("..").ok_or("write FIRST..END, such as 0..1000")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let (first, end) = (number(first)?, number(end)?);
    if first < end {
        Ok((first, end))
    } else {
        Err("the range holds no seed".to_owned())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let reports = run_all(&arguments);
    match print(&arguments, &reports) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn plan(arguments: &Arguments, seed: u64) -> Plan {
    Plan {
        seed,
        hours: arguments.hours,
        is_naive: arguments.naive,
        keeps_trace: arguments.trace,
    }
}

/// As many seeds at once as there are cores; each runs on one thread with a clock of its own.
fn run_all(arguments: &Arguments) -> BTreeMap<u64, Report> {
    let (first, end) = arguments.seeds;
    let next = AtomicU64::new(first);
    let reports = Mutex::new(BTreeMap::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let mut report = run(&plan(arguments, seed));
                    if arguments.twice && run(&plan(arguments, seed)).fingerprint != report.fingerprint {
                        report
                            .violations
                            .push("I7: the same seed gave another trace".to_owned());
                    }
                    if let Ok(mut reports) = reports.lock() {
                        reports.insert(seed, report);
                    }
                }
            });
        }
    });
    reports.into_inner().unwrap_or_default()
}

/// Prints what was found; returns whether it is what was to be expected.
fn print(arguments: &Arguments, reports: &BTreeMap<u64, Report>) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    for (seed, report) in reports {
        if arguments.trace {
            out.write_all(report.trace.as_bytes())?;
        }
        for violation in report.violations.iter().take(5) {
            writeln!(out, "seed {seed}: {violation}")?;
        }
        if !report.violations.is_empty() && !arguments.naive {
            let hours = arguments.hours;
            writeln!(
                out,
                "  replay: cargo run --release -p workspace-simulation -- --seeds {seed}..{} --hours {hours} --trace",
                seed + 1
            )?;
        }
    }
    let sum = |of: fn(&Report) -> u64| reports.values().map(of).sum::<u64>();
    let violations = sum(|report| report.violations.len() as u64);
    writeln!(
        out,
        "{} seeds of {} h: {} listings published, {} polls without one, {} scrapes, {} calls, {} desktops came and went, \
         {} errors ended, {violations} violations",
        reports.len(),
        arguments.hours,
        sum(|report| report.listings),
        sum(|report| report.failures),
        sum(|report| report.scrapes),
        sum(|report| report.calls),
        sum(|report| report.churn),
        sum(|report| report.resolved),
    )?;
    Ok((violations == 0) != arguments.naive)
}
