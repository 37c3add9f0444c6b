//! What a person types beside `serve`: check, once, healthcheck, completions, man.

use std::fs;
use std::process::{Command, Output};

use crate::cloud::Cloud;
use crate::rig::{Exporter, Exposition, Prometheus, assert_promtool_accepts, binary, free_port, run, wait_for, write};

/// Runs the binary with this configuration to its end, off the runtime's threads.
async fn run_with(configuration: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "exporter.yaml", configuration);
    let mut command = binary();
    command.arg("--config.file").arg(file).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    drop(directory);
    output.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The first number of the report's first line of this name.
#[track_caller]
fn number(report: &str, name: &str) -> f64 {
    let line = report.lines().find_map(|line| line.trim().strip_prefix(name));
    let word = line.expect(name).split_whitespace().next();
    word.unwrap().trim_end_matches('s').parse().unwrap()
}

/// A configuration whose interval a check is content with.
fn calm(cloud: &Cloud) -> String {
    cloud.with_password().replace("interval: 1s", "interval: 10s")
}

/// What a check foretells, and what is then measured: calls of a poll and of a pass over networks, and series of a scrape.
async fn foretold_and_measured(desktops: usize, more: &str) -> [(f64, f64); 3] {
    let cloud = Cloud::standing_still(desktops).await;
    let configuration = calm(&cloud) + more;
    let checked = run_with(&configuration, &["check", "--log.level=error"]).await;
    let report = stdout(&checked);
    assert!(checked.status.success(), "{report}{}", stderr(&checked));
    let exporter = Exporter::start_with(&configuration, &[]).await;
    let region = cloud.identity.region.clone();
    exporter.wait_for_snapshot(&region).await;
    exporter
        .wait_for_value("huaweicloud_workspace_exporter_network_up", &[], 1.0)
        .await;
    let calls = |metrics: &Exposition, operation: &str| {
        let family = "huaweicloud_workspace_exporter_api_requests_total";
        metrics.value(family, &[("operation", operation)]).unwrap()
    };
    let polls = "huaweicloud_workspace_exporter_polls_total";
    let metrics = wait_for("a poll that has ended", async || {
        let metrics = exporter.metrics().await;
        let ended = metrics.value(polls, &[("result", "ok")])?;
        let a_poll = calls(&metrics, "list_desktops") / ended;
        (a_poll.fract() == 0.0).then_some(metrics)
    })
    .await;
    let a_poll = calls(&metrics, "list_desktops") / metrics.value(polls, &[("result", "ok")]).unwrap();
    let prometheus = Prometheus::scraping(&exporter).await;
    prometheus.wait_for_scrape().await;
    let scraped = wait_for("a second scrape", async || {
        let count = prometheus.number("count_over_time(up[1m])").await;
        let samples = prometheus.number("scrape_samples_scraped").await;
        (count >= 3.0).then_some(samples)
    })
    .await;
    let networks = report
        .lines()
        .find(|line| line.trim().starts_with("calls a poll"))
        .unwrap();
    let (_, networks) = networks.split_once("and ").unwrap();
    let networks = networks.split(' ').next().unwrap().parse().unwrap();
    [
        (number(&report, "calls a poll"), a_poll),
        (networks, calls(&metrics, "list_networks")),
        (number(&report, "series a scrape"), scraped),
    ]
}

#[tokio::test]
async fn what_a_check_foretells_is_what_is_measured() {
    // One hour: the second pass over networks does not come within the test.
    let of_one_page = foretold_and_measured(430, "\nmetrics: { state_rows: dense, on: [desktop_vcpus] }").await;
    for (foretold, measured) in of_one_page {
        assert_eq!(foretold, measured, "{of_one_page:?}");
    }
    let [calls, networks, (foretold, measured)] = foretold_and_measured(2_345, "").await;
    assert_eq!((calls.0, networks.0), (calls.1, networks.1));
    let off = (foretold - measured).abs() / measured;
    assert!(
        off < 0.01,
        "{foretold} series foretold from one page, {measured} measured"
    );
}

#[tokio::test]
async fn a_check_names_the_permission_that_is_missing() {
    for (action, is_about_networks) in [("workspace:desktops:listDetail", false), ("vpc:ports:get", true)] {
        let cloud = Cloud::standing_still(30).await;
        cloud.simulator().gateway_mut().forbid(action);
        let output = run_with(&calm(&cloud), &["check", "--log.level=error"]).await;
        let report = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{report}");
        assert!(report.contains(&format!("missing permission {action}")), "{report}");
        assert_eq!(
            report.contains("networks cannot be read"),
            is_about_networks,
            "{report}"
        );
        assert!(stderr(&output).contains("1 problem"), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_check_names_a_credential_that_is_refused_and_an_interval_that_is_too_short() {
    let cloud = Cloud::standing_still(3_000).await;
    let configuration = cloud.with_access_key("NOSUCHKEY", "no-such-secret");
    let output = run_with(&configuration, &["check", "--log.level=error"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("401"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("no-such-secret"));

    let configuration = cloud
        .with_password()
        .replace("requests_per_second: 1000", "requests_per_second: 0.5");
    let output = run_with(&configuration, &["check", "--log.level=error"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("collect.interval: 1s is too short"),
        "{}",
        stdout(&output)
    );
}

#[tokio::test]
async fn a_check_offline_asks_nobody() {
    let cloud = Cloud::standing_still(3).await;
    let good = run_with(&cloud.with_password(), &["check", "--offline"]).await;
    assert_eq!(
        (good.status.code(), stdout(&good).as_str()),
        (Some(0), "good, projects: 1\n")
    );
    assert_eq!(cloud.simulator().requests(), 0);
    let bad = run_with("projects: [ { region: x, colour: red } ]", &["check", "--offline"]).await;
    assert_eq!(bad.status.code(), Some(64));
    assert!(stderr(&bad).contains("colour"), "{}", stderr(&bad));
}

#[tokio::test]
async fn once_writes_what_a_scrape_would_show() {
    let cloud = Cloud::standing_still(700).await;
    let output = run_with(&cloud.with_password(), &["once", "--log.level=error"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "no progress where nobody looks");
    let written = Exposition(stdout(&output));
    assert_promtool_accepts(&written);
    assert_eq!(written.rows("huaweicloud_workspace_desktop_status").len(), 700);
    let cards: usize = cloud
        .simulator()
        .fleet()
        .desktops()
        .iter()
        .map(|it| it.nics.len())
        .sum();
    assert_eq!(written.rows("huaweicloud_workspace_desktop_network_info").len(), cards);
    assert_eq!(written.value("huaweicloud_workspace_exporter_up", &[]), Some(1.0));
    assert_eq!(written.rows("process_open_fds").len(), 0);
    let series: f64 = written
        .rows("huaweicloud_workspace_exporter_series")
        .iter()
        .map(|(_, rows)| rows)
        .sum();
    let rows = written.0.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series, rows as f64);
}

#[tokio::test]
async fn once_replaces_its_file_whole_and_says_what_is_missing() {
    let cloud = Cloud::standing_still(20).await;
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "workspace.prom", "old\n");
    let path = file.to_str().unwrap();
    let output = run_with(&cloud.with_password(), &["once", "--output", path, "--log.level=error"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let first = Exposition(fs::read_to_string(&file).unwrap());
    assert_eq!(first.value("huaweicloud_workspace_exporter_up", &[]), Some(1.0));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "a draft is left");

    cloud.simulator().set_outage(Some(http::StatusCode::BAD_GATEWAY));
    let output = run_with(&cloud.with_password(), &["once", "--output", path, "--log.level=error"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no list was read of"), "{}", stderr(&output));
    let second = Exposition(fs::read_to_string(&file).unwrap());
    assert_eq!(second.value("huaweicloud_workspace_exporter_up", &[]), Some(0.0));

    let output = run_with(&cloud.with_password(), &["once", "--output", "/proc/no/such.prom"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/proc/no/such.prom"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_healthcheck_tells_the_well_from_the_unwell_and_the_absent() {
    let exporter = Exporter::simulate(&["--desktops=5"]).await;
    exporter.wait_for_snapshot("simulated").await;
    let address = exporter.base.trim_start_matches("http://").to_owned();
    let ask = async |listen: &str, arguments: &[&'static str]| {
        let mut command = binary();
        command
            .arg("healthcheck")
            .arg(format!("--web.listen-address={listen}"))
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    };
    assert_eq!(ask(&address, &[]).await.status.code(), Some(0));
    assert_eq!(ask(&address, &["--ready"]).await.status.code(), Some(0));
    let absent = ask(&format!("127.0.0.1:{}", free_port()), &[]).await;
    assert_eq!(absent.status.code(), Some(1));
    assert!(stderr(&absent).contains("no exporter answers"), "{}", stderr(&absent));

    let cloud = Cloud::standing_still(5).await;
    cloud.simulator().set_outage(Some(http::StatusCode::BAD_GATEWAY));
    let directory = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", directory.path().join("socket").display());
    let configuration = cloud.with_password() + &format!("\nweb: {{ listen: ['{socket}'] }}");
    let file = write(&directory, "exporter.yaml", &configuration);
    let mut command = binary();
    command.arg("--config.file").arg(&file);
    let _daemon = crate::rig::Process::start(&mut command);
    wait_for("the daemon to answer", async || {
        (ask(&socket, &[]).await.status.code() == Some(0)).then_some(())
    })
    .await;
    let unready = ask(&socket, &["--ready"]).await;
    assert_eq!(unready.status.code(), Some(1));
    assert!(stderr(&unready).contains("503"), "{}", stderr(&unready));
}

#[test]
fn completions_and_the_manual_page_are_understood_by_their_readers() {
    let directory = tempfile::tempdir().unwrap();
    for (shell, checker) in [("bash", "bash"), ("zsh", ""), ("fish", "")] {
        let output = run(&["completions", shell]);
        assert!(output.status.success());
        let script = stdout(&output);
        for word in ["serve", "simulate", "healthcheck", "config.file"] {
            assert!(script.contains(word), "{word} is not completed in {shell}");
        }
        if !checker.is_empty() {
            let file = write(&directory, shell, &script);
            let checked = Command::new(checker).arg("-n").arg(file).output().unwrap();
            assert!(checked.status.success(), "{}", stderr(&checked));
        }
    }
    let page = stdout(&run(&["man"]));
    assert!(page.contains(".TH workspace-exporter 1"), "{page}");
    for word in ["check", "once", "\\-\\-config.file", "WORKSPACE_EXPORTER_CONFIG_FILE"] {
        assert!(page.contains(word), "{word} is not in the manual page");
    }
}

#[tokio::test]
async fn once_says_on_a_terminal_how_far_it_is() {
    let cloud = Cloud::standing_still(20).await;
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "exporter.yaml", &cloud.with_password());
    let exporter = env!("CARGO_BIN_EXE_workspace-exporter");
    let typed = format!(
        "{exporter} once --log.level=error --output {} --config.file {}",
        directory.path().join("workspace.prom").display(),
        file.display()
    );
    // What util-linux's `script` runs has a terminal.
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &typed, "/dev/null"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let shown = stdout(&output);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("0 s, 0 calls, 0 of 1 projects, 0 desktops"), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[K"), "the line is gone at the end: {shown:?}");
}
