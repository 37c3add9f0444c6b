//! The access key of a credential: which sources are asked in which order, and what is kept when they fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::key_file::{KeyNames, default_profile, read_environment, read_profile, read_yaml};
use super::{CredentialError, metadata};
use crate::api::error::Error;
use crate::api::exchange::{Event, Exchange};
use crate::api::signing::AccessKey;
use crate::config::AccessKeySettings;
use crate::seams::Environment;

/// A temporary key is renewed when less than this is left, as the vendor's SDKs do, or half its life if that is shorter.
const LEFT_AT_RENEWAL: Duration = Duration::from_secs(40 * 60);

/// After a renewal failed, or for a key that does not say when it ends, the next one is this much later.
const RENEWAL_PAUSE: Duration = Duration::from_secs(20);

/// Where a key can come from.
#[derive(Debug)]
pub(super) enum KeySource {
    Yaml(PathBuf),
    Environment(KeyNames),
    Profile(Option<PathBuf>),
    Metadata(String),
}

/// A key in use.
#[derive(Debug)]
struct InUse {
    key: Arc<AccessKey>,
    /// Until then the source is not asked: a key of the metadata service is kept for a while, others are read each time.
    kept_until: Option<Instant>,
}

/// The key of one credential.
#[derive(Debug)]
pub(super) struct Keys {
    setting: String,
    sources: Vec<KeySource>,
    environment: Environment,
    /// Held across the one request that renews it: the others wait for that answer instead of asking too.
    in_use: Mutex<Option<InUse>>,
}

impl Keys {
    /// Asks these sources in order.
    pub(super) fn new(setting: &str, sources: Vec<KeySource>, environment: Environment) -> Self {
        Self {
            setting: setting.to_owned(),
            sources,
            environment,
            in_use: Mutex::new(None),
        }
    }

    /// The key to sign with.
    pub(super) async fn current(&self, exchange: &Exchange) -> Result<Arc<AccessKey>, Error> {
        let mut in_use = self.in_use.lock().await;
        if let Some(current) = in_use.as_ref()
            && current.kept_until.is_some_and(|until| Instant::now() < until)
        {
            return Ok(Arc::clone(&current.key));
        }
        self.read_into(&mut in_use, exchange).await
    }

    /// The key as its source has it now: the one in use was refused.
    pub(super) async fn read_again(&self, exchange: &Exchange) -> Result<Arc<AccessKey>, Error> {
        self.read_into(&mut *self.in_use.lock().await, exchange).await
    }

    /// Bad content and a failed renewal keep the key in use, for a while without another look.
    async fn read_into(&self, in_use: &mut Option<InUse>, exchange: &Exchange) -> Result<Arc<AccessKey>, Error> {
        match (self.read(exchange).await, in_use.as_mut()) {
            (Ok(read), _) => Ok(Arc::clone(&in_use.insert(read).key)),
            (Err(error), Some(current)) => {
                let reason = crate::causes::line(&error);
                tracing::warn!(error = %reason, credential = %self.setting, "no new key: the one in use is kept");
                current.kept_until = Some(Instant::now() + RENEWAL_PAUSE);
                Ok(Arc::clone(&current.key))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The first source that has a key.
    async fn read(&self, exchange: &Exchange) -> Result<InUse, Error> {
        for source in &self.sources {
            let key = match source {
                KeySource::Yaml(path) => Some(read_yaml(path, &self.setting)?),
                KeySource::Environment(names) => read_environment(names, &self.environment, &self.setting)?,
                KeySource::Profile(file) => self.read_profile(file.as_ref())?,
                KeySource::Metadata(endpoint) => return self.read_metadata(endpoint, exchange).await,
            };
            if let Some(key) = key {
                return Ok(InUse {
                    key: Arc::new(key),
                    kept_until: None,
                });
            }
        }
        Err(self.nothing_found().into())
    }

    fn read_profile(&self, file: Option<&PathBuf>) -> Result<Option<AccessKey>, CredentialError> {
        let default = default_profile(&self.environment);
        match file.or(default.as_ref()) {
            Some(path) => read_profile(path, &self.setting),
            None => Ok(None),
        }
    }

    async fn read_metadata(&self, endpoint: &str, exchange: &Exchange) -> Result<InUse, Error> {
        let key = metadata::read(endpoint, &self.setting, exchange).await;
        let key = key.map_err(|error| self.unreachable_metadata(error))?;
        let left = key.expires_at.map(|expires_at| {
            exchange.tell(&Event::CredentialExpires(expires_at));
            Duration::try_from(expires_at.duration_since(exchange.clock().now())).unwrap_or_default()
        });
        let kept = left.map_or(RENEWAL_PAUSE, |left| left.saturating_sub(LEFT_AT_RENEWAL).max(left / 2));
        Ok(InUse {
            key: Arc::new(key),
            kept_until: Some(Instant::now() + kept.max(RENEWAL_PAUSE)),
        })
    }

    /// At the end of a chain, silence of the metadata service means that no source has a key.
    fn unreachable_metadata(&self, error: Error) -> Error {
        match error {
            Error::Unanswered { .. } if self.sources.len() > 1 => self.nothing_found().into(),
            other => other,
        }
    }

    fn nothing_found(&self) -> CredentialError {
        CredentialError::NotFound {
            setting: self.setting.clone(),
            sources: self
                .sources
                .iter()
                .map(KeySource::describe)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl KeySource {
    /// The settings' check has seen to it that there is a file or two names.
    pub(super) fn of_access_key(settings: &AccessKeySettings) -> Self {
        match &settings.file {
            Some(path) => KeySource::Yaml(path.clone()),
            None => KeySource::Environment(KeyNames {
                access_key: settings.access_key_env.clone().unwrap_or_default(),
                secret_key: settings.secret_key_env.clone().unwrap_or_default(),
                security_token: settings.security_token_env.clone(),
            }),
        }
    }

    /// The metadata service, at its own address unless another is given.
    pub(super) fn of_metadata(endpoint: Option<&str>) -> Self {
        let endpoint = endpoint.unwrap_or(metadata::ENDPOINT);
        KeySource::Metadata(endpoint.trim_end_matches('/').to_owned())
    }

    fn describe(&self) -> String {
        match self {
            KeySource::Yaml(path) => path.display().to_string(),
            KeySource::Environment(names) => format!("environment {} and {}", names.access_key, names.secret_key),
            KeySource::Profile(Some(path)) => format!("profile {}", path.display()),
            KeySource::Profile(None) => "profile ~/.huaweicloud/credentials".to_owned(),
            KeySource::Metadata(_) => "the ECS metadata service".to_owned(),
        }
    }
}
