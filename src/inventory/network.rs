//! Where desktops are on the network: one [`Port`] a network card, kept per desktop from pass to pass.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::desktop::{Desktop, DesktopId, Text};

/// One network card of a desktop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Private address.
    pub private_ip: Text,
    /// Elastic address, if one is bound.
    pub public_ip: Text,
    /// The network it is in, shared by all that are in it alike.
    pub place: Arc<Place>,
}

/// A network that cards are in.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// VPC id.
    pub vpc_id: Text,
    /// VPC name.
    pub vpc_name: Text,
    /// Subnet id.
    pub subnet_id: Text,
    /// Subnet name.
    pub subnet_name: Text,
    /// What guards it.
    pub security_groups: Box<[SecurityGroup]>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityGroup {
    /// Its id.
    pub id: Text,
    /// Its name.
    pub name: Text,
}

/// What the networks call answered, per desktop. Ports are shared with snapshots, not copied.
#[derive(Debug)]
pub struct Networks {
    keep: Duration,
    known: HashMap<DesktopId, Known>,
    places: HashSet<Arc<Place>>,
}

/// What is known of one desktop's networks.
#[derive(Debug, Clone)]
struct Known {
    answer: Option<(Instant, Arc<[Port]>)>,
    /// The addresses that the desktop had when it was asked for.
    mark: u64,
    /// The API refused to answer for it when it was last asked for.
    is_refused: bool,
}

impl Networks {
    /// Nothing is known. Answers are shown for `keep` at most (`semantics.md`, section 3).
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self {
            keep,
            known: HashMap::new(),
            places: HashSet::new(),
        }
    }

    /// Forgets every desktop but these.
    pub fn retain(&mut self, is_there: impl Fn(&DesktopId) -> bool) {
        self.known.retain(|id, _| is_there(id));
        // What only this set holds, nobody is in.
        self.places.retain(|place| Arc::strong_count(place) > 1);
    }

    /// Takes what an answer says of a desktop that had these addresses; ports that are alike are one, and what is as it was is
    /// kept as it was, for snapshots share it.
    pub fn found(&mut self, id: DesktopId, mark: u64, mut ports: Vec<Port>, now: Instant) {
        for port in &mut ports {
            match self.places.get(&port.place) {
                Some(place) => port.place = Arc::clone(place),
                None => drop(self.places.insert(Arc::clone(&port.place))),
            }
        }
        ports.sort();
        ports.dedup();
        let before = self.known.get(&id).and_then(|known| known.answer.as_ref());
        let ports = match before {
            Some((_, before)) if **before == *ports => Arc::clone(before),
            _ => ports.into(),
        };
        let known = Known {
            answer: Some((now, ports)),
            mark,
            is_refused: false,
        };
        self.known.insert(id, known);
    }

    /// The API refuses to answer for a desktop; what was known of it stays.
    pub fn refused(&mut self, id: DesktopId, mark: u64) {
        let answer = self.known.remove(&id).and_then(|known| known.answer);
        let known = Known {
            answer,
            mark,
            is_refused: true,
        };
        self.known.insert(id, known);
    }

    /// Whether a desktop was never asked for, or has other addresses since.
    #[must_use]
    pub fn wants(&self, desktop: &Desktop) -> bool {
        self.known
            .get(&desktop.id)
            .is_none_or(|known| known.mark != desktop.address_mark)
    }

    /// When it was last answered for a desktop.
    #[must_use]
    pub fn last_answer(&self, id: &DesktopId) -> Option<Instant> {
        let (moment, _) = self.known.get(id)?.answer.as_ref()?;
        Some(*moment)
    }

    /// The ports of a desktop; `None` if nothing was answered for it, or too long ago.
    #[must_use]
    pub fn ports_of(&self, id: &DesktopId, now: Instant) -> Option<&Arc<[Port]>> {
        let (moment, ports) = self.known.get(id)?.answer.as_ref()?;
        (now.saturating_duration_since(*moment) <= self.keep).then_some(ports)
    }

    /// How many desktops have an answer from before `since`.
    #[must_use]
    pub fn stale(&self, since: Instant) -> usize {
        let answers = self.known.values().filter_map(|known| known.answer.as_ref());
        answers.filter(|(moment, _)| *moment < since).count()
    }

    /// How many desktops the API refuses to answer for.
    #[must_use]
    pub fn unresolved(&self) -> usize {
        self.known.values().filter(|known| known.is_refused).count()
    }
}
