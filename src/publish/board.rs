//! Where publications are swapped and read: one value at a time, whole.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::publication::{NetworkFacts, Project, ProjectState, Publication, Published};
use super::totals::Totals;
use crate::inventory::Snapshot;

/// Reads publications; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader(watch::Receiver<Arc<Publication>>);

impl Reader {
    /// The publication of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Publication> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits for another publication than the last one that this reader waited for; for ever, if there will be none.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
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

    /// Puts a project on the board, behind the others. One that is there already under this name and endpoint gives its
    /// place and its snapshot over: what was shown stays shown.
    #[must_use]
    pub fn add(&self, project: Arc<Project>) -> Publisher {
        self.change(|publication| {
            let named = |state: &ProjectState| state.project.name == project.name;
            let place = publication.projects.iter().position(named);
            let inherited = place.map(|place| &publication.projects[place]).and_then(|old| {
                let published = old.published.clone()?;
                let is_ours = project.owns(&old.project.name, &old.project.endpoint, &published.snapshot);
                is_ours.then_some((published, old.was_attempted))
            });
            let was_attempted = inherited.as_ref().is_some_and(|(_, was_attempted)| *was_attempted);
            let state = ProjectState {
                project: Arc::clone(&project),
                published: inherited.map(|(published, _)| published),
                was_attempted,
            };
            match place {
                Some(place) => publication.projects[place] = state,
                None => publication.projects.push(state),
            }
        });
        Publisher {
            board: self.clone(),
            project,
        }
    }

    /// Takes every project off the board, with all its rows, that does not belong there any more.
    pub fn retain(&self, belongs: impl Fn(&Arc<Project>) -> bool) {
        if self.0.borrow().projects.iter().all(|state| belongs(&state.project)) {
            return;
        }
        self.change(|publication| publication.projects.retain(|state| belongs(&state.project)));
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
        self.replace(|before| Published {
            snapshot: Arc::clone(snapshot),
            completed_at: Some(Instant::now()),
            networks,
            totals: Arc::new(match before {
                Some(before) => before.totals.with(snapshot.changes()),
                None => Totals::default().with(snapshot.changes()),
            }),
            sequence: next(before),
        })
    }

    /// Publishes a snapshot of an earlier run.
    pub fn restore(&self, snapshot: Arc<Snapshot>) {
        self.replace(|before| Published {
            snapshot,
            completed_at: None,
            networks: NetworkFacts::default(),
            totals: Arc::default(),
            sequence: next(before),
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

    /// Swaps what is published for what `make` makes beside it; returns its number. A project that was taken off the
    /// board meanwhile has no place to publish.
    fn replace(&self, make: impl FnOnce(Option<&Published>) -> Published) -> u64 {
        let mut sequence = 1;
        self.board.change(|publication| {
            let mut states = publication.projects.iter_mut();
            if let Some(state) = states.find(|state| self.is_of(state)) {
                let published = make(state.published.as_ref());
                sequence = published.sequence;
                state.published = Some(published);
            }
        });
        sequence
    }
}

/// The number of what is published next.
fn next(before: Option<&Published>) -> u64 {
    before.map_or(0, |before| before.sequence) + 1
}
