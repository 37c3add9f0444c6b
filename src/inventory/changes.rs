//! What changed between two snapshots of one fleet, and when each desktop last changed. States shorter than a poll are
//! never seen.

use std::collections::BTreeMap;
use std::num::NonZeroI64;

use jiff::Timestamp;

use super::desktop::Desktop;
use super::states::{AttachState, LoginStatus, State, Status, Word};

/// A field whose changes are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `status`
    Status,
    /// `login_status`
    LoginStatus,
    /// `attach_state`
    AttachState,
    /// `in_maintenance_mode`
    Maintenance,
}

impl Field {
    /// Every field, in the order of rows.
    pub const ALL: [Self; 4] = [
        Field::Status,
        Field::LoginStatus,
        Field::AttachState,
        Field::Maintenance,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Status => "status",
            Field::LoginStatus => "login_status",
            Field::AttachState => "attach_state",
            Field::Maintenance => "maintenance",
        }
    }

    /// Every word that a transition of this field can begin or end with.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Field::Status => State::<Status>::labels().collect(),
            Field::LoginStatus => State::<LoginStatus>::labels().collect(),
            Field::AttachState => State::<AttachState>::labels().collect(),
            Field::Maintenance => vec!["false", "true"],
        }
    }

    /// The word of a desktop; `None` while the API does not say.
    fn word_of(self, desktop: &Desktop) -> Option<&'static str> {
        match self {
            Field::Status => label(desktop.status.as_ref()),
            Field::LoginStatus => label(desktop.login_status.as_ref()),
            Field::AttachState => label(desktop.attach_state.as_ref()),
            Field::Maintenance => desktop
                .in_maintenance_mode
                .map(|is_on| if is_on { "true" } else { "false" }),
        }
    }
}

fn label<W: Word>(state: Option<&State<W>>) -> Option<&'static str> {
    state.map(State::label)
}

/// When each field of a desktop was last seen to change, in nanoseconds since the epoch; `None` until it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastTransitions([Option<NonZeroI64>; Field::ALL.len()]);

impl LastTransitions {
    /// When this field was last seen to change.
    #[must_use]
    pub fn of(&self, field: Field) -> Option<Timestamp> {
        let nanoseconds = self.0[field as usize]?.get();
        Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
    }

    /// Notes a change. Moments that 64 bits of nanoseconds cannot hold (past 2262) are not kept.
    pub fn set(&mut self, field: Field, moment: Timestamp) {
        let nanoseconds = i64::try_from(moment.as_nanosecond()).ok();
        self.0[field as usize] = nanoseconds.and_then(NonZeroI64::new);
    }
}

/// What is different in a snapshot from the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// How many desktops went from one word to another.
    pub transitions: BTreeMap<(Field, &'static str, &'static str), u64>,
    /// Desktops that were not there before.
    pub appeared: u64,
    /// Desktops that are there no more.
    pub disappeared: u64,
}

impl Changes {
    /// Compares two records of one desktop: counts what changed, and notes it as seen at `moment`.
    pub(super) fn note(&mut self, before: &Desktop, after: &Desktop, moment: Timestamp, last: &mut LastTransitions) {
        for field in Field::ALL {
            if let (Some(from), Some(to)) = (field.word_of(before), field.word_of(after))
                && from != to
            {
                *self.transitions.entry((field, from, to)).or_default() += 1;
                last.set(field, moment);
            }
        }
    }
}
