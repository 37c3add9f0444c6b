//! Every family of the exporter's own registry, one row of a table each: registration and documentation read it.

/// A family of this registry, as the documentation shows it.
#[derive(Debug)]
pub struct Definition {
    /// Its full name.
    pub name: &'static str,
    /// One sentence for HELP.
    pub help: &'static str,
    /// The word of the text format.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
}

pub(super) const BUILD_INFO: Definition = Definition {
    name: "huaweicloud_workspace_exporter_build_info",
    help: "Facts of this build as labels; always 1.",
    kind: "gauge",
    labels: &["version", "revision", "rustc"],
};

pub(super) const POLLS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_polls_total",
    help: "Polls of the project by result.",
    kind: "counter",
    labels: &["project", "result"],
};

pub(super) const POLL_FAILURES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_failures_total",
    help: "Polls of the project that published nothing, by reason.",
    kind: "counter",
    labels: &["project", "reason"],
};

pub(super) const POLL_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_duration_seconds",
    help: "How long the last poll of the project took, networks included.",
    kind: "gauge",
    labels: &["project"],
};

pub(super) const POLL_INTERVAL: Definition = Definition {
    name: "huaweicloud_workspace_exporter_poll_interval_seconds",
    help: "How often the project is polled, as configured.",
    kind: "gauge",
    labels: &["project"],
};

pub(super) const LAST_ATTEMPT: Definition = Definition {
    name: "huaweicloud_workspace_exporter_last_attempt_timestamp_seconds",
    help: "When the last poll of the project began, in seconds since the epoch.",
    kind: "gauge",
    labels: &["project"],
};

pub(super) const API_REQUESTS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_requests_total",
    help: "Requests sent to the cloud, every attempt counted; code none: no answer came.",
    kind: "counter",
    labels: &["project", "operation", "code"],
};

pub(super) const API_REQUEST_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_request_duration_seconds",
    help: "Time from sending a request to the last byte of its answer.",
    kind: "histogram",
    labels: &["operation"],
};

pub(super) const AUTH_FAILURES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_auth_failures_total",
    help: "Times that the credential of the project was refused.",
    kind: "counter",
    labels: &["project"],
};

pub(super) const CREDENTIALS_EXPIRY: Definition = Definition {
    name: "huaweicloud_workspace_exporter_credentials_expiry_timestamp_seconds",
    help: "When the token or temporary key in use ends, in seconds since the epoch; no row for one that has no end.",
    kind: "gauge",
    labels: &["project"],
};

pub(super) const TOKEN_REFRESHES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_token_refreshes_total",
    help: "Tokens that IAM gave for the project.",
    kind: "counter",
    labels: &["project"],
};

pub(super) const CLOCK_SKEW: Definition = Definition {
    name: "huaweicloud_workspace_exporter_clock_skew_seconds",
    help: "The cloud's clock minus this machine's, by the Date header of the last answer.",
    kind: "gauge",
    labels: &["project"],
};

pub(super) const UNKNOWN_VALUES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_unknown_values_total",
    help: "State words that the contract does not list, shown as unknown; counted in every listing.",
    kind: "counter",
    labels: &["field"],
};

pub(super) const FIELD_SHAPE: Definition = Definition {
    name: "huaweicloud_workspace_exporter_field_shape_total",
    help: "Fields left out because the API sent another JSON type than it documents; counted in every listing.",
    kind: "counter",
    labels: &["field"],
};

pub(super) const HTTP_REQUESTS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_http_requests_total",
    help: "Requests that this exporter answered.",
    kind: "counter",
    labels: &["handler", "code"],
};

pub(super) const HTTP_REQUEST_DURATION: Definition = Definition {
    name: "huaweicloud_workspace_exporter_http_request_duration_seconds",
    help: "Time that this exporter took to make an answer.",
    kind: "histogram",
    labels: &["handler"],
};

pub(super) const LISTING_GAPS: Definition = Definition {
    name: "huaweicloud_workspace_exporter_listing_gaps_total",
    help: "Page boundaries that had to be walked back because desktops moved, and desktops that the list left out.",
    kind: "counter",
    labels: &["project"],
};

pub(super) const API_RETRIES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_retries_total",
    help: "Failed attempts that were followed by another.",
    kind: "counter",
    labels: &["project", "operation"],
};

pub(super) const API_THROTTLED: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_throttled_total",
    help: "Answers that asked for fewer calls (429 and 503).",
    kind: "counter",
    labels: &["project", "operation"],
};

pub(super) const API_RATE_LIMIT: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_rate_limit_requests_per_second",
    help: "The rate of calls in force, by the last call.",
    kind: "gauge",
    labels: &["project", "operation"],
};

pub(super) const API_RESPONSE_BYTES: Definition = Definition {
    name: "huaweicloud_workspace_exporter_api_response_bytes_total",
    help: "Bytes of the bodies that the cloud answered with.",
    kind: "counter",
    labels: &["project", "operation"],
};

pub(super) const CONFIG_RELOAD: Definition = Definition {
    name: "huaweicloud_workspace_exporter_config_last_reload_successful",
    help: "Whether the last attempt to load the configuration succeeded.",
    kind: "gauge",
    labels: &[],
};

pub(super) const CONFIG_RELOAD_TIME: Definition = Definition {
    name: "huaweicloud_workspace_exporter_config_last_reload_success_timestamp_seconds",
    help: "When the configuration in force was loaded, in seconds since the epoch.",
    kind: "gauge",
    labels: &[],
};

/// Every family of the registry but the standard `process_*` ones.
pub const DEFINITIONS: [&Definition; 23] = [
    &BUILD_INFO,
    &POLLS,
    &POLL_FAILURES,
    &POLL_DURATION,
    &POLL_INTERVAL,
    &LAST_ATTEMPT,
    &LISTING_GAPS,
    &API_REQUESTS,
    &API_REQUEST_DURATION,
    &API_RETRIES,
    &API_THROTTLED,
    &API_RATE_LIMIT,
    &API_RESPONSE_BYTES,
    &AUTH_FAILURES,
    &CREDENTIALS_EXPIRY,
    &TOKEN_REFRESHES,
    &CLOCK_SKEW,
    &UNKNOWN_VALUES,
    &FIELD_SHAPE,
    &CONFIG_RELOAD,
    &CONFIG_RELOAD_TIME,
    &HTTP_REQUESTS,
    &HTTP_REQUEST_DURATION,
];
