//! The bytes of a request head, judged: a request line, then the fields (RFC 9112).
//!
//! There are two ways through. `usual` takes the head that nearly every client sends: complete and
//! sound. It says yes or "not me", in one pass of httparse and one over the fields. Everything else
//! goes to `examine`, which is slow and knows why. Without the call of `usual` nothing would change
//! but time.

use std::mem::ManuallyDrop;

use arrayvec::ArrayVec;
use ascii::AsciiStr;

use super::request::{Field, Method, Request, Version};
use super::status::Rejection;
use crate::config::{Limits, Techniques, bounds};

pub(super) mod octets;

pub(super) mod field;

pub(super) mod head;

mod target;

mod fields;

mod examine;

mod partial;

pub use head::{Controls, Expectation, Framing, Head};
use octets::{Class, PLAIN_PATH, TARGET};
pub use partial::Partial;

/// What the room for fields is cleared with: a copy in one go. A loop over 16 fields takes 144
/// instructions, or 84 if the compiler happens to unroll it.
static CLEARED: [Field<'static>; bounds::FIELDS_MAX] = [httparse::EMPTY_HEADER; bounds::FIELDS_MAX];

/// Room for the fields of one head; nothing is cleared yet.
#[derive(Default)]
pub struct Slots<'a> {
    /// A field owns nothing, so that nothing is dropped, and the bytes that the fields are views of
    /// may change when they are no longer used.
    usual: ManuallyDrop<ArrayVec<Field<'a>, { bounds::FIELDS_MAX }>>,
    /// Made by `examine`.
    rare: Option<[Field<'a>; bounds::FIELDS_MAX]>,
    /// What was found; it is a page of pointers, and stays where it is made.
    head: Option<Head<'a>>,
}

/// Parses heads within limits, and remembers what spares it work.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    /// The Host that was valid last: most requests repeat it.
    valid_host: Vec<u8>,
}

impl Parser {
    /// A parser that refuses what is beyond `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            valid_host: Vec::new(),
        }
    }

    /// Parses the head at the beginning of `input`.
    ///
    /// `Ok(None)`: the head has not ended yet, and can still become right. `partial` is the
    /// caller's memory of how far it was judged, handed in again with the same input and more bytes
    /// behind it.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] to answer with, then the connection must be closed.
    #[inline(always)]
    pub fn head<'a>(
        &mut self,
        input: &'a [u8],
        partial: &mut Partial,
        slots: &'a mut Slots<'a>,
        techniques: &Techniques,
    ) -> Result<Option<&'a mut Head<'a>>, Rejection> {
        // Most heads come in one piece: they are parsed at once. Of one that did not only what is
        // new is judged until its end has come: a head sent byte by byte would be parsed as many
        // times as it has bytes.
        if partial.judged > 0 && !partial.advance(input, &self.limits)? {
            return Ok(None);
        }
        let Slots { usual, rare, head } = slots;
        if self.usual(input, usual, head, techniques).is_none() {
            self.unusual(input, partial, rare, head)?;
        }
        Ok(head.as_mut())
    }

    /// What the usual way does not take: an unusual head, a wrong one, or the beginning of one.
    #[cold]
    #[inline(never)]
    fn unusual<'a>(
        &self,
        input: &'a [u8],
        partial: &mut Partial,
        slots: &'a mut Option<[Field<'a>; bounds::FIELDS_MAX]>,
        head: &mut Option<Head<'a>>,
    ) -> Result<(), Rejection> {
        *head = examine::head(input, slots, &self.limits)?;
        if head.is_none() {
            partial.advance(input, &self.limits)?;
        }
        Ok(())
    }

    /// The head that nearly every client sends: a usual method, a target in origin-form, HTTP/1.1,
    /// and fields in lines that end in CRLF.
    ///
    /// httparse finds the fields. The request line is not left to it: it lets any octet above 0x20
    /// pass in a target, and sees for itself that the target is UTF-8, at four times the price of
    /// seeing that it is ASCII.
    #[inline(always)]
    fn usual<'a, const N: usize>(
        &mut self,
        input: &'a [u8],
        slots: &'a mut ArrayVec<Field<'a>, N>,
        head: &mut Option<Head<'a>>,
        techniques: &Techniques,
    ) -> Option<()> {
        let (method, rest) = usual_method(input)?;
        let (path, query, rest) = origin_form(rest)?;
        let rest = rest.strip_prefix(b" HTTP/1.1\r\n")?;
        let line_bytes = input.len() - rest.len();
        // Browsers need 60 bytes for a field. httparse takes no slots that were not cleared.
        let likely = (rest.len() / 32 + 4).min(32);
        let count = if techniques.field_slots { likely } else { N };
        let count = count.min(self.limits.header_fields);
        slots.try_extend_from_slice(CLEARED.get(..count)?).ok()?;
        let outcome = httparse::parse_headers(rest, slots);
        let Ok(httparse::Status::Complete((section_bytes, fields))) = outcome else {
            return None;
        };
        // Neither limit counts the CRLF at the end, which both have.
        let is_long = line_bytes - 2 > self.limits.request_line
            || section_bytes.saturating_sub(2) > self.limits.header_section;
        let bytes = line_bytes + section_bytes;
        let whole = input.get(..bytes).filter(|_| !is_long)?;
        *head = Some(Head {
            bytes,
            controls: self.controls(whole, fields)?,
            request: Request {
                method,
                path,
                query,
                fields,
                head: whole,
                ..Request::EMPTY
            },
        });
        Some(())
    }

    /// What the fields say, if they stand in lines that end in CRLF and are right.
    ///
    /// httparse has refused each CR that is not followed by LF. So the octet two before each field
    /// name, and before the end, tells: a look at one octet of each line, where a search for LF
    /// would read them all again. Length and first letter tell nearly all other fields apart from
    /// the five that count.
    #[inline(always)]
    fn controls(&mut self, head: &[u8], fields: &[Field<'_>]) -> Option<Controls> {
        let start = head.as_ptr().addr();
        let (mut hosts, mut is_plain) = (0, true);
        let mut has_crlf = head.ends_with(b"\r\n\r\n");
        for Field { name, value } in fields {
            let line_end = name.as_ptr().addr().wrapping_sub(start + 2);
            has_crlf &= head.get(line_end) == Some(&b'\r');
            let first = name.as_bytes().first().map_or(0, |octet| octet | 0x20);
            match (name.len(), first) {
                (4, b'h') if matches!(name.as_bytes(), b"Host" | b"host") => {
                    hosts += 1;
                    is_plain &= *value == self.valid_host || self.is_valid_host(value);
                }
                (10, b'c') => is_plain &= *value == b"keep-alive",
                (4, b'h') | (6, b'e') | (14, b'c') | (17, b't') => is_plain = false,
                _ => {}
            }
        }
        match has_crlf {
            true if is_plain && hosts == 1 => Some(Controls::PLAIN),
            true => fields::controls(fields, Version::Http11).ok(),
            false => None,
        }
    }

    /// Judges a Host that is not the last one again, and remembers it.
    #[cold]
    fn is_valid_host(&mut self, host: &[u8]) -> bool {
        let is_valid = target::is_authority(host);
        if is_valid && host.len() <= bounds::HOST_REMEMBERED {
            self.valid_host.clear();
            self.valid_host.extend_from_slice(host);
        }
        is_valid
    }
}

/// One of the three methods that nearly all requests have, and what follows its space.
#[inline(always)]
fn usual_method(input: &[u8]) -> Option<(Method, &[u8])> {
    match input {
        [b'G', b'E', b'T', b' ', rest @ ..] => Some((Method::Get, rest)),
        [b'P', b'O', b'S', b'T', b' ', rest @ ..] => Some((Method::Post, rest)),
        [b'H', b'E', b'A', b'D', b' ', rest @ ..] => Some((Method::Head, rest)),
        _ => None,
    }
}

/// A target in origin-form with nothing percent-encoded in its path: path, query, and what follows.
#[inline(always)]
fn origin_form(bytes: &[u8]) -> Option<(&str, Option<&str>, &[u8])> {
    let text = |bytes| Some(AsciiStr::from_ascii(bytes).ok()?.as_str());
    // Four at a time, with one branch for them: 3 instructions for an octet instead of 7.
    let end = |octets: &[u8], class: &Class| {
        let has = |octet: u8| class.0[usize::from(octet)];
        let mut end = 0;
        for &[a, b, c, d] in octets.as_chunks().0 {
            if !(has(a) & has(b) & has(c) & has(d)) {
                break;
            }
            end += 4;
        }
        Some(end + octets[end..].iter().position(|octet| !has(*octet))?)
    };
    let (path, rest) = bytes.split_at(end(bytes, &PLAIN_PATH)?);
    if !path.starts_with(b"/") {
        return None;
    }
    let Some(query) = rest.strip_prefix(b"?") else {
        return Some((text(path)?, None, rest));
    };
    let (query, rest) = query.split_at(end(query, &TARGET)?);
    Some((text(path)?, Some(text(query)?), rest))
}

/// Whether these bytes, the first of a head, have begun it. A line end has not: some clients send
/// one behind a body (RFC 9112 section 2.2), and are as idle afterwards as others.
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

#[cfg(test)]
mod tests;
