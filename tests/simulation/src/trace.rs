//! Everything that happened in one run, in order: its fingerprint shows whether two runs were one.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::FormatTime;

/// A trace; cheap to clone.
#[derive(Clone)]
pub(crate) struct Trace {
    origin: Instant,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    hash: DefaultHasher,
    /// The text, if it is kept.
    text: Option<String>,
}

impl Trace {
    pub(crate) fn new(keeps_text: bool) -> Self {
        Self {
            origin: Instant::now(),
            inner: Arc::new(Mutex::new(Inner {
                hash: DefaultHasher::new(),
                text: keeps_text.then(String::new),
            })),
        }
    }

    /// Writes one line with its time.
    pub(crate) fn line(&self, line: fmt::Arguments<'_>) {
        let at = self.origin.elapsed().as_secs_f64();
        self.write(format!("{at:10.3} {line}\n").as_bytes());
    }

    /// Adds bytes to the fingerprint alone.
    pub(crate) fn absorb(&self, bytes: &[u8]) {
        self.inner().hash.write(bytes);
    }

    fn write(&self, bytes: &[u8]) {
        let mut inner = self.inner();
        inner.hash.write(bytes);
        if let Some(text) = &mut inner.text {
            text.push_str(&String::from_utf8_lossy(bytes));
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Log lines of this thread become part of the trace.
    pub(crate) fn catch_log(&self) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_timer(SinceOrigin(self.origin))
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// The fingerprint and the text.
    pub(crate) fn end(&self) -> (String, String) {
        let mut inner = self.inner();
        let fingerprint = format!("{:016x}", inner.hash.finish());
        (fingerprint, inner.text.take().unwrap_or_default())
    }
}

struct SinceOrigin(Instant);

impl FormatTime for SinceOrigin {
    fn format_time(&self, writer: &mut tracing_subscriber::fmt::format::Writer<'_>) -> fmt::Result {
        write!(writer, "{:10.3}", self.0.elapsed().as_secs_f64())
    }
}

impl io::Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Trace::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Trace {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
