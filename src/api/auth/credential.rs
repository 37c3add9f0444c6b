//! One credential of the settings: where it comes from, what it grants, and how it stands with the cloud.

use std::sync::{self, Arc, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::key_file::KeyNames;
use super::keys::{KeySource, Keys};
use super::refusals::Refusals;
use super::tokens::{TokenSource, Tokens};
use super::{CredentialError, Grant, Scope};
use crate::api::error::Error;
use crate::api::exchange::{Event, Exchange};
use crate::api::signing::AccessKey;
use crate::config::{CredentialSettings, Secret};
use crate::seams::Environment;

#[derive(Debug)]
enum Provider {
    Tokens(Tokens),
    Keys(Keys),
}

/// What a person gave us to be let in with; when it changes, earlier refusals say nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Key(Arc<AccessKey>),
    Secret(Secret),
}

impl Material {
    /// A key that ends was made by a machine: that it is another one says nothing of whether it will be refused too.
    fn of_key(key: &Arc<AccessKey>) -> Option<Self> {
        key.expires_at.is_none().then(|| Material::Key(Arc::clone(key)))
    }
}

/// What is known of a credential's refusals.
#[derive(Debug, Default)]
struct Standing {
    refusals: Refusals,
    material: Option<Material>,
    /// By the last answer that said.
    was_accepted: bool,
}

/// How long a call waits for the one that tries the credential.
const TURN_PATIENCE: Duration = Duration::from_secs(2);

/// One credential of the settings, shared by the projects that use it.
#[derive(Debug)]
pub struct Credential {
    /// The setting, for messages: `credentials.main`.
    setting: String,
    advice: String,
    provider: Provider,
    standing: sync::Mutex<Standing>,
    /// Held by the one call that finds out whether the credential is accepted.
    trying: Mutex<()>,
}

impl Credential {
    /// Uses the credential of this name.
    #[must_use]
    pub fn new(name: &str, settings: &CredentialSettings, environment: Environment) -> Self {
        let setting = format!("credentials.{name}");
        let provider = match Source::of(settings, &environment) {
            Source::Tokens(source) => Provider::Tokens(Tokens::new(&setting, source)),
            Source::Keys(sources) => Provider::Keys(Keys::new(&setting, sources, environment)),
        };
        Self {
            advice: advice(&setting, settings),
            provider,
            setting,
            standing: sync::Mutex::default(),
            trying: Mutex::default(),
        }
    }

    /// Waits for a turn to call. A credential that was not accepted yet, or was refused last, is tried by one call at a
    /// time, whoever shares it: five refusals at once would lock an access key. A call that hangs tells nothing of the
    /// credential and holds the others up for a moment only.
    pub(in crate::api) async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        if self.standing().was_accepted {
            return None;
        }
        let turn = timeout(TURN_PATIENCE, self.trying.lock()).await.ok();
        turn.filter(|_| !self.standing().was_accepted)
    }

    /// What to call with. Fails without a call while the credential was refused too often and has not changed.
    pub(in crate::api) async fn grant(&self, scope: &Scope, exchange: &Exchange) -> Result<Grant, Error> {
        match &self.provider {
            Provider::Keys(keys) => {
                let key = keys.current(exchange).await?;
                self.admit(Material::of_key(&key))?;
                Ok(Grant::Key(key))
            }
            Provider::Tokens(tokens) => {
                self.admit(tokens.material().map(Material::Secret))?;
                let token = tokens.current(scope, exchange).await;
                token.map(Grant::Token).map_err(|error| self.explained(error, exchange))
            }
        }
    }

    /// Another grant than the one that was refused, worth one repeat; `None` if there is none.
    pub(in crate::api) async fn another(
        &self,
        refused: &Grant,
        scope: &Scope,
        exchange: &Exchange,
    ) -> Result<Option<Grant>, Error> {
        match (&self.provider, refused) {
            (Provider::Keys(keys), Grant::Key(refused)) => {
                let key = keys.read_again(exchange).await?;
                self.admit(Material::of_key(&key))?;
                let is_worth_it = key != *refused || exchange.clock().adopt();
                Ok(is_worth_it.then_some(Grant::Key(key)))
            }
            (Provider::Tokens(tokens), Grant::Token(refused)) => {
                tokens.refused(refused, scope).await;
                self.admit(tokens.material().map(Material::Secret))?;
                let token = tokens.renewed(refused, scope, exchange).await;
                let token = token.map_err(|error| self.explained(error, exchange))?;
                Ok(token.map(Grant::Token))
            }
            (Provider::Keys(_), Grant::Token(_)) | (Provider::Tokens(_), Grant::Key(_)) => Ok(None),
        }
    }

    /// A call was let in.
    pub(in crate::api) fn accepted(&self) {
        let mut standing = self.standing();
        standing.refusals.forget();
        standing.was_accepted = true;
    }

    /// Counts a 401 and turns it into an error that says which setting to look at.
    pub(in crate::api) fn explained(&self, error: Error, exchange: &Exchange) -> Error {
        match error {
            Error::Refused { operation, refusal } if refusal.status == StatusCode::UNAUTHORIZED => {
                let mut standing = self.standing();
                standing.refusals.refused(Instant::now());
                standing.was_accepted = false;
                drop(standing);
                exchange.tell(&Event::AuthFailed);
                let skew = exchange.clock().skew_in_words().unwrap_or_default();
                Error::Unauthorized {
                    operation,
                    refusal,
                    advice: format!("{}{skew}", self.advice),
                }
            }
            other => other,
        }
    }

    fn admit(&self, material: Option<Material>) -> Result<(), CredentialError> {
        let mut standing = self.standing();
        if material.is_some() && standing.material != material {
            standing.refusals.forget();
            standing.material = material;
        }
        match standing.refusals.wait(Instant::now()) {
            None => Ok(()),
            Some(wait) => Err(CredentialError::Suspended {
                setting: self.setting.clone(),
                wait_seconds: wait.as_secs() + 1,
            }),
        }
    }

    fn standing(&self) -> sync::MutexGuard<'_, Standing> {
        // Whole between any two uses, so a panic elsewhere cannot have spoilt it.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a credential comes from, taken from the settings of its kind.
enum Source {
    Tokens(TokenSource),
    Keys(Vec<KeySource>),
}

impl Source {
    fn of(settings: &CredentialSettings, environment: &Environment) -> Self {
        match settings {
            CredentialSettings::TokenFile { file, .. } => Source::Tokens(TokenSource::File(file.clone())),
            CredentialSettings::Password {
                user, domain, password, ..
            } => Source::Tokens(TokenSource::Password {
                user: user.clone(),
                domain: domain.clone(),
                password: password.clone(),
            }),
            CredentialSettings::AccessKey(settings) => Source::Keys(vec![KeySource::of_access_key(settings)]),
            CredentialSettings::Profile { file, .. } => Source::Keys(vec![KeySource::Profile(file.clone())]),
            CredentialSettings::EcsAgency { metadata_endpoint, .. } => {
                Source::Keys(vec![KeySource::of_metadata(metadata_endpoint.as_deref())])
            }
            CredentialSettings::Chain { .. } => {
                let metadata_endpoint = environment.get("WORKSPACE_EXPORTER_METADATA_ENDPOINT");
                Source::Keys(vec![
                    KeySource::Environment(KeyNames::of_sdk()),
                    KeySource::Profile(None),
                    KeySource::of_metadata(metadata_endpoint.as_deref()),
                ])
            }
        }
    }
}

fn advice(setting: &str, settings: &CredentialSettings) -> String {
    let what = match settings {
        CredentialSettings::TokenFile { file, .. } => {
            return format!("{setting}: put a valid token for this project into {}", file.display());
        }
        CredentialSettings::Password { .. } => {
            "check user, domain and password, and that the user may use this project"
        }
        CredentialSettings::AccessKey(_) | CredentialSettings::Profile { .. } | CredentialSettings::Chain { .. } => {
            "check that the access key exists and is enabled, its secret key, and this machine's clock"
        }
        CredentialSettings::EcsAgency { .. } => "check the agency of this ECS and its permissions",
    };
    format!("{setting}: {what}")
}
