//! Where a body ends: Content-Length counted down, or chunks taken apart (RFC 9112 sections 6 and 7).

use super::Rejection;
use super::parse::Framing;
use crate::config::Limits;

/// Takes a body's bytes out of a stream, piece by piece. Holds no bytes itself.
#[derive(Debug)]
pub struct Decoder {}

/// A step of decoding.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Bytes of the body, possibly none (framing only).
    pub data: &'a [u8],
    /// Bytes of the input that are done with, `data` and the framing before and after it.
    pub consumed: usize,
}

impl Decoder {
    /// A decoder for a body that begins now. `Framing::None` is a body of length 0: done at once.
    pub fn new(framing: Framing) -> Self {
        todo!()
    }

    /// Whether the whole body has been taken.
    pub fn is_done(&self) -> bool {
        todo!()
    }

    /// Bytes still to come, if the framing tells: how much may be read straight into a segment.
    pub fn remaining(&self) -> Option<u64> {
        todo!()
    }

    /// Counts `bytes` of the body that were read past [`next`](Self::next), straight into a segment; at most
    /// [`remaining`](Self::remaining).
    pub fn skip(&mut self, bytes: u64) {
        todo!()
    }

    /// Takes the next piece from the beginning of `input`, which is not empty. `consumed` is 0 only when done.
    ///
    /// # Errors
    ///
    /// 400 for broken chunks or too many extensions, 413 beyond `limits.body`, 431 for too large a trailer section.
    pub fn next<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Result<Piece<'a>, Rejection> {
        todo!()
    }
}
