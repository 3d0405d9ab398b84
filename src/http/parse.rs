//! The bytes of a request head, judged: a request line, then the fields (RFC 9112).
//!
//! There are two ways through. `usual` takes the head that nearly every client sends: complete and
//! sound. It says yes or "not me", in one pass of httparse and one over the fields. Everything else
//! goes to `examine`, which is slow and knows why. Without the call of `usual` nothing would change
//! but time.

use std::mem::MaybeUninit;

use super::request::{Body, Method, Request, Version};
use super::status::Rejection;
use crate::config::{Limits, Techniques, bounds};

pub(super) mod octets;

pub(super) mod field;

pub(super) mod head;

mod target;

mod fields;

mod examine;

pub use field::Field;
pub use head::{Controls, Expectation, Framing, Head};
use octets::TARGET_PATH;

/// Room for the fields of one head.
pub struct Slots<'a> {
    usual: [MaybeUninit<Field<'a>>; bounds::FIELDS_MAX],
    /// Made by `examine` alone: its slots are cleared.
    rare: Option<[Field<'a>; bounds::FIELDS_MAX]>,
}

/// Parses heads within limits, and remembers what spares it work.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    clears_slots: bool,
    /// The Host that was valid last: most requests repeat it.
    valid_host: Vec<u8>,
}

impl Parser {
    /// A parser that refuses what is beyond `limits`.
    #[must_use]
    pub fn new(limits: &Limits, techniques: &Techniques) -> Self {
        Self {
            limits: *limits,
            clears_slots: !techniques.field_slots,
            valid_host: Vec::new(),
        }
    }

    /// Parses the head at the beginning of `input`.
    ///
    /// `Ok(None)`: the head has not ended yet. `scanned` is the caller's memory of how far its end
    /// was looked for: 0 at first, handed in again with the same input and more bytes behind it.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] to answer with, then the connection must be closed.
    pub fn head<'a>(
        &mut self,
        input: &'a [u8],
        scanned: &mut usize,
        slots: &'a mut Slots<'a>,
    ) -> Result<Option<Head<'a>>, Rejection> {
        // Most heads come in one piece: they are parsed at once. One that did not is left alone
        // until its end has come: a head sent byte by byte would be parsed as many times as it has
        // bytes.
        if *scanned > 0 && !is_decidable(input, *scanned, &self.limits) {
            *scanned = input.len();
            return Ok(None);
        }
        if self.clears_slots {
            slots.usual.fill(MaybeUninit::new(httparse::EMPTY_HEADER));
        }
        if let Some(head) = self.usual(input, &mut slots.usual) {
            return Ok(Some(head));
        }
        let examined = examine::head(input, &mut slots.rare, &self.limits)?;
        if examined.is_none() {
            *scanned = input.len();
        }
        Ok(examined)
    }

    /// The head that nearly every client sends: a known method, a target in origin-form and HTTP/1.x.
    ///
    /// httparse lets pass what is looked for here: line ends before the request line, bare LF, and
    /// octets above 0x7E, `#`, `<`, `>` in the target.
    fn usual<'a>(
        &mut self,
        input: &'a [u8],
        slots: &'a mut [MaybeUninit<Field<'a>>],
    ) -> Option<Head<'a>> {
        if let [b'\r' | b'\n', ..] = input {
            return None;
        }
        let fields_max = slots.len().min(self.limits.header_fields);
        let mut parsed = httparse::Request::new(&mut []);
        let outcome = parsed.parse_with_uninit_headers(input, slots.get_mut(..fields_max)?);
        let Ok(httparse::Status::Complete(bytes)) = outcome else {
            return None;
        };
        let (token, target) = (parsed.method?, parsed.path?);
        let line_bytes = token.len() + target.len() + "  HTTP/1.1".len();
        let section_bytes = bytes.checked_sub(line_bytes + "\r\n\r\n".len())?;
        if line_bytes > self.limits.request_line || section_bytes > self.limits.header_section {
            return None;
        }
        let (path, query) = origin_form(target)?;
        let request = Request {
            method: match token {
                "GET" => Method::Get,
                other => Method::from_token(other),
            },
            path,
            query,
            version: match parsed.version? {
                1 => Version::Http11,
                _ => Version::Http10,
            },
            fields: parsed.headers,
            head: input.get(..bytes)?,
            body: Body::default(),
            worker: 0,
            params: &[],
        };
        if matches!(request.method, Method::Connect) {
            return None;
        }
        let controls = self.controls(&request)?;
        Some(Head::new(request, controls, bytes))
    }

    /// What the fields say, if they stand in lines that end in CRLF and are right.
    ///
    /// httparse has refused each CR that is not followed by LF. So the octet two before each field
    /// name, and before the end, tells: a look at one octet of each line, where a search for LF
    /// would read them all again. Length and first letter tell nearly all other fields apart from
    /// the five that count.
    fn controls(&mut self, request: &Request<'_>) -> Option<Controls> {
        let (head, start) = (request.head, request.head.as_ptr().addr());
        let (mut hosts, mut is_plain) = (0, matches!(request.version, Version::Http11));
        for field in request.fields {
            let name = field.name.as_bytes();
            let name_at = name.as_ptr().addr().wrapping_sub(start);
            if head.get(name_at.wrapping_sub(2)) != Some(&b'\r') {
                return None;
            }
            match (name, name.len()) {
                (b"Host" | b"host", _) => {
                    hosts += 1;
                    is_plain &= field.value == self.valid_host || self.is_valid_host(field.value);
                }
                ([b'C' | b'c', ..], 10) => is_plain &= field.value == b"keep-alive",
                ([b'H' | b'h', ..], 4) | ([b'C' | b'c', ..], 14) => is_plain = false,
                ([b'E' | b'e', ..], 6) | ([b'T' | b't', ..], 17) => is_plain = false,
                _ => {}
            }
        }
        if !head.ends_with(b"\r\n\r\n") {
            return None;
        }
        if is_plain && hosts == 1 {
            return Some(Controls {
                framing: Framing::None,
                expectation: Expectation::None,
                keep_alive: true,
            });
        }
        fields::controls(request.fields, request.version).ok()
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

impl Slots<'_> {
    /// Room for a hundred fields; nothing is written there before httparse finds some.
    #[must_use]
    pub fn new() -> Self {
        Self {
            usual: [const { MaybeUninit::uninit() }; bounds::FIELDS_MAX],
            rare: None,
        }
    }
}

impl Default for Slots<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Path and query of a target that begins with `/` and has nothing to be looked at twice.
fn origin_form(raw: &str) -> Option<(&str, Option<&str>)> {
    let allowed = |octet: &u8| TARGET_PATH.0[usize::from(*octet)];
    let end = raw
        .bytes()
        .position(|octet| !allowed(&octet) || octet == b'%');
    if !raw.starts_with('/') {
        return None;
    }
    let Some(end) = end else {
        return Some((raw, None));
    };
    let (path, query) = (raw.get(..end)?, raw.get(end..)?.strip_prefix('?')?);
    let is_allowed = query.bytes().all(|octet| allowed(&octet) || octet == b'?');
    is_allowed.then_some((path, Some(query)))
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

#[cfg(test)]
mod tests;
