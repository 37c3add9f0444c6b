//! Credentials: a kind and where its parts are read from. Secrets themselves are never settings.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Deserializer;

use super::secret::SecretSource;

/// A credential; which keys it has depends on its kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CredentialSettings {
    /// An access key (AK/SK), permanent or temporary, that signs every request.
    AccessKey(AccessKeySettings),
    /// An IAM user; tokens are asked for and renewed.
    Password {
        /// The IAM user's name.
        user: String,
        /// The account's name.
        domain: String,
        /// Where its password is.
        #[serde(rename = "password_file", deserialize_with = "secret_file")]
        password: SecretSource,
        /// Scheme and host of IAM; default: `https://iam.REGION.myhuaweicloud.com`.
        #[serde(default)]
        iam_endpoint: Option<String>,
    },
    /// A token that somebody else renews.
    TokenFile {
        /// Holds the token and nothing else; read again at each call.
        file: PathBuf,
        /// Scheme and host of IAM, asked for the project's id.
        #[serde(default)]
        iam_endpoint: Option<String>,
    },
    /// A temporary key of the agency that an ECS runs under, from its metadata service.
    EcsAgency {
        /// The metadata service; default: `http://169.254.169.254`.
        #[serde(default)]
        metadata_endpoint: Option<String>,
        /// Scheme and host of IAM, asked for the project's id.
        #[serde(default)]
        iam_endpoint: Option<String>,
    },
    /// An access key from the vendor's profile file.
    Profile {
        /// The file; default: `HUAWEICLOUD_SDK_CREDENTIALS_FILE`, then `~/.huaweicloud/credentials`.
        #[serde(default)]
        file: Option<PathBuf>,
        /// Scheme and host of IAM, asked for the project's id.
        #[serde(default)]
        iam_endpoint: Option<String>,
    },
    /// Environment, then profile, then metadata service; the first that has a key.
    Chain {
        /// Scheme and host of IAM, asked for the project's id.
        #[serde(default)]
        iam_endpoint: Option<String>,
    },
}

/// Where an access key is read from: a file, or names in the environment. One of both.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessKeySettings {
    /// YAML with `access_key`, `secret_key` and perhaps `security_token`; read again at each call.
    pub file: Option<PathBuf>,
    /// The name of the environment variable with the access key; `NAME_FILE` may name a file instead.
    pub access_key_env: Option<String>,
    /// The same for the secret key.
    pub secret_key_env: Option<String>,
    /// The same for the security token of a temporary key.
    pub security_token_env: Option<String>,
    /// Scheme and host of IAM, asked for the project's id.
    pub iam_endpoint: Option<String>,
}

impl CredentialSettings {
    /// What a project uses that names no credential where none is defined: the chain.
    pub const DEFAULT: Self = CredentialSettings::Chain { iam_endpoint: None };

    /// Scheme and host of IAM, if the settings say.
    #[must_use]
    pub fn iam_endpoint(&self) -> Option<&str> {
        match self {
            CredentialSettings::AccessKey(settings) => settings.iam_endpoint.as_deref(),
            CredentialSettings::Password { iam_endpoint, .. }
            | CredentialSettings::TokenFile { iam_endpoint, .. }
            | CredentialSettings::EcsAgency { iam_endpoint, .. }
            | CredentialSettings::Profile { iam_endpoint, .. }
            | CredentialSettings::Chain { iam_endpoint } => iam_endpoint.as_deref(),
        }
    }

    /// Checks what one field's type cannot.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            CredentialSettings::AccessKey(settings) => settings.check(),
            CredentialSettings::EcsAgency {
                metadata_endpoint: Some(endpoint),
                ..
            } if !super::project::is_near(endpoint) => {
                Err("metadata_endpoint must be http:// to a loopback or link-local address".to_owned())
            }
            CredentialSettings::Password { .. }
            | CredentialSettings::TokenFile { .. }
            | CredentialSettings::EcsAgency { .. }
            | CredentialSettings::Profile { .. }
            | CredentialSettings::Chain { .. } => Ok(()),
        }
    }
}

impl AccessKeySettings {
    fn check(&self) -> Result<(), String> {
        let names = (&self.access_key_env, &self.secret_key_env, &self.security_token_env);
        match (&self.file, names) {
            (Some(_), (None, None, None)) | (None, (Some(_), Some(_), _)) => Ok(()),
            _ => Err("give either file, or access_key_env and secret_key_env".to_owned()),
        }
    }
}

fn secret_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretSource, D::Error> {
    PathBuf::deserialize(deserializer).map(SecretSource::File)
}
