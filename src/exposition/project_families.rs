//! The rows of the per-project families, the exporter's word on each project's snapshot among them.

use std::array::from_fn;

use tokio::time::Instant;

use super::rows::{Rows, Value};
use crate::inventory::Tally;
use crate::publish::{ProjectState, Published};

pub(super) fn desktops(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    tally(&published.snapshot.census().by_status, ["desktop_type", "status"], rows);
}

pub(super) fn desktops_by_login_status(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    let labels = ["desktop_type", "status", "login_status"];
    tally(&published.snapshot.census().by_login_status, labels, rows);
}

pub(super) fn desktops_by_attach_state(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    let labels = ["desktop_type", "attach_state"];
    tally(&published.snapshot.census().by_attach_state, labels, rows);
}

pub(super) fn desktops_in_maintenance_mode(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    tally(&published.snapshot.census().in_maintenance_mode, ["desktop_type"], rows);
}

pub(super) fn desktops_reported(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    if let Some(reported) = published.snapshot.reported() {
        rows.row(&[], Value::Count(reported));
    }
}

pub(super) fn transitions(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    for ((field, from, to), count) in &published.totals.transitions {
        let labels = [("field", field.as_str()), ("from", from), ("to", to)];
        rows.row(&labels, Value::Count(*count));
    }
}

pub(super) fn appeared(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.totals.appeared));
}

pub(super) fn disappeared(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.totals.disappeared));
}

pub(super) fn project_info(state: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    let labels = [
        ("project_id", published.snapshot.project_id()),
        ("region", state.project.region.as_str()),
        ("endpoint", state.project.endpoint.as_str()),
    ];
    rows.row(&labels, Value::Flag(true));
}

pub(super) fn snapshot_timestamp(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Moment(published.snapshot.listed_at()));
}

pub(super) fn snapshot_sequence(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.sequence));
}

pub(super) fn snapshot_desktops(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.snapshot.entries().len() as u64));
}

pub(super) fn snapshot_pages(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.snapshot.pages()));
}

pub(super) fn desktops_held(_: &ProjectState, published: &Published, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Count(published.snapshot.held() as u64));
}

pub(super) fn up(state: &ProjectState, now: Instant, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Flag(state.is_up(now)));
}

pub(super) fn network_up(state: &ProjectState, now: Instant, rows: &mut Rows<'_>) {
    rows.row(&[], Value::Flag(state.is_network_up(now)));
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

fn tally<const LABELS: usize>(tally: &Tally<LABELS>, names: [&'static str; LABELS], rows: &mut Rows<'_>) {
    for (values, count) in tally {
        let labels: [(&str, &str); LABELS] = from_fn(|place| (names[place], values[place]));
        rows.row(&labels, Value::Count(*count));
    }
}
