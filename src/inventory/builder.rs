//! A snapshot being put together: methods say what was found, `build` ends it beside the snapshot before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::census::Census;
use super::changes::{Changes, LastTransitions};
use super::desktop::{Desktop, DesktopId};
use super::facts::Facts;
use super::network::Networks;
use super::snapshot::{Entry, Losses, Snapshot};

/// A snapshot being put together; it never waits.
#[derive(Debug)]
pub struct SnapshotBuilder {
    project_id: Arc<str>,
    listed_at: Timestamp,
    desktops: HashMap<DesktopId, Arc<Desktop>>,
    /// The different facts found.
    facts: HashSet<Arc<Facts>>,
    /// The facts that pages brought, by their address, and those of `facts` that are alike. Both are kept alive, so that an
    /// address means the same facts for as long as this lives.
    alike: HashMap<usize, (Arc<Facts>, Arc<Facts>)>,
    held: Vec<Entry>,
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
            facts: HashSet::new(),
            alike: HashMap::new(),
            held: Vec::new(),
            reported: None,
            pages: 0,
            losses: Losses::default(),
        }
    }

    /// A desktop was listed; of two records with one id the newer wins. Returns whether the id is new.
    pub fn found_desktop(&mut self, mut desktop: Desktop) -> bool {
        desktop.facts = self.known_facts(&desktop.facts);
        self.desktops.insert(desktop.id.clone(), Arc::new(desktop)).is_none()
    }

    fn known_facts(&mut self, facts: &Arc<Facts>) -> Arc<Facts> {
        let of_address = self.alike.entry(Arc::as_ptr(facts).addr()).or_insert_with(|| {
            let known = self.facts.get(facts).map_or_else(|| Arc::clone(facts), Arc::clone);
            self.facts.insert(Arc::clone(&known));
            (Arc::clone(facts), known)
        });
        Arc::clone(&of_address.1)
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

    /// A desktop was not listed and is not known to be gone: it is shown as it was.
    pub fn hold(&mut self, entry: &Entry) {
        self.held.push(Entry {
            is_held: true,
            ..entry.clone()
        });
    }

    /// Whether a desktop was listed.
    #[must_use]
    pub fn contains(&self, id: &DesktopId) -> bool {
        self.desktops.contains_key(id)
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

    /// How many pages were read so far.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// The ids found, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<DesktopId> {
        let mut ids: Vec<DesktopId> = self.desktops.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// The desktops found, in no order.
    pub fn desktops(&self) -> impl Iterator<Item = &Desktop> {
        self.desktops.values().map(|desktop| &**desktop)
    }

    /// Ends the listing beside the snapshot before it, if there is one. Costs a sort of the ids and a walk through both.
    #[must_use]
    pub fn build(self, before: Option<&Snapshot>, networks: &Networks, now: Instant) -> Snapshot {
        let mut changes = Changes::default();
        let mut entries: Vec<Entry> = self
            .desktops
            .into_values()
            .map(|desktop| Entry {
                ports: networks.ports_of(&desktop.id, now).cloned(),
                desktop,
                last_transitions: LastTransitions::default(),
                is_held: false,
            })
            .collect();
        let held = self.held.len();
        entries.extend(self.held);
        entries.sort_unstable_by(|left, right| left.desktop.id.cmp(&right.desktop.id));
        let mut facts = self.facts;
        if let Some(before) = before {
            facts = share_facts(facts, before, &mut entries);
            compare(before, &mut entries, self.listed_at, &mut changes);
        }
        Snapshot {
            project_id: self.project_id,
            listed_at: self.listed_at,
            census: Census::of(entries.iter().map(|entry| &*entry.desktop)),
            entries,
            facts: Arc::new(facts),
            reported: self.reported,
            pages: self.pages,
            held,
            losses: self.losses,
            changes,
        }
    }
}

/// Facts that the earlier snapshot has too become those: what is alike is then seen by its address, and kept once.
fn share_facts(facts: HashSet<Arc<Facts>>, before: &Snapshot, entries: &mut [Entry]) -> HashSet<Arc<Facts>> {
    let earlier = |facts: &Arc<Facts>| before.facts.get(facts).map(Arc::clone);
    let shared: HashMap<usize, Arc<Facts>> = facts
        .iter()
        .filter_map(|facts| Some((Arc::as_ptr(facts).addr(), earlier(facts)?)))
        .collect();
    for entry in entries {
        if let Some(earlier) = shared.get(&Arc::as_ptr(&entry.desktop.facts).addr())
            && let Some(desktop) = Arc::get_mut(&mut entry.desktop)
        {
            desktop.facts = Arc::clone(earlier);
        }
    }
    facts
        .into_iter()
        .map(|facts| earlier(&facts).unwrap_or(facts))
        .collect()
}

/// Walks through both fleets by id: takes over what the earlier one knew, and notes what is different.
fn compare(before: &Snapshot, entries: &mut [Entry], moment: Timestamp, changes: &mut Changes) {
    let mut earlier = before.entries().iter().peekable();
    for entry in entries {
        while earlier
            .next_if(|earlier| earlier.desktop.id < entry.desktop.id)
            .is_some()
        {
            changes.disappeared += 1;
        }
        let Some(known) = earlier.next_if(|earlier| earlier.desktop.id == entry.desktop.id) else {
            changes.appeared += 1;
            continue;
        };
        entry.last_transitions = known.last_transitions;
        if known.desktop == entry.desktop {
            entry.desktop = Arc::clone(&known.desktop);
        } else {
            changes.note(&known.desktop, &entry.desktop, moment, &mut entry.last_transitions);
        }
    }
    changes.disappeared += earlier.count() as u64;
}
