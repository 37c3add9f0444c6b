//! The flags of every subcommand, each also in the environment.

use std::path::PathBuf;

use clap::Args;
use tracing::Level;

use crate::config::Overrides;
use crate::telemetry::LogFormat;

/// Flags of every subcommand.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The configuration file (YAML)
    #[arg(
        long = "config.file",
        env = "WORKSPACE_EXPORTER_CONFIG_FILE",
        value_name = "FILE",
        global = true
    )]
    pub(super) config_file: Option<PathBuf>,

    /// Print the settings in force, each with its source, and end
    #[arg(long = "config.print", global = true)]
    pub(super) config_print: bool,

    /// Where to listen: IP:PORT, :PORT or unix:PATH; repeatable [default: 0.0.0.0:10223]
    #[arg(
        long = "web.listen-address",
        env = "WORKSPACE_EXPORTER_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ',',
        global = true
    )]
    pub(super) listen: Vec<String>,

    /// The path of the metrics [default: /metrics]
    #[arg(
        long = "web.telemetry-path",
        env = "WORKSPACE_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH",
        global = true
    )]
    pub(super) telemetry_path: Option<String>,

    /// Connections served at once [default: 64]
    #[arg(
        long = "web.max-connections",
        env = "WORKSPACE_EXPORTER_WEB_MAX_CONNECTIONS",
        value_name = "N",
        global = true
    )]
    pub(super) max_connections: Option<u32>,

    /// Serve on the sockets that systemd hands over
    #[arg(
        long = "web.systemd-socket",
        env = "WORKSPACE_EXPORTER_WEB_SYSTEMD_SOCKET",
        global = true
    )]
    pub(super) systemd_socket: bool,

    /// Serve POST /-/reload
    #[arg(
        long = "web.enable-lifecycle",
        env = "WORKSPACE_EXPORTER_WEB_ENABLE_LIFECYCLE",
        global = true
    )]
    pub(super) lifecycle: bool,

    /// How often every project is polled [default: 60s]
    #[arg(
        long = "collect.interval",
        env = "WORKSPACE_EXPORTER_COLLECT_INTERVAL",
        value_name = "DURATION",
        global = true
    )]
    pub(super) interval: Option<String>,

    /// Which of several processes that share the projects this is, from 0 [default: 0]
    #[arg(
        long = "shard.index",
        env = "WORKSPACE_EXPORTER_SHARD_INDEX",
        value_name = "N",
        global = true
    )]
    pub(super) shard_index: Option<u32>,

    /// How many processes share the projects [default: 1]
    #[arg(
        long = "shard.count",
        env = "WORKSPACE_EXPORTER_SHARD_COUNT",
        value_name = "N",
        global = true
    )]
    pub(super) shard_count: Option<u32>,

    /// The region, such as cn-north-4; without a file it is all it takes
    #[arg(
        long = "region",
        env = "WORKSPACE_EXPORTER_REGION",
        value_name = "REGION",
        global = true
    )]
    pub(super) region: Option<String>,

    /// The project's id; without it, IAM is asked for the region's default project
    #[arg(
        long = "project-id",
        env = "WORKSPACE_EXPORTER_PROJECT_ID",
        value_name = "ID",
        global = true
    )]
    pub(super) project_id: Option<String>,

    /// What is logged: error, warn, info, debug or trace
    #[arg(
        long = "log.level",
        env = "WORKSPACE_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    pub(super) log_level: Level,

    /// How lines are written
    #[arg(
        long = "log.format",
        env = "WORKSPACE_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    pub(super) log_format: LogFormat,
}

impl Flags {
    /// What they set over the file.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            telemetry_path: self.telemetry_path.clone(),
            max_connections: self.max_connections,
            systemd_socket: self.systemd_socket.then_some(true),
            lifecycle: self.lifecycle.then_some(true),
            interval: self.interval.clone(),
            shard_index: self.shard_index,
            shard_count: self.shard_count,
            region: self.region.clone(),
            project_id: self.project_id.clone(),
        }
    }
}
