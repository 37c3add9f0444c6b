//! The dashboards that are shipped: every panel says what it shows, every link leads somewhere, and every query of every panel
//! and variable finds something in a real Prometheus that scraped the simulated fleet.

use std::collections::BTreeSet;
use std::fs;

use regex_lite::Regex;
use serde_json::Value;

use crate::deploy::tell;
use crate::rig::{Exporter, Prometheus, root, wait_for};

/// What may be empty though all is well: the dashboard, the panel, the query.
const MAY_BE_EMPTY: [(&str, &str, &str); 3] = [
    ("workspace-exporter", "Failures by reason", "A"),
    // Nobody has scraped the simulated fleet a week ago.
    ("workspace-experience", "Connected, and a week ago", "B"),
    ("workspace-exporter", "Words and shapes that are not known", "A"),
];

fn dashboards() -> Vec<Value> {
    let files = fs::read_dir(root().join("deploy/grafana/dashboards")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row")
}

#[test]
fn every_panel_has_a_title_a_description_a_unit_and_a_place_of_its_own() {
    for dashboard in dashboards() {
        let uid = text(&dashboard, "uid");
        assert_eq!(dashboard["schemaVersion"], 42, "{uid}");
        assert!(!text(&dashboard, "description").is_empty(), "{uid}");
        let variables = list(&dashboard["templating"]["list"]);
        for name in ["datasource", "project"] {
            assert!(
                variables.iter().any(|variable| variable["name"] == name),
                "{uid} has no {name}"
            );
        }
        let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard["panels"]) {
            assert!(ids.insert(panel["id"].as_u64()), "{uid} has two panels {}", panel["id"]);
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{uid}: {} is too wide", text(panel, "title"));
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(places.insert((x, y)), "{uid}: {} lies on another", text(panel, "title"));
                }
            }
        }
        for panel in panels(&dashboard) {
            let title = text(panel, "title");
            assert!(
                !title.is_empty() && !text(panel, "description").is_empty(),
                "{uid}: {title}"
            );
            assert!(
                !text(&panel["fieldConfig"]["defaults"], "unit").is_empty(),
                "{uid}: {title} has no unit"
            );
            assert!(!list(&panel["targets"]).is_empty(), "{uid}: {title}");
            for part in list(&panel["targets"]).iter().chain([panel]) {
                assert_eq!(part["datasource"]["uid"], "${datasource}", "{uid}: {title}");
            }
        }
    }
}

#[test]
fn every_link_leads_to_a_dashboard_that_is_shipped() {
    let dashboards = dashboards();
    let uids: BTreeSet<&str> = dashboards.iter().map(|dashboard| text(dashboard, "uid")).collect();
    assert_eq!(uids.len(), 4, "{uids:?}");
    let mut linked = BTreeSet::new();
    for dashboard in &dashboards {
        for panel in panels(dashboard) {
            for link in list(&panel["fieldConfig"]["defaults"]["links"]) {
                let uid = text(link, "url").trim_start_matches("/d/").split('?').next().unwrap();
                assert!(uids.contains(uid), "{} leads to {uid}", text(panel, "title"));
                linked.insert(uid.to_owned());
            }
        }
    }
    assert_eq!(linked.len(), 4, "every dashboard can be reached: {linked:?}");
}

/// The query as Grafana would send it.
fn filled_in(query: &str, desktop: &str) -> String {
    query
        .replace("$project", ".+")
        .replace("$desktop", desktop)
        .replace("$name", "")
        .replace("$__rate_interval", "1m")
        .replace("$__range", "5m")
        .replace("$__interval", "1s")
}

#[tokio::test]
async fn every_query_of_every_panel_and_variable_finds_something() {
    let flags = [
        "--desktops=1500",
        "--collect.interval=1s",
        "--churn",
        "--scenario=monday-morning",
    ];
    let exporter = Exporter::simulate(&flags).await;
    exporter.wait_for_snapshot("simulated").await;
    let prometheus = Prometheus::scraping(&exporter).await;
    prometheus.wait_for_scrape().await;
    // A desktop about which there is something in every panel.
    let busy = "huaweicloud_workspace_desktop_task_status == 1
        and on (desktop_id) huaweicloud_workspace_desktop_last_transition_timestamp_seconds
        and on (desktop_id) huaweicloud_workspace_desktop_network_info
        and on (desktop_id) huaweicloud_workspace_desktop_in_maintenance_mode
        and on (desktop_id) huaweicloud_workspace_desktop_created_timestamp_seconds
        and on (desktop_id) huaweicloud_workspace_desktop_assigned_users
        and on (desktop_id) huaweicloud_workspace_desktop_login_status
        and on (desktop_id) huaweicloud_workspace_desktop_attach_state";
    let settled = "count(rate(huaweicloud_workspace_desktop_transitions_total{to='CONNECTED'}[1m])) > 0
        and count(rate(huaweicloud_workspace_desktop_transitions_total{from='CONNECTED',to='DISCONNECTED'}[1m])) > 0
        and count(rate(huaweicloud_workspace_desktop_transitions_total{from='CONNECTED',to!='DISCONNECTED'}[1m])) > 0
        and sum(rate(huaweicloud_workspace_desktop_transitions_total{field='status'}[1m])) > 0";
    wait_for("a logon storm", async || {
        (!prometheus.query(settled).await.is_empty()).then_some(())
    })
    .await;
    tell(&exporter, "image-rollout").await;
    // Everything is asked as of one moment: a second later it may be idle.
    let (moment, desktop) = wait_for("a busy desktop and some in ERROR", async || {
        let moment = prometheus.number("vector(time())").await;
        let errors = prometheus
            .query_at(moment, "huaweicloud_workspace_desktop_status{status='ERROR'} == 1")
            .await;
        let (mut labels, _) = prometheus.query_at(moment, busy).await.pop()?;
        let desktop = labels.remove("desktop_id")?;
        (errors.len() > 5).then_some((moment, desktop))
    })
    .await;
    let mut asked = 0;
    for dashboard in dashboards() {
        let uid = text(&dashboard, "uid");
        for panel in panels(&dashboard) {
            for target in list(&panel["targets"]) {
                let place = (uid, text(panel, "title"), text(target, "refId"));
                let query = filled_in(text(target, "expr"), &desktop);
                let rows = prometheus.query_at(moment, &query).await;
                asked += 1;
                assert!(
                    !rows.is_empty() || MAY_BE_EMPTY.contains(&place),
                    "{place:?} finds nothing: {query}"
                );
                for label in Regex::new(r"\{\{(\w+)\}\}")
                    .unwrap()
                    .captures_iter(text(target, "legendFormat"))
                {
                    let is_there = |(labels, _): &(crate::rig::Labels, f64)| labels.contains_key(&label[1]);
                    assert!(rows.iter().all(is_there), "{place:?} has no label {}", &label[1]);
                }
            }
        }
        for variable in list(&dashboard["templating"]["list"]) {
            let query = text(&variable["query"], "query");
            if let Some(arguments) = query.strip_prefix("label_values(") {
                let (family, label) = arguments.trim_end_matches(')').rsplit_once(", ").unwrap();
                let rows = prometheus.query_at(moment, &filled_in(family, &desktop)).await;
                assert!(rows.iter().any(|(labels, _)| labels.contains_key(label)), "{query}");
                asked += 1;
            } else if let Some(inner) = query.strip_prefix("query_result(") {
                let inner = inner.strip_suffix(')').unwrap();
                let (labels, value) = prometheus
                    .query_at(moment, &filled_in(inner, &desktop))
                    .await
                    .pop()
                    .expect(query);
                let shown: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
                let shown = format!("{{{}}} {value} 0", shown.join(","));
                let pattern = text(variable, "regex").trim_matches('/').replace("(?<", "(?P<");
                let found = Regex::new(&pattern).unwrap();
                let found = found.captures(&shown).expect("the regular expression matches");
                assert_eq!(
                    (&found["text"], &found["value"]),
                    (&*labels["computer_name"], &*labels["desktop_id"])
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "only {asked} queries");
}
