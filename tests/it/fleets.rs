//! Against a server that speaks the reference pages: every desktop once, every row as the API said, for a fair price.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::reference_api::{ReferenceApi, desktop, network};
use crate::rig::{Exporter, Labels, assert_promtool_accepts, one_project};

/// Only the first poll happens while a test looks.
const ONE_POLL: &str = "collect: { interval: 1h }";

/// The families with one row a desktop, the label that the API's field becomes, and that field.
const STATES: [(&str, &str); 3] = [
    ("desktop_status", "status"),
    ("desktop_login_status", "login_status"),
    ("desktop_attach_state", "attach_state"),
];

fn by_id(rows: Vec<(Labels, f64)>) -> BTreeMap<String, (Labels, f64)> {
    let count = rows.len();
    let by_id: BTreeMap<_, _> = rows.into_iter().map(|row| (row.0["desktop_id"].clone(), row)).collect();
    assert_eq!(by_id.len(), count, "a desktop stands twice");
    by_id
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

async fn check(count: usize) -> (usize, Vec<usize>) {
    let fleet: Vec<Value> = (0..count).map(desktop).collect();
    let networks = fleet.iter().map(network).collect();
    let api = ReferenceApi::serving(fleet.clone(), networks).await;
    let (configuration, _files) = one_project(&api.endpoint, "the-token", ONE_POLL);
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    assert_promtool_accepts(&metrics);

    for (family, field) in STATES {
        let rows = by_id(metrics.rows(&format!("huaweicloud_workspace_{family}")));
        assert_eq!(rows.len(), count, "{family}");
        for desktop in &fleet {
            let (labels, value) = &rows[text(desktop, "/desktop_id")];
            assert_eq!(labels[field], text(desktop, &format!("/{field}")));
            assert_eq!(labels["computer_name"], text(desktop, "/computer_name"));
            assert_eq!((labels["project"].as_str(), *value), ("test", 1.0));
        }
    }
    let maintenance = by_id(metrics.rows("huaweicloud_workspace_desktop_in_maintenance_mode"));
    let infos = by_id(metrics.rows("huaweicloud_workspace_desktop_info"));
    let ports = by_id(metrics.rows("huaweicloud_workspace_desktop_network_info"));
    assert_eq!((maintenance.len(), infos.len(), ports.len()), (count, count, count));
    for desktop in &fleet {
        let id = text(desktop, "/desktop_id");
        let in_maintenance = desktop["in_maintenance_mode"] == true;
        assert_eq!(maintenance[id].1, f64::from(u8::from(in_maintenance)));
        let info = &infos[id].0;
        for (label, pointer) in [
            ("desktop_type", "/desktop_type"),
            ("os_type", "/metadata/os_type"),
            ("os_version", "/os_version"),
            ("image_id", "/metadata/metering.image_id"),
            ("image_name", "/metadata/image_name"),
            ("product_id", "/product_id"),
            ("flavor_id", "/flavor/id"),
            ("availability_zone", "/availability_zone"),
            ("site_type", "/site_type"),
            ("site_name", "/site_name"),
            ("enterprise_project_id", "/enterprise_project_id"),
            ("subnet_id", "/subnet_id"),
        ] {
            assert_eq!(info[label], text(desktop, pointer), "{label}");
        }
        let port = &ports[id].0;
        assert_eq!(
            (port["private_ip"].as_str(), port["public_ip"].as_str()),
            ("172.16.253.204", "198.51.100.7")
        );
        assert_eq!(
            (port["vpc_name"].as_str(), port["subnet_name"].as_str()),
            ("vpc-default", "subnet-default")
        );
    }
    let counted: f64 = metrics
        .rows("huaweicloud_workspace_desktops")
        .iter()
        .map(|row| row.1)
        .sum();
    assert_eq!(counted, count as f64);

    // Those in ERROR are looked at a second time.
    let (again, lists): (Vec<_>, Vec<_>) = api
        .asked("desktops/detail")
        .into_iter()
        .partition(|asked| asked.values("status") == ["ERROR"]);
    assert_eq!(!again.is_empty(), lists.len() > 1, "one page is atomic, more are not");
    assert!(lists.iter().all(|asked| asked.token.as_deref() == Some("the-token")));
    let batches = api.asked("desktops/networks");
    let sizes: Vec<usize> = batches.iter().map(|asked| asked.values("desktop_ids").len()).collect();
    assert!(sizes.iter().all(|size| (1..=100).contains(size)), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), count);
    (lists.len(), sizes)
}

#[tokio::test]
async fn an_empty_fleet_is_zeros_and_no_network_call() {
    assert_eq!(check(0).await, (1, vec![]));
}

#[tokio::test]
async fn one_desktop_is_one_page_and_one_batch() {
    assert_eq!(check(1).await, (1, vec![1]));
}

#[tokio::test]
async fn fleets_around_a_page_are_read_whole() {
    for count in [499, 500, 501] {
        let (lists, batches) = check(count).await;
        // A page that is full does not show that it was the last.
        assert_eq!(lists, if count < 500 { 1 } else { 2 }, "{count} desktops");
        assert_eq!(batches.len(), count.div_ceil(100));
    }
}

#[tokio::test]
async fn a_fleet_of_1234_costs_3_list_calls_and_13_network_calls_a_poll() {
    let (lists, batches) = check(1_234).await;
    assert_eq!((lists, batches.len()), (3, 13));
}

#[tokio::test]
async fn pages_capped_by_the_server_and_overlapping_ones_are_read_whole() {
    let fleet: Vec<Value> = (0..250).map(desktop).collect();
    let api = ReferenceApi::answering(move |asked| {
        if asked.path.ends_with("networks") {
            return (http::StatusCode::OK, r#"{"networks": []}"#.to_owned());
        }
        let offset: usize = asked.values("offset")[0].parse().unwrap();
        // At most 90 a page, and each begins with three that the last one ended with.
        let page: Vec<&Value> = fleet.iter().skip(offset.saturating_sub(3)).take(90).collect();
        let body = serde_json::json!({"desktops": page, "total_count": fleet.len()});
        (http::StatusCode::OK, body.to_string())
    })
    .await;
    let (configuration, _files) = one_project(&api.endpoint, "the-token", ONE_POLL);
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    assert_eq!(by_id(metrics.rows("huaweicloud_workspace_desktop_status")).len(), 250);
}
