//! One poll of every project, and its exposition to standard output or a file: for textfile collectors and for debugging.
//! Everything that polls is the daemon's own; only the end is another.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::app::{self, Origin, StartError, since_epoch};
use crate::exposition::{Plan, Print, Selection, Sheet, Syntax, push_moment, push_registry, push_series};
use crate::generation::{Common, Generation};
use crate::own_metrics::OwnMetrics;
use crate::publish::{Board, ProjectState, Publication};
use crate::replace::replace;
use crate::supervise::GaveUp;

/// How often it is asked whether all is done.
const TICK: Duration = Duration::from_millis(100);

/// Networks that no call was made for in this time will not come: they are refused, or not offered.
const QUIET: Duration = Duration::from_secs(10);

/// Who reads the file is left to the umask: textfile collectors are other users.
const READABLE: u32 = 0o666;

/// What is written at once.
const CHUNK: usize = 64 * 1024;

/// There is no exposition, or not of everything.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// The poll could not begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A task ended too often.
    #[error("the poll cannot go on")]
    Run(#[from] GaveUp),
    /// It was written, without these.
    #[error("no list was read of {}; the log says why", .0.join(", "))]
    Incomplete(Vec<String>),
    /// It could not be written.
    #[error("failed to write {}", .target.display())]
    Write {
        /// Where to.
        target: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Somebody stopped it.
    #[error("stopped before every list was read")]
    Stopped,
}

/// Polls every project once and writes the exposition, to `output` or to standard output.
///
/// # Errors
///
/// [`OnceError`]; what could be read is written all the same, with `up` 0 for the rest.
pub async fn run(origin: &impl Origin, output: Option<&Path>, stop: CancellationToken) -> Result<(), OnceError> {
    let (settings, seams, plan) = app::read(origin)?;
    let metrics = OwnMetrics::new().map_err(StartError::from)?;
    metrics.config_loaded(true, since_epoch(&seams.clock));
    let (board, reader) = Board::open();
    let common = Common {
        metrics: metrics.clone(),
        board,
        reader: reader.clone(),
    };
    let mut generation = Generation::new(&settings, &seams, &common);
    generation.start();
    let mut progress = Progress::new();
    let polled = tokio::select! {
        biased;
        () = stop.cancelled() => Err(OnceError::Stopped),
        gave_up = generation.failed() => Err(gave_up.into()),
        () = until_done(|| reader.current(), &metrics, &mut progress) => Ok(()),
    };
    progress.clear();
    polled?;
    let publication = reader.current();
    // Before the tasks end, so that what is up is up.
    let written = match output {
        Some(path) => replace(path, READABLE, |file| write(&publication, &plan, &metrics, file)),
        None => write(&publication, &plan, &metrics, &mut io::stdout().lock()),
    };
    generation.end().await;
    written.map_err(|source| OnceError::Write {
        target: output.unwrap_or(Path::new("standard output")).to_owned(),
        source,
    })?;
    let is_missing = |state: &&ProjectState| !state.is_up(Instant::now());
    let missing = publication.projects.iter().filter(is_missing);
    let missing: Vec<String> = missing.map(|state| state.project.name.clone()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(OnceError::Incomplete(missing))
}

/// Waits until every list was read, or failed, and until networks are known as far as they will be.
async fn until_done(current: impl Fn() -> Arc<Publication>, metrics: &OwnMetrics, progress: &mut Progress) {
    let (mut version, mut quiet_since) = (metrics.version(), Instant::now());
    loop {
        let publication = current();
        progress.show(&publication, metrics);
        if metrics.version() != version {
            (version, quiet_since) = (metrics.version(), Instant::now());
        }
        let is_listed = !publication.is_discovering && publication.projects.iter().all(|state| state.was_attempted);
        let is_quiet = quiet_since.elapsed() >= QUIET;
        if is_listed && (is_quiet || publication.projects.iter().all(has_networks)) {
            return;
        }
        sleep(TICK).await;
    }
}

/// Whether nothing about its networks is left to be asked for.
fn has_networks(state: &ProjectState) -> bool {
    let published = state.published.iter();
    let mut entries = published.flat_map(|published| published.snapshot.entries());
    entries.all(|entry| entry.ports.is_some())
}

/// Everything but what only a daemon has: counts of its own answers, and `process_*`, which a textfile collector has itself.
fn write(
    publication: &Arc<Publication>,
    plan: &Arc<Plan>,
    metrics: &OwnMetrics,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (everything, syntax) = (Selection::default(), Syntax::Classic);
    let sheet = Arc::new(Sheet::of(Arc::clone(publication), Arc::clone(plan), syntax));
    let counts = Arc::clone(sheet.counts());
    let mut print = Print::new(sheet, everything.clone());
    let mut chunk = Vec::with_capacity(CHUNK);
    while print.fill(&mut chunk, CHUNK) {
        out.write_all(&chunk)?;
        chunk.clear();
    }
    let mut counted = Vec::new();
    let form = (&everything, syntax);
    push_moment(publication, plan, Instant::now(), form, &mut chunk, &mut counted);
    push_registry(&metrics.gather_events(), &everything, syntax, &mut chunk, &mut counted);
    let counted = counted.iter().map(|(name, count)| (name.as_str(), *count));
    push_series(counts.iter().copied().chain(counted), &everything, &mut chunk);
    out.write_all(&chunk)?;
    out.flush()
}

/// A line on a terminal that says how far it is; nothing where nobody looks.
struct Progress {
    is_watched: bool,
    began_at: Instant,
    shown_at: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_watched: io::stderr().is_terminal(),
            began_at: Instant::now(),
            shown_at: None,
        }
    }

    fn show(&mut self, publication: &Publication, metrics: &OwnMetrics) {
        let is_due = self
            .shown_at
            .is_none_or(|shown_at| shown_at.elapsed() >= Duration::from_secs(1));
        if !self.is_watched || !is_due {
            return;
        }
        self.shown_at = Some(Instant::now());
        let listed = publication.projects.iter().filter_map(|state| state.published.as_ref());
        let listed: Vec<usize> = listed.map(|published| published.snapshot.entries().len()).collect();
        // Whoever closed the terminal does not read this.
        let _ = write!(
            io::stderr(),
            "\r{} s, {} calls, {} of {} projects, {} desktops ",
            self.began_at.elapsed().as_secs(),
            metrics.api_calls(),
            listed.len(),
            publication.projects.len(),
            listed.iter().sum::<usize>()
        );
    }

    fn clear(&self) {
        if self.shown_at.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
