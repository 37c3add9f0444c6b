//! How many series a scrape will have: counted from one page of each project, and from what the exporter counts about itself
//! once it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Checked, Seen};
use crate::exposition::{Plan, Selection, Sheet, Syntax, families, push_moment, push_registry, push_series};
use crate::own_metrics::OwnMetrics;
use crate::publish::{Board, NetworkFacts, Project, Publication};

/// How many series there will be.
#[derive(Debug)]
pub(crate) struct Series {
    /// Of the desktops and aggregates of each project, in the report's order; 0 where nothing could be read.
    pub(crate) of_projects: Vec<u64>,
    /// Of a scrape of everything.
    pub(crate) of_all: u64,
}

impl Series {
    /// Counts them. `metrics` has counted the calls of the check, which are those of the daemon too.
    pub(super) fn of(checked: &[Checked], plan: &Arc<Plan>, metrics: &OwnMetrics) -> Self {
        let (board, reader) = Board::open();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut of_projects = Vec::new();
        for Checked { project, outcome } in checked {
            let publisher = board.add(Arc::clone(project));
            let Ok(seen) = outcome else {
                of_projects.push(0);
                continue;
            };
            let of_project = rows_of(project, seen, plan);
            of_projects.push(of_project.iter().map(|(_, rows)| rows).sum());
            for (family, rows) in of_project {
                *counts.entry(family.to_owned()).or_default() += rows;
            }
            let _ = publisher.publish(&seen.page, network_facts(seen));
        }
        // Prometheus has scraped it once, when it counts.
        metrics.answered("metrics", "200", Duration::ZERO);
        for (family, rows) in rows_of_the_exporter(&reader.current(), plan, metrics) {
            *counts.entry(family).or_default() += rows;
        }
        let mut text = Vec::new();
        let named = counts.iter().map(|(family, rows)| (family.as_str(), *rows));
        push_series(named, &Selection::default(), &mut text);
        let lines = text.split(|byte| *byte == b'\n');
        let of_series = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).count();
        Self {
            of_projects,
            of_all: counts.values().sum::<u64>() + of_series as u64,
        }
    }
}

/// The rows of each family of a project: of the page's desktops, in the proportion of the whole fleet to them.
fn rows_of(project: &Arc<Project>, seen: &Seen, plan: &Arc<Plan>) -> Vec<(&'static str, u64)> {
    let (board, reader) = Board::open();
    let publisher = board.add(Arc::clone(project));
    let _ = publisher.publish(&seen.page, network_facts(seen));
    let sheet = Sheet::of(reader.current(), Arc::clone(plan), Syntax::Classic);
    let is_per_desktop = |name: &str| {
        let mut families = families();
        families.any(|family| family.name == name && family.group.is_per_desktop())
    };
    let sampled = seen.page.entries().len().max(1) as u64;
    let whole = |(name, rows): &(&'static str, u64)| {
        let scaled = (u128::from(*rows) * seen.desktops as u128).div_ceil(u128::from(sampled));
        let scaled = u64::try_from(scaled).unwrap_or(u64::MAX);
        (*name, if is_per_desktop(name) { scaled } else { *rows })
    };
    sheet.counts().iter().map(whole).collect()
}

fn rows_of_the_exporter(publication: &Publication, plan: &Plan, metrics: &OwnMetrics) -> Vec<(String, u64)> {
    let (everything, syntax) = (Selection::default(), Syntax::Classic);
    let (mut text, mut counts) = (Vec::new(), Vec::new());
    let form = (&everything, syntax);
    push_moment(publication, plan, Instant::now(), form, &mut text, &mut counts);
    for families in [
        metrics.gather_events(),
        metrics.gather_answers(),
        metrics.gather_process(),
    ] {
        push_registry(&families, &everything, syntax, &mut text, &mut counts);
    }
    counts
}

fn network_facts(seen: &Seen) -> NetworkFacts {
    NetworkFacts {
        completed_at: seen.networks.is_ok().then(Instant::now),
        ..NetworkFacts::default()
    }
}
