//! A head line by line, without haste: whatever is incomplete, unusual or wrong.
//!
//! The same bytes are refused for the same reason however they were split on their way: faults are
//! judged in the order in which they stand, and nothing is judged that lies beyond a limit. Taking
//! the bytes apart twice is deliberate: the usual way says yes or "not me", this one knows why.

use super::field::Field;
use super::fields;
use super::head::Head;
use super::octets::{Class, TARGET, TOKEN, VALUE};
use super::target::{self, Target};
use crate::config::{Limits, bounds};
use crate::http::request::{Body, Method, Request, Version};
use crate::http::status::{Rejection, Status};

const METHOD: &str = "The request line does not begin with a method. It must be a token such as \
    `GET`, followed by one space.";
const VERSION: &str = "The request line does not end in one space, `HTTP/1.1` and CRLF.";
const MAJOR_VERSION: &str = "This version of HTTP is not served here. The request line must end in \
    `HTTP/1.1` or `HTTP/1.0`.";
const LINE_TOO_LONG: &str = "The request line is too long. The target must be shorter; larger data \
    belong into a body.";
const NAME: &str = "A field line does not begin with a field name and a colon. The name must be a \
    token such as `Accept`.";
const NAME_SPACE: &str = "There is white space between a field name and its colon. The colon must \
    follow at once.";
const FOLDED: &str = "A line of the header section begins with white space. Each field must be one \
    line.";
const VALUE_OCTET: &str = "A field value holds a control character. NUL, CR, LF and the like must \
    not be part of it.";
const BARE_CR: &str = "A CR without LF is in the head. Lines must end in CRLF.";
const BARE_LF: &str = "A line of the head ends in LF alone. Lines must end in CRLF.";
const TOO_MANY: &str = "There are too many fields. The request must have fewer, or its values must \
    be joined.";
const SECTION_TOO_LARGE: &str = "The header section is too large. The request must have fewer or \
    shorter fields.";

const LINE_ENDS: &str = "The request begins with line ends. One CRLF is allowed before the request \
    line, and nothing else.";

/// Judges a head. `Ok(None)`: right so far, but not complete.
#[cold]
pub(super) fn head<'a>(
    input: &'a [u8],
    slots: &'a mut Option<[Field<'a>; bounds::FIELDS_MAX]>,
    limits: &Limits,
) -> Result<Option<Head<'a>>, Rejection> {
    let Some(bytes) = after_empty_line(input)? else {
        return Ok(None);
    };
    let Some(line) = line(bytes, limits)? else {
        return Ok(None);
    };
    let slots = slots.insert([httparse::EMPTY_HEADER; bounds::FIELDS_MAX]);
    let Some((section_bytes, fields)) = section(line.rest, slots, limits)? else {
        return Ok(None);
    };
    let controls = fields::controls(fields, line.version)?;
    let head_bytes = bytes.len() - line.rest.len() + section_bytes;
    let request = Request {
        method: line.method,
        path: line.target.path,
        query: line.target.query,
        version: line.version,
        fields,
        head: bytes.get(..head_bytes).unwrap_or_default(),
        body: Body::default(),
        worker: 0,
        params: &[],
    };
    Ok(Some(Head {
        request,
        controls,
        bytes: input.len() - bytes.len() + head_bytes,
    }))
}

/// Takes away the empty line that a client may have sent behind its last body (RFC 9112 section
/// 2.2); `None` if the head has not begun.
fn after_empty_line(input: &[u8]) -> Result<Option<&[u8]>, Rejection> {
    match input {
        [] | [b'\r'] | [b'\r', b'\n'] => Ok(None),
        [b'\r', b'\n', b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        [b'\r', b'\n', bytes @ ..] => Ok(Some(bytes)),
        [b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        _ => Ok(Some(input)),
    }
}

/// The first line, judged; `rest` is what follows its CRLF.
struct Line<'a> {
    method: Method,
    target: Target<'a>,
    version: Version,
    rest: &'a [u8],
}

/// Judges the request line: its form, then its length, then the version. The rules for targets are
/// HTTP/1.1's, so that they come last: `PRI * HTTP/2.0` is no bad request, but one of another
/// version (RFC 9113 section 3.4).
fn line<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Line<'a>>, Rejection> {
    let limit = limits.request_line;
    let visible = visible(bytes, limit);
    let Some(((method, raw), (major, minor, line_bytes))) = line_parts(visible)? else {
        return if visible.get(limit).is_some_and(|&octet| octet != b'\r') {
            Err(Rejection {
                status: Status::URI_TOO_LONG,
                reason: LINE_TOO_LONG,
            })
        } else {
            Ok(None)
        };
    };
    if major != b'1' {
        return Err(Rejection {
            status: Status::VERSION_NOT_SUPPORTED,
            reason: MAJOR_VERSION,
        });
    }
    let method = Method::from_token(method);
    Ok(Some(Line {
        method,
        target: Target::parse(method, raw)?,
        version: if minor == b'0' {
            Version::Http10
        } else {
            Version::Http11
        },
        rest: bytes.get(line_bytes..).unwrap_or_default(),
    }))
}

/// Method and target; the version's two digits and the length of the line with its CRLF.
type LineParts<'a> = ((&'a str, &'a str), (u8, u8, usize));

fn line_parts(visible: &[u8]) -> Result<Option<LineParts<'_>>, Rejection> {
    let Some((method, after)) = word(visible, &TOKEN, METHOD)? else {
        return Ok(None);
    };
    let Some((raw, after)) = word(after, &TARGET, target::OCTETS)? else {
        return Ok(None);
    };
    let Some((major, minor)) = version(after)? else {
        return Ok(None);
    };
    let line_bytes = visible.len() - after.len() + VERSION_SHAPE.len();
    Ok(Some(((method, raw), (major, minor, line_bytes))))
}

/// What stands before the next space, and what behind it; `None` if the space has not come yet.
fn word<'a>(
    bytes: &'a [u8],
    class: &Class,
    reason: &'static str,
) -> Result<Option<(&'a str, &'a [u8])>, Rejection> {
    let (word, after) = bytes.split_at(class.prefix(bytes));
    match after {
        [] => Ok(None),
        [b' ', after @ ..] if !word.is_empty() => match str::from_utf8(word) {
            Ok(word) => Ok(Some((word, after))),
            Err(_) => Err(Rejection::bad_request(reason)),
        },
        _ => Err(Rejection::bad_request(reason)),
    }
}

/// RFC 9112 section 2.3; `D` is a digit, the rest is itself, in this case.
const VERSION_SHAPE: &[u8; 10] = b"HTTP/D.D\r\n";

/// The two digits; `None` if the line has not ended yet.
fn version(bytes: &[u8]) -> Result<Option<(u8, u8)>, Rejection> {
    let fits = bytes
        .iter()
        .zip(VERSION_SHAPE)
        .all(|(&octet, &shape)| match shape {
            b'D' => octet.is_ascii_digit(),
            _ => octet == shape,
        });
    match bytes {
        _ if !fits => Err(Rejection::bad_request(VERSION)),
        [_, _, _, _, _, major, _, minor, _, _, ..] => Ok(Some((*major, *minor))),
        _ => Ok(None),
    }
}

/// Judges the field lines, and finds them when the empty line has come: the number of their bytes,
/// with that line, and they themselves. `Ok(None)`: right so far.
fn section<'a>(
    bytes: &'a [u8],
    slots: &'a mut [Field<'a>],
    limits: &Limits,
) -> Result<Option<(usize, &'a [Field<'a>])>, Rejection> {
    if !has_ended(bytes, limits)? {
        return Ok(None);
    }
    match httparse::parse_headers(bytes, slots) {
        Ok(httparse::Status::Complete(section)) => Ok(Some(section)),
        _ => Err(Rejection::bad_request(NAME)),
    }
}

fn fields_max(limits: &Limits) -> usize {
    limits.header_fields.min(bounds::FIELDS_MAX)
}

/// Judges the field lines; whether the empty line behind them has come.
fn has_ended(bytes: &[u8], limits: &Limits) -> Result<bool, Rejection> {
    let visible = visible(bytes, limits.header_section);
    let mut rest = visible;
    for fields_before in 0.. {
        if rest.starts_with(b"\r\n") {
            return Ok(true);
        }
        let Some(after) = field_line(rest)? else {
            break;
        };
        if fields_before >= fields_max(limits) {
            return Err(too_large(TOO_MANY));
        }
        rest = after;
    }
    match visible.get(limits.header_section..) {
        None | Some([] | [b'\r']) => Ok(false),
        Some(_) => Err(too_large(SECTION_TOO_LARGE)),
    }
}

/// What follows a field line (RFC 9112 section 5); `None` if its end has not come yet.
fn field_line(bytes: &[u8]) -> Result<Option<&[u8]>, Rejection> {
    let (name, after) = bytes.split_at(TOKEN.prefix(bytes));
    let value = match (name, after) {
        (_, []) | ([], [b'\r']) => return Ok(None),
        ([], [b'\r', ..]) => return Err(Rejection::bad_request(BARE_CR)),
        ([], [b'\n', ..]) => return Err(Rejection::bad_request(BARE_LF)),
        ([], [b' ' | b'\t', ..]) => return Err(Rejection::bad_request(FOLDED)),
        ([_, ..], [b':', value @ ..]) => value,
        ([_, ..], [b' ' | b'\t', ..]) => return Err(Rejection::bad_request(NAME_SPACE)),
        _ => return Err(Rejection::bad_request(NAME)),
    };
    match &value[VALUE.prefix(value)..] {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', after @ ..] => Ok(Some(after)),
        [b'\r', ..] => Err(Rejection::bad_request(BARE_CR)),
        [b'\n', ..] => Err(Rejection::bad_request(BARE_LF)),
        _ => Err(Rejection::bad_request(VALUE_OCTET)),
    }
}

fn too_large(reason: &'static str) -> Rejection {
    Rejection {
        status: Status::FIELDS_TOO_LARGE,
        reason,
    }
}

/// What may be judged of `bytes`: `limit` of them and a CRLF, but nothing behind an octet that
/// takes the CR's place. Whoever sends the octets one by one is refused there, and so must be who
/// sends them at once.
fn visible(bytes: &[u8], limit: usize) -> &[u8] {
    let bytes_max = match bytes.get(limit) {
        Some(b'\r') => limit.saturating_add(2),
        _ => limit.saturating_add(1),
    };
    bytes.get(..bytes_max).unwrap_or(bytes)
}
