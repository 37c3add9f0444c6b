//! The settings in force, a line each with its source, for `--config.print`. Secrets are never settings, only where they
//! are; a proxy's user and password are masked.

use std::collections::BTreeMap;
use std::fmt::Write;

use config::{Config, File, FileFormat, FileSourceString, Source, Value, ValueKind};

use super::error::ConfigError;
use super::layers::{Overrides, syntax_error};

/// The reference file, which a test keeps equal to the defaults.
const DEFAULTS: &str = include_str!("../../config/exporter.yaml");

/// The name of the highest layers.
const FLAG: &str = "flag or environment";

/// Values by path, such as `web.listen[0]`.
type Leaves = BTreeMap<String, String>;

/// Writes every setting in force as `path: value  # source`.
///
/// # Errors
///
/// [`ConfigError`] when the text is no YAML; unknown keys are found by reading the settings, not here.
pub fn print(origin: &str, text: &str, overrides: &Overrides) -> Result<String, ConfigError> {
    let mut in_force: BTreeMap<String, (String, &str)> = BTreeMap::new();
    let layers = [
        ("default", leaves_of_yaml(DEFAULTS)),
        (origin, leaves_of_yaml(text)),
        (FLAG, overrides.layer().and_then(|layer| leaves_of(&layer))),
    ];
    for (source, leaves) in layers {
        let leaves = leaves.map_err(|problem| syntax_error(origin, &problem))?;
        // A list replaces the list below it, and what is set replaces an empty table.
        in_force.retain(|path, _| !leaves.keys().any(|new| is_replaced_by(path, new)));
        in_force.extend(leaves.into_iter().map(|(path, value)| (path, (value, source))));
    }
    // These two replace a key of the only project, not the list.
    for (key, value) in overrides.of_project() {
        in_force.remove("projects");
        in_force.insert(format!("projects[0].{key}"), (value.to_owned(), FLAG));
    }
    let mut page = String::new();
    for (path, (value, source)) in &in_force {
        let value = if path == "api.proxy" {
            without_user(value)
        } else {
            value.clone()
        };
        // Writing into a String cannot fail.
        let _ = writeln!(page, "{path}: {value}  # {source}");
    }
    Ok(page)
}

fn leaves_of_yaml(text: &str) -> Result<Leaves, config::ConfigError> {
    let file: File<FileSourceString, FileFormat> = File::from_str(text, FileFormat::Yaml);
    leaves_of(&Config::builder().add_source(file).build()?)
}

fn leaves_of(layer: &Config) -> Result<Leaves, config::ConfigError> {
    let mut leaves = Leaves::new();
    for (key, value) in layer.collect()? {
        push(&mut leaves, &key, &value);
    }
    Ok(leaves)
}

fn push(leaves: &mut Leaves, path: &str, value: &Value) {
    match &value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                push(leaves, &format!("{path}.{key}"), value);
            }
        }
        ValueKind::Array(items) if !items.is_empty() => {
            for (position, item) in items.iter().enumerate() {
                push(leaves, &format!("{path}[{position}]"), item);
            }
        }
        ValueKind::Table(_) => drop(leaves.insert(path.to_owned(), "{}".to_owned())),
        ValueKind::Array(_) => drop(leaves.insert(path.to_owned(), "[]".to_owned())),
        ValueKind::Nil => drop(leaves.insert(path.to_owned(), "null".to_owned())),
        plain => drop(leaves.insert(path.to_owned(), plain.to_string())),
    }
}

/// Whether a path of a lower layer gives way to one of a higher: the same list, or an empty place that is filled.
fn is_replaced_by(old: &str, new: &str) -> bool {
    let list = |path: &str| path.split_once('[').map(|(list, _)| list.to_owned());
    let is_filled = new.strip_prefix(old).is_some_and(|rest| rest.starts_with(['.', '[']));
    is_filled || (list(old).is_some() && (list(old) == list(new) || list(old).as_deref() == Some(new)))
}

/// `http://user:password@host` as `http://***@host`.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_source_and_a_proxys_password_is_masked() {
        let text = "
collect: { interval: 10m }
api: { proxy: 'http://someone:CANARY@proxy:3128' }
web: { listen: [':1', ':2'] }
projects: [ { region: cn-north-4 } ]
";
        let overrides = Overrides {
            listen: vec![":9".to_owned()],
            project_id: Some("0bec".to_owned()),
            ..Overrides::default()
        };
        let page = print("test.yaml", text, &overrides).expect("a page");
        for line in [
            "collect.interval: 10m  # test.yaml",
            "collect.jitter: 0.1  # default",
            "api.proxy: http://***@proxy:3128  # test.yaml",
            "web.listen[0]: :9  # flag or environment",
            "projects[0].region: cn-north-4  # test.yaml",
            "projects[0].project_id: 0bec  # flag or environment",
            "credentials: {}  # default",
        ] {
            assert!(page.lines().any(|printed| printed == line), "{line:?} is not in {page}");
        }
        assert!(!page.contains("CANARY") && !page.contains("listen[1]"), "{page}");
    }
}
