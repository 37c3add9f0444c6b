//! The encoder of text format 0.0.4. A desktop's leading labels are escaped once and copied into each of its rows.

use std::ops::Range;

use tokio::time::Instant;

use super::catalogue::{FAMILIES, Family, Source};
use super::label_value::{push_description, push_identity};
use crate::inventory::Snapshot;
use crate::publish::Publication;

/// The media type of what [`render`] writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes every family of a publication; all rows of one family stand together across projects.
///
/// `now` decides which projects are up. Cost: a copy of each row.
pub fn render(publication: &Publication, now: Instant, out: &mut Vec<u8>) {
    let projects: Vec<LeadingLabels> = publication
        .projects
        .iter()
        .map(|state| {
            let snapshot = state.published.as_ref().map(|published| &*published.snapshot);
            LeadingLabels::of(&state.project.name, snapshot)
        })
        .collect();
    for family in FAMILIES {
        push_header(out, family);
        for (state, leading) in publication.projects.iter().zip(&projects) {
            match family.source {
                Source::Project(write) => write(state, now, &mut Rows::new(out, family, &leading.project)),
                Source::Desktop(write) => {
                    let entries = state
                        .published
                        .iter()
                        .flat_map(|published| published.snapshot.entries());
                    for (entry, labels) in entries.zip(leading.desktops()) {
                        write(entry, &mut Rows::new(out, family, labels));
                    }
                }
            }
        }
    }
}

fn push_header(out: &mut Vec<u8>, family: &Family) {
    let (name, help, kind) = (family.name, family.help, family.kind.as_str());
    out.extend_from_slice(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n").as_bytes());
}

/// The escaped labels that rows begin with: of a project, and of each desktop of its snapshot in order.
struct LeadingLabels {
    project: Vec<u8>,
    arena: Vec<u8>,
    desktops: Vec<Range<usize>>,
}

impl LeadingLabels {
    fn of(project_name: &str, snapshot: Option<&Snapshot>) -> Self {
        let mut project = Vec::new();
        project.extend_from_slice(b"project=\"");
        push_identity(&mut project, project_name);
        project.push(b'"');
        let mut leading = Self {
            project,
            arena: Vec::new(),
            desktops: Vec::new(),
        };
        for entry in snapshot.map_or(&[][..], Snapshot::entries) {
            let start = leading.arena.len();
            leading.arena.extend_from_slice(&leading.project);
            leading.arena.extend_from_slice(b",desktop_id=\"");
            push_identity(&mut leading.arena, entry.desktop.id.as_str());
            leading.arena.extend_from_slice(b"\",computer_name=\"");
            push_description(
                &mut leading.arena,
                entry.desktop.computer_name.as_deref().unwrap_or_default(),
            );
            leading.arena.push(b'"');
            leading.desktops.push(start..leading.arena.len());
        }
        leading
    }

    fn desktops(&self) -> impl Iterator<Item = &[u8]> {
        self.desktops.iter().map(|range| &self.arena[range.clone()])
    }
}

/// The value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// 1 or 0.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// Seconds, with fractions.
    Seconds(f64),
}

/// Writes the rows of one family that begin with the same labels.
#[derive(Debug)]
pub struct Rows<'a> {
    out: &'a mut Vec<u8>,
    name: &'static str,
    leading: &'a [u8],
}

impl<'a> Rows<'a> {
    fn new(out: &'a mut Vec<u8>, family: &Family, leading: &'a [u8]) -> Self {
        Self {
            out,
            name: family.name,
            leading,
        }
    }

    /// Writes one row with these labels behind the leading ones. Label names are ours, values may be anything.
    pub fn row(&mut self, labels: &[(&'static str, &str)], value: Value) {
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.push(b'{');
        self.out.extend_from_slice(self.leading);
        for (name, value) in labels {
            self.out.push(b',');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            push_description(self.out, value);
            self.out.push(b'"');
        }
        self.out.extend_from_slice(b"} ");
        match value {
            Value::Flag(flag) => self.out.push(if flag { b'1' } else { b'0' }),
            Value::Count(count) => self.out.extend_from_slice(count.to_string().as_bytes()),
            Value::Seconds(seconds) => self.out.extend_from_slice(seconds.to_string().as_bytes()),
        }
        self.out.push(b'\n');
    }
}
