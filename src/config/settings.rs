//! The settings tree: every key with its unit and default. `config/exporter.yaml` explains each; a test keeps both equal.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::credentials::CredentialSettings;
use super::discovery::DiscoverySettings;
use super::duration;
use super::metrics::MetricsSettings;
use super::project::ProjectSettings;
use super::shard::Shard;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Our own server.
    pub web: WebSettings,
    /// When the cloud is polled.
    pub collect: CollectSettings,
    /// How the cloud is called.
    pub api: ApiSettings,
    /// Credentials by name; a project refers to one.
    pub credentials: BTreeMap<String, CredentialSettings>,
    /// What is watched.
    pub projects: Vec<ProjectSettings>,
    /// Projects found through IAM.
    pub discovery: Option<DiscoverySettings>,
    /// Which of these projects are this process's.
    pub shard: Shard,
    /// Which families are served, and how.
    pub metrics: MetricsSettings,
    /// Personal data.
    pub privacy: PrivacySettings,
    /// What is kept over a restart.
    pub state: StateSettings,
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateSettings {
    /// Where snapshots are kept; `null`: nowhere.
    pub file: Option<PathBuf>,
    /// Older snapshots are not shown after a restart.
    #[serde(deserialize_with = "duration::deserialize")]
    pub max_age: Duration,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            file: None,
            max_age: Duration::from_secs(3_600),
        }
    }
}

/// Our own server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Take the sockets that systemd hands over instead of `listen`.
    pub systemd_socket: bool,
    /// The path of the metrics.
    pub telemetry_path: String,
    /// Connections served at once; more wait.
    pub max_connections: usize,
    /// Whether POST /-/reload is served.
    pub lifecycle: bool,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp(SocketAddr::from(([0, 0, 0, 0], 10223)))],
            systemd_socket: false,
            telemetry_path: "/metrics".to_owned(),
            max_connections: 64,
            lifecycle: false,
        }
    }
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `host:port`; port 0 picks a free one.
    Tcp(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Listen::Unix(PathBuf::from(path)));
        }
        // ":9100" is how the Prometheus world writes "every address".
        let full = if text.starts_with(':') {
            format!("0.0.0.0{text}")
        } else {
            text.to_owned()
        };
        full.replace("localhost:", "127.0.0.1:")
            .parse()
            .map(Listen::Tcp)
            .map_err(|_| format!("invalid address {text:?}: write IP:PORT, [IPv6]:PORT, :PORT or unix:PATH"))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(formatter),
            Listen::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// When the cloud is polled.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectSettings {
    /// From the start of one poll to the start of the next.
    #[serde(deserialize_with = "duration::deserialize")]
    pub interval: Duration,
    /// The part of the interval by which a start may be early or late.
    pub jitter: f64,
    /// A listing is given up after 0.8 intervals, and after this.
    #[serde(deserialize_with = "duration::deserialize")]
    pub listing_timeout: Duration,
    /// Fleets over this are refused loudly, never cut.
    pub max_desktops: usize,
    /// How often the networks of every desktop are asked for.
    #[serde(deserialize_with = "duration::deserialize")]
    pub network_interval: Duration,
    /// How long networks are shown without a new answer.
    #[serde(deserialize_with = "duration::deserialize")]
    pub network_max_age: Duration,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            jitter: 0.1,
            listing_timeout: Duration::from_secs(240),
            max_desktops: 200_000,
            network_interval: Duration::from_secs(300),
            network_max_age: Duration::from_secs(3_600),
        }
    }
}

/// How the cloud is called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// Calls a second, per project and operation.
    pub requests_per_second: f64,
    /// Calls that may go out at once after a quiet time.
    pub burst: u32,
    /// Network batches asked for at once.
    pub concurrency: usize,
    /// The longest one attempt may take.
    #[serde(deserialize_with = "duration::deserialize")]
    pub timeout: Duration,
    /// The longest a connection may take to be made.
    #[serde(deserialize_with = "duration::deserialize")]
    pub connect_timeout: Duration,
    /// The longest an answer may take to begin.
    #[serde(deserialize_with = "duration::deserialize")]
    pub first_byte_timeout: Duration,
    /// The longest an answer may make no progress.
    #[serde(deserialize_with = "duration::deserialize")]
    pub stall_timeout: Duration,
    /// Attempts a call.
    pub attempts: u32,
    /// The account of retries of a project: each costs 10, after throttling 5, and every success fills it by 1.
    pub retry_quota: u32,
    /// An HTTP proxy to the cloud, as a URL; `null`: none, whatever the environment says.
    pub proxy: Option<String>,
    /// A PEM file of certificate authorities trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Desktops asked for in one list call.
    pub page_size: usize,
    /// Desktops asked for in one networks call.
    pub network_batch_size: usize,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            requests_per_second: 2.0,
            burst: 5,
            concurrency: 4,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(20),
            attempts: 3,
            retry_quota: 50,
            proxy: None,
            ca_file: None,
            page_size: 500,
            network_batch_size: 100,
        }
    }
}

/// Personal data.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacySettings {
    /// What becomes of user names.
    pub users: Users,
    /// Where the key of their hashes is.
    pub hash_key_file: Option<PathBuf>,
}

/// What becomes of user names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Users {
    /// They are never read from the answers.
    #[default]
    Off,
    /// They are shown as keyed hashes.
    Hash,
    /// They are shown as they are.
    Plain,
}
