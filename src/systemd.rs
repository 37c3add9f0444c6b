//! What a service manager is told: ready, reloading, stopping, and still well. Without one, nothing is told to nobody.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};

/// Tells that it serves, and where.
pub fn ready(addresses: &str) {
    tell(&[
        NotifyState::Ready,
        NotifyState::Status(&format!("serving on {addresses}")),
    ]);
}

/// Tells that a new configuration is read; [`ready`] follows.
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Tells that it ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells again and again that the loop which calls it turns, if the service manager wants to hear it.
#[derive(Debug)]
pub struct Watchdog {
    interval: Option<Duration>,
    due_at: Instant,
}

impl Watchdog {
    /// As the environment says (`WatchdogSec=` of the unit): twice in the time after which it would be ended.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            interval: sd_notify::watchdog_enabled().map(|limit| limit / 2),
            due_at: Instant::now(),
        }
    }

    /// Waits until it is time to tell; for ever, if nobody wants to hear it. Giving the wait up loses nothing.
    pub async fn due(&self) {
        match self.interval {
            Some(_) => sleep_until(self.due_at).await,
            None => std::future::pending().await,
        }
    }

    /// Tells it.
    pub fn tell(&mut self) {
        tell(&[NotifyState::Watchdog]);
        self.due_at = Instant::now() + self.interval.unwrap_or_default();
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
