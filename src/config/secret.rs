//! Secrets as a type: never shown, wiped when dropped.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// A password or a token. `Debug` prints stars; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The secret itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Where a secret is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, read again whenever the secret is needed.
    File(PathBuf),
    /// Handed over by our own code (`simulate`); no configuration file can say this.
    Given(Secret),
}
