//! How often and how widely the cloud is asked: what the loops take from the settings.

use std::time::Duration;

use super::batches::Batching;
#[cfg(feature = "naive-paging")]
use super::listing::Proof;
use super::listing::Reading;
use crate::config::Settings;

/// The part of the interval that a listing may take.
const LISTING_PART: f64 = 0.8;

/// How often and how widely the cloud is asked.
#[derive(Debug, Clone)]
pub struct Pace {
    pub(super) interval: Duration,
    pub(super) jitter: f64,
    listing_timeout: Duration,
    pub(super) network_interval: Duration,
    pub(super) network_max_age: Duration,
    pub(super) reading: Reading,
    pub(super) batching: Batching,
}

impl Pace {
    /// Takes what matters here from the settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            interval: settings.collect.interval,
            jitter: settings.collect.jitter,
            listing_timeout: settings.collect.listing_timeout,
            network_interval: settings.collect.network_interval,
            network_max_age: settings.collect.network_max_age,
            reading: Reading {
                page_size: settings.api.page_size,
                max_desktops: settings.collect.max_desktops,
                proof: super::listing::Proof::default(),
            },
            batching: Batching {
                batch_size: settings.api.network_batch_size,
                concurrency: settings.api.concurrency,
            },
        }
    }

    /// The same pace with another idea of proof.
    #[cfg(feature = "naive-paging")]
    #[must_use]
    pub fn with_proof(mut self, proof: Proof) -> Self {
        self.reading.proof = proof;
        self
    }

    /// How long a listing may take.
    pub(super) fn listing_patience(&self) -> Duration {
        self.interval.mul_f64(LISTING_PART).min(self.listing_timeout)
    }
}
