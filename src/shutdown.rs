//! Signals become values. The first SIGTERM or SIGINT cancels a token, the second ends the process at once; each SIGHUP is a
//! message.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
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

/// Each SIGHUP from now on is a message.
///
/// # Errors
///
/// The operating system's, when it refuses a handler.
pub fn on_hangup() -> io::Result<mpsc::Receiver<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(1);
    // Ends with the receiver.
    tokio::spawn(async move { while hangup.recv().await.is_some() && sender.send(()).await.is_ok() {} });
    Ok(receiver)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
