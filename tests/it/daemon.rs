//! The manners of a daemon: start, readiness, endpoints, stop.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::cloud::Cloud;
use crate::reference_api::{PROJECT_ID, ReferenceApi, desktop};
use crate::rig::{Exporter, client, one_project, wait_for, write};

async fn serving(count: usize) -> (Exporter, ReferenceApi) {
    let fleet: Vec<Value> = (0..count).map(desktop).collect();
    let api = ReferenceApi::serving(fleet, vec![]).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "");
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("test").await;
    (exporter, api)
}

#[tokio::test]
async fn each_signal_ends_it_within_five_seconds_with_code_0() {
    for signal in ["TERM", "INT"] {
        let (mut exporter, _api) = serving(3).await;
        let told_at = Instant::now();
        exporter.signal(signal);
        let status = exporter.wait_for_exit().await;
        assert_eq!(status.code(), Some(0));
        assert!(told_at.elapsed().as_secs_f64() < 5.0);
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_cloud_that_never_answers() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (configuration, _files) = one_project(&endpoint, "t", "");
    let mut exporter = Exporter::start(&configuration).await;
    let _held_open = silent.accept().await.unwrap();
    assert_eq!(exporter.get("/metrics").await.0, 200);
    assert_eq!(
        exporter.get("/-/ready").await,
        (503, "waiting for the first snapshot of: test\n".to_owned())
    );
    exporter.signal("TERM");
    assert_eq!(exporter.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn endpoints_answer_what_they_promise() {
    let (exporter, _api) = serving(3).await;
    assert_eq!(exporter.get("/-/healthy").await, (200, "healthy\n".to_owned()));
    assert_eq!(exporter.get("/-/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(exporter.get("/nowhere").await.0, 404);
    assert_eq!(exporter.get("/metrics/").await.0, 404);
    assert_eq!(exporter.get(&format!("/metrics?{}", "x".repeat(9_000))).await.0, 414);
    let (status, page) = exporter.get("/").await;
    assert_eq!(status, 200);
    assert!(
        page.contains("href=\"/metrics\"") && page.contains("<td>test</td><td>up</td><td>3</td>"),
        "{page}"
    );

    let client = client().build().unwrap();
    let metrics = format!("{}/metrics", exporter.base);
    let head = client.head(&metrics).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(
        head.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(head.text().await.unwrap().is_empty());
    let post = client.post(&metrics).body("x").send().await.unwrap();
    assert_eq!(
        (post.status().as_u16(), &post.headers()["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
}

#[tokio::test]
async fn the_telemetry_path_and_a_unix_socket_can_be_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("exporter.sock");
    let api = ReferenceApi::serving(vec![desktop(0)], vec![]).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "");
    let unix = format!("--web.listen-address=unix:{}", socket.display());
    let exporter = Exporter::start_with(&configuration, &["--web.telemetry-path=/probe", &unix]).await;
    // Flags repeat: the rig's own address comes second, and the first that the log names is the socket.
    assert!(exporter.base.contains("unix:"), "{}", exporter.base);
    let over_socket = client().unix_socket(socket.clone()).build().unwrap();
    wait_for("the socket to serve the snapshot", async || {
        let text = over_socket
            .get("http://exporter/probe")
            .send()
            .await
            .ok()?
            .text()
            .await
            .ok()?;
        text.contains("huaweicloud_workspace_desktop_status{").then_some(())
    })
    .await;
    drop(exporter);
}

#[tokio::test]
async fn a_rotated_token_file_is_used_at_the_next_call_and_an_empty_one_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let token = write(&directory, "token", "first\n");
    let api = ReferenceApi::serving(vec![desktop(0)], vec![]).await;
    let configuration = format!(
        "collect: {{ interval: 200ms }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects: [ {{ name: test, endpoint: '{}', project_id: {PROJECT_ID} }} ]",
        token.display(),
        api.endpoint
    );
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("test").await;
    let last_token = || api.asked("detail").last().and_then(|asked| asked.token.clone());
    assert_eq!(last_token().as_deref(), Some("first"));
    write(&directory, "token", "second\n");
    wait_for("the second token", async || {
        (last_token().as_deref() == Some("second")).then_some(())
    })
    .await;
    write(&directory, "token", "\n");
    let polls = api.asked("detail").len();
    wait_for("two more polls", async || {
        (api.asked("detail").len() >= polls + 2).then_some(())
    })
    .await;
    assert_eq!(last_token().as_deref(), Some("second"));
    assert_eq!(exporter.get("/-/ready").await.0, 200);
}

#[tokio::test]
async fn several_projects_are_rows_of_the_same_families() {
    let fleet: Vec<Value> = (0..4).map(desktop).collect();
    let good = ReferenceApi::serving(fleet, vec![]).await;
    let directory = tempfile::tempdir().unwrap();
    let token = write(&directory, "token", "t");
    let configuration = format!(
        "credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects:
  - {{ name: one, endpoint: '{good}', project_id: {PROJECT_ID} }}
  - {{ name: two, endpoint: '{good}', project_id: {PROJECT_ID} }}
  - {{ name: gone, endpoint: 'http://127.0.0.1:1', project_id: {PROJECT_ID}, required: false }}",
        token.display(),
        good = good.endpoint,
    );
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("one").await;
    let metrics = exporter.wait_for_snapshot("two").await;
    crate::rig::assert_promtool_accepts(&metrics);
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_status").len(), 8);
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_up", &[("project", "gone")]),
        Some(0.0)
    );
    assert_eq!(
        metrics
            .0
            .matches("# TYPE huaweicloud_workspace_desktop_status gauge")
            .count(),
        1
    );
    assert_eq!(
        exporter.get("/-/ready").await.0,
        200,
        "a project that is not required holds readiness up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_take_nothing_give_their_places_back() {
    let cloud = Cloud::standing_still(4_000).await;
    let exporter = Exporter::start_with(&cloud.dense("1h", "web: { max_connections: 2 }"), &[]).await;
    exporter.wait_for_snapshot("simulated").await;
    let address = exporter.base.strip_prefix("http://").unwrap();
    let stuck: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut reader = TcpStream::connect(address).unwrap();
            reader.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            reader
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let answer = |patience| tokio::time::timeout(patience, exporter.get("/-/healthy"));
    assert!(
        answer(Duration::from_secs(2)).await.is_err(),
        "all places should be taken"
    );
    let (status, _) = answer(Duration::from_secs(60)).await.expect("a place");
    assert_eq!(status, 200);
    drop(stuck);
}
