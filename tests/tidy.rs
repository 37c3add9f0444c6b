//! House rules as tests: who may know whom, how a file opens, how long it may grow. A rule fails like a bug.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Production lines of a file; above this it is two files.
const LINES_MAXIMUM: usize = 300;

/// Every room of the house with those it may know. ARCHITECTURE.md draws the same arrows.
const ARROWS: &[(&str, &[&str])] = &[
    ("inventory", &[]),
    ("config", &[]),
    ("seams", &[]),
    ("causes", &[]),
    ("telemetry", &[]),
    ("replace", &[]),
    ("shutdown", &[]),
    ("systemd", &[]),
    ("publish", &["inventory"]),
    ("own_metrics", &["inventory"]),
    ("exposition", &["publish", "inventory", "config"]),
    ("api", &["inventory", "config", "seams", "causes"]),
    (
        "collect",
        &[
            "api",
            "inventory",
            "publish",
            "own_metrics",
            "config",
            "seams",
            "causes",
        ],
    ),
    ("http", &["publish", "exposition", "own_metrics", "config"]),
    ("documentation", &["exposition", "own_metrics"]),
    ("supervise", &[]),
    ("state", &["inventory", "publish", "replace"]),
    (
        "workshop",
        &[
            "api",
            "collect",
            "config",
            "inventory",
            "own_metrics",
            "publish",
            "seams",
            "state",
        ],
    ),
    (
        "discovery",
        &["api", "causes", "config", "publish", "supervise", "workshop"],
    ),
    (
        "generation",
        &[
            "config",
            "discovery",
            "own_metrics",
            "publish",
            "seams",
            "state",
            "supervise",
            "workshop",
        ],
    ),
    (
        "app",
        &[
            "api",
            "causes",
            "config",
            "exposition",
            "generation",
            "http",
            "own_metrics",
            "publish",
            "seams",
            "supervise",
            "systemd",
            "workshop",
        ],
    ),
    ("healthcheck", &["config"]),
    (
        "once",
        &[
            "app",
            "exposition",
            "generation",
            "own_metrics",
            "publish",
            "replace",
            "supervise",
        ],
    ),
    (
        "check",
        &[
            "api",
            "app",
            "causes",
            "collect",
            "config",
            "exposition",
            "inventory",
            "own_metrics",
            "publish",
            "workshop",
        ],
    ),
    ("simulate", &["app", "config", "seams"]),
    (
        "cli",
        &[
            "app",
            "causes",
            "check",
            "config",
            "documentation",
            "healthcheck",
            "once",
            "shutdown",
            "simulate",
            "telemetry",
        ],
    ),
    ("lib", &[]),
    ("main", &[]),
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// What stands before the tests.
    fn production(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// The room that the file is in: the first part of its path under `src`.
    fn room(&self) -> String {
        let relative = self.path.strip_prefix(root().join("src")).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        first.trim_end_matches(".rs").to_owned()
    }

    /// The rooms it names: every `crate::ROOM`.
    fn known(&self) -> BTreeSet<String> {
        let named = self.production().split("crate::").skip(1).flat_map(|rest| {
            let list = rest
                .strip_prefix('{')
                .map(|rest| rest.split('}').next().unwrap_or_default());
            list.map_or_else(
                || vec![first_word(rest)],
                |list| list.split(',').map(first_word).collect(),
            )
        });
        named.filter(|room| !room.is_empty() && *room != self.room()).collect()
    }
}

fn first_word(text: &str) -> String {
    let word = text.trim_start().chars();
    word.take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut folders = vec![root().join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(!sources.is_empty(), "no sources under {folder}");
    sources
}

#[test]
fn nobody_knows_whom_they_should_not() {
    for source in sources("src") {
        let room = source.room();
        let allowed = ARROWS
            .iter()
            .find(|(name, _)| *name == room)
            .map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{room} has no row in ARROWS"));
        for known in source.known() {
            assert!(
                allowed.contains(&known.as_str()),
                "{}: {room} must not know {known}",
                source.path.display()
            );
        }
    }
}

#[test]
fn every_arrow_is_used_and_none_runs_back() {
    for (room, allowed) in ARROWS {
        let of_room = sources("src").into_iter().filter(|source| source.room() == *room);
        let known: BTreeSet<String> = of_room.flat_map(|source| source.known()).collect();
        for arrow in *allowed {
            assert!(
                known.contains(*arrow),
                "{room} does not know {arrow}: take the arrow out"
            );
            let back = ARROWS.iter().find(|(name, _)| name == arrow).unwrap().1;
            assert!(!back.contains(room), "{room} and {arrow} know each other");
        }
    }
}

#[test]
fn the_simulator_and_the_exporter_share_no_code() {
    for source in sources("simulator/src") {
        assert!(!source.text.contains("workspace_exporter"), "{}", source.path.display());
    }
    for source in sources("src") {
        let may_know = ["simulate"].contains(&source.room().as_str());
        assert!(
            may_know || !source.text.contains("workspace_simulator"),
            "{}",
            source.path.display()
        );
    }
}

#[test]
fn every_file_says_first_what_it_is_and_stays_short() {
    for folder in ["src", "simulator/src", "tests", "benches"] {
        for source in sources(folder) {
            let path = source.path.display();
            assert!(source.text.starts_with("//! "), "{path} does not open with its purpose");
            let lines = source.production().lines().count();
            let is_test = path.to_string().contains("/tests/");
            assert!(
                is_test || lines <= LINES_MAXIMUM,
                "{path} has {lines} lines: it is two files"
            );
        }
    }
}

#[test]
fn nothing_is_silenced_for_ever_and_nothing_is_left_undone() {
    for folder in ["src", "simulator/src"] {
        for source in sources(folder) {
            for banned in [
                "#[allow",
                "#![allow",
                "todo!",
                "unimplemented!",
                "TODO",
                "FIXME",
                "unsafe ",
            ] {
                assert!(
                    !source.text.contains(banned),
                    "{} holds {banned}",
                    source.path.display()
                );
            }
        }
    }
}

#[test]
fn main_is_four_acts() {
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 60);
}

/// Licences that a binary under Apache-2.0 may carry.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether one of the alternatives of an SPDX expression needs only accepted licences.
fn is_accepted(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    let accepted = |licence: &str| LICENCES.contains(&licence.trim());
    expression
        .split(" OR ")
        .any(|all_of| all_of.split(" AND ").all(accepted))
}

#[test]
fn dependencies_come_from_the_registry_under_licences_we_accept() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    for package in packages {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        assert!(is_accepted(licence), "{name} is under {licence}");
        let source = package["source"].as_str();
        assert!(
            source.is_none_or(|source| source.starts_with("registry+")),
            "{name} comes from {source:?}"
        );
    }
}
