//! What every reader sees: the latest snapshot of each project, all of them swapped as one value.
//!
//! A scrape reads one [`Publication`] from beginning to end. It refuses to know how snapshots are made and shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::inventory::Snapshot;

/// A project as the operator named it. Never changes while the process lives.
#[derive(Debug)]
pub struct Project {
    /// The `project` label.
    pub name: String,
    /// The region's name; empty for an endpoint without one.
    pub region: String,
    /// Scheme and host of the Workspace API.
    pub endpoint: String,
    /// Readiness waits for it.
    pub required: bool,
    /// How often it is polled.
    pub interval: Duration,
    /// How often every desktop's networks are asked for.
    pub network_interval: Duration,
}

/// How well the networks of a snapshot are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    /// When those of all desktops were last read without a failure.
    pub completed_at: Option<Instant>,
    /// Desktops whose networks were last answered two passes ago, or longer.
    pub stale: usize,
    /// Desktops that the API refuses to answer for.
    pub unresolved: usize,
}

/// A project's last good snapshot.
#[derive(Debug, Clone)]
pub struct Published {
    /// The fleet.
    pub snapshot: Arc<Snapshot>,
    /// When its listing ended; `None` for a snapshot of an earlier run.
    pub completed_at: Option<Instant>,
    /// How its networks stand.
    pub networks: NetworkFacts,
    /// 1 for the first, one more for each after it.
    pub sequence: u64,
}

/// One project in a publication.
#[derive(Debug, Clone)]
pub struct ProjectState {
    /// Which project.
    pub project: Arc<Project>,
    /// Its last good snapshot; `None` until the first.
    pub published: Option<Published>,
    /// A poll of it ended, well or not.
    pub was_attempted: bool,
}

impl ProjectState {
    /// Whether a complete listing was published within three intervals (`metrics.md`, `up`).
    #[must_use]
    pub fn is_up(&self, now: Instant) -> bool {
        self.published
            .as_ref()
            .and_then(|published| published.completed_at)
            .is_some_and(|completed_at| is_recent(completed_at, self.project.interval, now))
    }

    /// The same for networks.
    #[must_use]
    pub fn is_network_up(&self, now: Instant) -> bool {
        self.published
            .as_ref()
            .and_then(|published| published.networks.completed_at)
            .is_some_and(|completed_at| is_recent(completed_at, self.project.network_interval, now))
    }
}

fn is_recent(completed_at: Instant, interval: Duration, now: Instant) -> bool {
    now.saturating_duration_since(completed_at) <= interval * 3
}

/// All projects at one moment: those of the configuration in its order, then discovered ones.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Every watched project.
    pub projects: Vec<ProjectState>,
    /// Which projects there are is not known yet.
    pub is_discovering: bool,
}

impl Publication {
    /// Whether every required project has a snapshot (`semantics.md`, section 3: ready).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let mut projects = self.projects.iter();
        !self.is_discovering && projects.all(|state| state.published.is_some() || !state.project.required)
    }

    /// Whether a scrape would show less than it could in a moment: nothing yet, or a project whose first poll is under
    /// way (`semantics.md`, section 3: start without saved state).
    #[must_use]
    pub fn is_cold(&self) -> bool {
        let is_bare = |state: &ProjectState| state.published.is_none();
        let is_first = |state: &ProjectState| is_bare(state) && !state.was_attempted;
        self.is_discovering || self.projects.iter().all(is_bare) || self.projects.iter().any(is_first)
    }
}

/// Reads publications; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader(watch::Receiver<Arc<Publication>>);

impl Reader {
    /// The publication of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Publication> {
        Arc::clone(&self.0.borrow())
    }

    /// The publication of this moment, or the first that is not cold, if one comes within `patience`.
    pub async fn warm(&self, patience: Duration) -> Arc<Publication> {
        let mut publications = self.0.clone();
        let warm = timeout(patience, publications.wait_for(|publication| !publication.is_cold()));
        // In time, too late, or never because the process ends: what there is, is shown.
        drop(warm.await);
        self.current()
    }
}

/// Where projects are put and taken away; cheap to clone.
#[derive(Debug, Clone)]
pub struct Board(Arc<watch::Sender<Arc<Publication>>>);

impl Board {
    /// Opens a board without projects, and a reader of it.
    #[must_use]
    pub fn open() -> (Self, Reader) {
        let (sender, receiver) = watch::channel(Arc::new(Publication {
            projects: Vec::new(),
            is_discovering: false,
        }));
        (Self(Arc::new(sender)), Reader(receiver))
    }

    /// Puts a project on the board, behind the others; it has no snapshot yet.
    #[must_use]
    pub fn add(&self, project: Arc<Project>) -> Publisher {
        let state = ProjectState {
            project: Arc::clone(&project),
            published: None,
            was_attempted: false,
        };
        self.change(|publication| publication.projects.push(state));
        Publisher {
            board: self.clone(),
            project,
        }
    }

    /// Takes a project off the board with all its rows.
    pub fn remove(&self, project: &Arc<Project>) {
        let is_another = |state: &ProjectState| !Arc::ptr_eq(&state.project, project);
        self.change(|publication| publication.projects.retain(is_another));
    }

    /// Readiness waits until it is known which projects there are.
    pub fn await_discovery(&self) {
        self.change(|publication| publication.is_discovering = true);
    }

    /// It is known now.
    pub fn end_discovery(&self) {
        self.change(|publication| publication.is_discovering = false);
    }

    /// Readers see the publication before the change or after it.
    fn change(&self, change: impl FnOnce(&mut Publication)) {
        self.0.send_modify(|current| {
            let mut next = Publication::clone(current);
            change(&mut next);
            *current = Arc::new(next);
        });
    }
}

/// Replaces one project's snapshot; cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    board: Board,
    project: Arc<Project>,
}

impl Publisher {
    /// What is published now.
    #[must_use]
    pub fn current(&self) -> Option<Published> {
        let publication = Arc::clone(&self.board.0.borrow());
        let mut states = publication.projects.iter();
        states.find(|state| self.is_of(state))?.published.clone()
    }

    /// Publishes the snapshot of a new listing: readers see all of it or none. Returns its sequence number.
    #[must_use]
    pub fn publish(&self, snapshot: &Arc<Snapshot>, networks: NetworkFacts) -> u64 {
        self.replace(|sequence| Published {
            snapshot: Arc::clone(snapshot),
            completed_at: Some(Instant::now()),
            networks,
            sequence,
        })
    }

    /// Publishes a snapshot of an earlier run.
    pub fn restore(&self, snapshot: Arc<Snapshot>) {
        self.replace(|sequence| Published {
            snapshot,
            completed_at: None,
            networks: NetworkFacts::default(),
            sequence,
        });
    }

    /// Renews what is known of networks; of the listing, nothing is newer than it was.
    /// `snapshot` is `None` when no row is another.
    pub fn renew(&self, snapshot: Option<Arc<Snapshot>>, networks: NetworkFacts) {
        self.board.change(|publication| {
            let mut states = publication.projects.iter_mut();
            let state = states.find(|state| self.is_of(state));
            let Some(published) = state.and_then(|state| state.published.as_mut()) else {
                return;
            };
            published.networks = networks;
            if let Some(snapshot) = snapshot {
                published.snapshot = snapshot;
                published.sequence += 1;
            }
        });
    }

    /// A poll ended, well or not.
    pub fn attempted(&self) {
        let was_attempted = |state: &ProjectState| self.is_of(state) && state.was_attempted;
        if self.board.0.borrow().projects.iter().any(was_attempted) {
            return;
        }
        self.board.change(|publication| {
            for state in publication.projects.iter_mut().filter(|state| self.is_of(state)) {
                state.was_attempted = true;
            }
        });
    }

    fn is_of(&self, state: &ProjectState) -> bool {
        Arc::ptr_eq(&state.project, &self.project)
    }

    /// Swaps what is published; `make` is given the next sequence number. A project that was taken off the board
    /// meanwhile has no place to publish.
    fn replace(&self, make: impl FnOnce(u64) -> Published) -> u64 {
        let mut sequence = 1;
        self.board.change(|publication| {
            let mut states = publication.projects.iter_mut();
            if let Some(state) = states.find(|state| self.is_of(state)) {
                sequence += state.published.as_ref().map_or(0, |published| published.sequence);
                state.published = Some(make(sequence));
            }
        });
        sequence
    }
}
