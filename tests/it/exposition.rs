//! A whole exposition, compared as text: read its diff as a reviewer of dashboards would. `BLESS=1` writes it anew.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use workspace_exporter::api::{Extras, UserNames, desktop_page, network_answer};
use workspace_exporter::config::{MetricsSettings, StateRows, Users};
use workspace_exporter::exposition::{Plan, Syntax, families, render};
use workspace_exporter::inventory::{
    Desktop, DesktopId, Networks, SnapshotBuilder, State, Status, TaskStatus, UserName,
};
use workspace_exporter::publish::{Board, NetworkFacts, Project};
use workspace_exporter::{api, documentation, publish};

use crate::rig::{Exposition, assert_promtool_accepts, root};

/// Compares a text with a file of the repository.
#[track_caller]
fn assert_golden(path: &str, actual: &str) {
    let file = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        actual == expected,
        "{path} differs from what the code writes; BLESS=1 writes it anew, then read the diff"
    );
}

fn project(name: &str) -> Arc<Project> {
    Arc::new(Project {
        name: name.to_owned(),
        region: "cn-north-4".to_owned(),
        endpoint: "https://workspace.cn-north-4.myhuaweicloud.com".to_owned(),
        project_id: None,
        required: true,
        interval: Duration::from_secs(60),
        network_interval: Duration::from_secs(60),
    })
}

const DESKTOPS: &str = include_str!("../fixtures/desktops-detail.json");
const NETWORKS: &str = include_str!("../fixtures/desktops-networks.json");

/// Every extra that can be read.
fn everything_read() -> Extras {
    Extras {
        tags: ["team".into(), "cost-center".into()].into(),
        users: UserNames::Plain,
    }
}

/// Every family there is, in one of the encodings.
fn everything(state_rows: StateRows) -> Arc<Plan> {
    let on = [
        "desktop_security_group_info",
        "desktop_vcpus",
        "desktop_memory_bytes",
        "desktop_volume_size_bytes",
    ];
    let settings = MetricsSettings {
        state_rows,
        on: on.map(str::to_owned).into(),
        tags: vec!["team".into(), "cost-center".into()],
        ..MetricsSettings::default()
    };
    Arc::new(Plan::of(&settings, Users::Plain).unwrap())
}

fn rendered(plan: &Arc<Plan>, syntax: Syntax) -> String {
    let (publication, now) = publication();
    let mut out = Vec::new();
    render(&publication, plan, syntax, now, &mut out);
    String::from_utf8(out).unwrap()
}

/// Three projects: one as the fixtures say, one empty, one of which nothing is known yet.
fn publication() -> (Arc<publish::Publication>, Instant) {
    let api::DesktopPage {
        desktops,
        total,
        losses,
    } = desktop_page(DESKTOPS.as_bytes(), &everything_read()).unwrap();
    let now = Instant::now();
    let listed_at: Timestamp = "2026-01-05T02:00:00.25Z".parse().unwrap();
    let mut builder = SnapshotBuilder::new("0bec5db98280d2d02fd6c00c2de791ce".into(), listed_at);
    let mut earlier = SnapshotBuilder::new(
        "0bec5db98280d2d02fd6c00c2de791ce".into(),
        listed_at - SignedDuration::from_secs(60),
    );
    for (position, mut desktop) in desktops.into_iter().enumerate() {
        let mut before = desktop.clone();
        // One is as busy as a desktop can be.
        if position == 1 {
            desktop.task_status = Some(State::Known(TaskStatus::DELETING));
            desktop.is_frozen = Some(true);
            desktop.assigned_users = Some(2);
            desktop.users = ["ann \"quoted\"", "bob"]
                .map(|name| UserName::Plain(name.into()))
                .into();
            Arc::make_mut(&mut desktop.facts).tags = [("cost-center".into(), "42\\7".into())].into();
        }
        // The first desktop has changed since; another one has vanished from the list and is held.
        if position == 0 {
            before.status = Some(State::Known(Status::Stopping));
            before.login_status = None;
        }
        earlier.found_desktop(before);
        builder.found_desktop(desktop);
    }
    builder.found_page_end(total);
    builder.found_losses(losses);
    let mut networks = Networks::new(Duration::from_secs(3_600));
    for (id, ports) in network_answer(NETWORKS.as_bytes()).unwrap().networks {
        networks.found(id, 0, ports, now);
    }
    let mut vanished = Desktop::new(DesktopId::try_new("vanished").unwrap());
    vanished.status = Some(State::Known(Status::Error));
    earlier.found_desktop(vanished);
    let earlier = earlier.build(None, &networks, now);
    builder.hold(earlier.get(&DesktopId::try_new("vanished").unwrap()).unwrap());
    let mut empty = SnapshotBuilder::new("1cec".into(), listed_at);
    empty.found_page_end(Some(0));

    let (board, reader) = Board::open();
    let publishers = ["prod", "empty", "unknown \"yet\""].map(|name| board.add(project(name)));
    let facts = NetworkFacts {
        completed_at: Some(now),
        stale: 0,
        unresolved: 1,
    };
    let snapshot = Arc::new(builder.build(Some(&earlier), &networks, now));
    assert_eq!(publishers[0].publish(&snapshot, facts), 1);
    publishers[1].restore(Arc::new(empty.build(None, &networks, now)));
    (reader.current(), now)
}

#[test]
fn the_exposition_is_as_blessed() {
    let text = rendered(&Arc::default(), Syntax::Classic);
    assert_golden("tests/golden/three_projects.prom", &text);
    assert_promtool_accepts(&Exposition(text));
}

#[test]
fn everything_in_every_encoding_and_syntax_is_as_blessed() {
    let dense = rendered(&everything(StateRows::Dense), Syntax::Classic);
    assert_golden("tests/golden/everything_dense.prom", &dense);
    assert_promtool_accepts(&Exposition(dense));
    let open = rendered(&everything(StateRows::Sparse), Syntax::OpenMetrics);
    assert_golden("tests/golden/everything_sparse.om", &open);
}

#[test]
fn every_row_has_the_labels_that_the_catalogue_declares() {
    let exposition = Exposition(rendered(&everything(StateRows::Sparse), Syntax::Classic));
    for family in families() {
        let mut declared = [family.source.leading_labels(), family.labels].concat();
        if family.name.ends_with("desktop_info") {
            declared.extend(["tag_team", "tag_cost_center"]);
        }
        let rows = exposition.rows(family.name);
        assert!(!rows.is_empty(), "{} has no row in the fixtures", family.name);
        for (labels, _) in rows {
            let mut named: Vec<&str> = labels.keys().map(String::as_str).collect();
            let mut declared = declared.clone();
            named.sort_unstable();
            declared.sort_unstable();
            assert_eq!(named, declared, "{}", family.name);
        }
    }
}

#[test]
fn a_project_is_up_for_three_intervals_after_its_last_listing() {
    let (publication, now) = publication();
    let state = &publication.projects[0];
    let completed_at = state.published.as_ref().unwrap().completed_at.unwrap();
    assert!(state.is_up(now) && state.is_network_up(now));
    assert!(state.is_up(completed_at + Duration::from_secs(180)));
    assert!(!state.is_up(completed_at + Duration::from_secs(181)));
    assert!(!publication.projects[1].is_network_up(now));
    assert!(!publication.projects[2].is_up(now));
    assert!(!publication.is_ready());
}

#[test]
fn the_documented_catalogue_is_what_the_code_serves() {
    assert_golden("docs/metrics.md", &documentation::markdown());
    let json: serde_json::Value = serde_json::from_str(&documentation::json()).unwrap();
    assert!(json.as_array().unwrap().len() > families().count());
}
