//! Every family made from snapshots, one row of a table each: HELP, TYPE, the documentation and the renderer read it.

use tokio::time::Instant;

use super::text::Rows;
use super::{desktop_families, project_families};
use crate::inventory::Entry;
use crate::publish::ProjectState;

/// The TYPE of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
}

impl Kind {
    /// The word of the text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
        }
    }
}

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// Its full name.
    pub name: &'static str,
    /// One sentence for HELP.
    pub help: &'static str,
    /// Its TYPE.
    pub kind: Kind,
    /// The labels of each row, in order, behind those that its source puts first.
    pub labels: &'static [&'static str],
    /// Where its rows come from.
    pub source: Source,
}

/// What the rows of a family are made from.
#[derive(Debug)]
pub enum Source {
    /// From each desktop; rows begin with `project`, `desktop_id` and `computer_name`.
    Desktop(fn(&Entry, &mut Rows<'_>)),
    /// From each project at a moment; rows begin with `project`.
    Project(fn(&ProjectState, Instant, &mut Rows<'_>)),
}

impl Source {
    /// The labels that every row begins with.
    #[must_use]
    pub fn leading_labels(&self) -> &'static [&'static str] {
        match self {
            Source::Desktop(_) => &["project", "desktop_id", "computer_name"],
            Source::Project(_) => &["project"],
        }
    }
}

/// The catalogue, in the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "huaweicloud_workspace_desktop_status",
        help: "Run state of the desktop: 1 on the row of its current status.",
        kind: Kind::Gauge,
        labels: &["status"],
        source: Source::Desktop(desktop_families::status),
    },
    Family {
        name: "huaweicloud_workspace_desktop_login_status",
        help: "Session state of the desktop: 1 on the row of its current login status.",
        kind: Kind::Gauge,
        labels: &["login_status"],
        source: Source::Desktop(desktop_families::login_status),
    },
    Family {
        name: "huaweicloud_workspace_desktop_attach_state",
        help: "Assignment of the desktop to users: 1 on the row of its current attach state.",
        kind: Kind::Gauge,
        labels: &["attach_state"],
        source: Source::Desktop(desktop_families::attach_state),
    },
    Family {
        name: "huaweicloud_workspace_desktop_in_maintenance_mode",
        help: "Whether the desktop is in maintenance mode (1) or not (0); no row while the API does not say.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Desktop(desktop_families::in_maintenance_mode),
    },
    Family {
        name: "huaweicloud_workspace_desktop_last_transition_timestamp_seconds",
        help: "When a state of the desktop was last seen to change, in seconds since the epoch; no row until it was.",
        kind: Kind::Gauge,
        labels: &["field"],
        source: Source::Desktop(desktop_families::last_transition),
    },
    Family {
        name: "huaweicloud_workspace_desktop_info",
        help: "Descriptive facts of the desktop as labels; always 1. A missing fact is an empty label.",
        kind: Kind::Gauge,
        labels: desktop_families::INFO_LABELS,
        source: Source::Desktop(desktop_families::info),
    },
    Family {
        name: "huaweicloud_workspace_desktop_network_info",
        help: "Network facts of each network card of the desktop as labels; always 1.",
        kind: Kind::Gauge,
        labels: desktop_families::NETWORK_INFO_LABELS,
        source: Source::Desktop(desktop_families::network_info),
    },
    Family {
        name: "huaweicloud_workspace_desktops",
        help: "Desktops by type and status, zeros included.",
        kind: Kind::Gauge,
        labels: &["desktop_type", "status"],
        source: Source::Project(project_families::desktops),
    },
    Family {
        name: "huaweicloud_workspace_desktops_by_login_status",
        help: "Desktops by type, status and login status, zeros included.",
        kind: Kind::Gauge,
        labels: &["desktop_type", "status", "login_status"],
        source: Source::Project(project_families::desktops_by_login_status),
    },
    Family {
        name: "huaweicloud_workspace_desktops_by_attach_state",
        help: "Desktops by type and attach state, zeros included.",
        kind: Kind::Gauge,
        labels: &["desktop_type", "attach_state"],
        source: Source::Project(project_families::desktops_by_attach_state),
    },
    Family {
        name: "huaweicloud_workspace_desktops_in_maintenance_mode",
        help: "Desktops in maintenance mode by type, zeros included.",
        kind: Kind::Gauge,
        labels: &["desktop_type"],
        source: Source::Project(project_families::desktops_in_maintenance_mode),
    },
    Family {
        name: "huaweicloud_workspace_desktops_reported",
        help: "Desktops in the project as the API counted them (total_count).",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::desktops_reported),
    },
    Family {
        name: "huaweicloud_workspace_project_info",
        help: "Facts of the project as labels; always 1.",
        kind: Kind::Gauge,
        labels: &["project_id", "region", "endpoint"],
        source: Source::Project(project_families::project_info),
    },
    Family {
        name: "huaweicloud_workspace_exporter_up",
        help: "Whether a complete listing of the project was published within three intervals.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::up),
    },
    Family {
        name: "huaweicloud_workspace_exporter_network_up",
        help: "Whether the networks of all desktops of the project were read within three network intervals.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::network_up),
    },
    Family {
        name: "huaweicloud_workspace_exporter_snapshot_timestamp_seconds",
        help: "When the listing behind the published snapshot began, in seconds since the epoch.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::snapshot_timestamp),
    },
    Family {
        name: "huaweicloud_workspace_exporter_snapshot_sequence",
        help: "Number of the published snapshot since the start of the process.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::snapshot_sequence),
    },
    Family {
        name: "huaweicloud_workspace_exporter_snapshot_desktops",
        help: "Desktops in the published snapshot.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::snapshot_desktops),
    },
    Family {
        name: "huaweicloud_workspace_exporter_snapshot_pages",
        help: "Pages that the listing behind the published snapshot read.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::snapshot_pages),
    },
    Family {
        name: "huaweicloud_workspace_exporter_desktops_held",
        help: "Desktops that vanished from the list, are not yet confirmed gone, and are shown as they were.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::desktops_held),
    },
    Family {
        name: "huaweicloud_workspace_exporter_snapshot_restored",
        help: "Whether the published snapshot is the saved one of an earlier run.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::snapshot_restored),
    },
    Family {
        name: "huaweicloud_workspace_exporter_network_stale_desktops",
        help: "Desktops whose networks were last answered two network intervals ago, or longer.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::network_stale_desktops),
    },
    Family {
        name: "huaweicloud_workspace_exporter_network_unresolved_desktops",
        help: "Desktops that the API refuses to answer for when asked for networks.",
        kind: Kind::Gauge,
        labels: &[],
        source: Source::Project(project_families::network_unresolved_desktops),
    },
];
