//! The whole way: simulated cloud, exporter, real Prometheus; what PromQL counts is what the simulator knows.

use std::collections::BTreeMap;

use workspace_simulator::Desktop;

use crate::cloud::Cloud;
use crate::rig::{Exporter, Labels, Prometheus, assert_promtool_accepts, wait_for};

fn truth_of(cloud: &Cloud) -> Vec<Desktop> {
    cloud.simulator().fleet().desktops().to_vec()
}

fn take(rows: Vec<(Labels, f64)>, label: &str) -> BTreeMap<String, f64> {
    rows.into_iter()
        .map(|(mut labels, value)| (labels.remove(label).unwrap(), value))
        .collect()
}

async fn assert_counts(prometheus: &Prometheus, truth: &[Desktop]) {
    type Field = fn(&Desktop) -> &'static str;
    let fields: [(&str, &str, Field); 4] = [
        ("desktop_status", "status", |desktop| desktop.status),
        ("desktop_login_status", "login_status", |desktop| desktop.login_status),
        ("desktop_attach_state", "attach_state", |desktop| desktop.attach_state),
        ("desktop_info", "desktop_type", |desktop| desktop.desktop_type),
    ];
    for (family, label, field) in fields {
        let mut expected: BTreeMap<String, f64> = BTreeMap::new();
        for desktop in truth {
            *expected.entry(field(desktop).to_owned()).or_default() += 1.0;
        }
        let promql = format!("count by ({label}) (huaweicloud_workspace_{family} == 1)");
        assert_eq!(take(prometheus.query(&promql).await, label), expected, "{family}");
    }
    let cards: usize = truth.iter().map(|desktop| desktop.nics.len()).sum();
    let unregistered = truth
        .iter()
        .filter(|desktop| (desktop.status, desktop.login_status) == ("ACTIVE", "UNREGISTER"));
    for (promql, expected) in [
        ("count(huaweicloud_workspace_desktop_info)", truth.len()),
        ("huaweicloud_workspace_desktops_reported", truth.len()),
        ("sum(huaweicloud_workspace_desktops)", truth.len()),
        ("count(huaweicloud_workspace_desktop_network_info)", cards),
        (
            "sum(huaweicloud_workspace_desktops_by_login_status{status=\"ACTIVE\",login_status=\"UNREGISTER\"})",
            unregistered.count(),
        ),
    ] {
        assert_eq!(prometheus.number(promql).await, expected as f64, "{promql}");
    }
}

async fn assert_errors(prometheus: &Prometheus, truth: &[Desktop]) {
    let rows = prometheus
        .query("huaweicloud_workspace_desktop_status{status=\"ERROR\"} == 1")
        .await;
    let in_error = truth.iter().filter(|desktop| desktop.status == "ERROR");
    let expected: BTreeMap<String, f64> = in_error.map(|desktop| (desktop.id.clone(), 1.0)).collect();
    assert!(!expected.is_empty());
    assert_eq!(take(rows, "desktop_id"), expected);
}

#[tokio::test]
async fn counts_by_promql_equal_the_simulators_truth() {
    let cloud = Cloud::standing_still(1_234).await;
    let configuration = cloud.with_password();
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot(&cloud.identity.region).await;
    assert_promtool_accepts(&metrics);
    let prometheus = Prometheus::scraping(&exporter).await;
    prometheus.wait_for_scrape().await;
    let up = format!(
        "huaweicloud_workspace_exporter_up{{project=\"{}\"}}",
        cloud.identity.region
    );
    assert_eq!(prometheus.number(&up).await, 1.0);
    let truth = truth_of(&cloud);
    assert_counts(&prometheus, &truth).await;
    assert_errors(&prometheus, &truth).await;

    // A desktop breaks, and Prometheus hears of it.
    let healthy = truth.iter().find(|desktop| desktop.status == "ACTIVE").unwrap();
    let break_it = |desktop: &mut Desktop| desktop.status = "ERROR";
    let is_broken = cloud.simulator().fleet_mut().change(&healthy.id, break_it);
    assert!(is_broken);
    let broken = format!(
        "huaweicloud_workspace_desktop_status{{desktop_id=\"{}\",status=\"ERROR\"}}",
        healthy.id
    );
    wait_for("the broken desktop", async || {
        (prometheus.number(&broken).await == 1.0).then_some(())
    })
    .await;
    assert_errors(&prometheus, &truth_of(&cloud)).await;
}

#[tokio::test]
async fn when_every_token_dies_at_once_the_exporter_logs_in_again_within_the_same_poll() {
    let cloud = Cloud::standing_still(20).await;
    let configuration = cloud.with_password();
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot(&cloud.identity.region).await;
    cloud.simulator().gateway_mut().revoke_tokens();
    let polls = "huaweicloud_workspace_exporter_polls_total";
    let before = exporter.metrics().await.value(polls, &[("result", "ok")]).unwrap();
    let metrics = exporter.wait_for_value(polls, &[("result", "ok")], before + 2.0).await;
    assert_eq!(metrics.value(polls, &[("result", "failed")]), Some(0.0));
    let refused = [("code", "401"), ("operation", "list_desktops")];
    let requests = "huaweicloud_workspace_exporter_api_requests_total";
    assert_eq!(
        metrics.value(requests, &refused),
        Some(1.0),
        "{:?}",
        metrics.rows(requests)
    );
}
