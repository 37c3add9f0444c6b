//! The rows of the per-project families, the exporter's word on each project's snapshot among them.

use std::iter::zip;

use tokio::time::Instant;

use super::text::{Rows, Value};
use crate::inventory::{Snapshot, Tally};
use crate::publish::ProjectState;

pub(super) fn desktops(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        tally(&snapshot.census().by_status, ["desktop_type", "status"], rows);
    });
}

pub(super) fn desktops_by_login_status(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        let labels = ["desktop_type", "status", "login_status"];
        tally(&snapshot.census().by_login_status, labels, rows);
    });
}

pub(super) fn desktops_by_attach_state(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        tally(
            &snapshot.census().by_attach_state,
            ["desktop_type", "attach_state"],
            rows,
        );
    });
}

pub(super) fn desktops_in_maintenance_mode(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        tally(&snapshot.census().in_maintenance_mode, ["desktop_type"], rows);
    });
}

pub(super) fn desktops_reported(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        if let Some(reported) = snapshot.reported() {
            rows.row(&[], Value::Count(reported));
        }
    });
}

pub(super) fn project_info(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        let labels = [
            ("project_id", snapshot.project_id()),
            ("region", state.project.region.as_str()),
            ("endpoint", state.project.endpoint.as_str()),
        ];
        rows.row(&labels, Value::Flag(true));
    });
}

pub(super) fn up(state: &ProjectState, now: Instant, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Flag(state.is_up(now)));
}

pub(super) fn network_up(state: &ProjectState, now: Instant, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Flag(state.is_network_up(now)));
}

pub(super) fn snapshot_timestamp(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        let since_epoch = snapshot.listed_at().as_duration().as_secs_f64();
        rows.row(&[], Value::Seconds(since_epoch));
    });
}

pub(super) fn snapshot_sequence(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    if let Some(published) = &state.published {
        rows.row(&[], Value::Count(published.sequence));
    }
}

pub(super) fn snapshot_desktops(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| {
        rows.row(&[], Value::Count(snapshot.entries().len() as u64));
    });
}

pub(super) fn snapshot_pages(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| rows.row(&[], Value::Count(snapshot.pages())));
}

pub(super) fn desktops_held(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    with_snapshot(state, |snapshot| rows.row(&[], Value::Count(snapshot.held() as u64)));
}

pub(super) fn snapshot_restored(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    let published = state.published.as_ref();
    let is_restored = published.is_some_and(|published| published.completed_at.is_none());
    rows.row(&[], Value::Flag(is_restored));
}

pub(super) fn network_stale_desktops(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    if let Some(published) = &state.published {
        rows.row(&[], Value::Count(published.networks.stale as u64));
    }
}

pub(super) fn network_unresolved_desktops(state: &ProjectState, _: Instant, rows: &mut Rows<'_>) {
    if let Some(published) = &state.published {
        rows.row(&[], Value::Count(published.networks.unresolved as u64));
    }
}

/// Before the first snapshot nothing is known, so there is no row.
fn with_snapshot(state: &ProjectState, write: impl FnOnce(&Snapshot)) {
    if let Some(published) = &state.published {
        write(&published.snapshot);
    }
}

fn tally<const LABELS: usize>(tally: &Tally<LABELS>, names: [&'static str; LABELS], rows: &mut Rows<'_>) {
    for (values, count) in tally {
        let labels: Vec<(&'static str, &str)> = zip(names, values.iter().copied()).collect();
        rows.row(&labels, Value::Count(*count));
    }
}
