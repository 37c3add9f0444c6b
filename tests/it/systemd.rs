//! The daemon under a service manager: what it is told, and sockets that are handed over. The units are judged by systemd's
//! own tools.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::rig::{Exporter, Process, binary, client, free_port, root, run, wait_for};

/// The socket that a service manager listens on.
struct Manager {
    socket: UnixDatagram,
    directory: TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, directory }
    }

    /// Waits for a message with this line; those before it are passed over.
    fn hear(&self, line: &str) -> String {
        loop {
            let mut buffer = [0; 4_096];
            let length = self.socket.recv(&mut buffer).expect(line);
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.lines().any(|heard| heard == line) {
                return message;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_hears_that_it_is_ready_well_reloading_and_stopping() {
    let manager = Manager::new();
    let path = manager.directory.path().join("notify");
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")];
    let configuration = "projects: [ { region: cn-north-4, endpoint: 'http://127.0.0.1:1', project_id: p } ]";
    let mut exporter = Exporter::start_in(configuration, &environment).await;
    let ready = manager.hear("READY=1");
    let address = exporter.base.trim_start_matches("http://");
    assert!(ready.contains(&format!("STATUS=serving on {address}")), "{ready}");
    for _ in 0..3 {
        manager.hear("WATCHDOG=1");
    }
    exporter.signal("HUP");
    assert!(manager.hear("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.hear("READY=1");
    exporter.signal("TERM");
    manager.hear("STOPPING=1");
    assert!(exporter.wait_for_exit().await.success());
}

#[tokio::test]
async fn sockets_that_systemd_hands_over_are_served_on() {
    let port = free_port();
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg(format!("--listen=127.0.0.1:{port}"))
        .arg(env!("CARGO_BIN_EXE_workspace-exporter"))
        .args(["simulate", "--desktops=5", "--web.systemd-socket"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _activated = Process::start(&mut command);
    // The first request starts the exporter and waits until it answers.
    let scrape = wait_for("an answer of the activated exporter", async || {
        let request = client()
            .build()
            .unwrap()
            .get(format!("http://127.0.0.1:{port}/metrics"));
        request.send().await.ok()
    })
    .await;
    assert_eq!(scrape.status(), 200);
    assert!(scrape.text().await.unwrap().contains("project=\"simulated\""));
}

#[test]
fn without_a_socket_to_take_the_setting_is_named() {
    let output = run(&["simulate", "--desktops=5", "--web.systemd-socket"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("web.systemd_socket"), "{said}");
}

#[test]
fn the_units_are_good_and_little_exposed() {
    let units = root().join("deploy/systemd");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(units.join("workspace-exporter.socket"))
        .output()
        .expect("the Debian package systemd is installed (scripts/test does it)");
    let said = String::from_utf8_lossy(&verified.stderr);
    let of_ours = said.lines().filter(|line| line.contains("workspace-exporter"));
    // Nothing is installed where the tests run.
    let findings: Vec<&str> = of_ours.filter(|line| !line.contains("is not executable")).collect();
    assert!(findings.is_empty(), "{findings:?}");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(units.join("workspace-exporter.service"))
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn the_configuration_beside_the_units_is_good() {
    let file = root().join("deploy/systemd/exporter.yaml");
    let mut command = binary();
    command.args(["check", "--offline", "--config.file"]).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
