//! Names may hold anything. What Prometheus stores is what the API said, or what the contract makes of it.

use serde_json::json;

use crate::reference_api::{ReferenceApi, desktop};
use crate::rig::{Exporter, Prometheus, assert_promtool_accepts, one_project, wait_for};

#[tokio::test]
async fn nasty_names_come_back_equal_from_prometheus() {
    let long = "长".repeat(1_000);
    let other_long = format!("{long}!");
    let names = [
        r#"quote " backslash \ both \""#.to_owned(),
        "line one\nline two\n".to_owned(),
        r"\n is no newline".to_owned(),
        "tab\there, bell\u{7}, nul\0, del\u{7f}, next line\u{85}, carriage\r".to_owned(),
        "😀 emoji 👩‍💻 joined".to_owned(),
        "财务部-电脑-01".to_owned(),
        "x".repeat(1_024),
        "x".repeat(3_000),
        long.clone(),
        other_long,
        "{le=\"1\"} 5 # EOF".to_owned(),
        " spaces  around ".to_owned(),
        "\u{202e}right to left\u{feff}".to_owned(),
    ];
    let fleet = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let mut desktop = desktop(index);
            desktop["computer_name"] = json!(name);
            desktop["desktop_id"] = json!(format!("id-{index}"));
            desktop["site_name"] = json!(name);
            desktop
        })
        .collect();
    let api = ReferenceApi::serving(fleet, vec![]).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 1h }");
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    assert_promtool_accepts(&metrics);

    let prometheus = Prometheus::scraping(&exporter).await;
    let rows = wait_for("every desktop in Prometheus", async || {
        let rows = prometheus.query("huaweicloud_workspace_desktop_info").await;
        (rows.len() == names.len()).then_some(rows)
    })
    .await;
    let mut stored: Vec<(usize, String, String)> = rows
        .into_iter()
        .map(|(mut labels, _)| {
            let mut take = |name: &str| labels.remove(name).unwrap_or_default();
            let index = take("desktop_id").trim_start_matches("id-").parse().unwrap();
            (index, take("computer_name"), take("site_name"))
        })
        .collect();
    stored.sort();
    for ((_, computer_name, site_name), raw) in stored.iter().zip(&names) {
        let is_control = |character: char| character.is_control() && character != '\n';
        let visible = raw.replace(is_control, "\u{fffd}");
        if visible.len() <= 1_024 {
            assert_eq!(computer_name, &visible);
        } else {
            let (kept, hash) = computer_name.rsplit_once('…').unwrap();
            assert!(visible.starts_with(kept) && kept.len() > 1_000, "{computer_name}");
            assert!(
                hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{computer_name}"
            );
            assert!(computer_name.len() <= 1_024);
        }
        assert_eq!(computer_name, site_name);
    }
    assert_ne!(
        stored[8].1, stored[9].1,
        "two names that differ only behind the cut are one"
    );
}

#[tokio::test]
async fn ids_that_cannot_be_shown_apart_are_still_two_desktops() {
    let fleet = ["a\u{1}", "a\u{2}", "a\u{fffd}"].map(|id| json!({"desktop_id": id, "status": "ERROR"}));
    let api = ReferenceApi::serving(fleet.to_vec(), vec![]).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 1h }");
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    assert_promtool_accepts(&metrics);
    let mut ids: Vec<String> = metrics
        .rows("huaweicloud_workspace_desktop_status")
        .into_iter()
        .map(|(mut labels, _)| labels.remove("desktop_id").unwrap())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn half_a_character_in_a_name_costs_that_half_and_not_the_page() {
    let api = ReferenceApi::answering(|asked| {
        let body = if asked.path.ends_with("networks") {
            r#"{"networks": []}"#
        } else {
            r#"{"desktops": [{"desktop_id": "a", "computer_name": "half \ud83d\", whole \ud83d\ude00", "status": "ERROR"}],
                "total_count": 1}"#
        };
        (http::StatusCode::OK, body.to_owned())
    })
    .await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 1h }");
    let exporter = Exporter::start(&configuration).await;
    let metrics = exporter.wait_for_snapshot("test").await;
    assert_promtool_accepts(&metrics);
    let rows = metrics.rows("huaweicloud_workspace_desktop_status");
    assert_eq!(
        (rows.len(), rows[0].0["computer_name"].as_str()),
        (1, "half \u{fffd}\", whole 😀")
    );
}
