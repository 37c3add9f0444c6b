//! Wrong settings end with one clear line that names the key or the file, and code 64; trouble at the start with 1.

use std::fs;

use workspace_exporter::config::{Overrides, Settings, parse};

use crate::rig::{root, run, write};

const VALID: &str = "
credentials: { main: { kind: token_file, file: /nonexistent/token } }
projects: [ { region: cn-north-4, project_id: 0bec5db98280d2d02fd6c00c2de791ce } ]
";

/// Runs the binary with this configuration; it ends with this code and one line that has all these parts.
#[track_caller]
fn check(configuration: &str, flags: &[&str], code: i32, parts: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "exporter.yaml", configuration);
    let mut arguments = vec!["--config.file", file.to_str().unwrap()];
    arguments.extend(flags);
    check_run(&arguments, code, parts);
}

#[track_caller]
fn check_run(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn the_sample_file_shows_every_default() {
    let text = fs::read_to_string(root().join("config/exporter.yaml")).unwrap();
    let sample = parse("config/exporter.yaml", &text, &Overrides::default()).unwrap();
    assert_eq!(sample, Settings::default());
    for key in [
        "listen",
        "telemetry_path",
        "max_connections",
        "interval",
        "jitter",
        "network_interval",
        "requests_per_second",
        "burst",
        "concurrency",
        "timeout",
        "proxy",
        "ca_file",
        "page_size",
        "network_batch_size",
        "users",
        "token_file",
        "password_file",
        "iam_endpoint",
        "insecure_http",
        "required",
    ] {
        assert!(
            text.contains(&format!("{key}:")) || text.contains(key),
            "config/exporter.yaml lacks {key}"
        );
    }
}

#[test]
fn a_wrong_key_or_value_is_named_and_ends_with_64() {
    check(
        "collect: { intervall: 60s }",
        &[],
        64,
        &["exporter.yaml", "collect.intervall"],
    );
    check("colect: {}", &[], 64, &["exporter.yaml", "colect"]);
    check(
        "collect: { interval: 5 parsecs }",
        &[],
        64,
        &["collect.interval", "invalid duration", "5 parsecs"],
    );
    check("collect: { interval: 60 }", &[], 64, &["collect.interval", "60"]);
    check("{", &[], 64, &["exporter.yaml"]);
    check("", &[], 64, &["projects", "at least one project"]);
    check("projects: []", &[], 64, &["projects", "at least one project"]);
    check(
        "projects: [ { region: cn-north-4, credentials: none } ]",
        &[],
        64,
        &["projects[0].credentials"],
    );
    check(
        &VALID.replace("region: cn-north-4", "name: a, endpoint: 'https://a', region: ''"),
        &[],
        64,
        &["projects[0]"],
    );
    check(
        "credentials: { a: { kind: access_key } }",
        &[],
        64,
        &["credentials.a", "access_key_env"],
    );
    check(VALID, &["--collect.interval=soon"], 64, &["collect.interval", "soon"]);
    check(
        VALID,
        &["--web.listen-address=nowhere"],
        64,
        &["web.listen[0]", "nowhere"],
    );
    check(
        &format!("{VALID}\napi: {{ ca_file: /nonexistent/ca.pem }}"),
        &[],
        64,
        &["api.ca_file", "/nonexistent/ca.pem"],
    );
    check(
        &format!("{VALID}\nprivacy: {{ users: everyone }}"),
        &[],
        64,
        &["privacy.users"],
    );
    check(
        &format!("{VALID}\nprivacy: {{ users: hash }}"),
        &[],
        64,
        &["privacy.hash_key_file"],
    );
    check(
        &format!("{VALID}\nprivacy: {{ users: hash, hash_key_file: /nonexistent/key }}"),
        &[],
        64,
        &["privacy.hash_key_file", "/nonexistent/key"],
    );
    check(
        &format!("{VALID}\nmetrics: {{ off: [desktop_statuss] }}"),
        &[],
        64,
        &["metrics.off[0]", "desktop_statuss", "desktop_status"],
    );
    check(
        &format!("{VALID}\nmetrics: {{ encoding: {{ desktop_task_status: dense }} }}"),
        &[],
        64,
        &["metrics.encoding.desktop_task_status"],
    );
}

#[test]
fn the_settings_in_force_are_printed_with_their_sources() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(&directory, "exporter.yaml", VALID);
    let file = file.to_str().unwrap();
    let output = run(&["--config.file", file, "--config.print", "--collect.interval=7s"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{page}");
    for line in [
        "collect.interval: 7s  # flag or environment".to_owned(),
        "api.page_size: 500  # default".to_owned(),
        format!("credentials.main.kind: token_file  # {file}"),
    ] {
        assert!(page.lines().any(|printed| printed == line), "{line:?} is not in {page}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_ends_with_64() {
    check_run(
        &["--config.file", "/nonexistent/exporter.yaml"],
        64,
        &["/nonexistent/exporter.yaml", "No such file"],
    );
    let directory = tempfile::tempdir().unwrap();
    check_run(
        &["--config.file", directory.path().to_str().unwrap()],
        64,
        &[directory.path().to_str().unwrap()],
    );
    check_run(&[], 64, &["projects"]);
}

#[test]
fn a_port_in_use_is_named_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let flag = format!("--web.listen-address={address}");
    check(VALID, &[&flag], 1, &["web.listen", &address, "in use"]);
}

#[test]
fn a_wrong_flag_ends_with_64_and_help_with_0() {
    assert_eq!(run(&["--no-such-flag"]).status.code(), Some(64));
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    for name in [
        "--config.file",
        "WORKSPACE_EXPORTER_CONFIG_FILE",
        "simulate",
        "--collect.interval",
    ] {
        assert!(help.contains(name), "{name} is not in {help}");
    }
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert!(version.starts_with("workspace-exporter 0."), "{version}");
}

/// The paths under which a schema has defaults, with lists and maps of names as one.
fn paths_with_defaults(schema: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        if inner.get("default").is_some() {
            found.push(path);
        } else {
            paths_with_defaults(inner, &format!("{path}."), found);
        }
    }
}

/// A schema's defaults as a configuration.
fn defaults_of(schema: &serde_json::Value) -> serde_json::Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let default_of = |(key, inner): (&String, &serde_json::Value)| {
        let default = inner.get("default").cloned();
        (key.clone(), default.unwrap_or_else(|| defaults_of(inner)))
    };
    properties.map(default_of).collect()
}

#[test]
fn the_schema_has_every_key_and_every_default_of_the_code() {
    let text = fs::read_to_string(root().join("config/exporter.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let defaults = defaults_of(&schema).to_string();
    let parsed = parse("the schema's defaults", &defaults, &Overrides::default()).unwrap();
    assert_eq!(parsed, Settings::default());
    let mut paths = Vec::new();
    paths_with_defaults(&schema, "", &mut paths);
    let printed = workspace_exporter::config::print("none", "{}", &Overrides::default()).unwrap();
    let path_of = |line: &str| line.split([':', '[']).next().unwrap().to_owned();
    let of_the_code: std::collections::BTreeSet<String> = printed.lines().map(path_of).collect();
    assert_eq!(
        paths.into_iter().collect::<std::collections::BTreeSet<String>>(),
        of_the_code
    );
    for example in schema["examples"].as_array().unwrap() {
        let settings = parse("an example", &example.to_string(), &Overrides::default()).unwrap();
        workspace_exporter::config::check("an example", settings).unwrap();
    }
}

#[test]
fn a_validator_of_json_schema_takes_what_is_shipped_and_nothing_unknown() {
    let output = std::process::Command::new(root().join("target/python/bin/python"))
        .arg(root().join("tests/python/check_schema.py"))
        .args(
            [
                "config/exporter.schema.json",
                "config/exporter.yaml",
                "deploy/systemd/exporter.yaml",
            ]
            .map(|it| root().join(it)),
        )
        .output()
        .expect("scripts/test makes the virtual environment");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
