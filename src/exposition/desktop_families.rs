//! The rows of the per-desktop families. Each function sees one desktop and no other.

use super::text::{Rows, Value};
use crate::inventory::{Entry, Field, State, Text, Word};

pub(super) fn status(entry: &Entry, rows: &mut Rows<'_>) {
    state(entry.desktop.status.as_ref(), "status", rows);
}

pub(super) fn login_status(entry: &Entry, rows: &mut Rows<'_>) {
    state(entry.desktop.login_status.as_ref(), "login_status", rows);
}

pub(super) fn attach_state(entry: &Entry, rows: &mut Rows<'_>) {
    state(entry.desktop.attach_state.as_ref(), "attach_state", rows);
}

/// The row of the current word; the other words have none (`metrics.md`, sparse).
fn state<W: Word>(state: Option<&State<W>>, label: &'static str, rows: &mut Rows<'_>) {
    if let Some(state) = state {
        rows.row(&[(label, state.label())], Value::Flag(true));
    }
}

pub(super) fn in_maintenance_mode(entry: &Entry, rows: &mut Rows<'_>) {
    if let Some(in_maintenance) = entry.desktop.in_maintenance_mode {
        rows.row(&[], Value::Flag(in_maintenance));
    }
}

pub(super) fn last_transition(entry: &Entry, rows: &mut Rows<'_>) {
    for field in Field::ALL {
        if let Some(moment) = entry.last_transitions.of(field) {
            let since_epoch = moment.as_duration().as_secs_f64();
            rows.row(&[("field", field.as_str())], Value::Seconds(since_epoch));
        }
    }
}

pub(super) const INFO_LABELS: &[&str] = &[
    "desktop_type",
    "os_type",
    "os_version",
    "image_id",
    "image_name",
    "product_id",
    "flavor_id",
    "availability_zone",
    "site_type",
    "site_name",
    "enterprise_project_id",
    "subnet_id",
];

pub(super) fn info(entry: &Entry, rows: &mut Rows<'_>) {
    let desktop = &entry.desktop;
    rows.row(
        &[
            ("desktop_type", text(&desktop.desktop_type)),
            ("os_type", text(&desktop.os_type)),
            ("os_version", text(&desktop.os_version)),
            ("image_id", text(&desktop.image_id)),
            ("image_name", text(&desktop.image_name)),
            ("product_id", text(&desktop.product_id)),
            ("flavor_id", text(&desktop.flavor_id)),
            ("availability_zone", text(&desktop.availability_zone)),
            ("site_type", text(&desktop.site_type)),
            ("site_name", text(&desktop.site_name)),
            ("enterprise_project_id", text(&desktop.enterprise_project_id)),
            ("subnet_id", text(&desktop.subnet_id)),
        ],
        Value::Flag(true),
    );
}

pub(super) const NETWORK_INFO_LABELS: &[&str] = &[
    "private_ip",
    "public_ip",
    "vpc_id",
    "vpc_name",
    "subnet_id",
    "subnet_name",
];

pub(super) fn network_info(entry: &Entry, rows: &mut Rows<'_>) {
    for port in entry.ports.iter().flat_map(|ports| ports.iter()) {
        rows.row(
            &[
                ("private_ip", text(&port.private_ip)),
                ("public_ip", text(&port.public_ip)),
                ("vpc_id", text(&port.vpc_id)),
                ("vpc_name", text(&port.vpc_name)),
                ("subnet_id", text(&port.subnet_id)),
                ("subnet_name", text(&port.subnet_name)),
            ],
            Value::Flag(true),
        );
    }
}

fn text(text: &Text) -> &str {
    text.as_deref().unwrap_or_default()
}
