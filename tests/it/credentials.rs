//! Every kind of credential a Huawei user has, against a cloud that checks signatures strictly; and what happens when
//! one is rotated, refused, or used with a wrong clock.

use jiff::SignedDuration;
use workspace_exporter::seams::WallClock;

use crate::cloud::Cloud;
use crate::rig::{Exporter, Exposition, wait_for};

const POLLS: &str = "huaweicloud_workspace_exporter_polls_total";
const AUTH_FAILURES: &str = "huaweicloud_workspace_exporter_auth_failures_total";
const NO_SKEW: SignedDuration = SignedDuration::ZERO;

/// Polls with this configuration and environment until a snapshot is published; nothing was refused on the way.
async fn check(cloud: &Cloud, configuration: &str, environment: &[(&str, &str)]) -> (Exporter, Exposition) {
    let exporter = Exporter::start_in(configuration, environment).await;
    let metrics = exporter.wait_for_snapshot(&cloud.identity.region).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_status").len(), 230);
    assert_eq!(metrics.value(AUTH_FAILURES, &[]), Some(0.0));
    let project = [("project_id", cloud.identity.project_id.as_str())];
    assert_eq!(metrics.value("huaweicloud_workspace_project_info", &project), Some(1.0));
    assert_eq!(cloud.simulator().gateway_mut().refusals(), 0);
    (exporter, metrics)
}

#[track_caller]
fn assert_expires_in_a_day(metrics: &Exposition) {
    let expiry = metrics.rows("huaweicloud_workspace_exporter_credentials_expiry_timestamp_seconds");
    let in_a_day = WallClock::system().now().as_second() as f64 + 86_400.0;
    assert!((expiry[0].1 - in_a_day).abs() < 60.0, "{expiry:?}");
}

async fn cloud() -> Cloud {
    Cloud::ahead_by(230, NO_SKEW).await
}

#[tokio::test]
async fn an_access_key_in_a_file_signs_every_request_and_finds_the_project() {
    let cloud = cloud().await;
    let configuration = cloud.with_access_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    let (_exporter, metrics) = check(&cloud, &configuration, &[]).await;
    let found = [("operation", "find_project"), ("code", "200")];
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_api_requests_total", &found),
        Some(1.0)
    );
    assert_eq!(
        metrics.rows("huaweicloud_workspace_exporter_token_refreshes_total")[0].1,
        0.0
    );
}

#[tokio::test]
async fn a_temporary_key_comes_from_named_variables_and_a_twin_file() {
    let cloud = cloud().await;
    let key = cloud.simulator().issue_temporary_key(WallClock::system().now());
    let secret = cloud.write("secret", &key.secret_key);
    let names = "kind: access_key, access_key_env: MY_AK, secret_key_env: MY_SK, security_token_env: MY_TOKEN";
    let environment = [
        ("MY_AK", key.access_key.as_str()),
        ("MY_SK_FILE", secret.to_str().unwrap()),
        ("MY_TOKEN", key.security_token.as_str()),
    ];
    check(&cloud, &cloud.with_credential(names), &environment).await;
}

#[tokio::test]
async fn the_chain_takes_the_environment_then_the_profile_then_the_metadata_service() {
    let cloud = cloud().await;
    let (access, secret) = (cloud.identity.access_key.clone(), cloud.identity.secret_key.clone());
    let chain = cloud.with_credential("kind: chain");
    let good = cloud.write("good", &format!("[basic]\nak = {access}\nsk = {secret}\n"));
    let bad = cloud.write("bad", "[basic]\nak = WRONG\nsk = WRONG\n");
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let profile = "HUAWEICLOUD_SDK_CREDENTIALS_FILE";
    let metadata = ("WORKSPACE_EXPORTER_METADATA_ENDPOINT", cloud.endpoint.as_str());
    let sdk = [
        ("HUAWEICLOUD_SDK_AK", access.as_str()),
        ("HUAWEICLOUD_SDK_SK", secret.as_str()),
    ];
    check(&cloud, &chain, &[sdk[0], sdk[1], (profile, bad)]).await;
    check(&cloud, &chain, &[(profile, good), metadata]).await;
    let (_exporter, metrics) = check(&cloud, &chain, &[(profile, "/nonexistent"), metadata]).await;
    assert_expires_in_a_day(&metrics);
}

#[tokio::test]
async fn a_profile_and_an_agency_are_kinds_of_their_own() {
    let cloud = cloud().await;
    let text = format!(
        "[basic]\nak = {}\nsk = {}\n",
        cloud.identity.access_key, cloud.identity.secret_key
    );
    let profile = cloud.write("profile", &text);
    check(
        &cloud,
        &cloud.with_credential(&format!("kind: profile, file: '{}'", profile.display())),
        &[],
    )
    .await;
    let agency = cloud.with_credential(&format!("kind: ecs_agency, metadata_endpoint: '{}'", cloud.endpoint));
    check(&cloud, &agency, &[]).await;
    cloud.simulator().set_metadata(SignedDuration::from_hours(24), false);
    check(&cloud, &agency, &[]).await;
}

#[tokio::test]
async fn a_region_and_two_variables_are_a_whole_configuration() {
    // The endpoints follow from the region, so nothing answers; what matters is that the process gets that far.
    let environment = [("HUAWEICLOUD_SDK_AK", "AK"), ("HUAWEICLOUD_SDK_SK", "SK")];
    let flags = ["--region=nowhere-1", "--project-id=0bec", "--log.level=trace"];
    let exporter = Exporter::start_bare(&flags, &environment).await;
    let reason = [("project", "nowhere-1"), ("reason", "network")];
    exporter
        .wait_for_value("huaweicloud_workspace_exporter_poll_failures_total", &reason, 1.0)
        .await;
    assert!(!exporter.everything_shown().await.contains("SK="));
}

#[tokio::test]
async fn a_key_rotated_on_disk_is_used_without_a_failed_poll() {
    let cloud = cloud().await;
    let (access, secret) = (cloud.identity.access_key.clone(), cloud.identity.secret_key.clone());
    let configuration = cloud.with_access_key(&access, &secret);
    let (exporter, _) = check(&cloud, &configuration, &[]).await;
    cloud.simulator().gateway_mut().accept_key("NEWKEY", "newsecret");
    // A write that was caught half-way changes nothing.
    cloud.write("key.yaml", "access_key: NEWK");
    let polls = exporter.metrics().await.value(POLLS, &[("result", "ok")]).unwrap();
    exporter.wait_for_value(POLLS, &[("result", "ok")], polls + 2.0).await;
    // As Kubernetes does it: the path is a link to a link, and the middle one is swapped.
    cloud.write("data-2", "access_key: NEWKEY\nsecret_key: newsecret\n");
    std::os::unix::fs::symlink("data-2", cloud.directory.path().join("next")).unwrap();
    std::fs::rename(
        cloud.directory.path().join("next"),
        cloud.directory.path().join("key.yaml"),
    )
    .unwrap();
    // A bad file is looked at again after 20 s at the latest; only then the old key may go.
    wait_for("the new key", async || {
        cloud.simulator().gateway_mut().was_used("NEWKEY").then_some(())
    })
    .await;
    cloud.simulator().gateway_mut().revoke_key(&access);
    let polls = exporter.metrics().await.value(POLLS, &[("result", "ok")]).unwrap();
    let metrics = exporter.wait_for_value(POLLS, &[("result", "ok")], polls + 2.0).await;
    assert_eq!(metrics.value(POLLS, &[("result", "failed")]), Some(0.0));
    assert_eq!(metrics.value(AUTH_FAILURES, &[]), Some(0.0));
}

#[tokio::test]
async fn a_refused_key_is_tried_three_times_and_a_new_one_at_once() {
    let cloud = cloud().await;
    let configuration = cloud.with_access_key(&cloud.identity.access_key, "wrongsecret");
    let exporter = Exporter::start(&configuration).await;
    // Ten polls, of which only three may ask.
    wait_for("ten failed polls", async || {
        let metrics = exporter.metrics().await;
        let failed = metrics.value(
            "huaweicloud_workspace_exporter_poll_failures_total",
            &[("reason", "auth")],
        );
        (failed? >= 10.0).then_some(())
    })
    .await;
    assert_eq!(exporter.metrics().await.value(AUTH_FAILURES, &[]), Some(3.0));
    assert_eq!(cloud.simulator().gateway_mut().refusals(), 3);
    assert_eq!(cloud.simulator().gateway_mut().locks(), 0);
    let log = exporter.stderr.text();
    for part in [
        "401 Unauthorized",
        "credentials.main",
        "three times within five minutes",
    ] {
        assert!(log.contains(part), "{part:?} is not in the log");
    }
    cloud.write_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    let metrics = exporter.wait_for_snapshot(&cloud.identity.region).await;
    assert_eq!(metrics.value(AUTH_FAILURES, &[]), Some(3.0));
}

#[tokio::test]
async fn a_clock_wrong_by_twenty_minutes_is_told_and_worked_around() {
    for ahead in [SignedDuration::from_mins(20), SignedDuration::from_mins(-20)] {
        let cloud = Cloud::ahead_by(30, ahead).await;
        let configuration = cloud.with_access_key(&cloud.identity.access_key, &cloud.identity.secret_key);
        let exporter = Exporter::start(&configuration).await;
        exporter.wait_for_snapshot(&cloud.identity.region).await;
        let metrics = exporter.wait_for_value(POLLS, &[("result", "ok")], 3.0).await;
        let skew = metrics
            .value("huaweicloud_workspace_exporter_clock_skew_seconds", &[])
            .unwrap();
        assert!((skew - ahead.as_secs_f64()).abs() < 5.0, "{skew}");
        assert_eq!(metrics.value(AUTH_FAILURES, &[]), Some(1.0));
        assert_eq!(metrics.value(POLLS, &[("result", "failed")]), Some(0.0));
        assert!(exporter.stderr.text().contains("clock is wrong"));
        assert_eq!(cloud.simulator().gateway_mut().locks(), 0);
    }
}

#[tokio::test]
async fn a_region_that_iam_does_not_know_is_told_with_the_setting_that_helps() {
    let cloud = cloud().await;
    let configuration = cloud.with_access_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    let elsewhere = configuration.replace(&format!("region: {}", cloud.identity.region), "region: elsewhere-1");
    let exporter = Exporter::start(&elsewhere).await;
    let log = wait_for("the log line", async || {
        Some(exporter.stderr.text()).filter(|log| log.contains("poll failed"))
    })
    .await;
    for part in ["0 projects", "elsewhere-1", "project_id"] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
}

#[tokio::test]
async fn no_secret_of_any_kind_appears_anywhere_whatever_fails() {
    let canaries = ["CANARYACCESS0", "CANARYSECRET1", "CANARYTOKEN2", "CANARYPASSWORD3"];
    let cloud = cloud().await;
    let key = cloud.write(
        "key.yaml",
        "access_key: CANARYACCESS0\nsecret_key: CANARYSECRET1\nsecurity_token: CANARYTOKEN2\n",
    );
    let broken = cloud.write("broken.yaml", "access_key: [CANARYACCESS0\nsecret_key: CANARYSECRET1\n");
    let profile = cloud.write(
        "profile",
        "[basic]\nak = CANARYACCESS0\nsk = CANARYSECRET1\nsecurity_token = CANARYTOKEN2\n",
    );
    let token = cloud.write("token", "CANARYTOKEN2\n");
    let multiline = cloud.write("multiline", "CANARYTOKEN2\nCANARYTOKEN2\n");
    let password = cloud.write("password", "CANARYPASSWORD3\n");
    let environment = [
        ("CANARY_AK", canaries[0]),
        ("CANARY_SK", canaries[1]),
        ("HUAWEICLOUD_SDK_AK", canaries[0]),
        ("HUAWEICLOUD_SDK_SK", canaries[1]),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", canaries[2]),
    ];
    for credential in [
        format!("kind: access_key, file: '{}'", key.display()),
        format!("kind: access_key, file: '{}'", broken.display()),
        "kind: access_key, access_key_env: CANARY_AK, secret_key_env: CANARY_SK".to_owned(),
        format!("kind: profile, file: '{}'", profile.display()),
        format!("kind: profile, file: '{}'", key.display()),
        "kind: chain".to_owned(),
        format!("kind: token_file, file: '{}'", token.display()),
        format!("kind: token_file, file: '{}'", multiline.display()),
        format!(
            "kind: password, user: u, domain: d, password_file: '{}'",
            password.display()
        ),
    ] {
        let exporter = Exporter::start_in(&cloud.with_credential(&credential), &environment).await;
        wait_for("a failed poll", async || {
            exporter.stderr.text().contains("poll failed").then_some(())
        })
        .await;
        let shown = exporter.everything_shown().await;
        for canary in canaries {
            assert!(!shown.contains(canary), "{canary} is shown with {credential}: {shown}");
        }
    }
}

#[tokio::test]
async fn projects_are_discovered_shared_a_key_for_and_dropped_when_they_vanish_from_a_good_answer() {
    let cloud = cloud().await;
    let now = WallClock::system().now();
    let region = cloud.identity.region.clone();
    let open = |name: &str, desktops| {
        cloud
            .simulator()
            .open_project(&format!("{region}_{name}"), desktops, now)
    };
    let sales = open("sales", 3);
    open("test", 5);
    let file = cloud.write_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    let endpoint = &cloud.endpoint;
    let configuration = format!(
        "
collect: {{ interval: 300ms }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ kind: access_key, file: '{}', iam_endpoint: '{endpoint}' }} }}
discovery: {{ regions: [{region}], exclude: '.*_test', refresh: 300ms, endpoint: '{endpoint}' }}",
        file.display()
    );
    let exporter = Exporter::start(&configuration).await;
    let projects = |metrics: &Exposition| -> Vec<String> {
        let rows = metrics
            .rows("huaweicloud_workspace_exporter_snapshot_desktops")
            .into_iter();
        let mut names: Vec<String> = rows.map(|(mut labels, _)| labels.remove("project").unwrap()).collect();
        names.sort();
        names
    };
    let wait_for_projects = async |names: &[&str]| {
        let expected: Vec<String> = names.iter().map(|name| format!("{region}{name}")).collect();
        wait_for("these projects", async || {
            let metrics = exporter.metrics().await;
            (projects(&metrics) == expected).then_some(metrics)
        })
        .await
    };
    let metrics = wait_for_projects(&["", "_sales"]).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_status").len(), 230 + 3);
    assert_eq!(exporter.get("/-/ready").await.0, 200);

    // A new one is picked up.
    open("works", 2);
    wait_for_projects(&["", "_sales", "_works"]).await;

    // An outage is no vanishing.
    cloud
        .simulator()
        .set_outage(Some(http::StatusCode::SERVICE_UNAVAILABLE));
    wait_for("a failed discovery", async || {
        exporter.stderr.text().contains("discovery failed").then_some(())
    })
    .await;
    assert_eq!(projects(&exporter.metrics().await).len(), 3);
    cloud.simulator().set_outage(None);

    // One that was closed and opened again under its name is another project.
    cloud.simulator().close_project(&sales);
    let sales = open("sales", 7);
    let name = format!("{region}_sales");
    exporter
        .wait_for_value(
            "huaweicloud_workspace_exporter_snapshot_desktops",
            &[("project", &name)],
            7.0,
        )
        .await;

    // Gone from a good answer is gone.
    cloud.simulator().close_project(&sales);
    let metrics = wait_for_projects(&["", "_works"]).await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_status").len(), 230 + 2);
}

#[tokio::test]
async fn projects_of_one_scope_share_a_token() {
    let cloud = cloud().await;
    let configuration = cloud.with_password();
    let twice = configuration.replace(
        "projects: [ ",
        &format!(
            "projects: [ {{ name: again, region: {}, endpoint: '{}' }}, ",
            cloud.identity.region, cloud.endpoint
        ),
    );
    let exporter = Exporter::start(&twice).await;
    exporter.wait_for_snapshot("again").await;
    let metrics = exporter.wait_for_snapshot(&cloud.identity.region).await;
    assert_expires_in_a_day(&metrics);
    let refreshes = metrics.rows("huaweicloud_workspace_exporter_token_refreshes_total");
    assert_eq!(refreshes.iter().map(|row| row.1).sum::<f64>(), 1.0, "{refreshes:?}");
}

#[tokio::test]
async fn many_projects_with_one_bad_key_are_refused_three_times_together() {
    let cloud = cloud().await;
    let file = cloud.write_key(&cloud.identity.access_key, "wrongsecret");
    let (endpoint, id) = (&cloud.endpoint, &cloud.identity.project_id);
    let project = |number| format!("{{ name: p{number}, endpoint: '{endpoint}', project_id: {id} }}");
    let projects: Vec<String> = (0..12).map(project).collect();
    let configuration = format!(
        "
collect: {{ interval: 500ms }}
credentials: {{ main: {{ kind: access_key, file: '{}' }} }}
projects: [ {} ]",
        file.display(),
        projects.join(", "),
    );
    let exporter = Exporter::start(&configuration).await;
    wait_for("every project to fail thrice", async || {
        let rows = exporter
            .metrics()
            .await
            .rows("huaweicloud_workspace_exporter_poll_failures_total");
        let failed = rows
            .iter()
            .filter(|(labels, count)| labels["reason"] == "auth" && *count >= 3.0)
            .count();
        (failed == 12).then_some(())
    })
    .await;
    assert_eq!(cloud.simulator().gateway_mut().refusals(), 3);
    assert_eq!(cloud.simulator().gateway_mut().locks(), 0);
    cloud.write_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    for number in 0..12 {
        exporter.wait_for_snapshot(&format!("p{number}")).await;
    }
}

#[tokio::test]
async fn a_region_that_hangs_does_not_hold_up_another_with_the_same_credential() {
    let cloud = cloud().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let file = cloud.write_key(&cloud.identity.access_key, &cloud.identity.secret_key);
    let id = &cloud.identity.project_id;
    let configuration = format!(
        "
credentials: {{ main: {{ kind: access_key, file: '{}' }} }}
projects:
  - {{ name: hangs, endpoint: 'http://{}', project_id: {id} }}
  - {{ name: answers, endpoint: '{}', project_id: {id} }}",
        file.display(),
        silent.local_addr().unwrap(),
        cloud.endpoint,
    );
    let exporter = Exporter::start(&configuration).await;
    let _held_open = silent.accept().await.unwrap();
    let metrics = exporter.wait_for_snapshot("answers").await;
    assert_eq!(
        metrics.value("huaweicloud_workspace_exporter_up", &[("project", "hangs")]),
        Some(0.0)
    );
}

#[tokio::test]
async fn no_secret_appears_whatever_status_the_cloud_answers_with() {
    let cloud = cloud().await;
    let file = cloud.write(
        "key.yaml",
        "ak: CANARYACCESS0\nsk: CANARYSECRET1\nsecurity_token: CANARYTOKEN2\n",
    );
    let configuration = cloud.with_credential(&format!("kind: access_key, file: '{}'", file.display()));
    let elsewhere = cloud
        .with_credential("kind: chain")
        .replace("projects:", "unknown_key: CANARYSECRET1\nprojects:");
    for status in [302, 400, 401, 403, 404, 408, 409, 414, 429, 500, 502, 503, 504] {
        cloud.simulator().set_outage(http::StatusCode::from_u16(status).ok());
        let exporter = Exporter::start(&configuration).await;
        wait_for("a failed poll", async || {
            exporter.stderr.text().contains("poll failed").then_some(())
        })
        .await;
        assert!(
            !exporter.everything_shown().await.contains("CANARY"),
            "a secret is shown with status {status}"
        );
    }
    let wrong = cloud.write("wrong.yaml", &elsewhere);
    for flags in [vec!["--config.print"], vec![]] {
        let mut arguments = vec!["--config.file", wrong.to_str().unwrap()];
        arguments.extend(flags);
        let output = crate::rig::run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("unknown_key") && !said.contains("CANARY"), "{said}");
    }
}
