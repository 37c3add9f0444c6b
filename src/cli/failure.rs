//! Why the process ends with another code than 0, and with which words.

use std::error::Error as StdError;

use crate::app::StartError;
use crate::config::ConfigError;
use crate::once::OnceError;
use crate::simulate::TourError;

/// Why the process ends with another code than 0.
#[derive(Debug)]
pub enum Failure {
    /// The flags or the settings are wrong: code 64 (`EX_USAGE`).
    Usage(Box<dyn StdError>),
    /// Everything else: code 1.
    Trouble(Box<dyn StdError>),
    /// A check found so many problems and has told them: code 1.
    Problems(usize),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 64,
            Failure::Trouble(_) | Failure::Problems(_) => 1,
        }
    }

    /// The error and its causes on one line.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Failure::Usage(error) | Failure::Trouble(error) => crate::causes::line(error.as_ref()),
            Failure::Problems(1) => "1 problem".to_owned(),
            Failure::Problems(problems) => format!("{problems} problems"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Usage(error.into())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(_) | StartError::Transport(_) | StartError::UserKey(_) => Failure::Usage(error.into()),
            StartError::Bind(_) | StartError::Metrics(_) => Failure::Trouble(error.into()),
        }
    }
}

impl From<TourError> for Failure {
    fn from(error: TourError) -> Self {
        match error {
            TourError::Start(error) => error.into(),
            other => Failure::Trouble(other.into()),
        }
    }
}

impl From<OnceError> for Failure {
    fn from(error: OnceError) -> Self {
        match error {
            OnceError::Start(error) => error.into(),
            other => Failure::Trouble(other.into()),
        }
    }
}
