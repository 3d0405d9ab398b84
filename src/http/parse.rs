//! The bytes of a request head, judged: a request line, then the fields (RFC 9112).
//!
//! There are two ways through either. `plain` takes what is complete and has nothing unusual about
//! it, which is nearly every line and nearly every section. Everything else goes to `examine`,
//! which is slow and knows why. The calls of `plain` could be removed and nothing would change but
//! time.

use std::iter;
use std::mem::ManuallyDrop;

use arrayvec::ArrayVec;

use super::request::{Body, Method, Request, Version};
use super::{Rejection, Status};
use crate::config::{Limits, Techniques, bounds};

mod target;

mod fields;

mod plain;

mod examine;

pub(super) mod octets;

use fields::Controls;
use target::Target;

/// A field line: `name` as it came (compare it without case), `value` without the white space
/// around it.
pub type Field<'a> = httparse::Header<'a>;

/// Room for the fields of one head. A field owns nothing, so that nothing is dropped, and the bytes
/// that the fields are views of may change when they are no longer used.
pub struct Slots<'a> {
    fields: ManuallyDrop<ArrayVec<Field<'a>, { bounds::FIELDS_MAX }>>,
    saves: bool,
}

impl<'a> Slots<'a> {
    /// No slots.
    #[inline]
    pub fn new(techniques: &Techniques) -> Self {
        Self {
            fields: ManuallyDrop::new(ArrayVec::new()),
            saves: techniques.field_slots,
        }
    }

    /// Slots for fields, cleared: httparse takes no others. So many as these bytes are likely to
    /// need, or for a hundred.
    #[inline]
    fn likely(&mut self, bytes: usize, limits: &Limits) -> &mut [Field<'a>] {
        // Browsers need 60 bytes for a field.
        let likely = if self.saves {
            (bytes / 32 + 4).min(32)
        } else {
            bounds::FIELDS_MAX
        };
        self.cleared(likely.min(fields_max(limits)))
    }

    /// So many slots.
    #[inline]
    fn cleared(&mut self, count: usize) -> &mut [Field<'a>] {
        self.fields.clear();
        self.fields
            .extend(iter::repeat_n(httparse::EMPTY_HEADER, count));
        &mut self.fields
    }
}

impl Default for Slots<'_> {
    fn default() -> Self {
        Self::new(&Techniques::default())
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

impl Framing {
    /// Whether no byte of a body will come.
    #[inline]
    pub fn is_bodiless(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
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
/// `Ok(None)`: the head has not ended yet. `scanned` is the caller's memory of how far its end was
/// looked for: 0 at first, handed in again unchanged with the same input and more bytes behind it.
///
/// # Errors
///
/// The [`Rejection`] to answer with, then the connection must be closed.
#[inline]
pub fn head<'a>(
    input: &'a [u8],
    scanned: &mut usize,
    slots: &'a mut Slots<'a>,
    limits: &Limits,
) -> Result<Option<Head<'a>>, Rejection> {
    // Most heads come in one piece: they are parsed at once. One that did not is left alone until
    // its end has come: a head sent byte by byte would be parsed as many times as it has bytes.
    if *scanned > 0 && !is_decidable(input, *scanned, limits) {
        *scanned = input.len();
        return Ok(None);
    }
    let judged = judge(input, slots, limits);
    if matches!(judged, Ok(None)) {
        *scanned = input.len();
    }
    judged
}

/// Whether these bytes, the first of a head, have begun it. A line end has not: some clients send
/// one behind a body (RFC 9112 section 2.2), and are as idle afterwards as others.
#[inline]
pub fn has_begun(input: &[u8]) -> bool {
    !matches!(input, b"" | b"\r\n")
}

/// Whether a head that was refused is that of a HEAD request: whatever else is wrong with it, its
/// client reads no content (RFC 9110 section 9.3.2).
pub fn asks_for_the_head(mut input: &[u8]) -> bool {
    while let Some(rest) = input.strip_prefix(b"\r\n") {
        input = rest;
    }
    input.starts_with(b"HEAD ")
}

/// The first line, judged; `rest` is what follows its CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'a> {
    method: Method,
    target: Target<'a>,
    version: Version,
    rest: &'a [u8],
}

#[inline]
fn judge<'a>(
    input: &'a [u8],
    slots: &'a mut Slots<'a>,
    limits: &Limits,
) -> Result<Option<Head<'a>>, Rejection> {
    let Some(bytes) = after_empty_line(input)? else {
        return Ok(None);
    };
    let line = match plain::line(bytes, limits) {
        Some(line) => line,
        None => match examine::line(bytes, limits)? {
            Some(line) => line,
            None => return Ok(None),
        },
    };
    let section_bytes = match plain::section(line.rest, slots, limits) {
        Some(section_bytes) => section_bytes,
        None => match examine::section(line.rest, slots, limits)? {
            Some(section_bytes) => section_bytes,
            None => return Ok(None),
        },
    };
    let fields = &slots.fields[..];
    let controls = Controls::of(fields, line.version)?;
    let head_bytes = bytes.len() - line.rest.len() + section_bytes;
    Ok(Some(Head {
        framing: controls.framing,
        expectation: controls.expectation,
        keep_alive: controls.keep_alive,
        bytes: input.len() - bytes.len() + head_bytes,
        request: Request {
            method: line.method,
            path: line.target.path,
            query: line.target.query,
            version: line.version,
            fields,
            head: bytes.get(..head_bytes).unwrap_or_default(),
            body: Body::default(),
            worker: 0,
            params: &[],
        },
    }))
}

fn fields_max(limits: &Limits) -> usize {
    limits.header_fields.min(bounds::FIELDS_MAX)
}

/// Takes away the empty line that a client may have sent behind its last body (RFC 9112 section
/// 2.2); `None` if the head has not begun.
#[inline]
fn after_empty_line(input: &[u8]) -> Result<Option<&[u8]>, Rejection> {
    const REASON: &str = "The request begins with line ends. One CRLF is allowed before the \
        request line, and nothing else.";
    match input {
        [b'\r' | b'\n', ..] => match input {
            [b'\r'] | [b'\r', b'\n'] => Ok(None),
            [b'\r', b'\n', b'\r' | b'\n', ..] => Err(bad_request(REASON)),
            [b'\r', b'\n', bytes @ ..] => Ok(Some(bytes)),
            _ => Err(bad_request(REASON)),
        },
        _ => Ok(Some(input)),
    }
}

/// Whether the bytes from `scanned` on end the head, make it wrong for certain, or make it too
/// large.
fn is_decidable(input: &[u8], scanned: usize, limits: &Limits) -> bool {
    let new = input.get(scanned..).unwrap_or_default();
    let ends = memchr::memchr_iter(b'\n', new).any(|at| {
        let line_end = input.get(..scanned + at).unwrap_or_default();
        let is_right = line_end.ends_with(b"\r") && !line_end.ends_with(b"\r\r");
        !is_right || line_end.ends_with(b"\r\n\r")
    });
    ends || exceeds(input, limits)
}

/// Whether a head that has not ended yet can no longer fit.
fn exceeds(input: &[u8], limits: &Limits) -> bool {
    if input.len() <= limits.request_line.min(limits.header_section) {
        return false;
    }
    let head = input.strip_prefix(b"\r\n").unwrap_or(input);
    // Beyond the limit no line end is looked for: each call would read the whole input again.
    let visible = head
        .get(..limits.request_line.saturating_add(2))
        .unwrap_or(head);
    match memchr::memchr(b'\n', visible) {
        Some(at) => head.len() - at - 1 > limits.header_section,
        None => head.len() > limits.request_line,
    }
}

/// A request that breaks the grammar (RFC 9110 section 15.5.1).
pub(super) fn bad_request(reason: &'static str) -> Rejection {
    Rejection {
        status: Status::BAD_REQUEST,
        reason,
    }
}

#[cfg(test)]
mod tests;
