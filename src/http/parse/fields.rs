//! The fields that decide where a message ends and whether the connection goes on: Host,
//! Content-Length, Transfer-Encoding, Expect, Connection. All others are the handlers' affair.
//!
//! One pass notes what is there; the verdicts come after it, in the order in which errors are told.

use super::octets::TOKEN;
use super::target::is_authority;
use super::{Expectation, Field, Framing, bad_request};
use crate::http::request::Version;
use crate::http::{Rejection, Status};

const TWO_HOSTS: &str = "There is more than one Host field. A request must have exactly one.";
const HOST_MISSING: &str = "There is no Host field. An HTTP/1.1 request must have exactly one.";
const HOST_INVALID: &str = "The Host field is not valid. It must be a host name or address and, if \
    need be, a colon and a port.";
const TWO_LENGTHS: &str = "There is more than one Content-Length field. A request may have one at \
    most.";
const LENGTH_INVALID: &str = "Content-Length is not valid. It must be one decimal number of bytes, \
    below 2 to the power of 64.";
const LENGTH_AND_CODING: &str = "There are both Transfer-Encoding and Content-Length. A request \
    may have one of them.";
const CODING_IN_10: &str = "There is a Transfer-Encoding in an HTTP/1.0 request. HTTP/1.0 has no \
    transfer codings; the body's length must be told by Content-Length.";
const CODING_INVALID: &str = "Transfer-Encoding is not a list of codings whose last element, and \
    only the last, is `chunked`. Without that nobody can tell where the body ends.";
const CODING_UNKNOWN: &str = "Transfer-Encoding names a coding that is not implemented. It must be \
    `chunked` and nothing else.";

/// What one pass over the fields has found.
#[derive(Debug, Default)]
pub(super) struct Noted<'a> {
    hosts: usize,
    host: &'a [u8],
    lengths: usize,
    length: &'a [u8],
    codings: usize,
    expectations: usize,
    close: bool,
    keep_alive: bool,
}

impl<'a> Noted<'a> {
    /// Notes the fields that matter here. The length of a name tells nearly all others apart
    /// without a look at it.
    #[inline]
    pub(super) fn of(fields: &[Field<'a>]) -> Self {
        let mut noted = Self::default();
        for field in fields {
            match field.name.len() {
                4 if is(field, b"Host") => {
                    noted.hosts += 1;
                    noted.host = field.value;
                }
                6 | 10 | 14 | 17 => noted.add(field),
                _ => {}
            }
        }
        noted
    }

    /// Not inlined: many requests have Host and nothing else that matters, and the loop stays in
    /// registers.
    #[inline(never)]
    fn add(&mut self, field: &Field<'a>) {
        match field.name.len() {
            6 if is(field, EXPECT) => self.expectations += 1,
            10 if is(field, b"Connection") => self.add_options(field.value),
            14 if is(field, b"Content-Length") => {
                self.lengths += 1;
                self.length = field.value;
            }
            17 if is(field, TRANSFER_ENCODING) => self.codings += 1,
            _ => {}
        }
    }

    /// Connection is a list, spread over any number of lines (RFC 9110 section 7.6.1).
    fn add_options(&mut self, value: &[u8]) {
        if value == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
        for option in elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out. An empty one is legal.
    #[inline]
    pub(super) fn check_host(&self, version: Version) -> Result<(), Rejection> {
        match self.hosts {
            1 if is_authority(self.host) => Ok(()),
            1 => Err(bad_request(HOST_INVALID)),
            0 if version == Version::Http10 => Ok(()),
            0 => Err(bad_request(HOST_MISSING)),
            _ => Err(bad_request(TWO_HOSTS)),
        }
    }

    /// RFC 9112 section 6.3, with everything refused that two parsers could read differently: a
    /// body that one of them takes for the next request is the way in of request smuggling.
    #[inline]
    pub(super) fn framing(
        &self,
        fields: &[Field<'_>],
        version: Version,
    ) -> Result<Framing, Rejection> {
        match (self.codings, self.lengths) {
            (0, 0) => Ok(Framing::None),
            (0, 1) => content_length(self.length).map(Framing::Length),
            (0, _) => Err(bad_request(TWO_LENGTHS)),
            (_, _) if version == Version::Http10 => Err(bad_request(CODING_IN_10)),
            (_, 0) => check_codings(fields).map(|()| Framing::Chunked),
            (_, _) => Err(bad_request(LENGTH_AND_CODING)),
        }
    }

    /// RFC 9110 section 10.1.1; HTTP/1.0 has no expectations.
    #[inline]
    pub(super) fn expectation(&self, fields: &[Field<'_>], version: Version) -> Expectation {
        if self.expectations == 0 || version == Version::Http10 {
            return Expectation::None;
        }
        let mut expectation = Expectation::None;
        for element in list(fields, EXPECT).filter(|element| !element.is_empty()) {
            if !element.eq_ignore_ascii_case(b"100-continue") {
                return Expectation::Unknown;
            }
            expectation = Expectation::Continue;
        }
        expectation
    }

    /// RFC 9112 section 9.3: `close` wins; HTTP/1.0 stays only when asked to.
    #[inline]
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (self.keep_alive || version == Version::Http11)
    }
}

const EXPECT: &[u8; 6] = b"Expect";
const TRANSFER_ENCODING: &[u8; 17] = b"Transfer-Encoding";

/// Digits and nothing else: `u64::from_str` alone would take `+5`.
fn content_length(value: &[u8]) -> Result<u64, Rejection> {
    Some(value)
        .filter(|value| value.iter().all(u8::is_ascii_digit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or(bad_request(LENGTH_INVALID))
}

/// `chunked` must be there once, at the end. A comma inside a quoted parameter counts as one
/// between codings: no coding that has parameters is accepted anyway, so that only the wording of
/// the refusal depends on it.
fn check_codings(fields: &[Field<'_>]) -> Result<(), Rejection> {
    let mut others = false;
    let mut chunked = false;
    for element in list(fields, TRANSFER_ENCODING) {
        let (name, parameters) = split_parameters(element);
        // What follows `chunked`, be it itself, makes it not final.
        if chunked || name.is_empty() || !TOKEN.has_all(name) {
            return Err(bad_request(CODING_INVALID));
        }
        chunked = parameters.is_none() && name.eq_ignore_ascii_case(b"chunked");
        others |= !chunked;
    }
    match (chunked, others) {
        (false, _) => Err(bad_request(CODING_INVALID)),
        (true, false) => Ok(()),
        (true, true) => Err(Rejection {
            status: Status::NOT_IMPLEMENTED,
            reason: CODING_UNKNOWN,
        }),
    }
}

/// A coding's name, and what follows its first semicolon.
fn split_parameters(element: &[u8]) -> (&[u8], Option<&[u8]>) {
    match element.iter().position(|&octet| octet == b';') {
        Some(at) => (element[..at].trim_ascii(), Some(&element[at + 1..])),
        None => (element, None),
    }
}

/// The elements of all fields called `name` as one list (RFC 9110 section 5.3), empty ones
/// included.
fn list<'a, const N: usize>(
    fields: &'a [Field<'_>],
    name: &'static [u8; N],
) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| is(field, name))
        .flat_map(|field| elements(field.value))
}

/// The elements of one line's list, without the white space around them.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii)
}

/// Whether the field has this name. Nearly all clients write it as the RFC does, which is one
/// comparison of `N` bytes; without case it is `N` comparisons of one.
#[inline]
fn is<const N: usize>(field: &Field<'_>, name: &'static [u8; N]) -> bool {
    <&[u8; N]>::try_from(field.name.as_bytes())
        .is_ok_and(|given| given == name || given.eq_ignore_ascii_case(name))
}
