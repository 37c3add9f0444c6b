//! One project's settings, and what follows from them: its name, endpoints and credential.

use std::net::{IpAddr, Ipv4Addr};

use http::Uri;
use http::uri::Scheme;
use serde::Deserialize;

use super::credentials::CredentialSettings;
use super::settings::Settings;

/// One watched project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectSettings {
    /// The `project` label; default: the region's name.
    pub name: Option<String>,
    /// The region's name, such as `cn-north-4`.
    pub region: Option<String>,
    /// Scheme and host of the Workspace API; default: `https://workspace.REGION.myhuaweicloud.com`.
    pub endpoint: Option<String>,
    /// The project's id; without it, IAM is asked for the project named like the region.
    pub project_id: Option<String>,
    /// The name of a credential; may be left out if there is only one.
    pub credentials: Option<String>,
    /// Whether readiness waits for this project's first snapshot; default: true.
    pub required: Option<bool>,
    /// Plain HTTP to hosts other than this one. Tokens travel in the clear.
    pub insecure_http: bool,
}

/// A key under `projects[i]` and what is wrong with it.
pub(super) type Problem = (&'static str, String);

impl ProjectSettings {
    /// The `project` label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.region.as_deref()).unwrap_or_default()
    }

    /// The region's name, empty without one.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }

    /// Scheme and host of the Workspace API, without a trailing slash.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint_of(self.endpoint.as_deref(), "workspace", self.region())
    }

    /// Scheme and host of IAM, without a trailing slash.
    #[must_use]
    pub fn iam_endpoint(&self, configured: Option<&str>) -> String {
        endpoint_of(configured, "iam", self.region())
    }

    /// Whether readiness waits for it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(true)
    }

    /// The credential it uses with its name; `None` if it names none that exists, or there are several.
    #[must_use]
    pub fn credential<'a>(&self, settings: &'a Settings) -> Option<(&'a str, &'a CredentialSettings)> {
        credential_named(self.credentials.as_deref(), settings)
    }

    /// Checks what one field's type cannot; the first problem found.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Problem> {
        self.check_name()?;
        if self.region.is_none() && self.endpoint.is_none() {
            return Err(("region", "give a region, such as cn-north-4, or an endpoint".to_owned()));
        }
        if let Some(region) = &self.region
            && !is_word(region)
        {
            return Err((
                "region",
                format!("{region:?} is no region's name: letters, digits and - only"),
            ));
        }
        self.check_endpoint("endpoint", &self.endpoint())?;
        if let Some(project_id) = &self.project_id
            && !is_word(project_id)
        {
            return Err((
                "project_id",
                format!("{project_id:?} is no project id: letters, digits, - and _ only"),
            ));
        }
        self.check_credential(settings)
    }

    fn check_name(&self) -> Result<(), Problem> {
        let name = self.label();
        if self.name.is_none() && self.region.is_none() {
            return Err((
                "name",
                "give the project a name: it is the project label of every metric".to_owned(),
            ));
        }
        if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            return Err((
                "name",
                format!("{name:?} is no name: 1 to 128 bytes and no control characters"),
            ));
        }
        Ok(())
    }

    fn check_credential(&self, settings: &Settings) -> Result<(), Problem> {
        let Some((_, credential)) = self.credential(settings) else {
            return Err((
                "credentials",
                match &self.credentials {
                    Some(name) => format!("there is no credential named {name:?} under credentials"),
                    None => "name one of the credentials, there are several".to_owned(),
                },
            ));
        };
        let needs_iam = self.project_id.is_none() || matches!(credential, CredentialSettings::Password { .. });
        if !needs_iam {
            return Ok(());
        }
        let iam_endpoint = credential.iam_endpoint();
        if self.region.is_none() && (iam_endpoint.is_none() || self.project_id.is_none()) {
            return Err((
                "project_id",
                "without a region, IAM cannot be asked: give the project's id, or the region".to_owned(),
            ));
        }
        self.check_endpoint("credentials", &self.iam_endpoint(iam_endpoint))
    }

    /// HTTPS only, except to this host or where `insecure_http` says so (`semantics.md`, section 4).
    fn check_endpoint(&self, key: &'static str, endpoint: &str) -> Result<(), Problem> {
        let problem = |problem: &str| {
            Err((
                key,
                format!("{problem}: {endpoint:?}; write https://HOST or https://HOST:PORT"),
            ))
        };
        let Ok(uri) = endpoint.parse::<Uri>() else {
            return problem("no URL");
        };
        if uri.path() != "/" || uri.query().is_some() {
            return problem("an endpoint has no path");
        }
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return problem("no scheme or no host");
        };
        if authority.as_str().contains('@') {
            return problem("an endpoint has no user");
        }
        if *scheme == Scheme::HTTPS {
            return Ok(());
        }
        if *scheme != Scheme::HTTP {
            return problem("neither https nor http");
        }
        if self.insecure_http || is_loopback(authority.host()) {
            return Ok(());
        }
        Err((
            key,
            format!("{endpoint:?} would send tokens in the clear: use https, or set insecure_http: true"),
        ))
    }
}

/// The credential of a name, or the only one, or the chain where none is defined.
pub(super) fn credential_named<'a>(
    name: Option<&str>,
    settings: &'a Settings,
) -> Option<(&'a str, &'a CredentialSettings)> {
    let (name, credential) = match name {
        Some(name) => settings.credentials.get_key_value(name)?,
        None if settings.credentials.len() == 1 => settings.credentials.first_key_value()?,
        None if settings.credentials.is_empty() => return Some(("default", &CredentialSettings::DEFAULT)),
        None => return None,
    };
    Some((name.as_str(), credential))
}

fn endpoint_of(configured: Option<&str>, service: &str, region: &str) -> String {
    match configured {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => format!("https://{service}.{region}.myhuaweicloud.com"),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether a URL is plain HTTP to this host or to the link it is on.
pub(super) fn is_near(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_link_local = host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_link_local());
    uri.scheme_str() == Some("http") && (is_link_local || is_loopback(host))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
