//! Projects found through IAM instead of being named one by one.

use std::time::Duration;

use regex_lite::Regex;
use serde::Deserialize;

use super::credentials::CredentialSettings;
use super::duration;
use super::project::{ProjectSettings, credential_named};
use super::settings::Settings;
use super::shard::Shard;

/// Which projects of an account are watched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoverySettings {
    /// The name of a credential; may be left out if there is only one.
    pub credentials: Option<String>,
    /// Projects named like one of these regions, or `REGION_anything`, are looked at.
    pub regions: Vec<String>,
    /// A regular expression that a project's whole name must match.
    pub include: String,
    /// A regular expression that a project's whole name must not match.
    pub exclude: String,
    /// How often IAM is asked.
    #[serde(deserialize_with = "duration::deserialize")]
    pub refresh: Duration,
    /// Scheme and host of the Workspace API; default: by region.
    pub endpoint: Option<String>,
    /// Plain HTTP to hosts other than this one. Tokens travel in the clear.
    pub insecure_http: bool,
    /// Which of them are this process's: that of the whole configuration.
    #[serde(skip)]
    pub shard: Shard,
}

impl Default for DiscoverySettings {
    fn default() -> Self {
        Self {
            credentials: None,
            regions: Vec::new(),
            include: ".*".to_owned(),
            exclude: String::new(),
            refresh: Duration::from_secs(600),
            endpoint: None,
            insecure_http: false,
            shard: Shard::default(),
        }
    }
}

impl DiscoverySettings {
    /// The settings of a project that IAM knows by this name; `None` if it is not to be watched.
    #[must_use]
    pub fn project(&self, name: &str, id: &str) -> Option<ProjectSettings> {
        let of_region = |region: &&String| {
            let rest = name.strip_prefix(region.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        let region = self.regions.iter().find(of_region)?;
        let is_named = matches_whole(&self.include, name) && !matches_whole(&self.exclude, name);
        let is_wanted = is_named && self.shard.owns(name);
        is_wanted.then(|| ProjectSettings {
            name: Some(name.to_owned()),
            project_id: Some(id.to_owned()),
            required: Some(false),
            ..self.of_region(region)
        })
    }

    /// A project of a region of which nothing else is known.
    #[must_use]
    pub fn of_region(&self, region: &str) -> ProjectSettings {
        ProjectSettings {
            region: Some(region.to_owned()),
            endpoint: self.endpoint.clone(),
            credentials: self.credentials.clone(),
            insecure_http: self.insecure_http,
            ..ProjectSettings::default()
        }
    }

    /// The credential that IAM is asked with, and its name.
    #[must_use]
    pub fn credential<'a>(&self, settings: &'a Settings) -> Option<(&'a str, &'a CredentialSettings)> {
        credential_named(self.credentials.as_deref(), settings)
    }

    /// Checks what one field's type cannot; the first problem with its key.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), (&'static str, String)> {
        if self.regions.is_empty() {
            return Err(("regions", "name at least one region".to_owned()));
        }
        for (key, pattern) in [("include", &self.include), ("exclude", &self.exclude)] {
            if Regex::new(pattern).is_err() {
                return Err((key, format!("{pattern:?} is no regular expression")));
            }
        }
        for region in &self.regions {
            self.of_region(region).check(settings)?;
        }
        Ok(())
    }
}

/// As Prometheus matches: the whole text or nothing. An empty pattern matches nothing that has a name.
fn matches_whole(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_of_the_regions_are_taken_as_include_and_exclude_say() {
        let discovery = DiscoverySettings {
            regions: vec!["cn-north-4".to_owned(), "cn-north".to_owned()],
            include: "cn-north-4.*".to_owned(),
            exclude: ".*_test".to_owned(),
            ..DiscoverySettings::default()
        };
        let region_of = |name: &str| discovery.project(name, "id").and_then(|project| project.region);
        assert_eq!(region_of("cn-north-4").as_deref(), Some("cn-north-4"));
        assert_eq!(region_of("cn-north-4_sales").as_deref(), Some("cn-north-4"));
        assert_eq!(region_of("cn-north-4_test"), None);
        assert_eq!(region_of("cn-north-41"), None);
        assert_eq!(region_of("cn-north"), None);
        assert_eq!(region_of("MOS"), None);
    }
}
