//! A whole fleet at one moment, immutable once built. The builder's methods say what was found; `build` ends it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::census::Census;
use super::desktop::{Desktop, DesktopId};
use super::network::{Networks, Port};

/// What the API sent and the contract does not know, per field. Bounded by fields and by the words of one listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// Words shown as `unknown`: (field, raw word) and how often.
    pub unknown_words: BTreeMap<(&'static str, Box<str>), u64>,
    /// Fields left out because they had another JSON type, and how often.
    pub other_shapes: BTreeMap<&'static str, u64>,
}

impl Losses {
    /// Adds what was lost elsewhere.
    pub fn merge(&mut self, other: Losses) {
        for (word, count) in other.unknown_words {
            *self.unknown_words.entry(word).or_default() += count;
        }
        for (field, count) in other.other_shapes {
            *self.other_shapes.entry(field).or_default() += count;
        }
    }
}

/// A desktop and its network cards.
#[derive(Debug)]
pub struct Entry {
    /// The desktop.
    pub desktop: Desktop,
    /// Its network cards; `None` while nothing was answered for it.
    pub ports: Option<Arc<[Port]>>,
}

/// A whole fleet at one moment.
#[derive(Debug)]
pub struct Snapshot {
    project_id: Arc<str>,
    listed_at: Timestamp,
    entries: Vec<Entry>,
    census: Census,
    reported: Option<u64>,
    pages: u64,
    losses: Losses,
}

impl Snapshot {
    /// The project that was listed, by the cloud's id.
    #[must_use]
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// When its listing began: nothing in it is older.
    #[must_use]
    pub fn listed_at(&self) -> Timestamp {
        self.listed_at
    }

    /// Every desktop once, in order of id.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many desktops are in which states.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// How many desktops the API said there are, in the last page that said so.
    #[must_use]
    pub fn reported(&self) -> Option<u64> {
        self.reported
    }

    /// How many pages were read.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// What could not be understood.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.losses
    }
}

/// A snapshot being put together; it never waits.
#[derive(Debug)]
pub struct SnapshotBuilder {
    project_id: Arc<str>,
    listed_at: Timestamp,
    desktops: HashMap<DesktopId, Desktop>,
    reported: Option<u64>,
    pages: u64,
    losses: Losses,
}

impl SnapshotBuilder {
    /// Begins a snapshot of a project whose listing begins at `listed_at`.
    #[must_use]
    pub fn new(project_id: Arc<str>, listed_at: Timestamp) -> Self {
        Self {
            project_id,
            listed_at,
            desktops: HashMap::new(),
            reported: None,
            pages: 0,
            losses: Losses::default(),
        }
    }

    /// A desktop was listed; of two records with one id the newer wins. Returns whether the id is new.
    pub fn found_desktop(&mut self, desktop: Desktop) -> bool {
        self.desktops.insert(desktop.id.clone(), desktop).is_none()
    }

    /// A page ended; `reported` is its total, if it gave one.
    pub fn found_page_end(&mut self, reported: Option<u64>) {
        self.pages += 1;
        self.reported = reported.or(self.reported);
    }

    /// Something was not understood.
    pub fn found_losses(&mut self, losses: Losses) {
        self.losses.merge(losses);
    }

    /// How many desktops were found so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.desktops.len()
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.desktops.is_empty()
    }

    /// The total that the API gave last.
    #[must_use]
    pub fn reported(&self) -> Option<u64> {
        self.reported
    }

    /// The ids found, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<DesktopId> {
        let mut ids: Vec<DesktopId> = self.desktops.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// Ends the listing. Costs a sort of the ids.
    #[must_use]
    pub fn build(self, networks: &Networks) -> Snapshot {
        let mut entries: Vec<Entry> = self
            .desktops
            .into_values()
            .map(|desktop| Entry {
                ports: networks.ports_of(&desktop.id).cloned(),
                desktop,
            })
            .collect();
        entries.sort_by(|left, right| left.desktop.id.cmp(&right.desktop.id));
        Snapshot {
            project_id: self.project_id,
            listed_at: self.listed_at,
            census: Census::of(entries.iter().map(|entry| &entry.desktop)),
            entries,
            reported: self.reported,
            pages: self.pages,
            losses: self.losses,
        }
    }
}
