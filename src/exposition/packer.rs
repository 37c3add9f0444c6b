//! Compressed streams made of segments that stand for themselves: deflate between full flushes, zstd frames.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::format::Coding;

/// Fast, and a third larger at most than the best; see docs/performance.md.
const GZIP_LEVEL: u32 = 2;
const ZSTD_LEVEL: i32 = 1;

/// RFC 1952, section 2.3: deflate, no flags, no time, no system.
pub(super) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The longest stored block (RFC 1951, section 3.2.4).
const STORED_MAXIMUM: usize = 0xffff;

/// Longer texts at the end are worth packing.
const CLOSING_STORED_MAXIMUM: usize = 32 * 1024;

/// What the trailer of gzip says of a text: texts that follow each other are joined without being read again.
#[derive(Debug, Clone, Default)]
pub(super) struct Checksum {
    crc: crc32fast::Hasher,
    size: usize,
}

impl Checksum {
    fn of(text: &[u8]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(text);
        Self { crc, size: text.len() }
    }

    pub(super) fn join(&mut self, next: &Self) {
        if next.size > 0 {
            self.crc.combine(&next.crc);
            self.size += next.size;
        }
    }

    /// RFC 1952, section 2.3.1: CRC-32, then the size modulo 2^32.
    fn trailer(self) -> [u8; 8] {
        let size = self.size as u64 & u64::from(u32::MAX);
        (u64::from(self.crc.finalize()) | size << 32).to_le_bytes()
    }
}

/// A text, compressed: a range of a part of the stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of a family; noted by whoever wrote them.
    pub(super) rows: u64,
    pub(super) checksum: Checksum,
}

/// Compresses texts, each for itself.
pub(super) enum Packer {
    Identity,
    Deflate(Compress),
    /// `None`: without memory for it, frames are stored.
    Zstd(Option<zstd::bulk::Compressor<'static>>),
}

impl Packer {
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Identity => Packer::Identity,
            Coding::Gzip => Packer::Deflate(Compress::new(Compression::new(GZIP_LEVEL), false)),
            Coding::Zstd => Packer::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL).ok()),
        }
    }

    /// Compresses a text behind what is there.
    pub(super) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Segment {
        let start = out.len();
        if !text.is_empty() {
            match self {
                Packer::Identity => out.extend_from_slice(text),
                Packer::Deflate(deflate) => push_deflated(deflate, text, FlushCompress::Full, out),
                Packer::Zstd(zstd) => push_frame(zstd.as_mut(), text, out),
            }
        }
        Segment {
            start,
            end: out.len(),
            rows: 0,
            checksum: Checksum::of(text),
        }
    }
}

/// Deflates a text behind what is there. The output grows until it is done, so that there is always room.
fn push_deflated(deflate: &mut Compress, text: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        out.reserve(rest.len() / 4 + 64);
        let (taken, room) = (deflate.total_in(), out.capacity() - out.len());
        let written = deflate.total_out();
        let status = deflate.compress_vec(rest, out, flush);
        rest = &rest[usize::try_from(deflate.total_in() - taken).unwrap_or(rest.len())..];
        let is_full = usize::try_from(deflate.total_out() - written).is_ok_and(|written| written == room);
        // A flush is complete when room is left behind it (zlib's manual).
        if status.is_ok_and(|status| status == Status::StreamEnd) || (rest.is_empty() && !is_full) {
            return;
        }
    }
}

/// Packs a text into a frame. Without an engine, which only a lack of memory can cause, it is stored as it is.
fn push_frame(zstd: Option<&mut zstd::bulk::Compressor<'static>>, text: &[u8], out: &mut Vec<u8>) {
    match zstd.and_then(|zstd| zstd.compress(text).ok()) {
        Some(frame) => out.extend_from_slice(&frame),
        None => push_stored_frame(text, out),
    }
}

/// RFC 8878, sections 3.1.1.1 and 3.1.1.2: a frame of raw blocks, with a window of its content's size.
fn push_stored_frame(text: &[u8], out: &mut Vec<u8>) {
    const BLOCK_MAXIMUM: usize = 128 * 1024;
    out.extend_from_slice(&0xFD2F_B528_u32.to_le_bytes());
    // A single segment, its size in eight bytes.
    out.push(0b1110_0000);
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    let mut blocks = text.chunks(BLOCK_MAXIMUM).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0]);
    }
    while let Some(block) = blocks.next() {
        let is_last = u32::from(blocks.peek().is_none());
        let size = u32::try_from(block.len()).unwrap_or(0);
        out.extend_from_slice(&(size << 3 | is_last).to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
}

/// The end of a gzip member whose text so far has this checksum.
pub(super) fn gzip_closing(mut checksum: Checksum, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if text.len() > CLOSING_STORED_MAXIMUM {
        let mut deflate = Compress::new(Compression::new(GZIP_LEVEL), false);
        push_deflated(&mut deflate, text, FlushCompress::Finish, &mut out);
    } else {
        out.reserve(text.len() + 16);
        push_stored(text, &mut out);
    }
    checksum.join(&Checksum::of(text));
    out.extend_from_slice(&checksum.trailer());
    out
}

fn push_stored(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (block, others) = rest.split_at(rest.len().min(STORED_MAXIMUM));
        let length = u16::try_from(block.len()).unwrap_or(0);
        out.push(u8::from(others.is_empty()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        if others.is_empty() {
            return;
        }
        rest = others;
    }
}

/// The last frame of a zstd stream.
pub(super) fn zstd_closing(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_stored_frame(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    /// Packs texts and an end.
    fn packed(coding: Coding, texts: &[Vec<u8>], end: &[u8]) -> Vec<u8> {
        let (mut packer, mut out, mut checksum) = (Packer::new(coding), Vec::new(), Checksum::default());
        if coding == Coding::Gzip {
            out.extend_from_slice(&GZIP_HEADER);
        }
        for text in texts {
            checksum.join(&packer.push(text, &mut out).checksum);
        }
        let closing = match coding {
            Coding::Identity => end.to_vec(),
            Coding::Gzip => gzip_closing(checksum, end),
            Coding::Zstd => zstd_closing(end),
        };
        [out, closing].concat()
    }

    fn gunzipped(bytes: &[u8]) -> Vec<u8> {
        let (mut decoder, mut text) = (GzDecoder::new(bytes), Vec::new());
        decoder.read_to_end(&mut text).expect("gzip");
        assert!(decoder.into_inner().is_empty(), "there is more than one member");
        text
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_itself_in_one_member(
            texts in proptest::collection::vec(proptest::collection::vec(0_u8..9, 0..3_000), 0..9),
            end in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let plain = [texts.concat(), end.clone()].concat();
            prop_assert_eq!(&gunzipped(&packed(Coding::Gzip, &texts, &end)), &plain);
            let unpacked = zstd::stream::decode_all(&packed(Coding::Zstd, &texts, &end)[..]).expect("zstd");
            prop_assert_eq!(&unpacked, &plain);
            prop_assert_eq!(&packed(Coding::Identity, &texts, &end), &plain);
        }
    }

    #[test]
    fn ends_of_any_length_are_ends() {
        for length in [
            0,
            1,
            CLOSING_STORED_MAXIMUM,
            CLOSING_STORED_MAXIMUM + 1,
            2 * STORED_MAXIMUM,
            300_000,
        ] {
            let end: Vec<u8> = (0_u32..)
                .map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
                .take(length)
                .collect();
            let texts = [b"text".to_vec()];
            let plain = [b"text", &end[..]].concat();
            assert_eq!(gunzipped(&packed(Coding::Gzip, &texts, &end)), plain);
            let unpacked = zstd::stream::decode_all(&packed(Coding::Zstd, &texts, &end)[..]).expect("zstd");
            assert_eq!(unpacked, plain);
        }
    }
}
