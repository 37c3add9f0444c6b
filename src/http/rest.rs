//! The short rest of each scrape: what is up at this moment, and what the exporter counted about itself. What did not change
//! since the last scrape is kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::proto::MetricFamily;
use tokio::time::Instant;

use crate::exposition::{Counts, Group, Plan, Selection, Syntax, push_end, push_moment, push_registry, push_series};
use crate::own_metrics::OwnMetrics;
use crate::publish::Publication;

/// What the system says of the process is asked for this often at most: its own clock ticks a hundred times a second.
const PROCESS_FOR: Duration = Duration::from_secs(1);

/// What the rest of a scrape of one project takes.
const USUAL_BYTES: usize = 32 * 1024;

/// Writes the rest of scrapes; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    metrics: OwnMetrics,
    events: Arc<Mutex<Vec<Events>>>,
    process: Arc<Mutex<Option<Asked>>>,
}

/// What events were counted in, written once a version and syntax.
#[derive(Debug)]
struct Events {
    syntax: Syntax,
    version: u64,
    text: Vec<u8>,
    counts: Vec<(String, u64)>,
}

/// What the system said of the process, and when.
type Asked = (Instant, Vec<MetricFamily>);

impl Rest {
    pub(super) fn new(metrics: OwnMetrics) -> Self {
        Self {
            metrics,
            events: Arc::default(),
            process: Arc::default(),
        }
    }

    /// Writes the rest of a scrape whose rows were counted like this.
    pub(super) fn write(
        &self,
        publication: &Publication,
        plan: &Plan,
        counts: &Counts,
        (selection, syntax): (&Selection, Syntax),
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        if selection.has_group(Group::Exporter) {
            let mut counted = Vec::new();
            push_moment(
                publication,
                plan,
                Instant::now(),
                (selection, syntax),
                &mut out,
                &mut counted,
            );
            self.push_events((selection, syntax), &mut out, &mut counted);
            push_registry(
                &self.metrics.gather_answers(),
                selection,
                syntax,
                &mut out,
                &mut counted,
            );
            self.push_process((selection, syntax), &mut out, &mut counted);
            let counted = counted.iter().map(|(name, count)| (name.as_str(), *count));
            push_series(counts.iter().copied().chain(counted), selection, &mut out);
        }
        push_end(syntax, &mut out);
        out
    }

    fn push_events(
        &self,
        (selection, syntax): (&Selection, Syntax),
        out: &mut Vec<u8>,
        counts: &mut Vec<(String, u64)>,
    ) {
        // Read before what it is of is gathered: what is counted meanwhile makes it old.
        let version = self.metrics.version();
        // Whole between any two uses, so a panic elsewhere cannot have spoilt it.
        let mut kept = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |events: &&Events| events.syntax == syntax && events.version == version;
        if let Some(events) = kept.iter().find(is_current).filter(|_| selection.is_everything()) {
            out.extend_from_slice(&events.text);
            counts.extend_from_slice(&events.counts);
            return;
        }
        let families = self.metrics.gather_events();
        let mut events = Events {
            syntax,
            version,
            text: Vec::new(),
            counts: Vec::new(),
        };
        let everything = Selection::default();
        push_registry(&families, &everything, syntax, &mut events.text, &mut events.counts);
        counts.extend_from_slice(&events.counts);
        if selection.is_everything() {
            out.extend_from_slice(&events.text);
        } else {
            push_registry(&families, selection, syntax, out, &mut Vec::new());
        }
        kept.retain(|events| events.syntax != syntax);
        kept.push(events);
    }

    fn push_process(
        &self,
        (selection, syntax): (&Selection, Syntax),
        out: &mut Vec<u8>,
        counts: &mut Vec<(String, u64)>,
    ) {
        let mut kept = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(since, _)| since.elapsed() >= PROCESS_FOR) {
            *kept = Some((Instant::now(), self.metrics.gather_process()));
        }
        let families = kept.as_ref().map_or(&[][..], |(_, families)| families);
        push_registry(families, selection, syntax, out, counts);
    }
}
