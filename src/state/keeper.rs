//! The loop that saves what is published, when it is and at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{codec, file};
use crate::publish::{Publication, Reader};

/// No two saves are closer than this, however often something is published.
const PAUSE: Duration = Duration::from_secs(5);

/// Saves what is published.
#[derive(Debug, Clone)]
pub struct StateKeeper {
    path: PathBuf,
    reader: Reader,
}

impl StateKeeper {
    /// Saves into this file.
    #[must_use]
    pub fn new(path: PathBuf, reader: Reader) -> Self {
        Self { path, reader }
    }

    /// Saves what is published as soon as it is, and once more at the stop: a kill costs what was published in the last
    /// moments.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut saved = Vec::new();
        loop {
            self.save_if_new(&mut saved).await;
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.next(&saved) => {}
            }
        }
    }

    /// Waits for something worth saving, and not too soon after the last save.
    async fn next(&mut self, saved: &[u64]) {
        if saved.iter().any(|sequence| *sequence > 0) {
            sleep(PAUSE).await;
        }
        if *saved == sequences(&self.reader.current()) {
            self.reader.changed().await;
        }
    }

    async fn save_if_new(&self, saved: &mut Vec<u64>) {
        let publication = self.reader.current();
        let sequences = sequences(&publication);
        if *saved == sequences || sequences.iter().all(|sequence| *sequence == 0) {
            return;
        }
        match self.save(publication).await {
            Ok(bytes) => tracing::debug!(bytes, "state saved"),
            Err(error) => tracing::warn!(
                %error,
                file = %self.path.display(),
                "state.file could not be written; what is served is not affected, a restart would be"
            ),
        }
        *saved = sequences;
    }

    async fn save(&self, publication: Arc<Publication>) -> std::io::Result<usize> {
        let path = self.path.clone();
        // Encoding a large fleet and flushing a disk take longer than other tasks should wait.
        let saving = tokio::task::spawn_blocking(move || {
            let bytes = codec::encode(&publication);
            file::save(&path, &bytes).map(|()| bytes.len())
        });
        saving.await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }
}

/// The sequence numbers of all projects; 0 for one without a snapshot.
fn sequences(publication: &Publication) -> Vec<u64> {
    let published = publication.projects.iter().map(|state| state.published.as_ref());
    published
        .map(|published| published.map_or(0, |published| published.sequence))
        .collect()
}
