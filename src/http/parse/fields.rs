//! The fields that decide where a message ends and whether the connection goes on: Host,
//! Content-Length, Transfer-Encoding, Expect, Connection. All others are the handlers' affair.
//!
//! Errors are told in this order: Host, then the framing. The others cannot be wrong.

use super::field::Field;
use super::head::{Controls, Expectation, Framing};
use super::octets::TOKEN;
use super::target::is_authority;
use crate::http::request::Version;
use crate::http::status::{Rejection, Status};

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

/// Reads them all.
pub(super) fn controls(fields: &[Field<'_>], version: Version) -> Result<Controls, Rejection> {
    check_host(fields, version)?;
    Ok(Controls {
        framing: framing(fields, version)?,
        expectation: expectation(fields, version),
        keep_alive: keeps_alive(fields, version == Version::Http11),
    })
}

/// RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out. An empty one is legal.
fn check_host(fields: &[Field<'_>], version: Version) -> Result<(), Rejection> {
    let mut hosts = called(fields, b"Host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host.value) => Ok(()),
        (Some(_), None) => Err(Rejection::bad_request(HOST_INVALID)),
        (None, _) if version == Version::Http10 => Ok(()),
        (None, _) => Err(Rejection::bad_request(HOST_MISSING)),
        (Some(_), Some(_)) => Err(Rejection::bad_request(TWO_HOSTS)),
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
        (false, Some(_), Some(_)) => Err(Rejection::bad_request(TWO_LENGTHS)),
        (true, _, _) if version == Version::Http10 => Err(Rejection::bad_request(CODING_IN_10)),
        (true, None, _) => check_codings(fields).map(|()| Framing::Chunked),
        (true, Some(_), _) => Err(Rejection::bad_request(LENGTH_AND_CODING)),
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
        for option in elements(field.value) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            stays |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    stays
}

const TRANSFER_ENCODING: &[u8] = b"Transfer-Encoding";

/// Digits and nothing else: `u64::from_str` alone would take `+5`.
fn content_length(value: &[u8]) -> Result<u64, Rejection> {
    Some(value)
        .filter(|value| value.iter().all(u8::is_ascii_digit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or(Rejection::bad_request(LENGTH_INVALID))
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
            return Err(Rejection::bad_request(CODING_INVALID));
        }
        chunked = parameters.is_none() && name.eq_ignore_ascii_case(b"chunked");
        others |= !chunked;
    }
    match (chunked, others) {
        (false, _) => Err(Rejection::bad_request(CODING_INVALID)),
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
fn list<'a>(fields: &'a [Field<'_>], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    called(fields, name).flat_map(|field| elements(field.value))
}

/// The elements of one line's list, without the white space around them.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii)
}

fn called<'a, 'b>(
    fields: &'a [Field<'b>],
    name: &'static [u8],
) -> impl Iterator<Item = &'a Field<'b>> {
    fields.iter().filter(move |field| is(field, name))
}

/// Names have no case (RFC 9110 section 5.1).
fn is(field: &Field<'_>, name: &[u8]) -> bool {
    field.name.as_bytes().eq_ignore_ascii_case(name)
}
