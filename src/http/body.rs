//! What an answer is sent as: parts that are there already, or an exposition that is written while it is sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use crate::exposition::Print;

/// A chunk of an exposition that is written while it is sent: what fits a processor's nearer caches.
const CHUNK: usize = 64 * 1024;

/// Room for the last unit of a chunk.
const CHUNK_CAPACITY: usize = CHUNK + 32 * 1024;

/// The body of an answer.
#[derive(Debug)]
pub struct Page {
    print: Option<Print>,
    parts: VecDeque<Bytes>,
}

impl Page {
    /// Parts that are there already; they are shared, not copied.
    pub(super) fn of(parts: impl IntoIterator<Item = Bytes>) -> Self {
        Self {
            print: None,
            parts: parts.into_iter().filter(|part| !part.is_empty()).collect(),
        }
    }

    /// An exposition and what follows it. However long it is, a chunk of it is in memory.
    pub(super) fn printed(print: Print, rest: Bytes) -> Self {
        Self {
            print: Some(print),
            parts: VecDeque::from([rest]),
        }
    }
}

impl Body for Page {
    /// The last two parts go together: a system call less, and the reader is woken once.
    type Data = Chain<Bytes, Bytes>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut part = Bytes::new();
        if let Some(print) = &mut self.print {
            let mut chunk = Vec::with_capacity(CHUNK_CAPACITY);
            if print.fill(&mut chunk, CHUNK) {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(chunk).chain(Bytes::new())))));
            }
            self.print = None;
            part = chunk.into();
        } else if let Some(next) = self.parts.pop_front() {
            part = next;
        }
        let last = match self.parts.len() {
            1 => self.parts.pop_front().unwrap_or_default(),
            _ => Bytes::new(),
        };
        let data = part.chain(last);
        Poll::Ready(data.has_remaining().then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.print.is_none() && self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.parts.iter().map(|part| part.len() as u64).sum();
        match self.print {
            Some(_) => SizeHint::new(),
            None => SizeHint::with_exact(bytes),
        }
    }
}
