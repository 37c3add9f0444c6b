//! A scrape that is read while something else is published is of one publication, whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::cloud::Cloud;
use crate::rig::{Exporter, Exposition, client, wait_for};

const SEQUENCE: &str = "huaweicloud_workspace_exporter_snapshot_sequence";
const STATUS: &str = "huaweicloud_workspace_desktop_status";

fn sequence(scrape: &Exposition) -> Option<f64> {
    scrape.value(SEQUENCE, &[("project", "simulated")])
}

/// Every desktop is in this state from now on.
fn turn_all(cloud: &Cloud, status: &'static str) {
    let mut simulator = cloud.simulator();
    let ids: Vec<String> = simulator.fleet().desktops().iter().map(|it| it.id.clone()).collect();
    for id in ids {
        simulator.fleet_mut().change(&id, |desktop| desktop.status = status);
    }
}

/// Reads a scrape so slowly that several publications come and go.
async fn read_slowly(base: &str) -> Exposition {
    let request = client().build().unwrap().get(format!("{base}/metrics"));
    let mut response = request.send().await.unwrap();
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.extend_from_slice(&chunk);
        sleep(Duration::from_millis(2)).await;
    }
    Exposition(String::from_utf8(text).unwrap())
}

/// The states of the desktops that a scrape shows, by their rows and by their counts: both must name one state.
fn assert_whole(scrape: &Exposition, desktops: usize) {
    let states = |family: &str| -> BTreeSet<String> {
        let rows = scrape.rows(family);
        let is_one = |(_, value): &&(_, f64)| *value > 0.0;
        rows.iter()
            .filter(is_one)
            .map(|(labels, _)| labels["status"].clone())
            .collect()
    };
    let of_rows = states(STATUS);
    assert_eq!(
        of_rows.len(),
        1,
        "desktops of different snapshots in one scrape: {of_rows:?}"
    );
    assert_eq!(of_rows, states("huaweicloud_workspace_desktops"));
    let shown = scrape.rows(STATUS).iter().filter(|(_, value)| *value > 0.0).count();
    assert_eq!(shown, desktops);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_during_a_swap_sees_one_snapshot_whole() {
    let desktops = 4_000;
    let cloud = Cloud::standing_still(desktops).await;
    turn_all(&cloud, "ACTIVE");
    let exporter = Exporter::start_with(&cloud.dense("3s", ""), &[]).await;
    exporter.wait_for_snapshot("simulated").await;
    let base = exporter.base.clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let reading = tokio::spawn(async move {
        let mut scrapes = Vec::new();
        while !over.load(Ordering::Relaxed) {
            scrapes.push(read_slowly(&base).await);
        }
        scrapes
    });
    // A listing takes a moment of its three seconds, so a change right after a publication is never amid one.
    let mut last = None;
    for status in ["SHUTOFF", "ACTIVE", "SHUTOFF", "ACTIVE"] {
        last = wait_for("the next publication", async || {
            let (_, text) = exporter.get("/metrics?collect[]=exporter").await;
            let current = sequence(&Exposition(text));
            (current != last).then_some(current)
        })
        .await;
        turn_all(&cloud, status);
    }
    is_over.store(true, Ordering::Relaxed);
    let scrapes = reading.await.unwrap();
    let shown: BTreeSet<String> = scrapes.iter().map(|scrape| format!("{:?}", sequence(scrape))).collect();
    assert!(shown.len() > 1, "one publication only: {shown:?}");
    for scrape in &scrapes {
        assert_whole(scrape, desktops);
    }
}
