//! A token that somebody else renews, in a file. The file is small and read at each call, so a rotated token is in use
//! at once, an atomic symlink swap as Kubernetes does it included.

use std::path::Path;

use tokio::time::Instant;

use super::{CredentialError, Token};
use crate::api::error::Error;
use crate::config::Secret;

/// Reads the token.
pub(super) fn read(path: &Path, setting: &str) -> Result<Token, Error> {
    Ok(Token {
        value: read_line(path, setting)?,
        project_id: None,
        renew_at: Instant::now(),
    })
}

/// Reads a file that holds one secret and at most a line's end behind it.
pub(super) fn read_line(path: &Path, setting: &str) -> Result<Secret, CredentialError> {
    let text = std::fs::read_to_string(path).map_err(|source| CredentialError::Unreadable {
        setting: setting.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let text = Secret::new(text);
    let line = text.expose().trim_matches(['\r', '\n', ' ', '\t']);
    let is_printable = line.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if line.is_empty() || !is_printable {
        return Err(CredentialError::Malformed {
            setting: setting.to_owned(),
            path: path.to_owned(),
        });
    }
    Ok(Secret::new(line.to_owned()))
}
