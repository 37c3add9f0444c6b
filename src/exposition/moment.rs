//! What depends on the moment of a scrape: whether projects are up, how many series there are, and the end.

use tokio::time::Instant;

use super::family::{Group, Source};
use super::format::Syntax;
use super::label_value::push_identity;
use super::plan::Plan;
use super::rows::Rows;
use super::selection::Selection;
use crate::publish::Publication;

/// The family that says how many rows each family has, its own included.
pub const SERIES: &str = "huaweicloud_workspace_exporter_series";

/// What HELP says of it.
pub const SERIES_HELP: &str =
    "Rows of each family in a scrape of everything; their sum is to be compared with sample_limit.";

const SERIES_HEADER: &str = "# HELP huaweicloud_workspace_exporter_series Rows of each family in a scrape of everything; their \
sum is to be compared with sample_limit.\n# TYPE huaweicloud_workspace_exporter_series gauge\n";

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
    let mut families = 0;
    out.extend_from_slice(SERIES_HEADER.as_bytes());
    let mut row = |family: &str, count: u64| {
        for part in [
            SERIES,
            "{family=\"",
            family,
            "\"} ",
            itoa::Buffer::new().format(count),
            "\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    };
    for (family, count) in counts.filter(|(_, count)| *count > 0) {
        families += 1;
        row(family, count);
    }
    row(SERIES, families + 1);
}

/// Appends what an exposition ends with.
pub fn push_end(syntax: Syntax, out: &mut Vec<u8>) {
    match syntax {
        Syntax::Classic => {}
        Syntax::OpenMetrics => out.extend_from_slice(b"# EOF\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_series_is_what_the_documentation_says() {
        assert_eq!(
            SERIES_HEADER,
            format!("# HELP {SERIES} {SERIES_HELP}\n# TYPE {SERIES} gauge\n")
        );
    }
}
