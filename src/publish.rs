//! What every reader sees: the latest snapshot of each project, all of them swapped as one value.
//!
//! A scrape reads one [`Publication`] from beginning to end. It refuses to know how snapshots are made and shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

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

/// A project's last good snapshot.
#[derive(Debug, Clone)]
pub struct Published {
    /// The fleet.
    pub snapshot: Arc<Snapshot>,
    /// When its listing ended.
    pub completed_at: Instant,
    /// When the networks of all its desktops were last read without a failure.
    pub networks_completed_at: Option<Instant>,
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
}

impl ProjectState {
    /// Whether a complete listing was published within three intervals (`metrics.md`, `up`).
    #[must_use]
    pub fn is_up(&self, now: Instant) -> bool {
        self.published
            .as_ref()
            .is_some_and(|published| is_recent(published.completed_at, self.project.interval, now))
    }

    /// The same for networks.
    #[must_use]
    pub fn is_network_up(&self, now: Instant) -> bool {
        self.published
            .as_ref()
            .and_then(|published| published.networks_completed_at)
            .is_some_and(|completed_at| is_recent(completed_at, self.project.network_interval, now))
    }
}

fn is_recent(completed_at: Instant, interval: Duration, now: Instant) -> bool {
    now.saturating_duration_since(completed_at) <= interval * 3
}

/// All projects at one moment, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Every configured project.
    pub projects: Vec<ProjectState>,
}

impl Publication {
    /// Whether every required project has a snapshot (`semantics.md`, section 3: ready).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.projects
            .iter()
            .all(|state| state.published.is_some() || !state.project.required)
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
}

/// Replaces one project's snapshot; each poller owns one.
#[derive(Debug)]
pub struct Publisher {
    sender: Arc<watch::Sender<Arc<Publication>>>,
    position: usize,
}

impl Publisher {
    /// Publishes a snapshot: readers see all of it or none. Returns its sequence number.
    #[must_use]
    pub fn publish(&self, snapshot: &Arc<Snapshot>, networks_completed_at: Option<Instant>) -> u64 {
        let completed_at = Instant::now();
        let mut sequence = 1;
        self.sender.send_modify(|current| {
            let mut next = Publication::clone(current);
            let state = &mut next.projects[self.position];
            sequence += state.published.as_ref().map_or(0, |published| published.sequence);
            state.published = Some(Published {
                snapshot: Arc::clone(snapshot),
                completed_at,
                networks_completed_at,
                sequence,
            });
            *current = Arc::new(next);
        });
        sequence
    }
}

/// Opens a publication of projects that have no snapshot yet: a reader, and a publisher for each project in order.
#[must_use]
pub fn open(projects: impl IntoIterator<Item = Arc<Project>>) -> (Reader, Vec<Publisher>) {
    let projects: Vec<ProjectState> = projects
        .into_iter()
        .map(|project| ProjectState {
            project,
            published: None,
        })
        .collect();
    let count = projects.len();
    let (sender, receiver) = watch::channel(Arc::new(Publication { projects }));
    let sender = Arc::new(sender);
    let publishers = (0..count)
        .map(|position| Publisher {
            sender: Arc::clone(&sender),
            position,
        })
        .collect();
    (Reader(receiver), publishers)
}
