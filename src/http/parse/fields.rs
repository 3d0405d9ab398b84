//! The fields that decide where a message ends and whether the connection goes on: Host,
//! Content-Length, Transfer-Encoding, Expect, Connection. All others are the handlers' affair.
//!
//! Errors are told in this order: Host, then the framing. The others cannot be wrong.

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

/// What the fields say about the message's end and the connection's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Controls {
    pub(super) framing: Framing,
    pub(super) expectation: Expectation,
    pub(super) keep_alive: bool,
}

impl Controls {
    /// Reads them, and checks Host before. One pass is enough for most requests, which have Host,
    /// perhaps Connection, and nothing else that matters here.
    #[inline]
    pub(super) fn of(fields: &[Field<'_>], version: Version) -> Result<Self, Rejection> {
        let mut hosts = 0_usize;
        let mut host: &[u8] = b"";
        let mut has_options = false;
        let mut has_body = false;
        for field in fields {
            // Length and first letter tell nearly all other fields apart.
            match field.name.len() {
                4 if is(field, b"Host") => {
                    hosts += 1;
                    host = field.value;
                }
                6 => has_body |= begins(field, b'e'),
                10 => has_options |= begins(field, b'c'),
                14 => has_body |= begins(field, b'c'),
                17 => has_body |= begins(field, b't'),
                _ => {}
            }
        }
        check_host(hosts, host, version)?;
        let (framing, expectation) = if has_body {
            (framing(fields, version)?, expectation(fields, version))
        } else {
            (Framing::None, Expectation::None)
        };
        let stays = version == Version::Http11;
        Ok(Self {
            framing,
            expectation,
            keep_alive: if has_options {
                keeps_alive(fields, stays)
            } else {
                stays
            },
        })
    }
}

/// RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out. An empty one is legal.
#[inline]
fn check_host(hosts: usize, host: &[u8], version: Version) -> Result<(), Rejection> {
    match hosts {
        1 if is_authority(host) => Ok(()),
        1 => Err(bad_request(HOST_INVALID)),
        0 if version == Version::Http10 => Ok(()),
        0 => Err(bad_request(HOST_MISSING)),
        _ => Err(bad_request(TWO_HOSTS)),
    }
}

/// RFC 9112 section 6.3, with everything refused that two parsers could read differently: a body
/// that one of them takes for the next request is the way in of request smuggling.
fn framing(fields: &[Field<'_>], version: Version) -> Result<Framing, Rejection> {
    let has_coding = called(fields, TRANSFER_ENCODING).next().is_some();
    let mut lengths = called(fields, b"Content-Length");
    match (has_coding, lengths.next(), lengths.next()) {
        (false, None, _) => Ok(Framing::None),
        (false, Some(length), None) => content_length(length.value).map(Framing::Length),
        (false, Some(_), Some(_)) => Err(bad_request(TWO_LENGTHS)),
        (true, _, _) if version == Version::Http10 => Err(bad_request(CODING_IN_10)),
        (true, None, _) => check_codings(fields).map(|()| Framing::Chunked),
        (true, Some(_), _) => Err(bad_request(LENGTH_AND_CODING)),
    }
}

/// RFC 9110 section 10.1.1; HTTP/1.0 has no expectations.
fn expectation(fields: &[Field<'_>], version: Version) -> Expectation {
    let mut expectation = Expectation::None;
    if version == Version::Http10 {
        return expectation;
    }
    for element in list(fields, b"Expect").filter(|element| !element.is_empty()) {
        if !element.eq_ignore_ascii_case(b"100-continue") {
            return Expectation::Unknown;
        }
        expectation = Expectation::Continue;
    }
    expectation
}

/// RFC 9112 section 9.3: `close` wins; HTTP/1.0 stays only when asked to. Connection is a list,
/// spread over any number of lines (RFC 9110 section 7.6.1).
fn keeps_alive(fields: &[Field<'_>], stays_unasked: bool) -> bool {
    let mut stays = stays_unasked;
    for field in called(fields, b"Connection") {
        // What browsers send needs no look at each octet.
        if field.value == b"keep-alive" {
            stays = true;
            continue;
        }
        for option in elements(field.value) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            stays |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    stays
}

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
    called(fields, name).flat_map(|field| elements(field.value))
}

/// The elements of one line's list, without the white space around them.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii)
}

fn called<'a, 'b, const N: usize>(
    fields: &'a [Field<'b>],
    name: &'static [u8; N],
) -> impl Iterator<Item = &'a Field<'b>> {
    fields.iter().filter(move |field| is(field, name))
}

/// Whether the field's name is `name`. Nearly all clients write it as the RFC does, which is one
/// comparison of `N` bytes; without case it is `N` comparisons of one.
#[inline]
fn is<const N: usize>(field: &Field<'_>, name: &'static [u8; N]) -> bool {
    <&[u8; N]>::try_from(field.name.as_bytes())
        .is_ok_and(|given| given == name || given.eq_ignore_ascii_case(name))
}

/// Whether the field's name begins with this letter, given in lower case, or its upper case.
#[inline]
fn begins(field: &Field<'_>, letter: u8) -> bool {
    let first = field.name.as_bytes().first();
    first.is_some_and(|octet| octet | 0x20 == letter)
}
