//! What a metric family is: its name, its type, when it is served and what its rows are made from.

use tokio::time::Instant;

use super::format::Syntax;
use super::plan::Plan;
use super::rows::Rows;
use crate::inventory::{Desktop, Entry, Facts, Place, Port};
use crate::publish::{ProjectState, Published};

/// The TYPE of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Goes up only.
    Counter,
    /// Facts as labels, always 1.
    Info,
    /// One row for each state there can be, or for the current one alone.
    State,
}

impl Kind {
    /// The word of a syntax; state families are true state sets only where that is asked for.
    #[must_use]
    pub fn word(self, syntax: Syntax, has_statesets: bool) -> &'static str {
        match (self, syntax) {
            (Kind::Counter, _) => "counter",
            (Kind::Info, Syntax::OpenMetrics) => "info",
            (Kind::State, Syntax::OpenMetrics) if has_statesets => "stateset",
            (Kind::Gauge | Kind::Info | Kind::State, _) => "gauge",
        }
    }

    /// What the names of its rows end with and the name of an `OpenMetrics` family does not.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::State => "",
        }
    }
}

/// Families that are asked for together: `?collect[]=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// What a desktop is doing.
    State,
    /// What a desktop is.
    Info,
    /// Where a desktop is.
    Network,
    /// What a desktop has.
    Hardware,
    /// Counts of a project.
    Aggregate,
    /// The exporter about itself.
    Exporter,
}

impl Group {
    /// Every group, in the order of the exposition.
    pub const ALL: [Self; 6] = [
        Group::State,
        Group::Info,
        Group::Network,
        Group::Hardware,
        Group::Aggregate,
        Group::Exporter,
    ];

    /// The value of `collect[]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Group::State => "state",
            Group::Info => "info",
            Group::Network => "network",
            Group::Hardware => "hardware",
            Group::Aggregate => "aggregate",
            Group::Exporter => "exporter",
        }
    }

    /// Whether its rows are per desktop.
    #[must_use]
    pub fn is_per_desktop(self) -> bool {
        match self {
            Group::State | Group::Info | Group::Network | Group::Hardware => true,
            Group::Aggregate | Group::Exporter => false,
        }
    }
}

/// When a family is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Whatever the settings say.
    Always,
    /// Unless `metrics.off` names it.
    Default,
    /// If `metrics.on` names it.
    OnRequest,
    /// If `privacy.users` says so.
    WithUsers,
}

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// The name of its rows.
    pub name: &'static str,
    /// One sentence for HELP.
    pub help: &'static str,
    /// Its TYPE.
    pub kind: Kind,
    /// With which it is asked for.
    pub group: Group,
    /// When it is served.
    pub presence: Presence,
    /// The labels of each row, in order, behind those that its source puts first.
    pub labels: &'static [&'static str],
    /// Where its rows come from.
    pub source: Source,
}

/// What the rows of a family are made from.
#[derive(Debug)]
pub enum Source {
    /// The state of each desktop; rows begin with `project`, `desktop_id` and `computer_name`.
    State(States),
    /// Whether something is so of each desktop, or is not, or nothing is known of it; rows begin likewise.
    Flag(fn(&Desktop) -> Option<bool>),
    /// The facts of each desktop, one row; rows begin likewise. Makes what stands behind that.
    Facts(fn(&Facts, &Plan) -> Box<[u8]>),
    /// The network cards of each desktop, a row each; rows begin likewise.
    Ports(PortRows),
    /// Anything of each desktop; rows begin likewise.
    Desktop(fn(&Entry, &Plan, &mut Rows<'_>)),
    /// What is published of each project, the same until the next publication; rows begin with `project`.
    Project(fn(&ProjectState, &Published, &mut Rows<'_>)),
    /// Each project at a moment; rows begin with `project`.
    Moment(fn(&ProjectState, Instant, &mut Rows<'_>)),
}

/// A state of desktops: its words, and where among them a desktop's is.
#[derive(Debug)]
pub struct States {
    /// Every label value, `unknown` last.
    pub words: fn() -> Vec<&'static str>,
    /// The place of the desktop's word; `None` while there is none.
    pub place: fn(&Desktop) -> Option<usize>,
    /// Its words are too many for a row each.
    pub is_sparse_only: bool,
}

/// What stands in the row of a network card behind the leading labels.
#[derive(Debug)]
pub struct PortRows {
    /// Labels of the card alone.
    pub labels: fn(&Port) -> [(&'static str, &str); 2],
    /// The rest of the row, which all cards of a place share.
    pub rest: fn(&Place) -> Box<[u8]>,
}

impl Source {
    /// The labels that every row begins with.
    #[must_use]
    pub fn leading_labels(&self) -> &'static [&'static str] {
        match self {
            Source::State(_) | Source::Flag(_) | Source::Facts(_) | Source::Ports(_) | Source::Desktop(_) => {
                &["project", "desktop_id", "computer_name"]
            }
            Source::Project(_) | Source::Moment(_) => &["project"],
        }
    }
}
