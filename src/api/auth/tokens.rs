//! The tokens of a credential, one a scope, and when they are renewed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::key_file::read_line;
use super::{CredentialError, Scope, password};
use crate::api::error::Error;
use crate::api::exchange::{Event, Exchange};
use crate::api::signing::hidden;
use crate::config::{Secret, SecretSource};

/// After a renewal ahead of time failed, the next one is this much later: IAM is not asked with every call.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// A token for one project.
#[derive(Debug)]
pub(in crate::api) struct Token {
    /// Printable ASCII: each kind of credential checks it where the token is made.
    pub(super) value: Secret,
    /// The project that IAM says it is for.
    pub(super) project_id: Option<String>,
    /// From its issue to its end, if that is known.
    pub(super) life: Option<Duration>,
    /// From here on a fresh one is asked for, ahead of its end. A file is read again each time.
    pub(super) renew_at: Instant,
}

impl Token {
    /// The header's value, marked so that no log shows it.
    pub(in crate::api) fn header(&self) -> HeaderValue {
        hidden(self.value.expose())
    }

    /// The project that IAM says it is for, if IAM made it.
    pub(in crate::api) fn project_id(&self) -> Option<&str> {
        self.project_id.as_deref()
    }
}

/// A token in use.
#[derive(Debug)]
struct InUse {
    token: Arc<Token>,
    /// The token's own moment, or later after a renewal failed.
    renew_at: Instant,
    /// The cloud refused it: it must not be tried in place of a new one.
    is_refused: bool,
}

impl InUse {
    fn new(token: Token) -> Self {
        Self {
            renew_at: token.renew_at,
            token: Arc::new(token),
            is_refused: false,
        }
    }
}

/// How tokens are come by.
#[derive(Debug)]
pub(super) enum TokenSource {
    File(PathBuf),
    Password {
        user: String,
        domain: String,
        password: SecretSource,
    },
}

/// The tokens of one credential.
#[derive(Debug)]
pub(super) struct Tokens {
    setting: String,
    source: TokenSource,
    /// Held across the one request that renews one: the others wait for that answer instead of asking too.
    in_use: Mutex<HashMap<Scope, InUse>>,
}

impl Tokens {
    /// Takes tokens from this source.
    pub(super) fn new(setting: &str, source: TokenSource) -> Self {
        Self {
            setting: setting.to_owned(),
            source,
            in_use: Mutex::new(HashMap::new()),
        }
    }

    /// What a person gave us: the token or the password as it is now; `None` while its file cannot be read.
    pub(super) fn material(&self) -> Option<Secret> {
        match &self.source {
            TokenSource::File(path) => read_line(path, &self.setting).ok(),
            TokenSource::Password { password, .. } => self.password(password).ok(),
        }
    }

    fn password(&self, source: &SecretSource) -> Result<Secret, CredentialError> {
        match source {
            SecretSource::File(path) => read_line(path, &self.setting),
            SecretSource::Given(secret) => Ok(secret.clone()),
        }
    }

    /// The token to call with. When a renewal ahead of time fails, or a file holds nothing useful, the token in use
    /// stays in use until it is refused.
    pub(super) async fn current(&self, scope: &Scope, exchange: &Exchange) -> Result<Arc<Token>, Error> {
        let mut in_use = self.in_use.lock().await;
        let now = Instant::now();
        if let Some(current) = in_use.get(scope)
            && now < current.renew_at
            && !current.is_refused
        {
            return Ok(Arc::clone(&current.token));
        }
        match (self.obtain(scope, exchange).await, in_use.get_mut(scope)) {
            (Ok(token), _) => Ok(put(&mut in_use, scope, token)),
            (Err(error), Some(current)) if !current.is_refused => {
                let reason = crate::causes::line(&error);
                tracing::warn!(error = %reason, credential = %self.setting, "no new token: the one in use is kept");
                current.renew_at = now + RENEWAL_PAUSE;
                Ok(Arc::clone(&current.token))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The cloud refused this token.
    pub(super) async fn refused(&self, refused: &Token, scope: &Scope) {
        let mut in_use = self.in_use.lock().await;
        if let Some(current) = in_use.get_mut(scope)
            && current.token.value == refused.value
        {
            current.is_refused = true;
        }
    }

    /// A token other than the one that was refused; `None` if there is none to be had.
    pub(super) async fn renewed(
        &self,
        refused: &Token,
        scope: &Scope,
        exchange: &Exchange,
    ) -> Result<Option<Arc<Token>>, Error> {
        let mut in_use = self.in_use.lock().await;
        if let Some(current) = in_use.get(scope)
            && current.token.value != refused.value
        {
            return Ok(Some(Arc::clone(&current.token)));
        }
        let token = self.obtain(scope, exchange).await?;
        let token = put(&mut in_use, scope, token);
        Ok((token.value != refused.value).then_some(token))
    }

    async fn obtain(&self, scope: &Scope, exchange: &Exchange) -> Result<Token, Error> {
        match &self.source {
            TokenSource::File(path) => Ok(Token {
                value: read_line(path, &self.setting)?,
                project_id: None,
                life: None,
                renew_at: Instant::now(),
            }),
            TokenSource::Password { user, domain, password } => {
                let password = self.password(password)?;
                let login = password::Login {
                    user,
                    domain,
                    password: &password,
                    scope,
                };
                let token = password::create_token(&login, exchange).await?;
                exchange.tell(&Event::TokenRefreshed);
                let ends_at = token
                    .life
                    .and_then(|life| exchange.clock().now().checked_add(life).ok());
                if let Some(ends_at) = ends_at {
                    exchange.tell(&Event::CredentialExpires(ends_at));
                }
                Ok(token)
            }
        }
    }
}

fn put(in_use: &mut HashMap<Scope, InUse>, scope: &Scope, token: Token) -> Arc<Token> {
    let current = InUse::new(token);
    let token = Arc::clone(&current.token);
    in_use.insert(scope.clone(), current);
    token
}
