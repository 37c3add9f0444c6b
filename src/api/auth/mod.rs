//! Where a project's token comes from and when it is renewed. Callers see a token; kinds of credentials stay in here.

mod password;
mod token_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::Error;
use super::exchange::Exchange;
use crate::config::{CredentialSettings, Secret, SecretSource};

/// There is no usable credential; the messages name the file and the setting.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("{setting}: failed to read {}", path.display())]
    Unreadable {
        /// Which setting named it.
        setting: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds nothing that could be one.
    #[error("{setting}: {} holds no credential: write it as one line of printable ASCII", path.display())]
    Malformed {
        /// Which setting named it.
        setting: String,
        /// Which file.
        path: PathBuf,
    },
}

/// A token for one project.
#[derive(Debug)]
pub(super) struct Token {
    /// Printable ASCII: each kind of credential checks it where the token is made.
    value: Secret,
    /// The project that IAM says it is for.
    project_id: Option<String>,
    /// From here on a fresh one is asked for, ahead of its end. A file is read again each time.
    renew_at: Instant,
}

impl Token {
    /// The header's value, marked so that no log shows it.
    pub(super) fn header(&self) -> HeaderValue {
        #[expect(
            clippy::expect_used,
            reason = "printable ASCII is a legal header value (RFC 9110, section 5.5)"
        )]
        let mut value = HeaderValue::from_str(self.value.expose()).expect("a token is printable ASCII");
        value.set_sensitive(true);
        value
    }

    /// The project that IAM says it is for, if IAM made it.
    pub(super) fn project_id(&self) -> Option<&str> {
        self.project_id.as_deref()
    }
}

/// A token in use.
#[derive(Debug)]
struct InUse {
    token: Arc<Token>,
    /// The token's own moment, or later after a renewal failed.
    renew_at: Instant,
}

impl InUse {
    fn new(token: Token) -> Self {
        Self {
            renew_at: token.renew_at,
            token: Arc::new(token),
        }
    }
}

/// After a renewal ahead of time failed, the next one is this much later: IAM is not asked with every call.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The region's name, which is the name of its default project.
    pub region: String,
    /// The project's id, if the settings give one.
    pub project_id: Option<String>,
    /// Scheme and host of IAM.
    pub iam_endpoint: String,
}

/// Gives the token of one project.
#[derive(Debug)]
pub struct Authenticator {
    /// The setting, for messages: `credentials.main`.
    setting: String,
    credential: CredentialSettings,
    scope: Scope,
    /// Held across the one request that renews it: the others wait for that answer instead of asking too.
    in_use: Mutex<Option<InUse>>,
}

impl Authenticator {
    /// Uses the credential of this name for this scope.
    #[must_use]
    pub fn new(name: &str, credential: CredentialSettings, scope: Scope) -> Self {
        Self {
            setting: format!("credentials.{name}"),
            credential,
            scope,
            in_use: Mutex::new(None),
        }
    }

    /// The token to call with. When a renewal ahead of time fails, or a file holds nothing useful, the token in use
    /// stays in use until it is refused.
    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Arc<Token>, Error> {
        let mut in_use = self.in_use.lock().await;
        let now = Instant::now();
        if let Some(current) = in_use.as_ref()
            && now < current.renew_at
        {
            return Ok(Arc::clone(&current.token));
        }
        match (self.obtain(exchange).await, in_use.as_mut()) {
            (Ok(token), _) => Ok(Arc::clone(&in_use.insert(InUse::new(token)).token)),
            (Err(error), Some(current)) => {
                tracing::warn!(error = %error, credential = %self.setting, "no new token: the one in use is kept");
                current.renew_at = now + RENEWAL_PAUSE;
                Ok(Arc::clone(&current.token))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// A token other than the one that was refused; `None` if there is none to be had.
    pub(super) async fn renewed(&self, refused: &Token, exchange: &Exchange) -> Result<Option<Arc<Token>>, Error> {
        let mut in_use = self.in_use.lock().await;
        if let Some(current) = in_use.as_ref()
            && current.token.value != refused.value
        {
            return Ok(Some(Arc::clone(&current.token)));
        }
        let token = self.obtain(exchange).await?;
        let token = Arc::clone(&in_use.insert(InUse::new(token)).token);
        Ok((token.value != refused.value).then_some(token))
    }

    /// Turns a 401 into an error that says which setting to look at.
    pub(super) fn explained(&self, error: Error) -> Error {
        match error {
            Error::Refused { operation, refusal } if refusal.status == StatusCode::UNAUTHORIZED => {
                Error::Unauthorized {
                    operation,
                    refusal,
                    advice: self.advice(),
                }
            }
            other => other,
        }
    }

    /// What a person should look at when the token is refused.
    fn advice(&self) -> String {
        let setting = &self.setting;
        match &self.credential {
            CredentialSettings::TokenFile { file } => {
                format!("{setting}: put a valid token for this project into {}", file.display())
            }
            CredentialSettings::Password { .. } => {
                format!("{setting}: check user, domain and password, and that the user may use this project")
            }
        }
    }

    async fn obtain(&self, exchange: &Exchange) -> Result<Token, Error> {
        match &self.credential {
            CredentialSettings::TokenFile { file } => token_file::read(file, &self.setting),
            CredentialSettings::Password {
                user, domain, password, ..
            } => {
                let login = password::Login {
                    user,
                    domain,
                    password: &self.secret(password)?,
                    scope: &self.scope,
                };
                let issued = password::create_token(&login, exchange).await;
                issued.map_err(|error| self.explained(error))
            }
        }
    }

    fn secret(&self, source: &SecretSource) -> Result<Secret, CredentialError> {
        match source {
            SecretSource::File(path) => token_file::read_line(path, &self.setting),
            SecretSource::Given(secret) => Ok(secret.clone()),
        }
    }
}
