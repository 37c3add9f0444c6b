//! A connection whose reader takes nothing for a while is given up: a place that it holds is missing to others, and a form of
//! the metrics that it is sent is kept for it. It knows bytes only.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A reader that takes not one byte in this time is gone or stuck (`semantics.md`, section 4).
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream whose writes fail when they make no progress for too long.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    patience: Pin<Box<Sleep>>,
    /// Nothing was taken since the patience began.
    is_stalled: bool,
}

impl<S: Unpin> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            patience: Box::pin(sleep(WRITE_TIMEOUT)),
            is_stalled: false,
        }
    }

    /// What became of a write: an error, if it has waited too long.
    fn checked<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stalled = false;
            return written;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            self.patience.as_mut().reset(Instant::now() + WRITE_TIMEOUT);
        }
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.checked(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.checked(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.checked(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.checked(shut, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(8);
        let began_at = Instant::now();
        let written = Patient::new(ours).write_all(b"more than eight").await;
        assert_eq!(written.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
        assert_eq!(began_at.elapsed().as_secs(), WRITE_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_all_the_time_it_needs() {
        let (ours, mut theirs) = duplex(8);
        let reading = tokio::spawn(async move {
            let mut taken = 0;
            while taken < 100 {
                sleep(WRITE_TIMEOUT.mul_f64(0.9)).await;
                taken += theirs.read(&mut [0; 3]).await.expect("bytes");
            }
        });
        let mut ours = Patient::new(ours);
        ours.write_all(&[0; 101]).await.expect("it moves");
        // An idle connection is no business of this.
        sleep(WRITE_TIMEOUT * 9).await;
        ours.flush().await.expect("it is alive");
        reading.await.expect("it reads");
    }
}
