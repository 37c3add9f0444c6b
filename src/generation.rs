//! Everything that one configuration starts, to be ended together when the next one comes: pollers, discovery, the state
//! file. What outlives it is handed in.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Settings, StateSettings};
use crate::discovery::Discovery;
use crate::own_metrics::OwnMetrics;
use crate::publish::{Board, Reader};
use crate::seams::WallClock;
use crate::state::{self, SavedProject, StateKeeper};
use crate::supervise::{GaveUp, supervise};
use crate::workshop::{Seams, Watch, Workshop};

/// A saved snapshot may be this far ahead of our clock, which may have been set back.
const AHEAD_MAXIMUM: SignedDuration = SignedDuration::from_mins(5);

/// What all configurations share.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) metrics: OwnMetrics,
    pub(crate) board: Board,
    pub(crate) reader: Reader,
}

/// The tasks of one configuration.
#[derive(Debug)]
pub(crate) struct Generation {
    stop: CancellationToken,
    watches: Vec<Watch>,
    discovery: Option<(Settings, Arc<Workshop>)>,
    keeper: Option<StateKeeper>,
    tasks: JoinSet<Result<(), GaveUp>>,
}

impl Generation {
    /// Puts the projects of a configuration on the board and takes those off that are not in it; starts nothing yet.
    pub(crate) fn new(settings: &Settings, seams: &Seams, common: &Common) -> Self {
        let saved = load(&settings.state, &seams.clock);
        let Common { metrics, board, reader } = common.clone();
        let is_first = reader.current().projects.is_empty();
        let workshop = Arc::new(Workshop::new(settings, seams, metrics, board.clone(), saved));
        let watches: Vec<Watch> = settings
            .projects
            .iter()
            .filter_map(|project| workshop.watch(project))
            .collect();
        let discovery = settings.discovery.is_some();
        if discovery {
            // At a reload what was discovered before is still shown, and nobody has to wait.
            if is_first {
                board.await_discovery();
            }
        } else {
            board.retain(|project| watches.iter().any(|watch| Arc::ptr_eq(watch.project(), project)));
            board.end_discovery();
        }
        let keeper = settings.state.file.clone().map(|file| StateKeeper::new(file, reader));
        Self {
            stop: CancellationToken::new(),
            watches,
            discovery: discovery.then(|| (settings.clone(), workshop)),
            keeper,
            tasks: JoinSet::new(),
        }
    }

    /// Starts everything.
    pub(crate) fn start(&mut self) {
        for watch in self.watches.drain(..) {
            let task = format!("poller of {}", watch.project().name);
            let run = move |stop| watch.clone().run(stop);
            self.tasks.spawn(supervise(task, self.stop.clone(), run));
        }
        if let Some((settings, workshop)) = self.discovery.take()
            && let Some(discovery) = Discovery::new(&settings, workshop)
        {
            self.tasks.spawn(discovery.run(self.stop.clone()));
        }
        if let Some(keeper) = self.keeper.take() {
            let run = move |stop| keeper.clone().run(stop);
            self.tasks
                .spawn(supervise("state file".to_owned(), self.stop.clone(), run));
        }
    }

    /// Waits until a task gives up; for ever, if none does.
    pub(crate) async fn failed(&mut self) -> GaveUp {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(gave_up)) => return gave_up,
                Err(_) => return GaveUp::of("discovery"),
            }
        }
        std::future::pending().await
    }

    /// Stops every task and waits for it.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What an earlier run left behind and is young enough to be shown.
fn load(settings: &StateSettings, clock: &WallClock) -> Vec<SavedProject> {
    let Some(path) = &settings.file else {
        return Vec::new();
    };
    let file = path.display();
    let saved = match state::load(path) {
        Ok(None) => return Vec::new(),
        Ok(Some(bytes)) => state::decode(&bytes),
        Err(error) => {
            tracing::warn!(%error, %file, "state.file cannot be read: starting without it");
            return Vec::new();
        }
    };
    let mut saved = saved.unwrap_or_else(|error| {
        tracing::warn!(%error, %file, "state.file cannot be used: starting without it");
        Vec::new()
    });
    let (now, max_age) = (
        clock.now(),
        SignedDuration::try_from(settings.max_age).unwrap_or(SignedDuration::MAX),
    );
    saved.retain(|project| {
        let age = now.duration_since(project.snapshot.listed_at());
        let is_young = age <= max_age && age >= -AHEAD_MAXIMUM;
        if !is_young {
            tracing::info!(project = %project.name, age_seconds = age.as_secs(), "a saved snapshot is too old to be shown");
        }
        is_young
    });
    saved
}
