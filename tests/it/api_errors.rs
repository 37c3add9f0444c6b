//! When the cloud says no: the log says what is wrong, the process stays up and tells the truth about itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use serde_json::{Value, json};

use crate::reference_api::{ReferenceApi, desktop};
use crate::rig::{Exporter, one_project, wait_for};

const POLL_FAILURES: &str = "huaweicloud_workspace_exporter_poll_failures_total";
const POLLS: &str = "huaweicloud_workspace_exporter_polls_total";
const UP: &str = "huaweicloud_workspace_exporter_up";

/// Always answers the same; returns the exporter after its first failed poll.
async fn refused_with(status: StatusCode, body: &str, reason: &str) -> (Exporter, ReferenceApi) {
    let body = body.to_owned();
    let api = ReferenceApi::answering(move |_| (status, body.clone())).await;
    let (configuration, _files) = one_project(&api.endpoint, "MIIwrong", "");
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_value(POLL_FAILURES, &[("reason", reason)], 1.0).await;
    (exporter, api)
}

#[tokio::test]
async fn a_401_names_the_setting_and_the_file_and_keeps_the_process_up() {
    let body = r#"{"error_msg":"Incorrect IAM authentication information: decrypt token fail MIIwrong",
        "error_code":"APIGW.0301","request_id":"9b8f3c6d7e0a"}"#;
    let (exporter, api) = refused_with(StatusCode::UNAUTHORIZED, body, "auth").await;
    let log = wait_for("the log line", async || {
        Some(exporter.stderr.text()).filter(|log| log.contains("poll failed"))
    })
    .await;
    for part in [
        "401 Unauthorized",
        "APIGW.0301",
        "9b8f3c6d7e0a",
        "credentials.main",
        "token",
    ] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
    assert!(!log.contains("MIIwrong") && !log.contains("decrypt"), "{log}");
    assert_eq!(exporter.metrics().await.value(UP, &[("project", "test")]), Some(0.0));
    assert_eq!(exporter.get("/-/healthy").await.0, 200);
    assert_eq!(exporter.get("/-/ready").await.0, 503);
    assert_eq!(api.asked("detail").len(), 1, "a wrong token was tried again");
    let counted = [("operation", "list_desktops"), ("code", "401")];
    let metrics = exporter.metrics().await;
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_api_requests_total", &counted),
        Some(1.0)
    );
}

#[tokio::test]
async fn a_refusal_is_denied_and_not_tried_again() {
    for (status, code) in [
        (StatusCode::FORBIDDEN, "WKS.0403"),
        (StatusCode::NOT_FOUND, "APIGW.0101"),
    ] {
        let body = json!({"error_code": code, "error_msg": "no"}).to_string();
        let (exporter, api) = refused_with(status, &body, "permission").await;
        assert_eq!(
            exporter.metrics().await.value(POLLS, &[("result", "denied")]),
            Some(1.0)
        );
        assert_eq!(api.asked("detail").len(), 1);
        assert!(exporter.stderr.text().contains(code));
    }
}

#[tokio::test]
async fn a_server_error_is_tried_three_times() {
    for (status, reason) in [
        (StatusCode::BAD_GATEWAY, "server"),
        (StatusCode::TOO_MANY_REQUESTS, "throttled"),
    ] {
        let (exporter, api) = refused_with(status, "<html>busy</html>", reason).await;
        assert_eq!(
            exporter.metrics().await.value(POLLS, &[("result", "failed")]),
            Some(1.0)
        );
        assert_eq!(api.asked("detail").len(), 3);
    }
}

#[tokio::test]
async fn what_is_no_page_is_a_decode_failure() {
    for body in [
        "",
        "<html></html>",
        "null",
        "[]",
        "{}",
        r#"{"desktops": null}"#,
        r#"{"desktops": [{}]}"#,
    ] {
        refused_with(StatusCode::OK, body, "decode").await;
    }
}

#[tokio::test]
async fn nobody_listening_is_a_network_failure() {
    let (configuration, _files) = one_project("http://127.0.0.1:1", "t", "");
    let exporter = Exporter::start(&configuration).await;
    exporter
        .wait_for_value(POLL_FAILURES, &[("reason", "network")], 1.0)
        .await;
    let counted = [("operation", "list_desktops"), ("code", "none")];
    let metrics = exporter.metrics().await;
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_api_requests_total", &counted),
        Some(3.0)
    );
}

#[tokio::test]
async fn a_list_shorter_than_its_count_is_rejected() {
    let (exporter, _api) = refused_with(StatusCode::OK, r#"{"desktops": [], "total_count": 7}"#, "count").await;
    assert_eq!(
        exporter.metrics().await.value(POLLS, &[("result", "rejected")]),
        Some(1.0)
    );
}

#[tokio::test]
async fn an_outage_keeps_the_last_snapshot_with_its_own_time_and_ends_by_itself() {
    let is_out = Arc::new(AtomicBool::new(false));
    let outage = Arc::clone(&is_out);
    let api = ReferenceApi::answering(move |asked| {
        if outage.load(Ordering::Relaxed) {
            return (StatusCode::SERVICE_UNAVAILABLE, String::new());
        }
        let body = if asked.path.ends_with("networks") {
            json!({"networks": []})
        } else {
            json!({"desktops": [desktop(4)], "total_count": 1})
        };
        (StatusCode::OK, body.to_string())
    })
    .await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 400ms }");
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("test").await;
    is_out.store(true, Ordering::Relaxed);
    let stale = exporter.wait_for_value(UP, &[("project", "test")], 0.0).await;
    let error_row = [("status", "ERROR"), ("computer_name", "CHENMIN04")];
    assert_eq!(
        stale.value("huaweicloud_workspace_desktop_status", &error_row),
        Some(1.0)
    );
    let time = "huaweicloud_workspace_exporter_snapshot_timestamp_seconds";
    let first_time = stale.value(time, &[]);
    assert_eq!(exporter.metrics().await.value(time, &[]), first_time);
    assert_eq!(exporter.get("/-/ready").await.0, 200);
    is_out.store(false, Ordering::Relaxed);
    let fresh = exporter.wait_for_snapshot("test").await;
    assert!(fresh.value(time, &[]) > first_time);
}

#[tokio::test]
async fn networks_that_fail_cost_the_desktops_nothing_and_keep_their_rows() {
    let is_out = Arc::new(AtomicBool::new(false));
    let outage = Arc::clone(&is_out);
    let fleet: Vec<Value> = (0..3).map(desktop).collect();
    let api = ReferenceApi::answering(move |asked| {
        let body = match (asked.path.ends_with("networks"), outage.load(Ordering::Relaxed)) {
            (true, true) => return (StatusCode::NOT_FOUND, r#"{"error_code":"APIGW.0101"}"#.to_owned()),
            (true, false) => json!({"networks": fleet.iter().map(crate::reference_api::network).collect::<Vec<_>>()}),
            (false, _) => json!({"desktops": fleet, "total_count": fleet.len()}),
        };
        (StatusCode::OK, body.to_string())
    })
    .await;
    let (configuration, _files) = one_project(
        &api.endpoint,
        "t",
        "collect: { interval: 300ms, network_interval: 300ms }",
    );
    let exporter = Exporter::start(&configuration).await;
    let network_up = "huaweicloud_workspace_exporter_network_up";
    exporter.wait_for_value(network_up, &[], 1.0).await;
    is_out.store(true, Ordering::Relaxed);
    let metrics = exporter.wait_for_value(network_up, &[], 0.0).await;
    assert_eq!(metrics.value(UP, &[("project", "test")]), Some(1.0));
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_network_info").len(), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_other_host_sees_nothing() {
    let other = ReferenceApi::serving(vec![], vec![]).await;
    let location = format!("{}/v2/x/desktops/detail", other.endpoint);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let redirecting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer =
                format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes())
                .await
                .unwrap();
        }
    });
    let (configuration, _files) = one_project(&endpoint, "t", "");
    let exporter = Exporter::start(&configuration).await;
    exporter
        .wait_for_value(POLL_FAILURES, &[("reason", "server")], 1.0)
        .await;
    assert!(other.asked("").is_empty());
    redirecting.abort();
}
