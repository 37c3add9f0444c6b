//! One desktop: what the cloud knows about it. It has no behaviour and no wire format.

use std::cell::OnceCell;

use jiff::Timestamp;
use rand_pcg::Pcg32;

/// What a desktop is being made to do; `Idle` is an empty `task_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Nothing.
    Idle,
    /// The vendor's word for the work under way.
    Running(&'static str),
}

impl Task {
    /// The wire word; empty while idle.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Task::Idle => "",
            Task::Running(word) => word,
        }
    }
}

/// One network card.
#[derive(Debug, Clone)]
pub struct Nic {
    /// The port's id.
    pub port_id: String,
    /// Private address.
    pub private_ip: String,
    /// Elastic address, if one is bound.
    pub public_ip: Option<String>,
    /// MAC address.
    pub mac: String,
}

/// One desktop of the fleet.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not exclude one another, each with its name"
)]
pub struct Desktop {
    /// A UUID.
    pub id: String,
    /// The name a person sees.
    pub computer_name: String,
    /// When it was created; the list is sorted by it.
    pub created: Timestamp,
    /// The vendor's word for the run state.
    pub status: &'static str,
    /// The vendor's word for the session state.
    pub login_status: &'static str,
    /// The vendor's word for the assignment.
    pub attach_state: &'static str,
    /// Work under way.
    pub task: Task,
    /// Under maintenance: users are kept out.
    pub in_maintenance: bool,
    /// `DEDICATED` or `POOLED`.
    pub desktop_type: &'static str,
    /// The pool it belongs to, if any.
    pub pool_id: Option<&'static str>,
    /// The user it is assigned to, if any.
    pub user_name: Option<String>,
    /// Where it runs.
    pub(crate) site: &'static super::company::Site,
    /// What it boots from.
    pub(crate) image: &'static super::company::Image,
    /// What it costs and has.
    pub(crate) product: &'static super::company::Product,
    /// Tags as key and value.
    pub tags: Vec<(&'static str, &'static str)>,
    /// Network cards, the business one first.
    pub nics: Vec<Nic>,
    /// Its number in the fleet, in order of hiring; decides which of the wire's shapes it is written in.
    pub(crate) number: usize,
    /// It goes in and out of ERROR all the time.
    pub(crate) flaps: bool,
    /// A story keeps it as it is.
    pub(crate) is_stuck: bool,
    /// It is being deleted: its next event is its last.
    pub(crate) is_doomed: bool,
    /// What never changes about it, as the list writes it.
    pub(crate) fixed_fields: OnceCell<String>,
    pub(crate) next_event: Timestamp,
    pub(crate) random: Pcg32,
}

impl Desktop {
    /// Whether somebody could log in, if it runs.
    pub(crate) fn registers(&self) -> bool {
        (self.status, self.login_status) != ("ACTIVE", "UNREGISTER")
    }
}
