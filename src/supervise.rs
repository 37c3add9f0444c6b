//! Tasks that run as long as the process: one that panics is started again, and one that keeps panicking ends the process,
//! so that a supervisor above sees it (`semantics.md`, section 3).

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The pause before the first restart, doubled for each after it.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAXIMUM: Duration = Duration::from_secs(60);

/// So many ends within the window are too many.
const ENDS_MAXIMUM: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);

/// A task ended too often.
#[derive(Debug, thiserror::Error)]
#[error("the task {task} keeps ending by itself; its last words are above")]
pub struct GaveUp {
    task: String,
}

impl GaveUp {
    /// A task that nobody restarts ended.
    #[must_use]
    pub fn of(task: &str) -> Self {
        Self { task: task.to_owned() }
    }
}

/// Runs what `make` makes until `stop`, again and again if it ends by itself or panics.
///
/// # Errors
///
/// [`GaveUp`] when it ended too often.
pub async fn supervise<F>(
    task: String,
    stop: CancellationToken,
    mut make: impl FnMut(CancellationToken) -> F,
) -> Result<(), GaveUp>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut ends = VecDeque::new();
    loop {
        // A child of ours that is not awaited any more must not go on.
        let own_stop = stop.child_token();
        let _guard = own_stop.clone().drop_guard();
        let ended = tokio::spawn(make(own_stop)).await;
        if stop.is_cancelled() {
            return Ok(());
        }
        let has_panicked = ended.is_err();
        let Some(pause) = pause_after(&mut ends, Instant::now()) else {
            return Err(GaveUp { task });
        };
        tracing::error!(
            task,
            has_panicked,
            pause_seconds = pause.as_secs(),
            "a task ended by itself and is started again"
        );
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = sleep(pause) => {}
        }
    }
}

/// How long to wait after an end; `None` if there were too many.
fn pause_after(ends: &mut VecDeque<Instant>, now: Instant) -> Option<Duration> {
    ends.retain(|end| now.saturating_duration_since(*end) < WINDOW);
    ends.push_back(now);
    if ends.len() >= ENDS_MAXIMUM {
        return None;
    }
    let doublings = u32::try_from(ends.len() - 1).unwrap_or(u32::MAX);
    Some(PAUSE.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAXIMUM))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_with_longer_and_longer_pauses() {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let began_at = Instant::now();
        let ended = supervise("test".to_owned(), CancellationToken::new(), move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("this panic is part of a test") }
        })
        .await;
        assert!(ended.is_err());
        assert_eq!(
            (starts.load(Ordering::Relaxed), began_at.elapsed().as_secs()),
            (5, 1 + 2 + 4 + 8)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ends_that_are_rare_are_forgiven_for_ever() {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let stop = CancellationToken::new();
        let told = stop.clone();
        let ended = supervise("test".to_owned(), stop, move |_| {
            let is_last = counted.fetch_add(1, Ordering::Relaxed) == 20;
            let told = told.clone();
            async move {
                if is_last {
                    told.cancel();
                }
                sleep(Duration::from_secs(200)).await;
            }
        })
        .await;
        assert!(ended.is_ok());
        assert_eq!(starts.load(Ordering::Relaxed), 21);
    }
}
