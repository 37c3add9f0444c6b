//! The state words of the API as closed enums, open at one end: a word that is not here is unknown, never an error.
//! Spelling and sources: `api/facts.md` section 1.4 of the contract; the missing "-ED" of UNATTACH is real.

/// A word of a closed list.
pub trait Word: Copy + Eq + 'static {
    /// Every word, in the order that rows are written.
    const ALL: &'static [Self];

    /// The API's spelling.
    fn word(self) -> &'static str;

    /// Its place in [`Word::ALL`].
    fn place(self) -> usize;

    /// Whether text from outside is this word; case has varied.
    fn reads(self, raw: &str) -> bool {
        self.word().eq_ignore_ascii_case(raw)
    }
}

/// A state as the API named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<W> {
    /// A word of the contract.
    Known(W),
    /// Another word. Shown as `unknown`, so that text from outside is no label; what was sent is among the losses of a listing.
    Unknown,
}

impl<W: Word> State<W> {
    /// The label value of a word that the contract does not list.
    pub const UNKNOWN: &'static str = "unknown";

    /// Reads a word.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        W::ALL
            .iter()
            .find(|word| word.reads(raw))
            .map_or(State::Unknown, |word| State::Known(*word))
    }

    /// The label value: the API's spelling, or `unknown`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            State::Known(word) => word.word(),
            State::Unknown => Self::UNKNOWN,
        }
    }

    /// The place of the label value in [`State::labels`].
    #[must_use]
    pub fn place(&self) -> usize {
        match self {
            State::Known(word) => word.place(),
            State::Unknown => W::ALL.len(),
        }
    }

    /// Every label value there can be, `unknown` last.
    pub fn labels() -> impl Iterator<Item = &'static str> + Clone {
        W::ALL
            .iter()
            .map(|word| word.word())
            .chain(std::iter::once(Self::UNKNOWN))
    }
}

/// `status`: the run state of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Running.
    Active,
    /// Stopped.
    Shutoff,
    /// Faulty: somebody should look.
    Error,
    /// Hibernated.
    Hibernated,
    /// On its way to `ACTIVE`.
    Starting,
    /// On its way to `SHUTOFF`.
    Stopping,
    /// On its way through a restart.
    Restarting,
    /// On its way to `HIBERNATED`.
    Hibernating,
    /// On its way from `HIBERNATED` to `ACTIVE`.
    Awakening,
}

impl Word for Status {
    const ALL: &'static [Self] = &[
        Status::Active,
        Status::Shutoff,
        Status::Error,
        Status::Hibernated,
        Status::Starting,
        Status::Stopping,
        Status::Restarting,
        Status::Hibernating,
        Status::Awakening,
    ];

    fn place(self) -> usize {
        self as usize
    }

    fn word(self) -> &'static str {
        match self {
            Status::Active => "ACTIVE",
            Status::Shutoff => "SHUTOFF",
            Status::Error => "ERROR",
            Status::Hibernated => "HIBERNATED",
            Status::Starting => "STARTING",
            Status::Stopping => "STOPPING",
            Status::Restarting => "RESTARTING",
            Status::Hibernating => "HIBERNATING",
            Status::Awakening => "AWAKENING",
        }
    }
}

/// `login_status`: the session state of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginStatus {
    /// Not registered with the service: nobody can log in.
    Unregister,
    /// Waiting for a user.
    Registered,
    /// In use.
    Connected,
    /// The client went away.
    Disconnected,
    /// Shut down, in the console's words.
    Offline,
}

impl Word for LoginStatus {
    const ALL: &'static [Self] = &[
        LoginStatus::Unregister,
        LoginStatus::Registered,
        LoginStatus::Connected,
        LoginStatus::Disconnected,
        LoginStatus::Offline,
    ];

    fn place(self) -> usize {
        self as usize
    }

    fn word(self) -> &'static str {
        match self {
            LoginStatus::Unregister => "UNREGISTER",
            LoginStatus::Registered => "REGISTERED",
            LoginStatus::Connected => "CONNECTED",
            LoginStatus::Disconnected => "DISCONNECTED",
            LoginStatus::Offline => "OFFLINE",
        }
    }
}

/// `attach_state`: whether a desktop is assigned to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachState {
    /// Assigned.
    Attached,
    /// Never assigned.
    Unattach,
    /// Assigned once, not now.
    Deattached,
    /// Being assigned.
    Attaching,
    /// Being unassigned.
    Deattaching,
    /// Assignment failed.
    AttachFail,
    /// Unassignment failed.
    DeattachFail,
    /// Between batch and single assignment.
    Waiting,
    /// Assignment failed and may be tried again.
    AttachFailCanAttachAgain,
    /// Unassignment failed and may be tried again.
    DeattachFailCanDeattachAgain,
}

impl Word for AttachState {
    const ALL: &'static [Self] = &[
        AttachState::Attached,
        AttachState::Unattach,
        AttachState::Deattached,
        AttachState::Attaching,
        AttachState::Deattaching,
        AttachState::AttachFail,
        AttachState::DeattachFail,
        AttachState::Waiting,
        AttachState::AttachFailCanAttachAgain,
        AttachState::DeattachFailCanDeattachAgain,
    ];

    fn place(self) -> usize {
        self as usize
    }

    fn word(self) -> &'static str {
        match self {
            AttachState::Attached => "ATTACHED",
            AttachState::Unattach => "UNATTACH",
            AttachState::Deattached => "DEATTACHED",
            AttachState::Attaching => "ATTACHING",
            AttachState::Deattaching => "DEATTACHING",
            AttachState::AttachFail => "ATTACHFAIL",
            AttachState::DeattachFail => "DEATTACHFAIL",
            AttachState::Waiting => "WAITING",
            AttachState::AttachFailCanAttachAgain => "ATTACH_FAIL_CAN_ATTACH_AGAIN",
            AttachState::DeattachFailCanDeattachAgain => "DEATTACH_FAIL_CAN_DEATTACH_AGAIN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn every_word_reads_back<W: Word + std::fmt::Debug>(count: usize) {
        assert_eq!(W::ALL.len(), count);
        for word in W::ALL {
            assert_eq!(State::parse(word.word()), State::Known(*word));
            assert_eq!(State::parse(&word.word().to_lowercase()), State::Known(*word));
            assert_eq!(W::ALL[word.place()], *word);
        }
    }

    #[test]
    fn every_word_of_the_contract_reads_back_in_any_case() {
        every_word_reads_back::<Status>(9);
        every_word_reads_back::<LoginStatus>(5);
        every_word_reads_back::<AttachState>(10);
    }

    #[test]
    fn another_word_is_shown_as_unknown() {
        let state: State<Status> = State::parse("Deleted");
        assert_eq!(state, State::Unknown);
        assert_eq!(state.label(), "unknown");
    }
}
