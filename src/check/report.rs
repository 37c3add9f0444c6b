//! What a check found, in words and numbers for a person. It decides what counts as good.

use std::fmt;
use std::time::Duration;

use super::series::Series;
use super::{Checked, Seen};
use crate::api;
use crate::causes;
use crate::config::Settings;

/// What a check found; `Display` writes it.
#[derive(Debug)]
pub struct Report {
    settings: Settings,
    checked: Vec<Checked>,
    discovery: Option<api::Error>,
    series: Series,
}

impl Report {
    pub(super) fn new(
        settings: Settings,
        checked: Vec<Checked>,
        discovery: Option<api::Error>,
        series: Series,
    ) -> Self {
        Self {
            settings,
            checked,
            discovery,
            series,
        }
    }

    /// How many problems somebody should solve before a daemon relies on this.
    #[must_use]
    pub fn problems(&self) -> usize {
        let of_projects = self.checked.iter().map(|checked| match &checked.outcome {
            Ok(seen) => self.problems_of(seen).len(),
            Err(_) => 1,
        });
        of_projects.sum::<usize>() + usize::from(self.discovery.is_some())
    }

    fn problems_of(&self, seen: &Seen) -> Vec<String> {
        let settings = &self.settings;
        let mut problems = Vec::new();
        match &seen.networks {
            // Some regions do not offer the call; that is no problem of the settings.
            Ok(()) => {}
            Err(error) if error.is_not_offered() => {}
            Err(error) => problems.push(format!("networks cannot be read: {}", words(error))),
        }
        let (collect, forecast) = (&settings.collect, seen.forecast);
        for (key, set, shortest) in [
            (
                "interval",
                collect.interval,
                forecast.shortest_interval(seen.page_took, settings),
            ),
            (
                "network_interval",
                collect.network_interval,
                forecast.shortest_network_interval(settings),
            ),
        ] {
            if set < shortest {
                let (set, shortest, desktops) = (seconds(set), seconds(shortest), seen.desktops);
                problems.push(format!(
                    "collect.{key}: {set} is too short for {desktops} desktops; set {shortest} or more, or raise \
                     api.requests_per_second"
                ));
            }
        }
        if seen.desktops > settings.collect.max_desktops {
            problems.push(format!("collect.max_desktops: raise it above {}", seen.desktops));
        }
        problems
    }

    fn write_seen(&self, formatter: &mut fmt::Formatter<'_>, seen: &Seen, series: u64) -> fmt::Result {
        let (forecast, settings) = (seen.forecast, &self.settings);
        let mut line = |name: &str, value: String| writeln!(formatter, "  {name:<18}{value}");
        line("project id", seen.page.project_id().to_owned())?;
        line("desktops", seen.desktops.to_string())?;
        line(
            "first page",
            format!(
                "{} desktops in {} ms",
                seen.page.entries().len(),
                seen.page_took.as_millis()
            ),
        )?;
        line(
            "networks",
            match &seen.networks {
                Ok(()) => "can be read".to_owned(),
                Err(error) if error.is_not_offered() => "not offered in this region".to_owned(),
                Err(_) => "cannot be read".to_owned(),
            },
        )?;
        line(
            "calls a poll",
            format!(
                "{} ({} for the list, {} for those in ERROR), and {} for networks every {}",
                forecast.calls_a_poll(),
                forecast.pages,
                forecast.error_calls,
                forecast.network_calls,
                seconds(settings.collect.network_interval)
            ),
        )?;
        let (lists, networks) = forecast.calls_an_hour(settings);
        line(
            "calls an hour",
            format!("{} ({lists} for lists, {networks} for networks)", lists + networks),
        )?;
        line(
            "shortest interval",
            format!(
                "{} ({} is set)",
                seconds(forecast.shortest_interval(seen.page_took, settings)),
                seconds(settings.collect.interval)
            ),
        )?;
        line("series", series.to_string())?;
        for problem in self.problems_of(seen) {
            line("PROBLEM", problem)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.discovery {
            writeln!(formatter, "discovery\n  {:<18}{}", "PROBLEM", words(error))?;
        }
        for (checked, series) in self.checked.iter().zip(&self.series.of_projects) {
            writeln!(formatter, "{}", checked.project.name)?;
            match &checked.outcome {
                Ok(seen) => self.write_seen(formatter, seen, *series)?,
                Err(error) => writeln!(formatter, "  {:<18}{}", "PROBLEM", words(error))?,
            }
        }
        let seen = self.checked.iter().filter_map(|checked| checked.outcome.as_ref().ok());
        let an_hour = seen.map(|seen| seen.forecast.calls_an_hour(&self.settings));
        let calls: u64 = an_hour.map(|(lists, networks)| lists + networks).sum();
        writeln!(formatter, "all")?;
        writeln!(formatter, "  {:<18}{calls}", "calls an hour")?;
        writeln!(formatter, "  {:<18}{}", "series a scrape", self.series.of_all)
    }
}

/// The error and its causes; the missing permission first, for that is what somebody can give.
fn words(error: &api::Error) -> String {
    match error.missing_action() {
        Some(action) => format!("missing permission {action} ({})", causes::line(error)),
        None => causes::line(error),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}
