//! A whole fleet at one moment, immutable.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::census::Census;
use super::changes::{Changes, LastTransitions};
use super::desktop::{Desktop, DesktopId};
use super::facts::Facts;
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

/// A desktop and what is known beside its record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The desktop; shared with the next snapshot while nothing about it changes.
    pub desktop: Arc<Desktop>,
    /// Its network cards; `None` while nothing was answered for it.
    pub ports: Option<Arc<[Port]>>,
    /// When it was last seen to change.
    pub last_transitions: LastTransitions,
    /// It vanished from the list and is not yet confirmed gone.
    pub is_held: bool,
}

/// A whole fleet at one moment.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) project_id: Arc<str>,
    pub(super) listed_at: Timestamp,
    pub(super) entries: Vec<Entry>,
    /// The different facts of its desktops.
    pub(super) facts: Arc<HashSet<Arc<Facts>>>,
    pub(super) census: Census,
    pub(super) reported: Option<u64>,
    pub(super) pages: u64,
    pub(super) held: usize,
    pub(super) losses: Losses,
    pub(super) changes: Changes,
}

/// A snapshot as it was kept outside the process, to be put together again.
#[derive(Debug)]
pub struct Kept {
    /// The project that was listed.
    pub project_id: Arc<str>,
    /// When its listing began.
    pub listed_at: Timestamp,
    /// What the API had counted.
    pub reported: Option<u64>,
    /// How many pages were read.
    pub pages: u64,
    /// Every desktop.
    pub entries: Vec<Entry>,
}

impl Snapshot {
    /// Puts a kept snapshot together again; costs a sort of the ids.
    #[must_use]
    pub fn restore(kept: Kept) -> Self {
        let mut entries = kept.entries;
        entries.sort_by(|left, right| left.desktop.id.cmp(&right.desktop.id));
        entries.dedup_by(|left, right| left.desktop.id == right.desktop.id);
        Self {
            project_id: kept.project_id,
            listed_at: kept.listed_at,
            census: Census::of(entries.iter().map(|entry| &*entry.desktop)),
            facts: Arc::new(entries.iter().map(|entry| Arc::clone(&entry.desktop.facts)).collect()),
            held: entries.iter().filter(|entry| entry.is_held).count(),
            entries,
            reported: kept.reported,
            pages: kept.pages,
            losses: Losses::default(),
            changes: Changes::default(),
        }
    }

    /// The same fleet with the networks known now; records are shared, not copied.
    #[must_use]
    pub fn with_networks(&self, networks: &Networks, now: Instant) -> Self {
        let renewed = |entry: &Entry| Entry {
            ports: networks.ports_of(&entry.desktop.id, now).cloned(),
            ..entry.clone()
        };
        Self {
            project_id: Arc::clone(&self.project_id),
            listed_at: self.listed_at,
            entries: self.entries.iter().map(renewed).collect(),
            facts: Arc::clone(&self.facts),
            census: self.census.clone(),
            reported: self.reported,
            pages: self.pages,
            held: self.held,
            losses: Losses::default(),
            changes: Changes::default(),
        }
    }

    /// The entry of a desktop.
    #[must_use]
    pub fn get(&self, id: &DesktopId) -> Option<&Entry> {
        let position = self.entries.binary_search_by(|entry| entry.desktop.id.cmp(id)).ok()?;
        Some(&self.entries[position])
    }

    /// How many desktops are shown though they vanished from the list.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// What is different from the snapshot before.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

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
