//! Which families are served, and how: `metrics` of the settings. Whether a family of a name exists is known elsewhere.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which families are served, and how. Families are named without the prefix, as in `metrics.md`: `desktop_status`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// How the rows of all state families are written.
    pub state_rows: StateRows,
    /// The same for single state families.
    pub encoding: BTreeMap<String, StateRows>,
    /// Per-desktop families that are not served.
    pub off: Vec<String>,
    /// Per-desktop families that are served though they are not by default.
    pub on: Vec<String>,
    /// The keys of the tags that become labels of `desktop_info`.
    pub tags: Vec<Box<str>>,
    /// For readers of `OpenMetrics`, state families are true state sets.
    pub openmetrics_statesets: bool,
}

/// How the rows of a state family are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateRows {
    /// Only the row of the current word.
    #[default]
    Sparse,
    /// A row for each word, of which one is 1.
    Dense,
    /// None.
    Off,
}
