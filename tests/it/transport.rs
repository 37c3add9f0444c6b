//! How requests travel: trust, and proxies.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::reference_api::{PROJECT_ID, ReferenceApi, desktop};
use crate::rig::{Exporter, Process, one_project, root, write};

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_and_one_of_ca_file_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("certificate.pem");
    let key = directory.path().join("key.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut command = Command::new("python3");
    command
        .arg(root().join("tests/python/tls_server.py"))
        .args([&certificate, &key]);
    let mut server = Process::start(command.stdout(Stdio::piped()));
    let mut port = String::new();
    BufReader::new(server.stdout()).read_line(&mut port).unwrap();
    let endpoint = format!("https://localhost:{}", port.trim());

    let (configuration, _files) = one_project(&endpoint, "t", "");
    let exporter = Exporter::start(&configuration).await;
    let reason = [("reason", "tls")];
    exporter
        .wait_for_value("huaweicloud_workspace_exporter_poll_failures_total", &reason, 1.0)
        .await;
    assert!(
        exporter.stderr.text().contains("api.ca_file"),
        "the log does not say what to do"
    );

    let trusted = format!("requests_per_second: 1000, ca_file: '{}'", certificate.display());
    let exporter = Exporter::start(&configuration.replace("requests_per_second: 1000", &trusted)).await;
    exporter.wait_for_snapshot("test").await;
}

#[tokio::test]
async fn a_configured_proxy_is_used_and_one_of_the_environment_is_not() {
    let proxy = ReferenceApi::serving(vec![desktop(0)], vec![]).await;
    let directory = tempfile::tempdir().unwrap();
    let token = write(&directory, "token", "t");
    let configuration = format!(
        "
api: {{ proxy: '{}' }}
credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects:
  - {{ name: test, endpoint: 'http://workspace.invalid', project_id: {PROJECT_ID}, insecure_http: true }}",
        proxy.endpoint,
        token.display()
    );
    let exporter = Exporter::start(&configuration).await;
    exporter.wait_for_snapshot("test").await;
    assert!(!proxy.asked("detail").is_empty());

    let without = configuration
        .replace("api: {", "collect: {")
        .replace("proxy: ", "interval: 1h } # ");
    let before = proxy.asked("").len();
    let environment = [("http_proxy", proxy.endpoint.as_str()), ("HTTP_PROXY", &proxy.endpoint)];
    let exporter = Exporter::start_in(&without, &environment).await;
    let reason = [("reason", "network")];
    exporter
        .wait_for_value("huaweicloud_workspace_exporter_poll_failures_total", &reason, 1.0)
        .await;
    assert_eq!(proxy.asked("").len(), before);
}
