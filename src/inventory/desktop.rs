//! One desktop as the API described it. Absent is absent: nothing here was made up.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::facts::Facts;
use super::states::{AttachState, LoginStatus, State, Status};
use super::task::TaskStatus;

/// A text field; `None` when the API left it out.
pub type Text = Option<Box<str>>;

/// The id of a desktop, never empty; cheap to clone.
///
/// Ids are ordered by a hash first: the same everywhere and for ever, and a new desktop lands among the others instead of
/// behind them. So a fleet can be cut into blocks and shards that a change touches one of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DesktopId {
    place: u64,
    text: Arc<str>,
}

impl DesktopId {
    /// Takes an id; `None` when it is empty, for then there is nothing to know the desktop by.
    #[must_use]
    pub fn try_new(id: impl Into<Arc<str>>) -> Option<Self> {
        let text: Arc<str> = id.into();
        let digest = Sha256::digest(text.as_bytes());
        let (head, _) = digest.split_first_chunk()?;
        (!text.is_empty()).then(|| Self {
            place: u64::from_be_bytes(*head),
            text,
        })
    }

    /// The id as the API wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands among all ids there could be: the first 64 bits of its SHA-256.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }
}

impl Hash for DesktopId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.place);
    }
}

/// One desktop. Who uses it is not here unless the operator asked for it: names are personal data (`metrics.md`, "Labels").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desktop {
    /// Its identity.
    pub id: DesktopId,
    /// The name a person sees; not unique.
    pub computer_name: Text,
    /// Run state.
    pub status: Option<State<Status>>,
    /// Session state.
    pub login_status: Option<State<LoginStatus>>,
    /// Assignment.
    pub attach_state: Option<State<AttachState>>,
    /// The work under way; `None` while idle.
    pub task_status: Option<State<TaskStatus>>,
    /// Users are kept out.
    pub in_maintenance_mode: Option<bool>,
    /// Frozen for want of payment or by order.
    pub is_frozen: Option<bool>,
    /// When it was created; the list is sorted by it.
    pub created: Option<Timestamp>,
    /// Another number when its addresses are others: then its networks are worth asking for.
    pub address_mark: u64,
    /// This is the record of a desktop that is gone: by its id, the API still answers for a while (`api/facts.md`, section 1.4).
    pub is_deleted: bool,
    /// To how many users and groups it is assigned.
    pub assigned_users: Option<u32>,
    /// Their names, as far as the operator wants them shown: hashed, plain, or none at all.
    pub users: Box<[UserName]>,
    /// What describes it, shared by all that are alike.
    pub facts: Arc<Facts>,
}

/// A user or group that a desktop is assigned to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserName {
    /// As the API wrote it.
    Plain(Box<str>),
    /// A keyed hash of it, in hexadecimal digits: the same name is the same hash.
    Hashed(Box<str>),
}

impl Desktop {
    /// A desktop of which only the id is known.
    #[must_use]
    pub fn new(id: DesktopId) -> Self {
        Self {
            id,
            computer_name: None,
            status: None,
            login_status: None,
            attach_state: None,
            task_status: None,
            in_maintenance_mode: None,
            is_frozen: None,
            created: None,
            address_mark: 0,
            is_deleted: false,
            assigned_users: None,
            users: Box::default(),
            facts: Arc::default(),
        }
    }

    /// Whether the cloud was deleting it when it was last seen.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.task_status == Some(State::Known(TaskStatus::DELETING))
    }
}
