//! The vendor's own Python SDK on both sides: as a client of the simulator, and as the judge of our signatures.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::SignedDuration;
use serde_json::Value;
use workspace_exporter::seams::WallClock;

use crate::cloud::Cloud;
use crate::reference_api::PROJECT_ID;
use crate::rig::{Exporter, Process, client, root};

/// The interpreter that scripts/test gives the SDK to.
fn python() -> Command {
    let mut command = Command::new(root().join("target/python/bin/python3"));
    // The SDK writes an application id into the home; tests have none.
    command.env_remove("HOME");
    command
}

fn script(name: &str) -> PathBuf {
    root().join("tests/python").join(name)
}

/// Lists with the SDK and compares with the simulator's fleet.
async fn check(cloud: &Cloud, key: &[&str]) {
    let mut command = python();
    command
        .arg(script("list_with_sdk.py"))
        .arg(&cloud.endpoint)
        .arg(&cloud.identity.region)
        .args(key);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let simulator = cloud.simulator();
    let mut fleet: Vec<&str> = simulator
        .fleet()
        .desktops()
        .iter()
        .map(|desktop| desktop.id.as_str())
        .collect();
    let ids = |key: &str| -> Vec<String> { serde_json::from_value(answer[key].clone()).unwrap() };
    assert_eq!(answer["project_id"], cloud.identity.project_id);
    assert_eq!(ids("listed"), fleet);
    fleet.truncate(100);
    assert_eq!(ids("networks").len(), fleet.len());
}

#[tokio::test]
async fn the_sdk_lists_desktops_and_networks_and_finds_its_project() {
    let cloud = Cloud::ahead_by(230, SignedDuration::ZERO).await;
    check(&cloud, &[&cloud.identity.access_key, &cloud.identity.secret_key]).await;
    let key = cloud.simulator().issue_temporary_key(WallClock::system().now());
    check(&cloud, &[&key.access_key, &key.secret_key, &key.security_token]).await;
    assert_eq!(cloud.simulator().gateway_mut().refusals(), 0);
}

#[tokio::test]
async fn the_sdks_signer_accepts_every_request_that_the_exporter_sends() {
    let cloud = Cloud::ahead_by(1, SignedDuration::ZERO).await;
    let (access, secret, token) = ("JUDGEDACCESSKEY", "judged-secret/key+", "judged-security-token=");
    let mut command = python();
    command
        .arg(script("check_signatures.py"))
        .args([access, secret, token, PROJECT_ID, "judged-1"]);
    let mut judge = Process::start(command.stdout(Stdio::piped()));
    let mut port = String::new();
    BufReader::new(judge.stdout()).read_line(&mut port).unwrap();
    let endpoint = format!("http://127.0.0.1:{}", port.trim());
    let key = format!("access_key: {access}\nsecret_key: {secret}\nsecurity_token: {token}\n");
    let file = cloud.write("key.yaml", &key);
    let configuration = format!(
        "
collect: {{ interval: 1s, network_interval: 1s }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ kind: access_key, file: '{}', iam_endpoint: '{endpoint}' }} }}
projects: [ {{ region: judged-1, endpoint: '{endpoint}' }} ]",
        file.display()
    );
    let exporter = Exporter::start(&configuration).await;
    let polls = "huaweicloud_workspace_exporter_polls_total";
    let metrics = exporter.wait_for_value(polls, &[("result", "ok")], 3.0).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_network_info").len(), 150);
    let verdict = client()
        .build()
        .unwrap()
        .get(format!("{endpoint}/verdict"))
        .send()
        .await
        .unwrap();
    let verdict: Value = serde_json::from_str(&verdict.text().await.unwrap()).unwrap();
    assert_eq!(verdict["refused"], serde_json::json!([]), "{verdict}");
    assert_eq!(verdict["accepted"]["projects"], 1);
    assert!(verdict["accepted"]["detail"].as_u64() >= Some(3) && verdict["accepted"]["networks"].as_u64() >= Some(4));
}
