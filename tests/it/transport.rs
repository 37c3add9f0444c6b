//! How requests travel: trust, proxies, and what the clocks of a connection do.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use workspace_simulator::{BodyFault, Fault, Trouble};

use crate::cloud::Cloud;
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

/// A server that answers whoever asks with these bytes, and then closes the connection or leaves it open.
async fn answering(bytes: &'static [u8], closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Being readable may be a false alarm, and an answer before the request is another fault.
            let _ = stream.read_u8().await.unwrap();
            stream.write_all(bytes).await.unwrap();
            if !closes {
                open.push(stream);
            }
        }
    });
    endpoint
}

/// Asserts that the first poll of this endpoint fails for this reason, long before an attempt may end.
async fn fails(endpoint: &str, clock: &str, reason: &str) {
    let (configuration, _files) = one_project(endpoint, "t", "");
    let configuration = configuration.replace("api: {", &format!("api: {{ attempts: 1, {clock}"));
    let began_at = Instant::now();
    let exporter = Exporter::start(&configuration).await;
    exporter
        .wait_for_value(
            "huaweicloud_workspace_exporter_poll_failures_total",
            &[("reason", reason)],
            1.0,
        )
        .await;
    assert!(began_at.elapsed().as_secs() < 12, "{:?}", began_at.elapsed());
}

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"desktops\": [";

#[tokio::test]
async fn an_answer_that_does_not_begin_is_given_up_at_the_first_byte_clock() {
    let endpoint = answering(b"", false).await;
    fails(&endpoint, "first_byte_timeout: 300ms,", "timeout").await;
}

#[tokio::test]
async fn an_answer_that_stalls_is_given_up_at_the_stall_clock() {
    let endpoint = answering(HALF, false).await;
    fails(&endpoint, "stall_timeout: 300ms,", "timeout").await;
}

#[tokio::test]
async fn an_attempt_ends_at_its_own_clock_whatever_trickles_in() {
    let endpoint = answering(b"HTTP/1.1 200 OK\r\nx: ", false).await;
    fails(&endpoint, "timeout: 300ms,", "timeout").await;
}

#[tokio::test]
async fn a_body_that_is_cut_is_a_network_failure() {
    let endpoint = answering(HALF, true).await;
    fails(&endpoint, "", "network").await;
}

#[tokio::test]
async fn a_body_over_32_mebibytes_is_not_read_to_its_end() {
    let cloud = Cloud::standing_still(3).await;
    cloud
        .simulator()
        .set_troubles(vec![Trouble::always(Fault::Body(BodyFault::Huge))]);
    fails(&cloud.endpoint, "", "limit").await;
}

#[tokio::test]
async fn an_answer_that_ends_in_its_body_is_asked_for_again_on_a_new_connection() {
    let cloud = Cloud::standing_still(3).await;
    let (configuration, _files) = one_project(&cloud.endpoint, &cloud.identity.token, "");
    let configuration = configuration.replace("0bec5db98280d2d02fd6c00c2de791ce", &cloud.identity.project_id);
    cloud.simulator().set_troubles(vec![Trouble {
        fault: Fault::ResetInBody,
        percent: 50,
        calls: "",
    }]);
    let exporter = Exporter::start(&configuration.replace("api: {", "api: { attempts: 10,")).await;
    let shown = exporter.wait_for_snapshot("test").await;
    assert_eq!(shown.rows("huaweicloud_workspace_desktop_status").len(), 3);
}
