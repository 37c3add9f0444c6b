//! What every test starts: the exporter as a process, servers for it, and real Prometheus tools. All on loopback, all
//! ended by their own id when dropped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a state may take to come before a test fails; CI machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a question is answered with something; panics with its name otherwise.
pub(crate) async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A client of our own servers, apart from the code under test.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // Installed already by another test: the choice is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

async fn fetch(url: String) -> reqwest::Result<reqwest::Response> {
    client().build()?.get(url).send().await
}

/// What a process wrote, while it writes.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<String>>);

impl Written {
    fn follow(&self, stream: impl Read + Send + 'static) {
        let text = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = text.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// A process of ours, ended by its own id when the test ends, however it ends.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it with nothing to read; what it writes goes where the command says.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.expect("the program is installed (scripts/test installs what tests need)"))
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary, its standard output and standard error caught.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workspace-exporter"));
    // Whoever runs the tests may have credentials of their own.
    for name in [
        "HOME",
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
    ] {
        command.env_remove(name);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running exporter.
pub(crate) struct Exporter {
    process: Process,
    pub(crate) base: String,
    pub(crate) stdout: Written,
    pub(crate) stderr: Written,
    _directory: TempDir,
}

impl Exporter {
    /// Starts the exporter with this configuration on a free port and waits until it listens.
    pub(crate) async fn start(configuration: &str) -> Self {
        Self::start_with(configuration, &["--log.level=trace"]).await
    }

    pub(crate) async fn start_with(configuration: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = write(&directory, "exporter.yaml", configuration);
        let mut command = binary();
        command.arg("--config.file").arg(file).args(flags);
        Self::spawn(command, directory).await
    }

    /// Starts the exporter with this configuration and these variables in its environment.
    pub(crate) async fn start_in(configuration: &str, environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = write(&directory, "exporter.yaml", configuration);
        let mut command = binary();
        command.arg("--log.level=trace").arg("--config.file").arg(file);
        command.envs(environment.iter().copied());
        Self::spawn(command, directory).await
    }

    /// Starts the exporter without a configuration file.
    pub(crate) async fn start_bare(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command.args(flags).envs(environment.iter().copied());
        Self::spawn(command, tempfile::tempdir().unwrap()).await
    }

    /// Starts `simulate` with these flags.
    pub(crate) async fn simulate(flags: &[&str]) -> Self {
        let mut command = binary();
        command.arg("simulate").args(flags);
        Self::spawn(command, tempfile::tempdir().unwrap()).await
    }

    async fn spawn(mut command: Command, directory: TempDir) -> Self {
        command.args(["--web.listen-address=127.0.0.1:0", "--log.format=json"]);
        let mut process = Process::start(&mut command);
        let (stdout, stderr) = (Written::default(), Written::default());
        stdout.follow(process.stdout());
        stderr.follow(process.0.stderr.take().unwrap());
        let address = wait_for("the exporter's address", async || address_in(&stderr.text())).await;
        Self {
            process,
            base: format!("http://{address}"),
            stdout,
            stderr,
            _directory: directory,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = fetch(format!("{}{path}", self.base)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn metrics(&self) -> Exposition {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200);
        Exposition(text)
    }

    /// Waits for a scrape in which a row has this value; returns the scrape.
    pub(crate) async fn wait_for_value(&self, family: &str, labels: &[(&str, &str)], value: f64) -> Exposition {
        wait_for(&format!("{family}{labels:?} to be {value}"), async || {
            let metrics = self.metrics().await;
            (metrics.value(family, labels) == Some(value)).then_some(metrics)
        })
        .await
    }

    /// Waits for the first published snapshot of a project.
    pub(crate) async fn wait_for_snapshot(&self, project: &str) -> Exposition {
        self.wait_for_value("huaweicloud_workspace_exporter_up", &[("project", project)], 1.0)
            .await
    }

    /// Sends a signal by the process' own id.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args(["-s", signal, &self.process.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    pub(crate) async fn wait_for_exit(&mut self) -> ExitStatus {
        wait_for("the exporter to end", async || self.process.0.try_wait().unwrap()).await
    }

    /// Everything the process wrote and serves, for a search through it.
    pub(crate) async fn everything_shown(&self) -> String {
        let mut shown = self.stdout.text() + &self.stderr.text();
        for path in ["/metrics", "/", "/-/ready", "/-/healthy", "/nowhere"] {
            shown += &self.get(path).await.1;
        }
        shown
    }
}

fn address_in(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["fields"]["message"] == "listening")
        .map(|line| line["fields"]["address"].as_str().unwrap().to_owned())
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    binary().args(arguments).output().unwrap()
}

pub(crate) fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A configuration for one project with a token in a file; the file lives as long as the returned directory.
pub(crate) fn one_project(endpoint: &str, token: &str, more: &str) -> (String, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "token", token);
    let configuration = format!(
        "
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects: [ {{ name: test, endpoint: '{endpoint}', project_id: 0bec5db98280d2d02fd6c00c2de791ce }} ]
{more}
",
        file.display()
    );
    (configuration, directory)
}

/// A scrape in text format 0.0.4, read by rules written here a second time.
#[derive(Clone)]
pub(crate) struct Exposition(pub String);

pub(crate) type Labels = BTreeMap<String, String>;

impl Exposition {
    /// The rows of a family: labels and value.
    pub(crate) fn rows(&self, family: &str) -> Vec<(Labels, f64)> {
        self.0
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix(family))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .map(read_row)
            .collect()
    }

    /// The value of the one row that has all these labels.
    pub(crate) fn value(&self, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let rows = self.rows(family);
        let mut fitting = rows.iter().filter(|(row, _)| {
            labels
                .iter()
                .all(|(name, value)| row.get(*name).map(String::as_str) == Some(value))
        });
        let found = fitting.next().map(|(_, value)| *value);
        assert!(fitting.next().is_none(), "several rows of {family} have {labels:?}");
        found
    }
}

fn read_row(rest: &str) -> (Labels, f64) {
    let mut labels = Labels::new();
    let mut characters = rest.chars().peekable();
    if characters.next_if_eq(&'{').is_some() {
        while characters.next_if_eq(&'}').is_none() {
            let name: String = std::iter::from_fn(|| characters.next_if(|c| *c != '=')).collect();
            assert_eq!((characters.next(), characters.next()), (Some('='), Some('"')), "{rest}");
            let mut value = String::new();
            loop {
                match characters.next().unwrap() {
                    '"' => break,
                    '\\' => value.push(match characters.next().unwrap() {
                        'n' => '\n',
                        other => other,
                    }),
                    other => value.push(other),
                }
            }
            assert!(labels.insert(name, value).is_none(), "a label stands twice: {rest}");
            characters.next_if_eq(&',');
        }
    }
    let value: String = characters.collect();
    (labels, value.trim().parse().unwrap())
}

/// A real Prometheus that scrapes every second.
pub(crate) struct Prometheus {
    _process: Process,
    base: String,
    _directory: TempDir,
}

impl Prometheus {
    pub(crate) async fn scraping(exporter: &Exporter) -> Self {
        Self::scraping_both(&[("workspace", &exporter.base)]).await
    }

    /// Scrapes these, each as a job of its own, and records what the shipped rules record.
    pub(crate) async fn scraping_both(jobs: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = root().join("deploy/prometheus/recording.rules.yml");
        let mut configuration = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        for (job, base) in jobs {
            let target = base.trim_start_matches("http://");
            let _ = writeln!(
                configuration,
                "  - job_name: {job}\n    static_configs: [ {{ targets: ['{target}'] }} ]"
            );
        }
        write(&directory, "prometheus.yml", &configuration);
        Self::configured_in(directory).await
    }

    /// Runs with the `prometheus.yml` of a folder.
    pub(crate) async fn configured_in(directory: TempDir) -> Self {
        let file = directory.path().join("prometheus.yml");
        let port = free_port();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stdout(Stdio::null());
        let prometheus = Self {
            _process: Process::start(&mut command),
            base: format!("http://127.0.0.1:{port}"),
            _directory: directory,
        };
        wait_for("Prometheus to be ready", async || {
            let ready = fetch(format!("{}/-/ready", prometheus.base)).await;
            ready.ok().filter(|response| response.status().is_success())
        })
        .await;
        prometheus
    }

    /// Runs an instant query; returns each result's labels and value.
    pub(crate) async fn query(&self, promql: &str) -> Vec<(Labels, f64)> {
        self.ask(promql, String::new()).await
    }

    /// The same as of a moment, in seconds after the epoch.
    pub(crate) async fn query_at(&self, moment: f64, promql: &str) -> Vec<(Labels, f64)> {
        self.ask(promql, format!("time={moment}&")).await
    }

    async fn ask(&self, promql: &str, moment: String) -> Vec<(Labels, f64)> {
        let mut url = format!("{}/api/v1/query?{moment}query=", self.base);
        for byte in promql.bytes() {
            write!(url, "%{byte:02X}").unwrap();
        }
        let text = fetch(url).await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["status"], "success", "{promql}: {text}");
        let results = answer["data"]["result"].as_array().unwrap();
        results
            .iter()
            .map(|result| {
                let labels = serde_json::from_value(result["metric"].clone()).unwrap();
                (labels, result["value"][1].as_str().unwrap().parse().unwrap())
            })
            .collect()
    }

    /// The value of a query with one result; 0 for none, as PromQL leaves empty sums out.
    pub(crate) async fn number(&self, promql: &str) -> f64 {
        self.query(promql).await.first().map_or(0.0, |(_, value)| *value)
    }

    /// Waits until a target was scraped whole.
    pub(crate) async fn wait_for_scrape(&self) {
        wait_for("a scrape by Prometheus", async || {
            let scraped = self.number("up{job=\"workspace\"}").await;
            let listed = self.number("sum(huaweicloud_workspace_exporter_up)").await;
            (scraped == 1.0 && listed >= 1.0).then_some(())
        })
        .await;
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asserts that `promtool check metrics` has no finding.
#[track_caller]
pub(crate) fn assert_promtool_accepts(exposition: &Exposition) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(exposition.0.as_bytes()).unwrap();
    file.rewind().unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(file)
        .output()
        .expect("the Debian package prometheus is installed (scripts/test does it)");
    let findings = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && findings.is_empty(), "promtool: {findings}");
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
