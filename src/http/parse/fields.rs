//! The fields that decide where a message ends and whether the connection goes on: Host,
//! Content-Length, Transfer-Encoding, Expect, Connection. All others are the handlers' affair.
//!
//! Errors are told in this order: Host, then the framing. The others cannot be wrong.

use super::octets::TOKEN;
use super::target::{decimal, is_authority};
use super::{Controls, Expectation, Framing};
use crate::http::{Field, Rejection, Status, Version};

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
        keep_alive: keeps_alive(fields, version),
    })
}

/// RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out. An empty one is legal.
fn check_host(fields: &[Field<'_>], version: Version) -> Result<(), Rejection> {
    let mut hosts = values(fields, b"Host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host) => Ok(()),
        (Some(_), None) => Err(Rejection::bad_request(HOST_INVALID)),
        (None, _) if version == Version::Http10 => Ok(()),
        (None, _) => Err(Rejection::bad_request(HOST_MISSING)),
        (Some(_), Some(_)) => Err(Rejection::bad_request(TWO_HOSTS)),
    }
}

/// RFC 9112 section 6.3, with everything refused that two parsers could read differently: a body
/// that one of them takes for the next request is the way in of request smuggling.
fn framing(fields: &[Field<'_>], version: Version) -> Result<Framing, Rejection> {
    let has_coding = values(fields, TRANSFER_ENCODING).next().is_some();
    let mut lengths = values(fields, b"Content-Length");
    match (has_coding, lengths.next(), lengths.next()) {
        (false, None, _) => Ok(Framing::None),
        (false, Some(length), None) => {
            let length = decimal(length).ok_or(Rejection::bad_request(LENGTH_INVALID))?;
            Ok(Framing::Length(length))
        }
        (false, Some(_), Some(_)) => Err(Rejection::bad_request(TWO_LENGTHS)),
        (true, _, _) if version == Version::Http10 => Err(Rejection::bad_request(CODING_IN_10)),
        (true, None, _) => codings(fields),
        (true, Some(_), _) => Err(Rejection::bad_request(LENGTH_AND_CODING)),
    }
}

/// `chunked` must be there once, at the end. A comma inside a quoted parameter counts as one
/// between codings: no coding that has parameters is accepted anyway, so that only the wording of
/// the refusal depends on it.
fn codings(fields: &[Field<'_>]) -> Result<Framing, Rejection> {
    let (mut chunked, mut others) = (false, false);
    for element in list(fields, TRANSFER_ENCODING) {
        let mut parts = element.splitn(2, |&octet| octet == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        // What follows `chunked`, be it itself, makes it not final.
        if chunked || name.is_empty() || !TOKEN.has_all(name) {
            return Err(Rejection::bad_request(CODING_INVALID));
        }
        chunked = name.eq_ignore_ascii_case(b"chunked") && parts.next().is_none();
        others |= !chunked;
    }
    match (chunked, others) {
        (false, _) => Err(Rejection::bad_request(CODING_INVALID)),
        (true, false) => Ok(Framing::Chunked),
        (true, true) => Err(Rejection::new(Status::NOT_IMPLEMENTED, CODING_UNKNOWN)),
    }
}

/// RFC 9110 section 10.1.1; HTTP/1.0 has no expectations.
fn expectation(fields: &[Field<'_>], version: Version) -> Expectation {
    let is_known = |element: &[u8]| element.eq_ignore_ascii_case(b"100-continue");
    let mut elements = list(fields, b"Expect").filter(|element| !element.is_empty());
    match elements.next() {
        None => Expectation::None,
        Some(_) if version == Version::Http10 => Expectation::None,
        Some(first) if is_known(first) && elements.all(is_known) => Expectation::Continue,
        Some(_) => Expectation::Unknown,
    }
}

/// RFC 9112 section 9.3: `close` wins; HTTP/1.0 stays only when asked to. Connection is a list,
/// spread over any number of lines (RFC 9110 section 7.6.1).
fn keeps_alive(fields: &[Field<'_>], version: Version) -> bool {
    let mut stays = version == Version::Http11;
    for option in list(fields, b"Connection") {
        if option.eq_ignore_ascii_case(b"close") {
            return false;
        }
        stays |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    stays
}

const TRANSFER_ENCODING: &[u8] = b"Transfer-Encoding";

/// The elements of all fields called `name` as one list (RFC 9110 section 5.3), empty ones
/// included, without the white space around them.
fn list<'a>(fields: &'a [Field<'a>], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let elements = |line: &'a [u8]| line.split(|&octet| octet == b',').map(<[u8]>::trim_ascii);
    values(fields, name).flat_map(elements)
}

/// The values of the fields called `name`, which has no case (RFC 9110 section 5.1).
fn values<'a>(fields: &'a [Field<'a>], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let is_called = |field: &&Field<'_>| field.name.as_bytes().eq_ignore_ascii_case(name);
    fields.iter().filter(is_called).map(|field| field.value)
}
