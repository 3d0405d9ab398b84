//! A head line by line, without haste: whatever is incomplete, unusual or wrong.
//!
//! The same bytes are refused for the same reason however they were split on their way: faults are
//! judged in the order in which they stand, and nothing is judged that lies beyond a limit. Taking
//! the bytes apart twice is deliberate: the usual way says yes or "not me", this one knows why.

use super::octets::{Class, TARGET, TOKEN, VALUE};
use super::{Head, fields, target};
use crate::config::{Limits, bounds};
use crate::http::{Field, Method, Rejection, Request, Status, Version};

const METHOD: &str = "The request line does not begin with a method. It must be a token such as \
    `GET`, followed by one space.";
const TARGET_OCTETS: &str = "The request target holds a byte that is not allowed there. It must \
    not be empty, and white space, control characters, bytes above 0x7E, `#`, `<` and `>` must be \
    percent-encoded.";
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

/// `Ok(None)`: right so far, but not complete.
type Judged<T> = Result<Option<T>, Rejection>;

/// Judges a head.
#[cold]
pub(super) fn head<'a>(
    input: &'a [u8],
    slots: &'a mut Option<[Field<'a>; bounds::FIELDS_MAX]>,
    limits: &Limits,
) -> Judged<Head<'a>> {
    let Some(bytes) = after_empty_line(input)? else {
        return Ok(None);
    };
    let Some((mut request, rest)) = request_line(bytes, limits)? else {
        return Ok(None);
    };
    let slots = slots.insert([httparse::EMPTY_HEADER; bounds::FIELDS_MAX]);
    let Some((fields, section_bytes)) = section(rest, slots, limits)? else {
        return Ok(None);
    };
    let controls = fields::controls(fields, request.version)?;
    let (head, after) = bytes.split_at(bytes.len() - rest.len() + section_bytes);
    (request.fields, request.head) = (fields, head);
    Ok(Some(Head {
        request,
        controls,
        bytes: input.len() - after.len(),
    }))
}

/// Takes away the empty line that a client may have sent behind its last body (RFC 9112 section
/// 2.2); `None` if the head has not begun.
fn after_empty_line(input: &[u8]) -> Judged<&[u8]> {
    match input {
        [] | [b'\r'] | [b'\r', b'\n'] => Ok(None),
        [b'\r', b'\n', b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        [b'\r', b'\n', bytes @ ..] => Ok(Some(bytes)),
        [b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        _ => Ok(Some(input)),
    }
}

/// Judges the request line: its form, then its length, then the version. The rules for targets are
/// HTTP/1.1's, so that they come last: `PRI * HTTP/2.0` is no bad request, but one of another
/// version (RFC 9113 section 3.4). A request without fields, and what follows the line.
fn request_line<'a>(bytes: &'a [u8], limits: &Limits) -> Judged<(Request<'a>, &'a [u8])> {
    let visible = visible(bytes, limits.request_line);
    let (method, after) = word(visible, &TOKEN, METHOD)?;
    let (target, after) = word(after, &TARGET, TARGET_OCTETS)?;
    let Some(version) = version(after)? else {
        return match visible.get(limits.request_line) {
            None | Some(b'\r') => Ok(None),
            Some(_) => Err(Rejection::new(Status::URI_TOO_LONG, LINE_TOO_LONG)),
        };
    };
    let method = Method::from_token(method);
    let (path, query) = target::parse(method, target)?;
    let request = Request {
        method,
        path,
        query,
        version,
        ..Request::EMPTY
    };
    let line_bytes = visible.len() - after.len() + VERSION_SHAPE.len();
    Ok(Some((request, &bytes[line_bytes..])))
}

/// What stands before the next space, and what behind it: nothing if the space has not come yet.
fn word<'a>(
    bytes: &'a [u8],
    class: &Class,
    reason: &'static str,
) -> Result<(&'a str, &'a [u8]), Rejection> {
    let (word, after) = bytes.split_at(class.prefix(bytes));
    match (str::from_utf8(word), after) {
        (Ok(word), []) => Ok((word, after)),
        (Ok(word), [b' ', after @ ..]) if !word.is_empty() => Ok((word, after)),
        _ => Err(Rejection::bad_request(reason)),
    }
}

/// RFC 9112 section 2.3; `D` is a digit, the rest is itself, in this case.
const VERSION_SHAPE: &[u8; 10] = b"HTTP/D.D\r\n";

/// The end of the request line; `None` if it has not come yet.
fn version(bytes: &[u8]) -> Judged<Version> {
    let fits = |(&octet, &shape): (&u8, &u8)| match shape {
        b'D' => octet.is_ascii_digit(),
        _ => octet == shape,
    };
    match bytes {
        _ if !bytes.iter().zip(VERSION_SHAPE).all(fits) => Err(Rejection::bad_request(VERSION)),
        _ if bytes.len() < VERSION_SHAPE.len() => Ok(None),
        _ if bytes.starts_with(b"HTTP/1.0") => Ok(Some(Version::Http10)),
        _ if bytes.starts_with(b"HTTP/1.") => Ok(Some(Version::Http11)),
        _ => Err(Rejection::new(Status::VERSION_NOT_SUPPORTED, MAJOR_VERSION)),
    }
}

/// Judges the field lines: they themselves, and the number of their bytes with the empty line.
fn section<'a>(
    bytes: &'a [u8],
    slots: &'a mut [Field<'a>],
    limits: &Limits,
) -> Judged<(&'a [Field<'a>], usize)> {
    let visible = visible(bytes, limits.header_section);
    let fields_max = slots.len().min(limits.header_fields);
    let (mut rest, mut count) = (visible, 0);
    while !rest.starts_with(b"\r\n") {
        let Some((field, after)) = field_line(rest)? else {
            return match visible.get(limits.header_section..) {
                None | Some([] | [b'\r']) => Ok(None),
                Some(_) => Err(Rejection::new(Status::FIELDS_TOO_LARGE, SECTION_TOO_LARGE)),
            };
        };
        if count >= fields_max {
            return Err(Rejection::new(Status::FIELDS_TOO_LARGE, TOO_MANY));
        }
        slots[count] = field;
        count += 1;
        rest = after;
    }
    Ok(Some((&slots[..count], visible.len() - rest.len() + 2)))
}

/// A field line, and what follows it (RFC 9112 section 5); `None` if its end has not come yet.
fn field_line(bytes: &[u8]) -> Judged<(Field<'_>, &[u8])> {
    let (name, after) = bytes.split_at(TOKEN.prefix(bytes));
    let reason = match (name, after) {
        (_, []) | ([], [b'\r']) => return Ok(None),
        ([], [b'\r', ..]) => BARE_CR,
        ([], [b'\n', ..]) => BARE_LF,
        ([], [b' ' | b'\t', ..]) => FOLDED,
        ([_, ..], [b' ' | b'\t', ..]) => NAME_SPACE,
        ([_, ..], [b':', value @ ..]) => {
            let (value, after) = value.split_at(VALUE.prefix(value));
            match (str::from_utf8(name), after) {
                (_, [] | [b'\r']) => return Ok(None),
                (Ok(name), [b'\r', b'\n', after @ ..]) => {
                    let value = value.trim_ascii();
                    return Ok(Some((Field { name, value }, after)));
                }
                (_, [b'\r', ..]) => BARE_CR,
                (_, [b'\n', ..]) => BARE_LF,
                _ => VALUE_OCTET,
            }
        }
        _ => NAME,
    };
    Err(Rejection::bad_request(reason))
}

/// What may be judged of `bytes`: `limit` of them and a CRLF, but nothing behind an octet that
/// takes the CR's place. Whoever sends the octets one by one is refused there, and so must be who
/// sends them at once.
fn visible(bytes: &[u8], limit: usize) -> &[u8] {
    let end_bytes = 1 + usize::from(bytes.get(limit) == Some(&b'\r'));
    let end = limit.saturating_add(end_bytes).min(bytes.len());
    &bytes[..end]
}
