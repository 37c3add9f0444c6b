//! The metadata service's side of an ECS with an agency: its sessions, and keys that end. It issues nothing.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

/// The metadata service's side of an ECS.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) has_sessions: bool,
    pub(crate) key_life: SignedDuration,
    sessions: HashSet<String>,
}

impl Metadata {
    pub(crate) fn new(key_life: SignedDuration) -> Self {
        Self {
            has_sessions: true,
            key_life,
            sessions: HashSet::new(),
        }
    }

    /// Whether this session, or none where none are offered, may see the key.
    pub(crate) fn lets_in(&self, session: Option<&str>) -> bool {
        !self.has_sessions || session.is_some_and(|session| self.sessions.contains(session))
    }

    pub(crate) fn open(&mut self, session: String) {
        self.sessions.insert(session);
    }
}

/// A key that ends.
#[derive(Debug, Clone)]
pub struct TemporaryKey {
    /// AK.
    pub access_key: String,
    /// SK.
    pub secret_key: String,
    /// Sent and signed with every request.
    pub security_token: String,
    /// When it ends.
    pub ends_at: Timestamp,
}
