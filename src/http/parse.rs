//! The bytes of a request head, judged: httparse finds the tokens, this file holds RFC 9112 against
//! them.
//!
//! There are two ways through. `plain` takes a head that is complete and has nothing unusual
//! about it, which is nearly every one: one pass of httparse, and then the checks that httparse
//! leaves out. Everything else goes to `examine`, which is slow and knows why. The call of `plain`
//! could be removed and nothing would change but time.
//!
//! httparse takes bare LF for CRLF, any number of empty lines before the head and any octet above
//! 0x20 in the target, and it looks into no field: that is what the checks are for.

use std::mem::MaybeUninit;

use super::request::{Body, Method, Request, Version};
use super::{Rejection, Status};
use crate::config::{Limits, bounds};

mod target;

mod fields;

mod examine;

pub(super) mod octets;

use examine::examine;
use fields::Controls;
use target::Target;

/// A field line: `name` as it came (compare it without case), `value` without the white space
/// around it.
pub type Field<'a> = httparse::Header<'a>;

/// Room for the fields of one head.
pub struct Slots<'a> {
    /// Left uninitialised: a hundred slots would cost more to clear than to parse.
    fields: [MaybeUninit<Field<'a>>; bounds::FIELDS_MAX],
    /// Fields of heads that took the slow way; no memory before that.
    examined: Vec<Field<'a>>,
}

impl Slots<'_> {
    /// Empty slots.
    #[inline]
    pub fn new() -> Self {
        Self {
            fields: [const { MaybeUninit::uninit() }; bounds::FIELDS_MAX],
            examined: Vec::new(),
        }
    }
}

impl Default for Slots<'_> {
    fn default() -> Self {
        Self::new()
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

/// A head taken apart, its request line judged.
struct Parts<'a> {
    method: Method,
    target: Target<'a>,
    version: Version,
    fields: &'a [Field<'a>],
    /// From the method to the empty line.
    bytes: usize,
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
    let parts = match plain(bytes, &mut slots.fields, limits)? {
        Some(parts) => parts,
        None => match examine(bytes, &mut slots.examined, limits)? {
            Some(parts) => parts,
            None => return Ok(None),
        },
    };
    let Parts {
        version, fields, ..
    } = parts;
    let controls = Controls::of(fields, version)?;
    Ok(Some(Head {
        framing: controls.framing,
        expectation: controls.expectation,
        keep_alive: controls.keep_alive,
        bytes: input.len() - bytes.len() + parts.bytes,
        request: Request {
            method: parts.method,
            path: parts.target.path,
            query: parts.target.query,
            version,
            fields,
            head: bytes.get(..parts.bytes).unwrap_or_default(),
            body: Body::default(),
            worker: 0,
            params: &[],
        },
    }))
}

/// Takes apart a head of HTTP/1.0 or 1.1 that is complete, within the limits and has CRLF at the
/// end of each line; `Ok(None)` about any other.
#[inline]
fn plain<'a>(
    bytes: &'a [u8],
    slots: &'a mut [MaybeUninit<Field<'a>>; bounds::FIELDS_MAX],
    limits: &Limits,
) -> Result<Option<Parts<'a>>, Rejection> {
    let mut parsed = httparse::Request::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_request_with_uninit_headers(
        &mut parsed,
        bytes,
        &mut slots[..fields_max(limits)],
    );
    let (Ok(httparse::Status::Complete(head_bytes)), Some(method), Some(raw), Some(minor)) =
        (outcome, parsed.method, parsed.path, parsed.version)
    else {
        return Ok(None);
    };
    let fields: &'a [Field<'a>] = parsed.headers;
    let line_bytes = method.len() + raw.len() + b"  HTTP/1.1".len();
    let within_limits = line_bytes <= limits.request_line
        && head_bytes - line_bytes <= limits.header_section.saturating_add(b"\r\n\r\n".len());
    if !within_limits || !has_crlf_throughout(bytes, head_bytes, fields) {
        return Ok(None);
    }
    let method = Method::from_token(method);
    Ok(Some(Parts {
        method,
        target: Target::parse(method, raw)?,
        version: if minor == 0 {
            Version::Http10
        } else {
            Version::Http11
        },
        fields,
        bytes: head_bytes,
    }))
}

/// The fields of a section that `examine` has found right and within the limits.
fn collect_fields<'a>(
    section: &'a [u8],
    room: &'a mut Vec<Field<'a>>,
    limits: &Limits,
) -> Option<&'a [Field<'a>]> {
    *room = vec![httparse::EMPTY_HEADER; fields_max(limits)];
    match httparse::parse_headers(section, room) {
        Ok(httparse::Status::Complete((_, fields))) => Some(fields),
        _ => None,
    }
}

fn fields_max(limits: &Limits) -> usize {
    limits.header_fields.min(bounds::FIELDS_MAX)
}

/// Whether no line of the head ends in LF alone.
///
/// httparse has refused each CR that is not followed by LF. So the octet two before each field
/// name, and before the end, tells: a look at one octet of each line, where a search for LF would
/// read them all again.
#[inline]
fn has_crlf_throughout(bytes: &[u8], head_bytes: usize, fields: &[Field<'_>]) -> bool {
    let start = bytes.as_ptr().addr();
    bytes
        .get(..head_bytes)
        .is_some_and(|head| head.ends_with(b"\r\n\r\n"))
        && fields.iter().all(|field| {
            let name_at = field.name.as_ptr().addr().wrapping_sub(start);
            bytes.get(name_at.wrapping_sub(2)) == Some(&b'\r')
        })
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

fn bad_request(reason: &'static str) -> Rejection {
    Rejection {
        status: Status::BAD_REQUEST,
        reason,
    }
}

#[cfg(test)]
mod tests;
