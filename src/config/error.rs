//! What can be wrong with the settings. Every message names the file or the key and says what to do.

use std::path::PathBuf;

/// The settings cannot be used; the process ends with code 64.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read the configuration file {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no YAML, or a flag's value has no place.
    #[error("failed to parse {origin}: {problem}")]
    Syntax {
        /// The file, or the flags.
        origin: String,
        /// The parser's words, with line and column.
        problem: String,
    },
    /// A key is unknown, or its value has the wrong type or form.
    #[error("{origin}: {key}: {problem}")]
    Key {
        /// The file, or the flags.
        origin: String,
        /// Its path, such as `collect.interval`.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}
