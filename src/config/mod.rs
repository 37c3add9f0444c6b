//! The settings: a tree whose every key has a default, its layers, and the errors that name a key or a file.
//!
//! Layers, later ones win: defaults < file < environment < flags. It refuses to know what the settings are for.

mod credentials;
mod discovery;
mod duration;
mod error;
mod layers;
mod metrics;
mod print;
mod project;
mod secret;
mod settings;
mod shard;

pub use credentials::{AccessKeySettings, CredentialSettings};
pub use discovery::DiscoverySettings;
pub use error::ConfigError;
pub use layers::{Overrides, check, load, parse, read};
pub use metrics::{MetricsSettings, StateRows};
pub use print::print;
pub use project::ProjectSettings;
pub use secret::{Secret, SecretSource};
pub use settings::{
    ApiSettings, CollectSettings, Listen, PrivacySettings, Settings, StateSettings, Users, WebSettings,
};
pub use shard::Shard;
