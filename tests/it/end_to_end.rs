//! The whole way: simulated cloud, exporter, real Prometheus; what PromQL counts is what the simulator knows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use workspace_simulator::{Options, Server, Simulator};

use crate::rig::{Exporter, Prometheus, assert_promtool_accepts, wait_for, write};

fn monday_at_ten() -> Timestamp {
    "2026-01-05T02:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn counts_by_promql_equal_the_simulators_truth() {
    let now = monday_at_ten();
    let simulator = Simulator::new(&Options {
        desktops: 1_234,
        seed: 42,
        start: now,
    });
    let identity = simulator.identity().clone();
    let simulator = Arc::new(Mutex::new(simulator));
    // The fleet's time stands still, so that both sides speak of the same moment.
    let server = Server::bind(
        ([127, 0, 0, 1], 0).into(),
        Arc::clone(&simulator),
        Arc::new(move || now),
    )
    .await;
    let server = server.unwrap();
    let endpoint = format!("http://{}", server.address());
    let serving = tokio::spawn(server.run());

    let directory = tempfile::tempdir().unwrap();
    let password = write(&directory, "password", &identity.password);
    let configuration = format!(
        "collect: {{ interval: 1s }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials:
  main: {{ kind: password, user: {}, domain: {}, password_file: '{}', iam_endpoint: '{endpoint}' }}
projects: [ {{ region: {}, endpoint: '{endpoint}' }} ]",
        identity.user,
        identity.domain,
        password.display(),
        identity.region,
    );
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot(&identity.region).await;
    assert_promtool_accepts(&metrics);
    let prometheus = Prometheus::scraping(&exporter).await;
    prometheus.wait_for_scrape().await;

    let truth = simulator.lock().unwrap().fleet().desktops().to_vec();
    let up = format!("huaweicloud_workspace_exporter_up{{project=\"{}\"}}", identity.region);
    assert_eq!(prometheus.number(&up).await, 1.0);
    assert_eq!(
        prometheus.number("count(huaweicloud_workspace_desktop_info)").await,
        1_234.0
    );
    assert_eq!(
        prometheus.number("huaweicloud_workspace_desktops_reported").await,
        1_234.0
    );
    assert_eq!(prometheus.number("sum(huaweicloud_workspace_desktops)").await, 1_234.0);

    for (family, label, field) in [
        (
            "desktop_status",
            "status",
            (|desktop| desktop.status) as fn(&workspace_simulator::Desktop) -> &'static str,
        ),
        ("desktop_login_status", "login_status", |desktop| desktop.login_status),
        ("desktop_attach_state", "attach_state", |desktop| desktop.attach_state),
        ("desktop_info", "desktop_type", |desktop| desktop.desktop_type),
    ] {
        let mut expected: BTreeMap<String, f64> = BTreeMap::new();
        for desktop in &truth {
            *expected.entry(field(desktop).to_owned()).or_default() += 1.0;
        }
        let counted = prometheus
            .query(&format!("count by ({label}) (huaweicloud_workspace_{family} == 1)"))
            .await;
        let counted: BTreeMap<String, f64> = counted
            .into_iter()
            .map(|(mut labels, count)| (labels.remove(label).unwrap(), count))
            .collect();
        assert_eq!(counted, expected, "{family}");
    }
    let in_error: Vec<_> = prometheus
        .query("huaweicloud_workspace_desktop_status{status=\"ERROR\"} == 1")
        .await
        .into_iter()
        .map(|(mut labels, _)| labels.remove("desktop_id").unwrap())
        .collect();
    let mut expected: Vec<_> = truth.iter().filter(|desktop| desktop.status == "ERROR").collect();
    expected.sort_by(|left, right| left.id.cmp(&right.id));
    assert!(!expected.is_empty());
    let mut in_error = in_error;
    in_error.sort();
    assert_eq!(
        in_error,
        expected.iter().map(|desktop| desktop.id.clone()).collect::<Vec<_>>()
    );

    let cards: usize = truth.iter().map(|desktop| desktop.nics.len()).sum();
    assert_eq!(
        prometheus
            .number("count(huaweicloud_workspace_desktop_network_info)")
            .await,
        cards as f64
    );
    let never_registered =
        "sum(huaweicloud_workspace_desktops_by_login_status{status=\"ACTIVE\",login_status=\"UNREGISTER\"})";
    let expected = truth
        .iter()
        .filter(|desktop| (desktop.status, desktop.login_status) == ("ACTIVE", "UNREGISTER"));
    assert_eq!(prometheus.number(never_registered).await, expected.count() as f64);

    // A desktop breaks, and Prometheus hears of it.
    let victim = truth
        .iter()
        .find(|desktop| desktop.status == "ACTIVE")
        .unwrap()
        .id
        .clone();
    simulator
        .lock()
        .unwrap()
        .fleet_mut()
        .change(&victim, |desktop| desktop.status = "ERROR");
    let promql = format!("huaweicloud_workspace_desktop_status{{desktop_id=\"{victim}\",status=\"ERROR\"}} == 1");
    wait_for("the broken desktop", async || {
        (prometheus.number(&promql).await == 1.0).then_some(())
    })
    .await;

    // Every token dies at once; the exporter logs in again within the same poll.
    simulator.lock().unwrap().revoke_tokens();
    let ok = [("result", "ok")];
    let polls = "huaweicloud_workspace_exporter_polls_total";
    let before = exporter.metrics().await.value(polls, &ok).unwrap();
    wait_for("two more polls", async || {
        exporter
            .metrics()
            .await
            .value(polls, &ok)
            .filter(|now| *now >= before + 2.0)
    })
    .await;
    assert_eq!(
        exporter.metrics().await.value(polls, &[("result", "failed")]),
        Some(0.0)
    );
    serving.abort();
}
