//! Time, chance and environment, as values that are handed in: production reads the system, a test decides.
//! Monotonic time is tokio's, which tests can pause; nothing else of the outside enters here.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Tells the wall time; read once per pass.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where wall time enters")]
        Self::new(Timestamp::now)
    }

    /// A clock of the caller's.
    #[must_use]
    pub fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The wall time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WallClock")
    }
}

/// Gives fractions for jitter from a seeded generator.
#[derive(Debug, Clone)]
pub struct Chance(Arc<Mutex<fastrand::Rng>>);

impl Chance {
    /// The same seed gives the same fractions in the same order.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A seed from the system, so that replicas do not poll in step.
    #[must_use]
    pub fn of_system() -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::new())))
    }

    /// A fraction, at least 0 and less than 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        // A generator is whole between any two draws, so a panic elsewhere cannot have spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

/// The environment's variables, as far as they are read: by name.
#[derive(Clone)]
pub struct Environment(Arc<ReadVariable>);

type ReadVariable = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The process' own. A value that is no UTF-8 counts as not set.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Given variables.
    #[must_use]
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The value of a variable; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}
