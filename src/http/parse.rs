//! The bytes of a request head, judged: httparse finds the tokens, this file holds RFC 9112 against them.

use std::mem::MaybeUninit;

use super::Rejection;
use super::request::Request;
use crate::config::{Limits, bounds};

/// A field line: `name` as it came (compare it without case), `value` without the white space around it.
pub type Field<'a> = httparse::Header<'a>;

/// Room for the fields of one head, left uninitialised: a hundred slots would cost more to clear than to parse.
pub struct Slots<'a>([MaybeUninit<Field<'a>>; bounds::FIELDS_MAX]);

impl Slots<'_> {
    /// Empty slots.
    pub fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; bounds::FIELDS_MAX])
    }
}

/// How the end of the body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// `Content-Length`, in bytes; may be 0.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// `Expect` (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// None, or one of HTTP/1.0, which is ignored.
    None,
    /// `100-continue`.
    Continue,
    /// Something that we cannot meet: 417.
    Unknown,
}

/// A head that is complete and sound.
#[derive(Debug)]
pub struct Head<'a> {
    /// The request, with an empty body, no params and worker 0.
    pub request: Request<'a>,
    /// How the end of the body is found.
    pub framing: Framing,
    /// What the client expects before it sends the body.
    pub expectation: Expectation,
    /// The connection may stay open after the answer, as far as the client is concerned.
    pub keep_alive: bool,
    /// Bytes of the input that the head takes, an empty line before it included.
    pub bytes: usize,
}

/// Parses the head at the beginning of `input`.
///
/// `Ok(None)`: the head has not ended yet. `scanned` is the caller's memory of how far its end was looked for:
/// 0 at first, handed in again unchanged with the same input and more bytes behind it.
///
/// # Errors
///
/// The [`Rejection`] to answer with, then the connection must be closed.
pub fn head<'a>(
    input: &'a [u8],
    scanned: &mut usize,
    slots: &'a mut Slots<'a>,
    limits: &Limits,
) -> Result<Option<Head<'a>>, Rejection> {
    todo!()
}
