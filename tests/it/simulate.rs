//! The tour that README shows first.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::rig::{Exporter, Process, assert_promtool_accepts, binary, client, run};

#[tokio::test]
async fn the_tour_serves_a_thousand_desktops_and_says_loudly_that_they_are_simulated() {
    let exporter = Exporter::simulate(&["--log.level=trace"]).await;
    let metrics = exporter.wait_for_snapshot("simulated").await;
    assert_promtool_accepts(&metrics);
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_snapshot_desktops", &[]),
        Some(1_000.0)
    );
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_status").len(), 1_000);
    let errors = metrics.rows("huaweicloud_workspace_desktop_status").into_iter();
    assert!(errors.filter(|(labels, _)| labels["status"] == "ERROR").count() > 0);
    let welcome = exporter.stdout.text();
    for part in [
        "simulated",
        "metrics",
        "API",
        "region",
        "project id",
        "user",
        "password",
        "token",
    ] {
        assert!(welcome.contains(part), "{part:?} is not in {welcome}");
    }
    let address = exporter.base.trim_start_matches("http://");
    assert!(welcome.contains(address), "{address} is not in {welcome}");
    assert!(exporter.get("/").await.1.contains("simulated: no desktop here exists"));
    assert!(exporter.stderr.text().contains("simulated: no desktop here exists"));
}

/// Starts the API alone; asks it for its list with the token that it printed.
async fn list_of_seed(seed: &str) -> (String, Value) {
    let mut command = binary();
    command.args(["simulate", "--api-only", "--desktops=7", "--seed", seed]);
    let mut process = Process::start(&mut command);
    let mut lines = BufReader::new(process.stdout()).lines().map_while(Result::ok);
    let mut field = |name: &str| {
        let line = lines.find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (api, project_id, token) = (field("API"), field("project id"), field("token"));
    let request = client()
        .build()
        .unwrap()
        .get(format!("{api}/v2/{project_id}/desktops/detail"));
    let response = request.header("x-auth-token", token).send().await.unwrap();
    (
        project_id,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn the_api_alone_serves_other_clients_and_a_seed_is_always_the_same_fleet() {
    let ids = |list: &Value| -> Vec<Value> {
        let desktops = list["desktops"].as_array().unwrap();
        desktops.iter().map(|desktop| desktop["desktop_id"].clone()).collect()
    };
    let (project_id, list) = list_of_seed("9").await;
    assert_eq!((list["total_count"].as_u64(), ids(&list).len()), (Some(7), 7));
    let (again_project_id, again) = list_of_seed("9").await;
    assert_eq!((project_id.clone(), ids(&list)), (again_project_id, ids(&again)));
    let (other_project_id, other) = list_of_seed("10").await;
    assert_ne!((project_id, ids(&list)), (other_project_id, ids(&other)));
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&["simulate", "--api-listen", &taken.local_addr().unwrap().to_string()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("--api-listen"), "{said}");
}

#[tokio::test]
async fn the_address_printed_is_the_one_that_serves() {
    let exporter = Exporter::simulate(&["--desktops=3", "--web.telemetry-path=/probe"]).await;
    let url = format!("{}/probe", exporter.base);
    assert!(
        exporter.stdout.text().contains(&url),
        "{url} is not in {}",
        exporter.stdout.text()
    );
    assert_eq!(exporter.get("/probe").await.0, 200);
}
