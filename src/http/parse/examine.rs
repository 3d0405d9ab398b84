//! A head line by line, without haste: whatever is incomplete, unusual or wrong.
//!
//! The same bytes are refused for the same reason however they were split on their way: faults are
//! judged in the order in which they stand, each at the octet that decides, and nothing is judged
//! that lies beyond a limit. Taking the bytes apart twice is deliberate: the usual way says yes or
//! "not me", this one knows why.

use super::fields::{self, Told};
use super::octets::{Class, TARGET, TOKEN, VALUE};
use super::{Head, target};
use crate::config::{Limits, bounds};
use crate::http::{Field, Method, Rejection, Request, Status, Version};

const METHOD: &str = "The request line does not begin with a method. It must be a token such as \
    `GET`, followed by one space.";
const TLS: &str = "The connection begins with a TLS handshake. This port speaks HTTP without TLS: \
    the address must begin with `http://`.";
const SPACES: &str = "Two parts of the request line have more than one space between them, or a \
    tab. There must be exactly one space.";
const TARGET_MISSING: &str = "The request line ends behind its method. It must be a method, a \
    target such as `/`, and `HTTP/1.1`, with one space between them.";
const TARGET_OCTETS: &str = "The request target holds a byte that is not allowed there. White \
    space, control characters, bytes above 0x7E, `#`, `<` and `>` must be percent-encoded.";
const VERSION_MISSING: &str = "The request line ends without a version, as in HTTP/0.9, which is \
    not served here. It must end in one space, `HTTP/1.1` and CRLF.";
const VERSION: &str = "The request line does not end in one space, `HTTP/1.1` and CRLF. A space \
    within the target must be sent as `%20`.";
const MAJOR_VERSION: &str = "This version of HTTP is not served here. The request line must end \
    in `HTTP/1.1` or `HTTP/1.0`.";
const LINE_TOO_LONG: &str = "The request line is too long. The target must be shorter; larger \
    data belong into a body.";
const NAME: &str = "A field line does not begin with a field name and a colon. The name must be a \
    token such as `Accept`.";
const NAME_SPACE: &str = "There is white space between a field name and its colon. The colon must \
    follow at once.";
const FOLDED: &str = "A line of the header section begins with white space. Each field must be \
    one line.";
const VALUE_OCTET: &str = "A field value holds a control character. NUL, CR, LF and the like must \
    not be part of it.";
const BARE_CR: &str = "A CR without LF is in the head. Lines must end in CRLF.";
const BARE_LF: &str = "A line of the head ends in LF alone. Lines must end in CRLF.";
const TOO_MANY: &str = "There are too many fields. The request must have fewer, or its values \
    must be joined.";
const SECTION_TOO_LARGE: &str = "The header section is too large. The request must have fewer or \
    shorter fields.";

const LINE_ENDS: &str = "The request begins with line ends. One CRLF is allowed before the \
    request line, and nothing else.";

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
    let Some((fields, section_bytes)) = section(rest, slots, request.version, limits)? else {
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
pub(super) fn after_empty_line(input: &[u8]) -> Judged<&[u8]> {
    match input {
        [] | [b'\r'] | [b'\r', b'\n'] => Ok(None),
        [b'\r', b'\n', b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        [b'\r', b'\n', bytes @ ..] => Ok(Some(bytes)),
        [b'\r' | b'\n', ..] => Err(Rejection::bad_request(LINE_ENDS)),
        _ => Ok(Some(input)),
    }
}

/// Judges the request line: method, target, version and length, in the order of their octets. A
/// request without fields, and what follows the line.
pub(super) fn request_line<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Judged<(Request<'a>, &'a [u8])> {
    let visible = visible(bytes, limits.request_line);
    let Some((request, after)) = parts(visible)? else {
        return match visible.get(limits.request_line) {
            None | Some(b'\r') => Ok(None),
            Some(_) => Err(Rejection::new(Status::URI_TOO_LONG, LINE_TOO_LONG)),
        };
    };
    Ok(Some((request, &bytes[visible.len() - after.len()..])))
}

/// The three parts of a request line.
fn parts(line: &[u8]) -> Judged<(Request<'_>, &[u8])> {
    let Some((token, after)) = word(line, &TOKEN, in_method)? else {
        return Ok(None);
    };
    let method = Method::from_token(token);
    // The preface of HTTP/2 is no bad request, but one of another version (RFC 9113 section 3.4).
    let is_preface = token == "PRI" && after.starts_with(b"*");
    if let Some(&first) = after
        .first()
        .filter(|&&first| TARGET.has(first) && !is_preface)
    {
        target::begin(method, first)?;
    }
    let Some((target, after)) = word(after, &TARGET, in_target)? else {
        return Ok(None);
    };
    let form = target::parse(method, target);
    if !is_preface || target != "*" {
        form?;
    }
    let Some((version, after)) = version(after)? else {
        return Ok(None);
    };
    let (path, query) = form?;
    let request = Request {
        method,
        path,
        query,
        version,
        ..Request::EMPTY
    };
    Ok(Some((request, after)))
}

/// What stands before the next space, and what behind it; `None` if the space has not come yet.
fn word<'a>(
    bytes: &'a [u8],
    class: &Class,
    fault: fn(&[u8], u8) -> &'static str,
) -> Judged<(&'a str, &'a [u8])> {
    let (word, after) = bytes.split_at(class.prefix(bytes));
    match (str::from_utf8(word), after) {
        (_, []) => Ok(None),
        (Ok(word), [b' ', after @ ..]) if !word.is_empty() => Ok(Some((word, after))),
        (_, [octet, ..]) => Err(Rejection::bad_request(fault(word, *octet))),
    }
}

/// Why `octet` may not follow these octets of a method.
fn in_method(method: &[u8], octet: u8) -> &'static str {
    match (method, octet) {
        ([], TLS_HANDSHAKE) => TLS,
        ([], _) => METHOD,
        (_, b'\r' | b'\n') => TARGET_MISSING,
        (_, b'\t') => SPACES,
        _ => METHOD,
    }
}

/// Why `octet` may not follow these octets of a target.
fn in_target(target: &[u8], octet: u8) -> &'static str {
    match (target, octet) {
        ([], b'\r' | b'\n') => TARGET_MISSING,
        (_, b'\r' | b'\n') => VERSION_MISSING,
        ([], b' ') | (_, b'\t') => SPACES,
        _ => TARGET_OCTETS,
    }
}

/// The content type of a TLS record that begins a connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// RFC 9112 section 2.3; `D` is a digit, the rest is itself, in this case.
const VERSION_SHAPE: &[u8; 10] = b"HTTP/1.D\r\n";

/// The end of the request line, and what follows; `None` if it has not come yet.
fn version(bytes: &[u8]) -> Judged<(Version, &[u8])> {
    let fits = |&(&octet, &shape): &(&u8, &u8)| match shape {
        b'D' => octet.is_ascii_digit(),
        _ => octet == shape,
    };
    let right = bytes.iter().zip(VERSION_SHAPE).take_while(fits).count();
    let Some(octet) = bytes.get(right).filter(|_| right < VERSION_SHAPE.len()) else {
        let after = bytes.get(VERSION_SHAPE.len()..);
        let version = if bytes.starts_with(b"HTTP/1.0") {
            Version::Http10
        } else {
            Version::Http11
        };
        return Ok(after.map(|after| (version, after)));
    };
    let reason = match (VERSION_SHAPE[right], octet) {
        (b'1', b'0'..=b'9') => {
            let status = Status::VERSION_NOT_SUPPORTED;
            return Err(Rejection::new(status, MAJOR_VERSION));
        }
        (b'H', b'\r' | b'\n') => VERSION_MISSING,
        (b'H', b' ' | b'\t') => SPACES,
        (b'\r', b'\n') => BARE_LF,
        (b'\n', _) => BARE_CR,
        _ => VERSION,
    };
    Err(Rejection::bad_request(reason))
}

/// Judges the field lines: they themselves, and the number of their bytes with the empty line.
fn section<'a>(
    bytes: &'a [u8],
    slots: &'a mut [Field<'a>],
    version: Version,
    limits: &Limits,
) -> Judged<(&'a [Field<'a>], usize)> {
    let (mut at, mut count, mut told) = (0, 0, Told::default());
    while let Some((field, next)) = section_line(bytes, at, count, limits)? {
        let (Some(field), Some(slot)) = (field, slots.get_mut(count)) else {
            return Ok(Some((&slots[..count], next)));
        };
        told.take(&field, version)?;
        *slot = field;
        (at, count) = (next, count + 1);
    }
    Ok(None)
}

/// The line of a header section that begins at `at`, behind `count` others, and where the next one
/// begins; no field if the line is the empty one; `None` if its end has not come yet.
pub(super) fn section_line<'a>(
    section: &'a [u8],
    at: usize,
    count: usize,
    limits: &Limits,
) -> Judged<(Option<Field<'a>>, usize)> {
    let visible = visible(section, limits.header_section);
    let line = visible.get(at..).unwrap_or_default();
    if line.starts_with(b"\r\n") {
        return Ok(Some((None, at + 2)));
    }
    let is_field = line.first().is_some_and(|octet| TOKEN.has(*octet));
    if is_field && count >= limits.header_fields.min(bounds::FIELDS_MAX) {
        return Err(Rejection::new(Status::FIELDS_TOO_LARGE, TOO_MANY));
    }
    if let Some((field, after)) = field_line(line)? {
        return Ok(Some((Some(field), visible.len() - after.len())));
    }
    match visible.get(limits.header_section..) {
        None | Some([] | [b'\r']) => Ok(None),
        Some(_) => Err(Rejection::new(Status::FIELDS_TOO_LARGE, SECTION_TOO_LARGE)),
    }
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
