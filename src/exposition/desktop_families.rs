//! The rows of the per-desktop families that are not a state's. Each function sees one desktop and no other.

use super::plan::Plan;
use super::rows::{Rows, Value, tail};
use crate::inventory::{Entry, Facts, Field, Place, Port, Text};

pub(super) fn last_transition(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    for field in Field::ALL {
        if let Some(moment) = entry.last_transitions.of(field) {
            rows.row(&[("field", field.as_str())], Value::Moment(moment));
        }
    }
}

pub(super) fn created(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    if let Some(moment) = entry.desktop.created {
        rows.row(&[], Value::Moment(moment));
    }
}

pub(super) fn assigned_users(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    if let Some(count) = entry.desktop.assigned_users {
        rows.row(&[], Value::Count(u64::from(count)));
    }
}

/// The labels of `desktop_info` in front of those of tags.
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

pub(super) fn info(facts: &Facts, plan: &Plan) -> Box<[u8]> {
    let described = [
        ("desktop_type", text(&facts.desktop_type)),
        ("os_type", text(&facts.os_type)),
        ("os_version", text(&facts.os_version)),
        ("image_id", text(&facts.image_id)),
        ("image_name", text(&facts.image_name)),
        ("product_id", text(&facts.product_id)),
        ("flavor_id", text(&facts.flavor_id)),
        ("availability_zone", text(&facts.availability_zone)),
        ("site_type", text(&facts.site_type)),
        ("site_name", text(&facts.site_name)),
        ("enterprise_project_id", text(&facts.enterprise_project_id)),
        ("subnet_id", text(&facts.subnet_id)),
    ];
    let tags = plan.tags().iter().map(|(key, label)| {
        let tag = facts.tags.iter().find(|(found, _)| found == key);
        (label.as_str(), tag.map_or("", |(_, value)| &**value))
    });
    tail(described.into_iter().chain(tags), Value::Flag(true))
}

pub(super) fn user_info(entry: &Entry, plan: &Plan, rows: &mut Rows<'_>) {
    for user in entry.desktop.users.iter().filter_map(|user| plan.shown(user)) {
        rows.row(&[("user", user)], Value::Flag(true));
    }
}

pub(super) const NETWORK_INFO_LABELS: &[&str] = &[
    "private_ip",
    "public_ip",
    "vpc_id",
    "vpc_name",
    "subnet_id",
    "subnet_name",
];

pub(super) fn addresses(port: &Port) -> [(&'static str, &str); 2] {
    [
        ("private_ip", text(&port.private_ip)),
        ("public_ip", text(&port.public_ip)),
    ]
}

pub(super) fn place(place: &Place) -> Box<[u8]> {
    let labels = [
        ("vpc_id", text(&place.vpc_id)),
        ("vpc_name", text(&place.vpc_name)),
        ("subnet_id", text(&place.subnet_id)),
        ("subnet_name", text(&place.subnet_name)),
    ];
    tail(labels, Value::Flag(true))
}

/// One row a group, however many cards it guards.
pub(super) fn security_group_info(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    let ports = entry.ports.iter().flat_map(|ports| ports.iter());
    let mut groups: Vec<_> = ports.flat_map(|port| port.place.security_groups.iter()).collect();
    groups.sort();
    groups.dedup();
    for group in groups {
        let labels = [
            ("security_group_id", text(&group.id)),
            ("security_group_name", text(&group.name)),
        ];
        rows.row(&labels, Value::Flag(true));
    }
}

pub(super) fn vcpus(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    count(entry.desktop.facts.vcpus, rows);
}

pub(super) fn memory_bytes(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    count(entry.desktop.facts.memory_bytes, rows);
}

fn count(count: Option<u64>, rows: &mut Rows<'_>) {
    if let Some(count) = count {
        rows.row(&[], Value::Count(count));
    }
}

/// One row a disk: of two that the API tells of alike, the larger.
pub(super) fn volume_size_bytes(entry: &Entry, _: &Plan, rows: &mut Rows<'_>) {
    let mut volumes: Vec<_> = entry.desktop.facts.volumes.iter().collect();
    volumes.sort_by_key(|volume| (volume.role, &volume.device, std::cmp::Reverse(volume.size_bytes)));
    volumes.dedup_by_key(|volume| (volume.role, &volume.device));
    for volume in volumes {
        let labels = [("volume", volume.role.as_str()), ("device", text(&volume.device))];
        rows.row(&labels, Value::Count(volume.size_bytes));
    }
}

fn text(text: &Text) -> &str {
    text.as_deref().unwrap_or_default()
}
