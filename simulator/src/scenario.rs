//! Stories that a tour or a test may ask for by name. What each does to the fleet is told in `fleet::story`; what it does to
//! the API is told by the simulator.

use jiff::Timestamp;

/// What the fleet and the API go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nothing breaks.
    CalmDay,
    /// Everybody comes at once: a logon storm.
    MondayMorning,
    /// An image that was rolled out is bad: its desktops go into ERROR one after the other.
    ImageRollout,
    /// Desktops run, and lose their registration one after the other.
    RegistrationOutage,
    /// The API answers nothing but 503.
    ApiOutage,
    /// The API throttles half of all calls.
    Throttled,
    /// Desktops are put in maintenance and stopped; some break meanwhile.
    MaintenanceWindow,
}

impl Scenario {
    /// Every story.
    pub const ALL: [Self; 7] = [
        Scenario::CalmDay,
        Scenario::MondayMorning,
        Scenario::ImageRollout,
        Scenario::RegistrationOutage,
        Scenario::ApiOutage,
        Scenario::Throttled,
        Scenario::MaintenanceWindow,
    ];

    /// The name that a person types.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::CalmDay => "calm-day",
            Scenario::MondayMorning => "monday-morning",
            Scenario::ImageRollout => "image-rollout",
            Scenario::RegistrationOutage => "registration-outage",
            Scenario::ApiOutage => "api-outage",
            Scenario::Throttled => "throttled",
            Scenario::MaintenanceWindow => "maintenance-window",
        }
    }

    /// The story of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == name)
    }
}

/// A story and when it is told.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Which story.
    pub scenario: Scenario,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When its cause is gone; `None`: never.
    pub ends_at: Option<Timestamp>,
}

impl Script {
    /// The story that is going on at a moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<Scenario> {
        let is_over = self.ends_at.is_some_and(|end| now >= end);
        (now >= self.begins_at && !is_over).then_some(self.scenario)
    }
}
