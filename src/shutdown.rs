//! Signals become one token. The first SIGTERM or SIGINT asks everything to end; the second ends the process at once.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that was told twice: 128 and SIGINT's number.
const TOLD_TWICE: i32 = 130;

/// Listens for signals from now on; the token is cancelled at the first.
///
/// # Errors
///
/// The operating system's, when it refuses a handler.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    // Not awaited by anybody: it lives as long as the process, whose end is its purpose.
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("told to stop, finishing what is under way");
        stop.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("told to stop again, ending at once");
        process::exit(TOLD_TWICE);
    });
    Ok(token)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
