//! What is shipped for Prometheus: promtool judges the rules, each alert has its page, and a real Prometheus with all of it
//! fires, resolves and is silent as an operator expects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::rig::{Exporter, Prometheus, client, root, wait_for, write};

const RULE_FILES: [&str; 4] = [
    "recording.rules.yml",
    "exporter.rules.yml",
    "desktops.rules.yml",
    "fleet.rules.yml",
];

fn shipped(name: &str) -> PathBuf {
    root().join("deploy/prometheus").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(shipped(name)).unwrap()
}

#[track_caller]
fn promtool(arguments: &[&str], files: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .args(files.iter().map(|file| shipped(file)))
        .output()
        .expect("the Debian package prometheus is installed (scripts/test does it)");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_accepts_the_configuration_and_the_rules() {
    promtool(&["check", "config"], &["prometheus.yml"]);
    promtool(&["check", "rules"], &RULE_FILES);
}

#[test]
fn every_alert_fires_and_is_silent_as_its_tests_say() {
    promtool(
        &["test", "rules"],
        &["exporter.test.yml", "desktops.test.yml", "fleet.test.yml"],
    );
}

/// The values of a key, one a line, in the rules or their tests.
fn values_of(text: &str, key: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix(key));
    lines.map(|value| value.trim().to_owned()).collect()
}

#[test]
fn every_alert_has_a_test_a_page_and_a_line_in_the_index() {
    let mut alerts = BTreeSet::new();
    for concern in ["exporter", "desktops", "fleet"] {
        let rules = read(&format!("{concern}.rules.yml"));
        let tests = read(&format!("{concern}.test.yml"));
        let names = values_of(&rules, "- alert:");
        let tested: Vec<String> = values_of(&tests, "- name:");
        for rule in rules.split("- alert:").skip(1) {
            let name = rule.lines().next().unwrap().trim();
            for part in ["severity: ", "concern: ", "summary: ", "description: "] {
                assert!(rule.contains(part), "{name} has no {part}");
            }
            assert!(rule.contains(&format!("runbook_url: docs/alerts/{name}.md")), "{name}");
            assert!(tested.iter().any(|test| test == name), "{name} has no test");
        }
        alerts.extend(names);
    }
    let is_page = |name: &String| name != "README";
    let pages: BTreeSet<String> = fs::read_dir(root().join("docs/alerts"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(is_page)
        .collect();
    assert_eq!(alerts, pages);
    let index = fs::read_to_string(root().join("docs/alerts/README.md")).unwrap();
    for name in &alerts {
        assert!(
            index.contains(&format!("[{name}]({name}.md)")),
            "{name} is not in the index"
        );
        let page = fs::read_to_string(root().join(format!("docs/alerts/{name}.md"))).unwrap();
        for part in ["## Impact", "## Diagnosis", "```promql", "## What to do"] {
            assert!(page.contains(part), "the page of {name} has no {part}");
        }
    }
}

/// Every expression of the rules.
pub(crate) fn expressions() -> Vec<String> {
    let mut expressions = Vec::new();
    for file in RULE_FILES {
        let text = read(file);
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(mut expression) = line.trim().strip_prefix("expr:").map(|it| it.trim().to_owned()) else {
                continue;
            };
            if expression == "|" {
                let indent = line.len() - line.trim_start().len();
                let is_inside = |line: &&str| line.len() - line.trim_start().len() > indent;
                expression.clear();
                while let Some(line) = lines.next_if(is_inside) {
                    expression = expression + line + "\n";
                }
            }
            expressions.push(expression);
        }
    }
    expressions
}

/// The shipped configuration and rules, in a hurry: alerts that wait five minutes wait three seconds.
async fn prometheus_in_a_hurry(exporter: &Exporter) -> Prometheus {
    let directory = tempfile::tempdir().unwrap();
    for file in RULE_FILES {
        let hurried = read(file)
            .replace("for: 5m", "for: 3s")
            .replace("keep_firing_for: 15m", "keep_firing_for: 3s");
        write(&directory, file, &hurried);
    }
    let configuration = read("prometheus.yml")
        .replace("interval: 30s", "interval: 1s")
        .replace("scrape_timeout: 25s", "scrape_timeout: 1s")
        .replace("localhost:10223", exporter.base.trim_start_matches("http://"));
    let (before, rest) = configuration.split_once("alerting:").unwrap();
    let (_, jobs) = rest.split_once("scrape_configs:").unwrap();
    write(&directory, "prometheus.yml", &format!("{before}scrape_configs:{jobs}"));
    Prometheus::configured_in(directory).await
}

/// The alerts that fire, each with its concern.
async fn firing(prometheus: &Prometheus) -> BTreeMap<String, String> {
    let alerts = prometheus.query("ALERTS{alertstate=\"firing\"}").await;
    let named = alerts
        .into_iter()
        .map(|(mut labels, _)| (labels.remove("alertname").unwrap(), labels.remove("concern").unwrap()));
    named.collect()
}

/// Has the simulated cloud tell a story from now on.
pub(crate) async fn tell(exporter: &Exporter, scenario: &'static str) {
    let welcome = exporter.stdout.text();
    let api = welcome
        .lines()
        .find_map(|line| line.trim().strip_prefix("API"))
        .unwrap();
    let url = format!("{}/simulator/scenario", api.trim());
    let answer = client().build().unwrap().put(url).body(scenario).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

async fn wait_for_alert(prometheus: &Prometheus, name: &str) {
    wait_for(&format!("{name} to fire"), async || {
        firing(prometheus).await.contains_key(name).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_operator_is_woken_by_the_right_alert_and_by_no_other() {
    let flags = ["--desktops=300", "--collect.interval=1s", "--scenario=calm-day"];
    let exporter = Exporter::simulate(&flags).await;
    exporter.wait_for_snapshot("simulated").await;
    let prometheus = prometheus_in_a_hurry(&exporter).await;
    prometheus.wait_for_scrape().await;
    // Before its first scrape, Prometheus rightly misses the exporter; in this hurry that is an alert.
    let is_calm = async || firing(&prometheus).await.is_empty().then_some(());
    wait_for("a calm day", is_calm).await;

    tell(&exporter, "image-rollout").await;
    wait_for_alert(&prometheus, "WorkspaceDesktopError").await;
    wait_for_alert(&prometheus, "WorkspaceFleetError").await;
    let concerns: BTreeSet<String> = firing(&prometheus).await.into_values().collect();
    assert_eq!(concerns, BTreeSet::from(["desktop".to_owned(), "fleet".to_owned()]));

    tell(&exporter, "calm-day").await;
    wait_for("every alert to resolve", is_calm).await;

    tell(&exporter, "api-outage").await;
    wait_for_alert(&prometheus, "WorkspaceCollectionFailing").await;
    wait_for_alert(&prometheus, "WorkspaceDataStale").await;
    let watched_until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < watched_until {
        for (name, concern) in firing(&prometheus).await {
            assert!(
                concern == "collection" || concern == "exporter",
                "{name} fires in an outage"
            );
        }
        sleep(Duration::from_millis(500)).await;
    }
}
