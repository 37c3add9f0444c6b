//! What readers see: the latest snapshot of each project, and what follows from it at a moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::totals::Totals;
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
    /// The cloud's id of it, if the settings give one.
    pub project_id: Option<String>,
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
    /// What changed up to this snapshot.
    pub totals: Arc<Totals>,
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

impl Project {
    /// Whether a snapshot that another project value published, or an earlier run saved, is of this project too.
    #[must_use]
    pub fn owns(&self, name: &str, endpoint: &str, snapshot: &Snapshot) -> bool {
        let is_same_id = self.project_id.as_deref().is_none_or(|id| id == snapshot.project_id());
        self.name == name && self.endpoint == endpoint && is_same_id
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
    /// Whether both show the same snapshots of the same projects; how their networks stand and what is up may differ.
    #[must_use]
    pub fn shows_the_same(&self, other: &Self) -> bool {
        let is_same = |(left, right): (&ProjectState, &ProjectState)| {
            let snapshots = (left.published.as_ref(), right.published.as_ref());
            Arc::ptr_eq(&left.project, &right.project)
                && match snapshots {
                    (Some(left), Some(right)) => {
                        Arc::ptr_eq(&left.snapshot, &right.snapshot) && left.sequence == right.sequence
                    }
                    (None, None) => true,
                    _ => false,
                }
        };
        self.projects.len() == other.projects.len() && self.projects.iter().zip(&other.projects).all(is_same)
    }

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
