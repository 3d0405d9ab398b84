//! The head that nearly every client sends, taken apart without a word about what could be wrong.
//!
//! Each function says yes or "not me": what it takes is complete, sound and within the limits, and
//! `examine` would find the same. Nothing is decided twice in one request: a line that is not plain
//! has a section that may be.
//!
//! httparse finds the fields. It takes a bare LF for CRLF, and it looks into none: the first is
//! checked here, the second in `fields`. The request line is not left to it, because it reads the
//! target three times, and we would have to read it a fourth time: it lets any octet above 0x20
//! pass.

use ascii::AsciiStr;

use super::octets::{TARGET, TARGET_PATH};
use super::target::Target;
use super::{Field, Line, Slots};
use crate::config::Limits;
use crate::http::request::{Method, Version};

/// A known method, a target in origin-form, and HTTP/1.1.
#[inline]
pub(super) fn line<'a>(bytes: &'a [u8], limits: &Limits) -> Option<Line<'a>> {
    let (method, after) = method(bytes)?;
    let (target, after) = target(after)?;
    let rest = after.strip_prefix(b" HTTP/1.1\r\n")?;
    let line_bytes = bytes.len() - rest.len() - b"\r\n".len();
    (line_bytes <= limits.request_line).then_some(Line {
        method,
        target,
        version: Version::Http11,
        rest,
    })
}

/// A method that takes targets in origin-form, and what follows its space.
#[inline]
fn method(bytes: &[u8]) -> Option<(Method, &[u8])> {
    let known = |word: &[u8], method| Some((method, bytes.strip_prefix(word)?));
    known(b"GET ", Method::Get)
        .or_else(|| known(b"POST ", Method::Post))
        .or_else(|| known(b"HEAD ", Method::Head))
        .or_else(|| known(b"PUT ", Method::Put))
        .or_else(|| known(b"DELETE ", Method::Delete))
        .or_else(|| known(b"PATCH ", Method::Patch))
        .or_else(|| known(b"OPTIONS ", Method::Options))
}

/// A target in origin-form, and what follows it.
#[inline]
fn target(bytes: &[u8]) -> Option<(Target<'_>, &[u8])> {
    let (path, after) = bytes.split_at_checked(TARGET_PATH.prefix(bytes))?;
    if !path.starts_with(b"/") {
        return None;
    }
    let path = text(path)?;
    let Some(query) = after.strip_prefix(b"?") else {
        return Some((Target { path, query: None }, after));
    };
    let (query, after) = query.split_at_checked(TARGET.prefix(query))?;
    let query = Some(text(query)?);
    Some((Target { path, query }, after))
}

/// The octets as text. All of both classes are ASCII, and to see that takes a quarter of the time
/// that it takes to see that bytes are UTF-8.
#[inline]
fn text(bytes: &[u8]) -> Option<&str> {
    AsciiStr::from_ascii(bytes).ok().map(AsciiStr::as_str)
}

/// A section with CRLF at the end of each line, put into `slots`: the number of its bytes.
#[inline]
pub(super) fn section<'a>(
    bytes: &'a [u8],
    slots: &mut Slots<'a>,
    limits: &Limits,
) -> Option<usize> {
    let outcome = httparse::parse_headers(bytes, slots.likely(bytes.len(), limits));
    let Ok(httparse::Status::Complete((section_bytes, fields))) = outcome else {
        return None;
    };
    let is_plain = section_bytes <= limits.header_section.saturating_add(b"\r\n".len())
        && has_crlf_throughout(bytes, section_bytes, fields);
    let count = fields.len();
    slots.fields.truncate(count);
    is_plain.then_some(section_bytes)
}

/// Whether no line of the section ends in LF alone.
///
/// httparse has refused each CR that is not followed by LF. So the octet two before each field
/// name, and before the end, tells: a look at one octet of each line, where a search for LF would
/// read them all again.
#[inline]
fn has_crlf_throughout(bytes: &[u8], section_bytes: usize, fields: &[Field<'_>]) -> bool {
    let start = bytes.as_ptr().addr();
    let ends = bytes
        .get(..section_bytes)
        .is_some_and(|section| section.ends_with(b"\r\n\r\n") || section == b"\r\n");
    ends && fields.iter().skip(1).all(|field| {
        let name_at = field.name.as_ptr().addr().wrapping_sub(start);
        bytes.get(name_at.wrapping_sub(2)) == Some(&b'\r')
    })
}
