//! Starts, restarts, reloads and ends: what is shown before the first snapshot, what survives a kill, what a new
//! configuration changes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use workspace_exporter::api::{HttpTransport, UserNames};
use workspace_exporter::app::{App, Origin, StartError, no_hangup};
use workspace_exporter::causes;
use workspace_exporter::config::{self, ConfigError, Overrides, Settings};
use workspace_exporter::seams::{Chance, Environment, WallClock};
use workspace_exporter::workshop::Seams;

use crate::reference_api::{PROJECT_ID, ReferenceApi, desktop};
use crate::rig::{Exporter, Exposition, client, one_project, wait_for, write};

const STATUS: &str = "huaweicloud_workspace_desktop_status";
const UP: &str = "huaweicloud_workspace_exporter_up";
const RESTORED: &str = "huaweicloud_workspace_exporter_snapshot_restored";
const RELOADED: &str = "huaweicloud_workspace_exporter_config_last_reload_successful";

fn fleet(count: usize) -> Vec<Value> {
    (0..count).map(desktop).collect()
}

/// An API that may be told to fail, and counts its list calls.
async fn switchable(count: usize) -> (ReferenceApi, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (is_out, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (outage, counted) = (Arc::clone(&is_out), Arc::clone(&calls));
    let fleet = fleet(count);
    let api = ReferenceApi::answering(move |asked| {
        if asked.path.ends_with("networks") {
            return (StatusCode::OK, r#"{"networks": []}"#.to_owned());
        }
        counted.fetch_add(1, Ordering::Relaxed);
        if outage.load(Ordering::Relaxed) {
            return (StatusCode::BAD_GATEWAY, String::new());
        }
        (
            StatusCode::OK,
            json!({"desktops": fleet, "total_count": fleet.len()}).to_string(),
        )
    })
    .await;
    (api, is_out, calls)
}

fn with_state(directory: &TempDir, api: &ReferenceApi) -> (String, TempDir) {
    let file = directory.path().join("state");
    one_project(&api.endpoint, "t", &format!("state: {{ file: '{}' }}", file.display()))
}

/// Runs an exporter until its first snapshot and stops it, which saves that; returns what it showed.
async fn run_until_saved(configuration: &str) -> Exposition {
    let mut exporter = Exporter::start(configuration).await;
    let shown = exporter.wait_for_snapshot("test").await;
    exporter.signal("TERM");
    assert_eq!(exporter.wait_for_exit().await.code(), Some(0));
    shown
}

async fn scrape_waiting(exporter: &Exporter, seconds: &str) -> (u16, String, Duration) {
    let began_at = Instant::now();
    let request = client().build().unwrap().get(format!("{}/metrics", exporter.base));
    let response = request
        .header("X-Prometheus-Scrape-Timeout-Seconds", seconds)
        .send()
        .await
        .unwrap();
    (
        response.status().as_u16(),
        response.text().await.unwrap(),
        began_at.elapsed(),
    )
}

#[tokio::test]
async fn a_scrape_before_the_first_snapshot_is_held_until_it_comes() {
    let (api, is_out, _) = switchable(3).await;
    is_out.store(true, Ordering::Relaxed);
    let (configuration, _files) = one_project(&api.endpoint, "t", "collect: { interval: 300ms }");
    let exporter = Exporter::start(&configuration).await;
    tokio::spawn(async move {
        sleep(Duration::from_millis(700)).await;
        is_out.store(false, Ordering::Relaxed);
    });
    let (status, text, _) = scrape_waiting(&exporter, "10").await;
    assert_eq!(status, 200);
    assert!(
        text.contains(&format!("{STATUS}{{")),
        "the first scrape shows no desktop"
    );
}

#[tokio::test]
async fn a_scrape_is_held_no_longer_than_its_scraper_waits() {
    let (api, is_out, _) = switchable(3).await;
    is_out.store(true, Ordering::Relaxed);
    let (configuration, _files) = one_project(&api.endpoint, "t", "");
    let exporter = Exporter::start(&configuration).await;
    let (status, text, elapsed) = scrape_waiting(&exporter, "1.5").await;
    assert_eq!(status, 200);
    assert!(text.contains("huaweicloud_workspace_exporter_up{project=\"test\"} 0"));
    assert!(
        (0.9..1.5).contains(&elapsed.as_secs_f64()),
        "answered after {elapsed:?}"
    );
    for nonsense in ["0", "-3", "NaN", "soon", "0.2"] {
        let (status, _, elapsed) = scrape_waiting(&exporter, nonsense).await;
        assert!(
            status == 200 && elapsed < Duration::from_millis(500),
            "{nonsense}: {elapsed:?}"
        );
    }
}

#[tokio::test]
async fn a_restart_shows_the_saved_snapshot_with_its_own_time_until_the_first_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let (api, is_out, _) = switchable(5).await;
    let (configuration, _files) = with_state(&directory, &api);
    let first = run_until_saved(&configuration).await;
    let time = "huaweicloud_workspace_exporter_snapshot_timestamp_seconds";
    let listed_at = first.value(time, &[]);
    is_out.store(true, Ordering::Relaxed);
    let exporter = Exporter::start(&configuration).await;
    let shown = exporter.metrics().await;
    assert_eq!(shown.rows(STATUS).len(), 5);
    assert_eq!(
        (shown.value(RESTORED, &[]), shown.value(UP, &[])),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(shown.value(time, &[]), listed_at);
    assert_eq!(exporter.get("/-/ready").await.0, 200);
    assert!(exporter.get("/").await.1.contains("restored"));
}

#[tokio::test]
async fn a_new_listing_takes_the_place_of_the_saved_one() {
    let directory = tempfile::tempdir().unwrap();
    let (api, _, _) = switchable(5).await;
    let (configuration, _files) = with_state(&directory, &api);
    run_until_saved(&configuration).await;
    let exporter = Exporter::start(&configuration).await;
    let shown = exporter.wait_for_snapshot("test").await;
    assert_eq!((shown.value(RESTORED, &[]), shown.rows(STATUS).len()), (Some(0.0), 5));
}

#[tokio::test]
async fn a_state_of_another_project_or_too_old_or_torn_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (api, is_out, _) = switchable(5).await;
    let (configuration, _files) = with_state(&directory, &api);
    run_until_saved(&configuration).await;
    is_out.store(true, Ordering::Relaxed);
    let file = directory.path().join("state");
    let whole = fs::read(&file).unwrap();
    let bare = async |configuration: &str| {
        let exporter = Exporter::start(configuration).await;
        let shown = exporter.metrics().await;
        (shown.rows(STATUS).len(), shown.value(RESTORED, &[]))
    };
    assert_eq!(bare(&configuration).await, (5, Some(1.0)));
    assert_eq!(
        bare(&configuration.replace(PROJECT_ID, "another")).await,
        (0, Some(0.0))
    );
    assert_eq!(
        bare(&configuration.replace("name: test", "name: other")).await,
        (0, Some(0.0))
    );
    sleep(Duration::from_millis(1_100)).await;
    let impatient = configuration.replace("state: {", "state: { max_age: 1s,");
    assert_eq!(bare(&impatient).await, (0, Some(0.0)));
    for torn in [&whole[..whole.len() / 2], &whole[..10], b"", b"{}\n"] {
        fs::write(&file, torn).unwrap();
        assert_eq!(bare(&configuration).await, (0, Some(0.0)));
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_shows_the_whole_saved_snapshot_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let (api, is_out, _) = switchable(400).await;
    let (configuration, _files) = with_state(&directory, &api);
    let mut shown_whole = 0;
    for round in 0..50_u64 {
        is_out.store(round % 2 == 1, Ordering::Relaxed);
        let mut exporter = Exporter::start_with(&configuration, &["--log.level=error", "--log.level=info"][1..]).await;
        let shown = exporter.metrics().await;
        let rows = shown.rows(STATUS).len();
        assert!(rows == 0 || rows == 400, "{rows} of 400 desktops are shown");
        shown_whole += usize::from(rows == 400);
        // The saves of the first second are what is hit: a kill every few milliseconds of it.
        sleep(Duration::from_millis(round * 5 % 120)).await;
        exporter.signal("KILL");
        exporter.wait_for_exit().await;
    }
    assert!(
        shown_whole > 10,
        "only {shown_whole} of 50 starts showed what was saved"
    );
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_a_warning_and_no_row() {
    let directory = tempfile::tempdir().unwrap();
    let (api, _, _) = switchable(5).await;
    for file in ["/dev/full/state", "/proc/state", "/nowhere/at/all"] {
        let (configuration, _files) = one_project(&api.endpoint, "t", &format!("state: {{ file: '{file}' }}"));
        let mut exporter = Exporter::start(&configuration).await;
        let shown = exporter.wait_for_snapshot("test").await;
        assert_eq!(shown.rows(STATUS).len(), 5);
        wait_for("a warning", async || {
            exporter.stderr.text().contains("state.file").then_some(())
        })
        .await;
        exporter.signal("TERM");
        assert_eq!(exporter.wait_for_exit().await.code(), Some(0));
    }
    // A folder where the file should be: it can neither be read nor replaced.
    let file = directory.path().join("state");
    fs::create_dir_all(file.join("occupied")).unwrap();
    let (configuration, _files) = with_state(&directory, &api);
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("test").await;
}

/// An exporter whose configuration file can be changed; the file's text is made by `text`.
struct Reloadable {
    exporter: Exporter,
    directory: TempDir,
}

impl Reloadable {
    async fn start(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = write(&directory, "live.yaml", text);
        let exporter = Exporter::start_bare(&["--config.file", file.to_str().unwrap()], &[]).await;
        Self { exporter, directory }
    }

    fn change(&self, text: &str) {
        fs::write(self.directory.path().join("live.yaml"), text).unwrap();
    }

    async fn post(&self) -> (u16, String) {
        let request = client()
            .build()
            .unwrap()
            .post(format!("{}/-/reload", self.exporter.base));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_hangup_takes_the_new_configuration_and_keeps_the_rows() {
    let (api, is_out, _) = switchable(5).await;
    let (first, _files) = one_project(&api.endpoint, "t", "");
    let reloadable = Reloadable::start(&first).await;
    reloadable.exporter.wait_for_snapshot("test").await;
    is_out.store(true, Ordering::Relaxed);
    let second = first.replace(
        "projects: [",
        "projects: [ { name: more, endpoint: 'http://127.0.0.1:9', project_id: x },",
    );
    reloadable.change(&second);
    reloadable.exporter.signal("HUP");
    let shown = reloadable
        .exporter
        .wait_for_value(UP, &[("project", "more")], 0.0)
        .await;
    assert_eq!(shown.rows(STATUS).len(), 5, "a reload took rows away");
    assert_eq!(shown.value(RELOADED, &[]), Some(1.0));
    // And away with it again.
    reloadable.change(&first);
    reloadable.exporter.signal("HUP");
    wait_for("the project to go", async || {
        let shown = reloadable.exporter.metrics().await;
        (shown.value(UP, &[("project", "more")]).is_none() && shown.rows(STATUS).len() == 5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing_and_the_field_is_named() {
    let (api, _, calls) = switchable(5).await;
    let (first, _files) = one_project(
        &api.endpoint,
        "t",
        "web: { lifecycle: true }\ncollect: { interval: 200ms }",
    );
    let reloadable = Reloadable::start(&first).await;
    reloadable.exporter.wait_for_snapshot("test").await;
    reloadable.change(&first.replace("200ms", "sometimes"));
    let (status, text) = reloadable.post().await;
    assert_eq!(status, 500);
    assert!(text.contains("collect.interval"), "{text}");
    let shown = reloadable.exporter.metrics().await;
    assert_eq!((shown.value(RELOADED, &[]), shown.rows(STATUS).len()), (Some(0.0), 5));
    let so_far = calls.load(Ordering::Relaxed);
    wait_for("the old configuration to poll on", async || {
        (calls.load(Ordering::Relaxed) > so_far + 2).then_some(())
    })
    .await;
    reloadable.change(&first.replace("200ms", "300ms"));
    assert_eq!(reloadable.post().await, (200, "reloaded\n".to_owned()));
    let interval = "huaweicloud_workspace_exporter_poll_interval_seconds";
    reloadable.exporter.wait_for_value(interval, &[], 0.3).await;
    assert_eq!(reloadable.exporter.metrics().await.value(RELOADED, &[]), Some(1.0));
}

#[tokio::test]
async fn reloading_by_request_must_be_enabled_and_posted() {
    let (api, _, _) = switchable(1).await;
    let (configuration, _files) = one_project(&api.endpoint, "t", "");
    let closed = Reloadable::start(&configuration).await;
    assert_eq!(closed.post().await.0, 403);
    let (configuration, _files) = one_project(&api.endpoint, "t", "web: { lifecycle: true }");
    let open = Reloadable::start(&configuration).await;
    assert_eq!(open.exporter.get("/-/reload").await.0, 405);
}

#[tokio::test]
async fn the_state_holds_what_is_shown_and_no_name_of_a_user() {
    let directory = tempfile::tempdir().unwrap();
    let (api, _, _) = switchable(5).await;
    let (configuration, _files) = with_state(&directory, &api);
    run_until_saved(&configuration).await;
    let text = fs::read_to_string(directory.path().join("state")).unwrap();
    assert!(text.contains(desktop(0)["desktop_id"].as_str().unwrap()));
    let user = desktop(0)["user_name"].as_str().map(str::to_owned);
    assert!(
        user.is_none_or(|user| !text.contains(&user)),
        "a user's name is in the state file"
    );
    assert!(!text.contains("token"), "{text:.200}");
    assert!(Path::new(&directory.path().join("state.draft")).metadata().is_err());
}

/// Seams whose clock panics a few times, as a bug of ours would.
struct Panicking {
    configuration: String,
    panics_left: Arc<AtomicUsize>,
}

impl Origin for Panicking {
    fn settings(&self) -> Result<Settings, ConfigError> {
        config::check(
            "test",
            config::parse("test", &self.configuration, &Overrides::default())?,
        )
    }

    fn seams(&self, settings: &Settings) -> Result<Seams, StartError> {
        let panics_left = Arc::clone(&self.panics_left);
        let system = WallClock::system();
        let clock = WallClock::new(move || {
            let has_to = panics_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            assert!(has_to.is_err(), "this panic is part of a test");
            system.now()
        });
        Ok(Seams {
            transport: Arc::new(HttpTransport::new(&settings.api)?),
            clock,
            chance: Chance::of_seed(1),
            environment: Environment::new(|_| None),
            users: UserNames::Off,
        })
    }
}

async fn with_panics(panics: usize) -> (App, Arc<AtomicUsize>, ReferenceApi, TempDir) {
    let (api, _, _) = switchable(3).await;
    let listen = "web: { listen: ['127.0.0.1:0'] }\ncollect: { interval: 300ms }";
    let (configuration, files) = one_project(&api.endpoint, "t", listen);
    let panics_left = Arc::new(AtomicUsize::new(0));
    let origin = Panicking {
        configuration,
        panics_left: Arc::clone(&panics_left),
    };
    let app = App::bind(origin, None).await.unwrap();
    panics_left.store(panics, Ordering::Relaxed);
    (app, panics_left, api, files)
}

#[tokio::test]
async fn a_poller_that_panics_is_started_again_and_the_scrapes_go_on() {
    let (app, panics_left, _api, _files) = with_panics(2).await;
    let base = format!("http://{}", app.addresses()[0]);
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone(), no_hangup()));
    wait_for("the poller to come back", async || {
        let text = client()
            .build()
            .unwrap()
            .get(format!("{base}/metrics"))
            .send()
            .await
            .unwrap();
        assert_eq!(text.status(), 200);
        let text = text.text().await.unwrap();
        text.contains("huaweicloud_workspace_exporter_up{project=\"test\"} 1")
            .then_some(())
    })
    .await;
    assert_eq!(panics_left.load(Ordering::Relaxed), 0);
    stop.cancel();
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_poller_that_keeps_panicking_ends_the_process_loudly() {
    let (app, _, _api, _files) = with_panics(usize::MAX).await;
    let ended = app.run(CancellationToken::new(), no_hangup()).await;
    let error = ended.unwrap_err();
    assert!(
        causes::line(&error).contains("poller of test"),
        "{}",
        causes::line(&error)
    );
}
