//! What the reference page says and what really comes are two things: every shape that occurs is read.

use serde_json::{Value, json};

use crate::reference_api::{ReferenceApi, desktop, network};
use crate::rig::{Exporter, Exposition, one_project};

/// Polls once; returns the scrape after it.
async fn scrape_of(desktops: Vec<Value>, networks: Vec<Value>) -> (Exporter, Exposition) {
    let api = ReferenceApi::serving(desktops, networks).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 1h }");
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    (exporter, metrics)
}

fn changed(index: usize, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
    let mut desktop = desktop(index);
    change(desktop.as_object_mut().unwrap());
    desktop
}

fn with(index: usize, field: &str, value: Value) -> Value {
    changed(index, |fields| drop(fields.insert(field.to_owned(), value)))
}

#[tokio::test]
async fn addresses_may_be_a_map_a_list_null_or_absent() {
    let list = json!([{"addr": "10.0.0.1", "version": "4", "OS-EXT-IPS:type": "fixed"}]);
    let desktops = vec![
        with(0, "addresses", json!({"vpc-1": list})),
        with(1, "addresses", list),
        with(2, "addresses", Value::Null),
        changed(3, |fields| drop(fields.remove("addresses"))),
    ];
    let (_exporter, metrics) = scrape_of(desktops, vec![]).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_info").len(), 4);
}

#[tokio::test]
async fn unknown_keys_are_ignored_at_every_depth() {
    let desktops = vec![changed(0, |fields| {
        fields.insert("creation_type".to_owned(), json!({"deep": [{"er": null}]}));
        fields["metadata"]["image_cloud_service_type"] = json!(["x"]);
    })];
    let mut network = network(&desktops[0]);
    network["network_infos"][0]["ipv6_info"] = json!({"any": 1});
    let (_exporter, metrics) = scrape_of(desktops, vec![network]).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_info").len(), 1);
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_network_info").len(), 1);
    assert!(
        metrics
            .rows("huaweicloud_workspace_exporter_field_shape_total")
            .is_empty()
    );
}

#[tokio::test]
async fn a_word_outside_the_contract_becomes_unknown_and_is_counted_and_logged_once() {
    let desktops = vec![
        with(0, "status", json!("DREAMING")),
        with(1, "status", json!("DREAMING")),
        with(2, "login_status", json!("")),
        with(3, "attach_state", json!("attached")),
    ];
    let (exporter, metrics) = scrape_of(desktops, vec![]).await;
    let unknown = |family: &str, label: &str| {
        let rows = metrics.rows(&format!("huaweicloud_workspace_{family}"));
        rows.iter().filter(|(labels, _)| labels[label] == "unknown").count()
    };
    assert_eq!(unknown("desktop_status", "status"), 2);
    assert_eq!(unknown("desktop_login_status", "login_status"), 1);
    assert_eq!(unknown("desktop_attach_state", "attach_state"), 0);
    let counted = |field| {
        metrics.value(
            "huaweicloud_workspace_exporter_unknown_values_total",
            &[("field", field)],
        )
    };
    assert_eq!(
        (counted("status"), counted("login_status"), counted("attach_state")),
        (Some(2.0), Some(1.0), None)
    );
    assert_eq!(exporter.stderr.text().matches("DREAMING").count(), 1);
}

#[tokio::test]
async fn absent_and_null_fields_give_no_row_and_an_empty_label() {
    let bare = json!({"desktop_id": "only-an-id"});
    let nulls = json!({"desktop_id": "nulls", "computer_name": null, "status": null, "login_status": null,
        "attach_state": null, "in_maintenance_mode": null, "metadata": null, "flavor": null, "product": null});
    let (_exporter, metrics) = scrape_of(vec![bare, nulls], vec![]).await;
    for family in [
        "desktop_status",
        "desktop_login_status",
        "desktop_attach_state",
        "desktop_in_maintenance_mode",
    ] {
        assert!(
            metrics.rows(&format!("huaweicloud_workspace_{family}")).is_empty(),
            "{family}"
        );
    }
    let infos = metrics.rows("huaweicloud_workspace_desktop_info");
    assert_eq!(infos.len(), 2);
    assert!(
        infos
            .iter()
            .all(|(labels, _)| labels["computer_name"].is_empty() && labels["os_type"].is_empty())
    );
    assert_eq!(
        metrics.value(
            "huaweicloud_workspace_desktops",
            &[("desktop_type", ""), ("status", "")]
        ),
        Some(2.0)
    );
}

#[tokio::test]
async fn a_field_of_another_type_is_left_out_and_counted() {
    let (_exporter, metrics) = scrape_of(vec![with(0, "computer_name", json!(42))], vec![]).await;
    assert_eq!(
        metrics.rows("huaweicloud_workspace_desktop_status")[0].0["computer_name"],
        ""
    );
    let counted = metrics.value(
        "huaweicloud_workspace_exporter_field_shape_total",
        &[("field", "computer_name")],
    );
    assert_eq!(counted, Some(1.0));
}

#[tokio::test]
async fn the_same_id_twice_is_one_desktop_and_the_newer_record_wins() {
    let desktops = vec![with(0, "status", json!("ACTIVE")), with(0, "status", json!("ERROR"))];
    let api = ReferenceApi::answering(move |asked| {
        let body = if asked.path.ends_with("networks") {
            json!({"networks": []})
        } else {
            json!({"desktops": desktops, "total_count": 1})
        };
        (http::StatusCode::OK, body.to_string())
    })
    .await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 1h }");
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    let rows = metrics.rows("huaweicloud_workspace_desktop_status");
    assert_eq!((rows.len(), rows[0].0["status"].as_str()), (1, "ERROR"));
}

#[tokio::test]
async fn several_cards_are_several_rows_and_cards_alike_are_one() {
    let desktops = vec![desktop(0), desktop(1)];
    let card = |ip: &str| json!({"port_info": {"ip_address": ip}, "public_ip_info": null});
    let mut two_cards = network(&desktops[0]);
    two_cards["network_infos"] = json!([card("10.0.0.1"), card("10.0.0.2"), card("10.0.0.1"), {}]);
    let mut none = network(&desktops[1]);
    none["network_infos"] = Value::Null;
    let stranger = network(&desktop(77));
    let (_exporter, metrics) = scrape_of(desktops, vec![two_cards, none, stranger]).await;
    let mut ips: Vec<String> = metrics
        .rows("huaweicloud_workspace_desktop_network_info")
        .into_iter()
        .map(|(mut labels, _)| labels.remove("private_ip").unwrap())
        .collect();
    ips.sort();
    assert_eq!(ips, ["", "10.0.0.1", "10.0.0.2"]);
}
