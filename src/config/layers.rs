//! How the layers become one tree: read the file, lay flags and environment over it, then check it as a whole.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use config::{Config, File, FileFormat, FileSourceString};

use super::error::ConfigError;
use super::project::ProjectSettings;
use super::settings::{Settings, Users};

/// What flags and environment set; `None` leaves the file's word.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--web.listen-address`; replaces the whole list.
    pub listen: Vec<String>,
    /// `--web.telemetry-path`.
    pub telemetry_path: Option<String>,
    /// `--web.max-connections`.
    pub max_connections: Option<u32>,
    /// `--web.systemd-socket`.
    pub systemd_socket: Option<bool>,
    /// `--web.enable-lifecycle`.
    pub lifecycle: Option<bool>,
    /// `--collect.interval`.
    pub interval: Option<String>,
    /// `--shard.index`.
    pub shard_index: Option<u32>,
    /// `--shard.count`.
    pub shard_count: Option<u32>,
    /// `--region`.
    pub region: Option<String>,
    /// `--project-id`.
    pub project_id: Option<String>,
}

impl Overrides {
    /// What flags say of the only project, by its keys.
    pub(super) fn of_project(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let region = self.region.as_deref().map(|region| ("region", region));
        let project_id = self.project_id.as_deref().map(|id| ("project_id", id));
        region.into_iter().chain(project_id)
    }

    /// A region or a project id given by flag is the only project's; without a file, that is all it takes. Returns whether
    /// there was such a project.
    fn lay_over_projects(&self, projects: &mut Vec<ProjectSettings>) -> bool {
        if self.of_project().next().is_none() {
            return true;
        }
        if projects.is_empty() {
            projects.push(ProjectSettings::default());
        }
        let [project] = projects.as_mut_slice() else {
            return false;
        };
        project.region = self.region.clone().or(project.region.take());
        project.project_id = self.project_id.clone().or(project.project_id.take());
        true
    }

    /// The keys that are set, with their values.
    pub(super) fn layer(&self) -> Result<Config, config::ConfigError> {
        let listen = (!self.listen.is_empty()).then(|| self.listen.clone());
        Config::builder()
            .set_override_option("web.listen", listen)?
            .set_override_option("web.telemetry_path", self.telemetry_path.clone())?
            .set_override_option("web.max_connections", self.max_connections)?
            .set_override_option("web.systemd_socket", self.systemd_socket)?
            .set_override_option("web.lifecycle", self.lifecycle)?
            .set_override_option("shard.index", self.shard_index)?
            .set_override_option("shard.count", self.shard_count)?
            .set_override_option("collect.interval", self.interval.clone())?
            .build()
    }
}

/// Reads the file, if there is one, lays the overrides over it and checks the whole.
///
/// # Errors
///
/// [`ConfigError`] names the file or the key.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Settings, ConfigError> {
    let (origin, text) = read(file)?;
    check(&origin, parse(&origin, &text, overrides)?)
}

/// The text of the configuration and its name in messages; without a file there are only flags.
///
/// # Errors
///
/// [`ConfigError::Unreadable`] names the file.
pub fn read(file: Option<&Path>) -> Result<(String, String), ConfigError> {
    let Some(path) = file else {
        return Ok(("flags".to_owned(), "{}".to_owned()));
    };
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok((path.display().to_string(), text))
}

/// What the parser says, on one line.
pub(super) fn syntax_error(origin: &str, problem: &config::ConfigError) -> ConfigError {
    ConfigError::Syntax {
        origin: origin.to_owned(),
        problem: one_line(&problem.to_string()),
    }
}

/// Lays the overrides over text that was read already; `origin` stands for it in errors. Checks single fields only.
///
/// # Errors
///
/// [`ConfigError`] names the key.
pub fn parse(origin: &str, text: &str, overrides: &Overrides) -> Result<Settings, ConfigError> {
    let syntax = |problem: config::ConfigError| syntax_error(origin, &problem);
    let file: File<FileSourceString, FileFormat> = File::from_str(text, FileFormat::Yaml);
    let layers = Config::builder()
        .add_source(file)
        .add_source(overrides.layer().map_err(syntax)?)
        .build()
        .map_err(syntax)?;
    let mut settings: Settings = serde_path_to_error::deserialize(layers).map_err(|error| ConfigError::Key {
        origin: origin.to_owned(),
        key: error.path().to_string(),
        problem: one_line(&error.into_inner().to_string()),
    })?;
    if overrides.lay_over_projects(&mut settings.projects) {
        return Ok(settings);
    }
    Err(ConfigError::Key {
        origin: origin.to_owned(),
        key: "projects".to_owned(),
        problem: "--region and --project-id are for one project, and there are several".to_owned(),
    })
}

/// Checks the settings as a whole, and leaves the projects of other shards out.
///
/// # Errors
///
/// [`ConfigError`] names the first key that is wrong.
pub fn check(origin: &str, settings: Settings) -> Result<Settings, ConfigError> {
    match check_keys(&settings).and_then(|()| check_projects(&settings)) {
        Ok(()) => Ok(of_shard(settings)),
        Err((key, problem)) => Err(ConfigError::Key {
            origin: origin.to_owned(),
            key,
            problem,
        }),
    }
}

/// The settings without the projects that are other processes'.
fn of_shard(mut settings: Settings) -> Settings {
    let shard = settings.shard;
    settings.projects.retain(|project| shard.owns(project.label()));
    if let Some(discovery) = &mut settings.discovery {
        discovery.shard = shard;
    }
    settings
}

/// What no single field's type can check; the first problem with its key.
fn check_keys(settings: &Settings) -> Result<(), (String, String)> {
    let problem = |key: &str, problem: &str| Err((key.to_owned(), problem.to_owned()));
    if let Err(words) = settings.shard.check() {
        return problem("shard.index", &words);
    }
    let (web, collect, api) = (&settings.web, &settings.collect, &settings.api);
    if web.listen.is_empty() {
        return problem("web.listen", "give at least one address");
    }
    if !web.telemetry_path.starts_with('/') || web.telemetry_path == "/" || web.telemetry_path.starts_with("/-/") {
        return problem("web.telemetry_path", "must begin with / and be neither / nor under /-/");
    }
    if web.max_connections == 0 {
        return problem("web.max_connections", "must be at least 1");
    }
    if !(0.0..=0.5).contains(&collect.jitter) {
        return problem("collect.jitter", "must be between 0 and 0.5");
    }
    if !(api.requests_per_second > 0.0 && api.requests_per_second <= 1000.0) {
        return problem("api.requests_per_second", "must be over 0 and at most 1000");
    }
    if api.burst == 0 {
        return problem("api.burst", "must be at least 1");
    }
    if !(1..=64).contains(&api.concurrency) {
        return problem("api.concurrency", "must be between 1 and 64");
    }
    if !(1..=500).contains(&api.page_size) {
        return problem("api.page_size", "must be between 1 and 500, the API's own bounds");
    }
    if !(1..=100).contains(&api.network_batch_size) {
        return problem(
            "api.network_batch_size",
            "must be between 1 and 100, the API's own bounds",
        );
    }
    if !(1..=10).contains(&api.attempts) {
        return problem("api.attempts", "must be between 1 and 10");
    }
    if !(1..=1_000_000).contains(&collect.max_desktops) {
        return problem("collect.max_desktops", "must be between 1 and 1000000");
    }
    if settings.privacy.users == Users::Hash && settings.privacy.hash_key_file.is_none() {
        return problem(
            "privacy.hash_key_file",
            "name a file with a random key, or hashes can be guessed",
        );
    }
    if collect.interval > Duration::from_secs(24 * 3600) {
        return problem("collect.interval", "must be at most 24h");
    }
    Ok(())
}

fn check_projects(settings: &Settings) -> Result<(), (String, String)> {
    for (name, credential) in &settings.credentials {
        credential
            .check()
            .map_err(|problem| (format!("credentials.{name}"), problem))?;
    }
    if let Some(discovery) = &settings.discovery {
        discovery
            .check(settings)
            .map_err(|(key, problem)| (format!("discovery.{key}"), problem))?;
    }
    if settings.projects.is_empty() && settings.discovery.is_none() {
        let problem = "name at least one project, with its region and credentials; see config/exporter.yaml";
        return Err(("projects".to_owned(), problem.to_owned()));
    }
    let mut names = HashSet::new();
    for (position, project) in settings.projects.iter().enumerate() {
        project
            .check(settings)
            .map_err(|(key, problem)| (format!("projects[{position}].{key}"), problem))?;
        if !names.insert(project.label()) {
            let problem = format!(
                "another project is named {:?} too; names tell rows apart",
                project.label()
            );
            return Err((format!("projects[{position}].name"), problem));
        }
    }
    Ok(())
}

/// Errors end as one line in a log.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "
credentials: { main: { kind: token_file, file: /run/secrets/token } }
projects: [ { region: cn-north-4, project_id: 0bec5db9 } ]
";

    fn checked(text: &str, overrides: &Overrides) -> Result<Settings, ConfigError> {
        check("test.yaml", parse("test.yaml", text, overrides)?)
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = checked(text, &Overrides::default()).expect_err("the settings were accepted");
        let message = error.to_string();
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
        assert!(!message.contains('\n'), "{message:?} is more than one line");
    }

    #[test]
    fn a_minimal_file_is_defaults_and_a_project() {
        let settings = checked(MINIMAL, &Overrides::default()).expect("valid settings");
        let project = &settings.projects[0];
        assert_eq!(project.label(), "cn-north-4");
        assert_eq!(project.endpoint(), "https://workspace.cn-north-4.myhuaweicloud.com");
        assert!(project.is_required());
        assert_eq!(settings.collect, super::super::CollectSettings::default());
    }

    #[test]
    fn flags_win_over_the_file() {
        let overrides = Overrides {
            interval: Some("5s".to_owned()),
            listen: vec![":9999".to_owned()],
            ..Overrides::default()
        };
        let text = format!("{MINIMAL}\ncollect: {{ interval: 10m }}\nweb: {{ listen: [':1', ':2'] }}");
        let settings = checked(&text, &overrides).expect("valid settings");
        assert_eq!(settings.collect.interval, Duration::from_secs(5));
        assert_eq!(settings.web.listen.len(), 1);
        assert_eq!(settings.web.listen[0].to_string(), "0.0.0.0:9999");
    }

    #[test]
    fn every_mistake_is_named_with_its_key() {
        check_error("collect: { intervall: 60s }", "collect.intervall");
        check_error("colect: {}", "colect");
        check_error("collect: { interval: 5 parsecs }", "collect.interval: invalid duration");
        check_error("collect: { interval: 60 }", "collect.interval: invalid duration");
        check_error("web: { listen: [nowhere] }", "web.listen[0]: invalid address");
        check_error("web: [", "failed to parse test.yaml");
        check_error("", "projects: name at least one project");
        check_error("projects: []", "projects: name at least one project");
        check_error("projects: [ {} ]", "projects[0].name");
        check_error("projects: [ { name: a } ]", "projects[0].region");
        check_error(
            "credentials: { a: { kind: access_key } }\nprojects: [ { region: a } ]",
            "credentials.a: give either",
        );
        check_error(
            "projects: [ { region: a, credentials: b } ]",
            "there is no credential named \"b\"",
        );
        check_error("projects: [ { region: a, regoin: b } ]", "projects[0].regoin");
        check_error("privacy: { users: everyone }", "privacy.users");
        check_error("privacy: { users: hash }", "privacy.hash_key_file");
        check_error("credentials: { main: { kind: magic } }", "credentials.main");
        check_error("credentials: { main: { kind: token_file, file: a, flie: b } }", "flie");
    }

    #[test]
    fn a_project_that_cannot_work_is_refused() {
        let with = |project: &str| {
            format!("credentials: {{ main: {{ kind: token_file, file: t }} }}\nprojects: [ {{ {project} }} ]")
        };
        check_error(
            &with("name: a, endpoint: 'https://h'"),
            "projects[0].project_id: without a region",
        );
        check_error(
            &with("name: a, endpoint: 'http://10.0.0.1', project_id: b"),
            "in the clear",
        );
        check_error(
            &with("name: a, endpoint: 'ftp://10.0.0.1', project_id: b"),
            "neither https nor http",
        );
        check_error(&with("name: a, endpoint: 'https://h/v2', project_id: b"), "has no path");
        check_error(&with("region: a, project_id: '../x'"), "projects[0].project_id");
        let twice = "region: a, project_id: b }, { region: a, project_id: c";
        check_error(&with(twice), "projects[1].name: another project is named \"a\"");
        let loopback = with("name: a, endpoint: 'http://127.0.0.1:8080/', project_id: b");
        let settings = checked(&loopback, &Overrides::default()).expect("loopback may be http");
        assert_eq!(settings.projects[0].endpoint(), "http://127.0.0.1:8080");
    }

    #[test]
    fn a_region_by_flag_is_a_project_and_its_credential_the_chain() {
        let overrides = Overrides {
            region: Some("cn-north-4".to_owned()),
            ..Overrides::default()
        };
        let settings = checked("", &overrides).expect("valid settings");
        let (name, credential) = settings.projects[0].credential(&settings).expect("a credential");
        assert_eq!(
            (name, credential),
            ("default", &super::super::CredentialSettings::DEFAULT)
        );
    }

    #[test]
    fn projects_are_shared_by_shards_and_a_shard_that_is_none_is_refused() {
        let names = |index: u32| -> Vec<String> {
            let projects: Vec<String> = (0..20)
                .map(|number| format!("{{ name: p{number}, region: r }}"))
                .collect();
            let projects = projects.join(",");
            let text = format!("{{ projects: [{projects}], shard: {{ index: {index}, count: 3 }} }}");
            let settings = checked(&text, &Overrides::default()).expect("valid");
            settings
                .projects
                .iter()
                .map(|project| project.label().to_owned())
                .collect()
        };
        let mut all: Vec<String> = (0..3).flat_map(names).collect();
        all.sort_by_key(|name| name[1..].parse::<u32>().ok());
        assert_eq!(all, (0..20).map(|number| format!("p{number}")).collect::<Vec<_>>());
        assert!((0..3).all(|index| !names(index).is_empty()));
        check_error(
            "{ projects: [{ region: r }], shard: { index: 3, count: 3 } }",
            "shard.index",
        );
    }

    #[test]
    fn a_region_by_flag_for_several_projects_is_refused() {
        let overrides = Overrides {
            region: Some("cn-north-4".to_owned()),
            ..Overrides::default()
        };
        let error = checked("projects: [ { region: a }, { region: b } ]", &overrides).expect_err("accepted");
        assert!(error.to_string().contains("projects: --region"), "{error}");
    }

    #[test]
    fn the_case_of_names_is_kept() {
        let text = "
credentials: { MainKey: { kind: token_file, file: /Token } }
projects: [ { name: Prod-CN, region: cn-north-4, project_id: 0bec, credentials: MainKey } ]
";
        let settings = checked(text, &Overrides::default()).expect("valid settings");
        assert_eq!(settings.projects[0].label(), "Prod-CN");
        assert!(settings.credentials.contains_key("MainKey"));
    }
}
