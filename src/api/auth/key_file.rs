//! Access keys from files and from the environment. Files are small and read at each use, so a rotated key is in use at
//! once, an atomic symlink swap as Kubernetes does it included.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat, FileSourceString};
use serde::Deserialize;

use super::CredentialError;
use crate::api::signing::AccessKey;
use crate::config::Secret;
use crate::seams::Environment;

/// The keys of a credential file; the vendor's profile has the short names.
#[derive(Deserialize)]
struct KeyParts {
    #[serde(alias = "ak")]
    access_key: String,
    #[serde(alias = "sk")]
    secret_key: String,
    security_token: Option<String>,
}

/// The sections of a profile file that are read.
#[derive(Deserialize)]
struct Profile {
    basic: KeyParts,
}

/// Names of environment variables; each may be replaced by `NAME_FILE`, which names a file.
#[derive(Debug, Clone)]
pub(super) struct KeyNames {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) security_token: Option<String>,
}

impl KeyNames {
    /// Those of the vendor's SDKs.
    pub(super) fn of_sdk() -> Self {
        Self {
            access_key: "HUAWEICLOUD_SDK_AK".to_owned(),
            secret_key: "HUAWEICLOUD_SDK_SK".to_owned(),
            security_token: Some("HUAWEICLOUD_SDK_SECURITY_TOKEN".to_owned()),
        }
    }
}

/// Reads a YAML file with a key.
pub(super) fn read_yaml(path: &Path, setting: &str) -> Result<AccessKey, CredentialError> {
    let text = read_text(path, setting)?;
    let parts = parsed(&text, FileFormat::Yaml);
    parts.and_then(checked).ok_or_else(|| malformed(path, setting))
}

/// Reads section `[basic]` of a profile file; `None` if there is no such file.
pub(super) fn read_profile(path: &Path, setting: &str) -> Result<Option<AccessKey>, CredentialError> {
    let text = match read_text(path, setting) {
        Err(CredentialError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let profile: Option<Profile> = parsed(&text, FileFormat::Ini);
    let key = profile.and_then(|profile| checked(profile.basic));
    key.map(Some).ok_or_else(|| malformed(path, setting))
}

/// The profile file of the vendor's SDKs.
pub(super) fn default_profile(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".huaweicloud/credentials")))
}

/// Reads a key from the environment; `None` if neither its access key nor its secret key is there.
pub(super) fn read_environment(
    names: &KeyNames,
    environment: &Environment,
    setting: &str,
) -> Result<Option<AccessKey>, CredentialError> {
    let read = |name: &str| variable(name, environment, setting);
    let security_token = match &names.security_token {
        Some(name) => read(name)?,
        None => None,
    };
    match (read(&names.access_key)?, read(&names.secret_key)?) {
        (Some(id), Some(secret)) => Ok(Some(AccessKey {
            id,
            secret,
            security_token,
            expires_at: None,
        })),
        (None, None) => Ok(None),
        (id, _) => Err(CredentialError::Half {
            setting: setting.to_owned(),
            missing: if id.is_none() {
                &names.access_key
            } else {
                &names.secret_key
            }
            .clone(),
        }),
    }
}

/// A variable's value, or the line in the file that its `_FILE` twin names.
fn variable(name: &str, environment: &Environment, setting: &str) -> Result<Option<Secret>, CredentialError> {
    if let Some(value) = environment.get(name) {
        return Ok(Some(Secret::new(value.trim().to_owned())));
    }
    let file = environment.get(&format!("{name}_FILE"));
    file.map(|file| read_line(Path::new(&file), setting)).transpose()
}

/// Reads a file that holds one secret and at most a line's end behind it.
pub(super) fn read_line(path: &Path, setting: &str) -> Result<Secret, CredentialError> {
    let text = read_text(path, setting)?;
    let line = text.expose().trim_matches(['\r', '\n', ' ', '\t']);
    if is_printable(line) {
        return Ok(Secret::new(line.to_owned()));
    }
    Err(malformed(path, setting))
}

fn read_text(path: &Path, setting: &str) -> Result<Secret, CredentialError> {
    let text = fs::read_to_string(path).map_err(|source| CredentialError::Unreadable {
        setting: setting.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    Ok(Secret::new(text))
}

/// Parsers quote what they stumble over, so their errors are dropped here.
fn parsed<T: for<'de> Deserialize<'de>>(text: &Secret, format: FileFormat) -> Option<T> {
    let file: File<FileSourceString, FileFormat> = File::from_str(text.expose(), format);
    Config::builder().add_source(file).build().ok()?.try_deserialize().ok()
}

fn checked(parts: KeyParts) -> Option<AccessKey> {
    let key = AccessKey {
        id: Secret::new(parts.access_key),
        secret: Secret::new(parts.secret_key),
        security_token: parts.security_token.map(Secret::new),
        expires_at: None,
    };
    let is_usable = is_printable(key.id.expose())
        && is_printable(key.secret.expose())
        && key
            .security_token
            .as_ref()
            .is_none_or(|token| is_printable(token.expose()));
    is_usable.then_some(key)
}

/// What can stand in a header: one line of printable ASCII, and not nothing.
pub(super) fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

fn malformed(path: &Path, setting: &str) -> CredentialError {
    CredentialError::Malformed {
        setting: setting.to_owned(),
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("written");
        file.into_temp_path()
    }

    fn shown(key: &AccessKey) -> (&str, &str, Option<&str>) {
        (
            key.id.expose(),
            key.secret.expose(),
            key.security_token.as_ref().map(Secret::expose),
        )
    }

    #[test]
    fn a_yaml_file_holds_a_key_under_either_name() {
        let long = file("access_key: AK1\nsecret_key: SK1\nsecurity_token: T1\n");
        let short = file("{ ak: AK2, sk: SK2 }");
        let read = |path: &Path| read_yaml(path, "credentials.main").expect("a key");
        assert_eq!(shown(&read(&long)), ("AK1", "SK1", Some("T1")));
        assert_eq!(shown(&read(&short)), ("AK2", "SK2", None));
    }

    #[test]
    fn partial_and_bad_content_is_no_key_and_is_not_quoted() {
        for text in [
            "",
            "access_key: CANARY",
            "access_key: CANARY\nsecret_key: ''",
            "CANARY: [",
            "access_key: [CANARY]",
        ] {
            let path = file(text);
            let error = read_yaml(&path, "credentials.main").expect_err("no key").to_string();
            assert!(
                error.contains("credentials.main") && !error.contains("CANARY"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_profile_has_its_key_in_section_basic() {
        let path = file("[basic]\nak = AK\nsk = SK\n[global]\nak = other\n");
        let key = read_profile(&path, "s").expect("readable").expect("a key");
        assert_eq!(shown(&key), ("AK", "SK", None));
        assert!(
            read_profile(Path::new("/nonexistent"), "s")
                .expect("no file is no error")
                .is_none()
        );
        assert!(read_profile(&file("[basiccredentials]\nak = AK\nsk = SK\n"), "s").is_err());
    }

    #[test]
    fn the_environment_has_twins_that_name_files_and_half_a_key_is_an_error() {
        let secret = file("SK\n");
        let twin = secret.to_str().expect("UTF-8").to_owned();
        let environment = Environment::new(move |name| match name {
            "HUAWEICLOUD_SDK_AK" => Some("AK".to_owned()),
            "HUAWEICLOUD_SDK_SK_FILE" => Some(twin.clone()),
            _ => None,
        });
        let key = read_environment(&KeyNames::of_sdk(), &environment, "s")
            .expect("readable")
            .expect("a key");
        assert_eq!(shown(&key), ("AK", "SK", None));
        let half = Environment::new(|name| (name == "HUAWEICLOUD_SDK_AK").then(|| "AK".to_owned()));
        let error = read_environment(&KeyNames::of_sdk(), &half, "s")
            .expect_err("half a key")
            .to_string();
        assert!(error.contains("HUAWEICLOUD_SDK_SK"), "{error}");
        let none = Environment::new(|_| None);
        assert!(
            read_environment(&KeyNames::of_sdk(), &none, "s")
                .expect("nothing is no error")
                .is_none()
        );
    }
}
