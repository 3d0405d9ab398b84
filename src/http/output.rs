//! Where answers are written: bytes to be sent, made once and reused for ever.

use std::io;
use std::ops::Range;

use bytes::BytesMut;
use serde::Serialize;

use crate::config::Techniques;

/// A buffer of bytes to be sent: initialised once, written behind a cursor, reset when sent.
///
/// Its memory is cleared when it grows and never again, so that writing is a copy into a slice and
/// needs neither `unsafe` nor a length to be kept in two places.
#[derive(Debug)]
pub struct Output {
    bytes: BytesMut,
    end: usize,
    /// Heads are copied from a template, where there is one, and not formatted.
    has_template: bool,
    /// JSON is serialised in here, and not somewhere else first.
    takes_json: bool,
}

impl Output {
    /// An empty buffer with room for `bytes`.
    #[must_use]
    pub fn new(bytes: usize, techniques: &Techniques) -> Self {
        Self {
            bytes: BytesMut::zeroed(bytes),
            end: 0,
            has_template: techniques.head_template,
            takes_json: techniques.json_in_place,
        }
    }

    /// An empty buffer with room for `bytes`, written with all techniques.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self::new(bytes, &Techniques::default())
    }

    /// An empty one that is written in the same way.
    pub(super) fn alike(&self) -> Self {
        Self {
            bytes: BytesMut::new(),
            end: 0,
            ..*self
        }
    }

    /// Whether heads are copied from a template.
    #[inline]
    pub(super) fn has_template(&self) -> bool {
        self.has_template
    }

    /// Appends a value as JSON.
    ///
    /// # Panics
    ///
    /// If `serde_json` refuses it: a map whose keys are no strings.
    #[inline]
    pub fn push_json<T: Serialize>(&mut self, value: &T) {
        const REFUSED: &str = "a response's type serialises to JSON";
        if self.takes_json {
            serde_json::to_writer(self, value).expect(REFUSED);
        } else {
            // What one does who builds an answer from values of any kind: a tree of them, its text,
            // and the copy of that.
            let tree = serde_json::to_value(value).expect(REFUSED);
            self.push(tree.to_string().as_bytes());
        }
    }

    /// Bytes written and not yet taken away.
    pub fn len(&self) -> usize {
        self.end
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// What has been written.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Appends bytes.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) {
        let end = self.end + piece.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        self.bytes[self.end..end].copy_from_slice(piece);
        self.end = end;
    }

    /// Appends several pieces; the room for all is made at once.
    #[inline]
    pub fn push_all<const N: usize>(&mut self, pieces: [&[u8]; N]) {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.bytes.len() - self.end < bytes {
            self.grow(self.end + bytes);
        }
        let mut room = &mut self.bytes[self.end..self.end + bytes];
        for piece in pieces {
            let (here, rest) = room.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            room = rest;
        }
        self.end += bytes;
    }

    /// Appends a piece of fixed length, and of a second one the first `bytes`, or all of it if it
    /// has fewer.
    ///
    /// The second is copied whole and what is beyond its `bytes` is overwritten by the next answer:
    /// a copy of fixed length is a few instructions in place, one of any length is a call.
    #[inline]
    pub fn push_padded<const N: usize, const M: usize>(
        &mut self,
        piece: &[u8; N],
        padded: &[u8; M],
        bytes: usize,
    ) {
        let bytes = bytes.min(M);
        if let Some((first, rest)) = self.bytes[self.end..].split_first_chunk_mut::<N>()
            && let Some(second) = rest.first_chunk_mut::<M>()
        {
            first.copy_from_slice(piece);
            second.copy_from_slice(padded);
            self.end += N + bytes;
        } else {
            self.push_at_the_end(piece, &padded[..bytes]);
        }
    }

    /// What is left has no room for more than the bytes that count, and perhaps not for these.
    #[cold]
    fn push_at_the_end(&mut self, piece: &[u8], padded: &[u8]) {
        self.push_all([piece, padded]);
    }

    /// Puts pieces in place of a gap that is at least as long, and moves what follows it down.
    ///
    /// # Panics
    ///
    /// If the pieces are longer than the gap, or it lies beyond what has been written.
    pub fn narrow<const N: usize>(&mut self, gap: Range<usize>, pieces: [&[u8]; N]) {
        let written = &mut self.bytes[..self.end];
        let mut at = gap.start;
        for piece in pieces {
            written[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        assert!(
            at <= gap.end,
            "pieces of {} bytes in a gap of {}",
            at - gap.start,
            gap.len()
        );
        written.copy_within(gap.end.., at);
        self.end -= gap.end - at;
    }

    /// Forgets everything; memory beyond `keep`, which one long answer may have needed, is
    /// returned.
    #[inline]
    pub fn clear(&mut self, keep: usize) {
        self.end = 0;
        if self.bytes.len() > keep {
            self.bytes = BytesMut::zeroed(keep);
        }
    }

    /// Cuts back to `mark`, an earlier [`len`](Self::len): what a panicking handler left behind
    /// goes away.
    pub fn truncate(&mut self, mark: usize) {
        self.end = self.end.min(mark);
    }

    /// Doubles, so that a long body is moved a bounded number of times.
    #[cold]
    fn grow(&mut self, needed: usize) {
        self.bytes.resize(needed.max(2 * self.bytes.len()), 0);
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl io::Write for Output {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.push(piece);
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        self.push(piece);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
