//! Users are personal data and credentials are secret: neither appears anywhere, at any log level.

use http::StatusCode;
use serde_json::json;

use crate::reference_api::{ReferenceApi, desktop};
use crate::rig::{Exporter, one_project, wait_for};

const USER: &str = "zhangcanaryuser";
const TOKEN: &str = "MIICanaryTokenThatNobodyMaySee0123456789";

/// Words and users where a server may put them.
fn fleet_of_users() -> Vec<serde_json::Value> {
    let users = json!({
        "user_name": USER, "user_list": [USER], "user_group_list": [USER], "user_group": USER, "ou_name": USER,
        "attach_user_infos": [{"user_id": USER, "user_name": USER, "user_group": USER, "domain": USER}],
    });
    (0..3)
        .map(|index| {
            let mut desktop = desktop(index);
            let fields = desktop.as_object_mut().unwrap();
            fields.extend(users.as_object().unwrap().clone());
            // Users of another shape than documented must not be shown as a surprise either.
            fields.insert("user_list".to_owned(), json!({"who": USER}));
            desktop
        })
        .collect()
}

#[tokio::test]
async fn no_user_and_no_token_appears_anywhere_at_trace_level() {
    let api = ReferenceApi::serving(fleet_of_users(), vec![]).await;
    let more = "collect: { interval: 300ms }\nprivacy: { users: off }";
    let (configuration, _files) = one_project(&api.endpoint, TOKEN, more);
    let exporter = Exporter::start(&configuration).await;
    let twice = [("project", "test"), ("result", "ok")];
    exporter
        .wait_for_value("huaweicloud_workspace_exporter_polls_total", &twice, 2.0)
        .await;
    assert_eq!(api.asked("detail")[0].token.as_deref(), Some(TOKEN));
    let shown = exporter.everything_shown().await;
    assert!(shown.contains("snapshot published"), "nothing was logged");
    assert!(!shown.contains(USER), "a user is shown");
    assert!(!shown.contains(TOKEN), "the token is shown");
}

#[tokio::test]
async fn no_error_that_echoes_the_request_is_quoted() {
    let echo = format!("GET|/v2/|x-auth-token:{TOKEN}|{USER}");
    for (status, body) in [
        (
            StatusCode::UNAUTHORIZED,
            json!({"error_code": "APIGW.0301", "error_msg": echo, "request_id": TOKEN}),
        ),
        (
            StatusCode::FORBIDDEN,
            json!({"error_code": TOKEN, "error_msg": USER, "error_detail": echo}),
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, json!([echo])),
    ] {
        let body = body.to_string();
        let api = ReferenceApi::answering(move |_| (status, body.clone())).await;
        let (configuration, _files) = one_project(&api.endpoint, TOKEN, "");
        let exporter = Exporter::start(&configuration).await;
        wait_for("a failed poll", async || {
            exporter.stderr.text().contains("poll failed").then_some(())
        })
        .await;
        let shown = exporter.everything_shown().await;
        assert!(
            !shown.contains(TOKEN) && !shown.contains(USER),
            "an error of status {status} is quoted"
        );
    }
}

#[tokio::test]
async fn no_undecodable_body_is_quoted() {
    for body in [
        format!(r#"{{"desktops": "{TOKEN}"}}"#),
        format!(r#"{{"desktops": [{{"desktop_id": {{"{USER}": "{TOKEN}"}}}}]}}"#),
        format!("<html>{TOKEN} {USER}</html>"),
        format!(r#"{{"desktops": [{{"desktop_id": "{USER}"#),
    ] {
        let api = ReferenceApi::answering(move |_| (StatusCode::OK, body.clone())).await;
        let (configuration, _files) = one_project(&api.endpoint, TOKEN, "");
        let exporter = Exporter::start(&configuration).await;
        let reason = [("reason", "decode")];
        exporter
            .wait_for_value("huaweicloud_workspace_exporter_poll_failures_total", &reason, 1.0)
            .await;
        let shown = exporter.everything_shown().await;
        assert!(!shown.contains(TOKEN) && !shown.contains(USER), "a body is quoted");
    }
}
