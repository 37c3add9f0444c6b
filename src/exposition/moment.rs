//! What depends on the moment of a scrape: whether projects are up, how many series there are, and the end.

use tokio::time::Instant;

use super::family::{Group, Source};
use super::format::Syntax;
use super::label_value::push_identity;
use super::plan::Plan;
use super::rows::{Rows, Value};
use super::selection::Selection;
use crate::publish::Publication;

/// The family that says how many rows each family has, its own included.
pub const SERIES: &str = "huaweicloud_workspace_exporter_series";

/// What HELP says of it.
pub const SERIES_HELP: &str =
    "Rows of each family in a scrape of everything; their sum is to be compared with sample_limit.";

/// Appends what is known of each project at this moment, and counts the rows of all projects.
pub fn push_moment(
    publication: &Publication,
    plan: &Plan,
    now: Instant,
    (selection, syntax): (&Selection, Syntax),
    out: &mut Vec<u8>,
    counts: &mut Vec<(String, u64)>,
) {
    for planned in plan.families() {
        let Source::Moment(write) = planned.family.source else {
            continue;
        };
        let is_shown = selection.has_group(planned.family.group);
        if is_shown {
            out.extend_from_slice(plan.header(planned.family, syntax).as_bytes());
        }
        let mut count = 0;
        for state in &publication.projects {
            let mut leading = b"project=\"".to_vec();
            push_identity(&mut leading, &state.project.name);
            leading.push(b'"');
            let mut rows = if is_shown && selection.has_project(&state.project.name) {
                Rows::new(out, &planned.head, &leading)
            } else {
                Rows::counting()
            };
            write(state, now, &mut rows);
            count += rows.count();
        }
        counts.push((planned.family.name.to_owned(), count));
    }
}

/// Appends how many rows each family has in a scrape of everything; families without rows have none here either.
pub fn push_series<'c>(counts: impl Iterator<Item = (&'c str, u64)>, selection: &Selection, out: &mut Vec<u8>) {
    if !selection.has_group(Group::Exporter) {
        return;
    }
    let counts: Vec<(&str, u64)> = counts.filter(|(_, count)| *count > 0).collect();
    out.extend_from_slice(format!("# HELP {SERIES} {SERIES_HELP}\n# TYPE {SERIES} gauge\n").as_bytes());
    let head = format!("{SERIES}{{");
    let itself = (SERIES, counts.len() as u64 + 1);
    for (family, count) in counts.into_iter().chain([itself]) {
        let leading = format!("family=\"{family}\"");
        Rows::new(out, head.as_bytes(), leading.as_bytes()).row(&[], Value::Count(count));
    }
}

/// Appends what an exposition ends with.
pub fn push_end(syntax: Syntax, out: &mut Vec<u8>) {
    match syntax {
        Syntax::Classic => {}
        Syntax::OpenMetrics => out.extend_from_slice(b"# EOF\n"),
    }
}
