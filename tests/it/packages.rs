//! What is shipped to run the exporter with: the chart, the routing of alerts, the demo. Each is read by a real tool.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::rig::{Exporter, free_port, root, wait_for, write};

#[track_caller]
fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .current_dir(root())
        .output()
        .expect("the program is installed (scripts/test installs what tests need)");
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{said}{}", String::from_utf8_lossy(&stderr));
    said
}

/// The kinds of manifests that the chart makes of these values; each was held against its schema.
fn kinds_with(values: &[&str]) -> String {
    let chart = "deploy/helm/workspace-exporter";
    let mut render = Command::new("go");
    render.args(["run", "tests/helm/render.go", chart]).args(values);
    // Debian's packages of Go libraries, and nothing from the network.
    render.envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")]);
    let directory = tempfile::tempdir().unwrap();
    let manifests = write(&directory, "manifests.yaml", &succeeded(&mut render));
    let mut check = Command::new(root().join("target/python/bin/python"));
    check
        .args([
            "tests/python/check_chart.py",
            chart,
            env!("CARGO_BIN_EXE_workspace-exporter"),
        ])
        .arg(manifests)
        .args(values);
    succeeded(&mut check).trim().to_owned()
}

#[test]
fn the_chart_makes_what_kubernetes_prometheus_and_the_exporter_accept() {
    assert_eq!(kinds_with(&[]), "ConfigMap Deployment Service");
    assert_eq!(
        kinds_with(&["tests/helm/sharded.yaml"]),
        "ConfigMap Service StatefulSet"
    );
    assert_eq!(
        kinds_with(&["tests/helm/everything.yaml"]),
        "ConfigMap ConfigMap ConfigMap ConfigMap ConfigMap Deployment NetworkPolicy PersistentVolumeClaim \
         PodDisruptionBudget PrometheusRule Service ServiceMonitor"
    );
}

#[test]
fn amtool_accepts_the_routing_and_routes_by_severity() {
    let file = "deploy/alertmanager/alertmanager.yml";
    succeeded(Command::new("amtool").args(["check-config", file]));
    for (labels, receiver) in [
        ("severity=critical concern=fleet", "on-call"),
        ("severity=critical concern=exporter", "on-call"),
        ("severity=warning concern=desktop", "office-hours"),
        ("severity=info concern=collection", "list"),
    ] {
        let mut route = Command::new("amtool");
        route
            .args(["config", "routes", "test", "--config.file", file])
            .args(labels.split(' '));
        assert_eq!(succeeded(&mut route).trim(), receiver, "{labels}");
    }
}

#[test]
fn every_file_that_the_demo_mounts_is_there() {
    let folder = root().join("deploy/compose");
    let text = fs::read_to_string(folder.join("compose.yaml")).unwrap();
    let mounts: Vec<&str> = text
        .split(['"', ' '])
        .filter_map(|word| word.strip_suffix(":ro").or_else(|| word.strip_suffix(":ro\"")))
        .filter_map(|mount| mount.split(':').next())
        .collect();
    assert!(mounts.len() >= 6, "{mounts:?}");
    for mount in mounts {
        assert!(folder.join(mount).exists(), "{mount} is not there");
    }
    succeeded(Command::new("promtool").args(["check", "config", "--syntax-only", "deploy/compose/prometheus.yml"]));
    let mut check = Command::new(root().join("target/python/bin/python"));
    succeeded(check.args(["tests/python/check_compose.py", "deploy/compose/compose.yaml"]));
}

/// The value after a key of one line.
fn value_of<'t>(text: &'t str, key: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).expect(key);
    line.trim_start_matches(':').trim()
}

#[tokio::test]
async fn the_demos_credentials_are_those_of_its_simulator() {
    let compose = fs::read_to_string(root().join("deploy/compose/compose.yaml")).unwrap();
    let keys = ["SIMULATED_ACCESS_KEY", "SIMULATED_SECRET_KEY"].map(|key| (key, value_of(&compose, key)));
    let port = free_port();
    let mut simulator = crate::rig::binary();
    simulator.args(["simulate", "--api-only", "--desktops=20", "--seed=1"]);
    simulator.arg(format!("--api-listen=127.0.0.1:{port}"));
    let _simulator = crate::rig::Process::start(&mut simulator);
    wait_for("the simulator", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let configuration = fs::read_to_string(root().join("deploy/compose/exporter.yaml"))
        .unwrap()
        .replace("http://simulator:10224", &format!("http://127.0.0.1:{port}"))
        .replace("/var/lib/workspace-exporter", directory.path().to_str().unwrap());
    let exporter = Exporter::start_in(&configuration, &keys).await;
    let metrics = exporter.wait_for_snapshot("simulated").await;
    assert_eq!(metrics.rows("huaweicloud_workspace_desktop_info").len(), 20);
}

/// Builds the image around the binary of the tests; what deploy/container/build makes of a static one takes minutes.
#[test]
fn buildah_makes_an_image_without_a_shell_for_a_user_that_is_not_root() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("target/image");
    fs::create_dir_all(&image).unwrap();
    fs::copy(
        env!("CARGO_BIN_EXE_workspace-exporter"),
        image.join("workspace-exporter"),
    )
    .unwrap();
    let storage = directory.path().join("storage");
    let buildah = || {
        let mut buildah = Command::new("buildah");
        buildah.args(["--storage-driver=vfs", "--root"]).arg(&storage);
        buildah.arg("--runroot").arg(directory.path().join("run"));
        buildah
    };
    let file = root().join("deploy/container/Containerfile");
    let mut build = buildah();
    build.args(["build", "--isolation=chroot", "--format=docker", "--tag=test", "--file"]);
    succeeded(build.arg(file).arg(directory.path()));
    let about = succeeded(buildah().args(["inspect", "--type=image", "test"]));
    let about: Value = serde_json::from_str(&about).unwrap();
    let config = &about["Docker"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/workspace-exporter"]));
    assert_eq!(
        config["Healthcheck"]["Test"],
        serde_json::json!(["CMD", "/workspace-exporter", "healthcheck"])
    );
}
