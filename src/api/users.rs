//! What is read of a desktop beyond its states and facts, as the operator wishes: some tags, and users' names in no form, as
//! keyed hashes, or as they are (`metrics.md`, "Labels").

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::field_reader::FieldReader;
use super::lenient::{Array, Field};
use super::signing::hmac_sha256;
use super::wire::DesktopUsers;
use crate::config::{PrivacySettings, Secret, Users};
use crate::inventory::UserName;

/// Hexadecimal digits of the HMAC that tell users apart: 64 bits.
const HASH_DIGITS: usize = 16;

/// A shorter key can be guessed.
const KEY_BYTES_MINIMUM: usize = 16;

/// What is read beyond states and facts.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The keys of the tags that are kept.
    pub tags: Arc<[Box<str>]>,
    /// What becomes of users' names.
    pub users: UserNames,
}

/// What becomes of users' names.
#[derive(Debug, Clone, Default)]
pub enum UserNames {
    /// They are not read.
    #[default]
    Off,
    /// HMAC-SHA256 under this key.
    Hashed(Secret),
    /// As they are.
    Plain,
}

/// The key of the hashes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UserKeyError {
    /// There is no such file, or it is not ours to read.
    #[error("privacy.hash_key_file: failed to read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds too little.
    #[error("privacy.hash_key_file: {} holds less than {KEY_BYTES_MINIMUM} bytes, which can be guessed", path.display())]
    TooShort {
        /// Which file.
        path: PathBuf,
    },
}

impl UserNames {
    /// Follows the settings; reads the key's file where hashes are wanted. White space around the key does not count.
    ///
    /// # Errors
    ///
    /// [`UserKeyError`] names the file.
    pub fn of(settings: &PrivacySettings) -> Result<Self, UserKeyError> {
        match (settings.users, &settings.hash_key_file) {
            (Users::Plain, _) => Ok(UserNames::Plain),
            (Users::Off, _) | (Users::Hash, None) => Ok(UserNames::Off),
            (Users::Hash, Some(path)) => {
                let path = path.clone();
                let key = match fs::read_to_string(&path) {
                    Ok(text) => Secret::new(text.trim().to_owned()),
                    Err(source) => return Err(UserKeyError::Unreadable { path, source }),
                };
                if key.expose().len() < KEY_BYTES_MINIMUM {
                    return Err(UserKeyError::TooShort { path });
                }
                Ok(UserNames::Hashed(key))
            }
        }
    }

    pub(super) fn are_wanted(&self) -> bool {
        !matches!(self, UserNames::Off)
    }

    /// Reads the names of a desktop's users, each once: from the newest field that is there.
    pub(super) fn names(&self, wire: DesktopUsers<'_>, reader: &mut FieldReader) -> Box<[UserName]> {
        let infos = reader.objects(wire.attach_user_infos, "attach_user_infos");
        let list = reader
            .read(wire.user_list, "user_list")
            .map_or(Vec::new(), |Array(list)| list);
        let mut fields: Vec<Field<Cow<'_, str>>> = infos.into_iter().map(|info| info.user_name).collect();
        if fields.is_empty() {
            fields = list;
        }
        if fields.is_empty() {
            fields.push(wire.user_name);
        }
        let mut names: Vec<UserName> = fields
            .into_iter()
            .filter_map(|field| reader.read(field, "user_name"))
            .filter(|name| !name.is_empty())
            .filter_map(|name| self.shown(&name))
            .collect();
        names.sort();
        names.dedup();
        names.into()
    }

    fn shown(&self, name: &str) -> Option<UserName> {
        match self {
            UserNames::Off => None,
            UserNames::Plain => Some(UserName::Plain(name.into())),
            UserNames::Hashed(key) => {
                let mut digits = hmac_sha256(key.expose(), name);
                digits.truncate(HASH_DIGITS);
                Some(UserName::Hashed(digits.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(users: &UserNames, json: &str) -> Vec<UserName> {
        let wire = serde_json::from_str(json).expect("a record");
        users.names(wire, &mut FieldReader::default()).into()
    }

    #[test]
    fn a_hash_is_stable_keyed_and_not_the_name() {
        let json = r#"{"user_list": ["ann"]}"#;
        let hashed = |key: &str| names(&UserNames::Hashed(Secret::new(key.to_owned())), json);
        assert_eq!(hashed("k"), hashed("k"));
        assert_ne!(hashed("k"), hashed("l"));
        // printf ann | openssl dgst -sha256 -hmac k
        assert_eq!(hashed("k"), [UserName::Hashed("9266175ac0e5692d".into())]);
    }

    #[test]
    fn the_newest_field_that_is_there_names_each_user_once() {
        let plain = |json: &str| names(&UserNames::Plain, json);
        let ann = [UserName::Plain("ann".into())];
        assert_eq!(plain(r#"{"user_name": "ann"}"#), ann);
        assert_eq!(plain(r#"{"user_name": "bob", "user_list": ["ann", "ann"]}"#), ann);
        let newest = r#"{"user_name": "bob", "user_list": ["bob"], "attach_user_infos": [{"user_name": "ann"}]}"#;
        assert_eq!(plain(newest), ann);
        assert_eq!(plain(r#"{"user_name": "", "user_list": 7}"#), []);
        assert_eq!(names(&UserNames::Off, newest), []);
    }
}
