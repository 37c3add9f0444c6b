//! Where desktops are on the network: one [`Port`] a network card, kept per desktop from pass to pass.

use std::collections::HashMap;
use std::sync::Arc;

use super::desktop::{DesktopId, Text};

/// One network card of a desktop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Private address.
    pub private_ip: Text,
    /// Elastic address, if one is bound.
    pub public_ip: Text,
    /// VPC id.
    pub vpc_id: Text,
    /// VPC name.
    pub vpc_name: Text,
    /// Subnet id.
    pub subnet_id: Text,
    /// Subnet name.
    pub subnet_name: Text,
}

/// What the networks call answered, per desktop. Ports are shared with snapshots, not copied.
#[derive(Debug, Default)]
pub struct Networks {
    pass: u64,
    answers: HashMap<DesktopId, Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    pass: u64,
    ports: Arc<[Port]>,
}

impl Networks {
    /// Begins a pass over these desktops: what is known of them stays until a new answer replaces it, and what was
    /// known of others is forgotten.
    #[must_use]
    pub fn next_pass(&self, ids: &[DesktopId]) -> Self {
        let known = |id: &DesktopId| Some((id.clone(), self.answers.get(id)?.clone()));
        Self {
            pass: self.pass + 1,
            answers: ids.iter().filter_map(known).collect(),
        }
    }

    /// Takes what an answer says of a desktop; ports that are alike are one.
    pub fn found(&mut self, id: DesktopId, mut ports: Vec<Port>) {
        ports.sort();
        ports.dedup();
        let answer = Answer {
            pass: self.pass,
            ports: ports.into(),
        };
        self.answers.insert(id, answer);
    }

    /// The number of the pass that last answered for a desktop; 0 when none ever did.
    #[must_use]
    pub fn last_answer(&self, id: &DesktopId) -> u64 {
        self.answers.get(id).map_or(0, |answer| answer.pass)
    }

    /// The ports of a desktop; `None` if nothing was ever answered for it.
    #[must_use]
    pub fn ports_of(&self, id: &DesktopId) -> Option<&Arc<[Port]>> {
        self.answers.get(id).map(|answer| &answer.ports)
    }
}
