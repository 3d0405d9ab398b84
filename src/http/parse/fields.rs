//! The fields that decide where a message ends and whether the connection goes on: Host,
//! Content-Length, Transfer-Encoding, Expect, Connection. All others are the handlers' affair.
//!
//! A wrong one is told at its line, a missing one at the end of the section: first Host, then what
//! the codings lack. The others cannot be wrong.

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

/// Reads them all. Never inlined: most heads pass its caller without it.
#[inline(never)]
pub(super) fn controls(fields: &[Field<'_>], version: Version) -> Result<Controls, Rejection> {
    let mut told = Told::default();
    for field in fields {
        told.take(field, version)?;
    }
    Ok(Controls {
        framing: told.framing(version)?,
        expectation: expectation(fields, version),
        keep_alive: keeps_alive(fields, version),
    })
}

/// What the fields have said so far of the host and of the message's end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    has_host: bool,
    length: Option<u64>,
    codings: Codings,
}

/// A list of codings.
#[derive(Clone, Copy, Debug, Default)]
enum Codings {
    /// It is empty.
    #[default]
    None,
    /// Its last is not `chunked`: only another line could end it.
    Unended,
    /// `chunked`.
    Chunked,
    /// Others, then `chunked`.
    Unknown,
}

impl Told {
    /// Takes a field in. What no other field can put right is refused here.
    pub(super) fn take(&mut self, field: &Field<'_>, version: Version) -> Result<(), Rejection> {
        let is_called = |name| field.name.as_bytes().eq_ignore_ascii_case(name);
        let fault = match field.name.len() {
            4 if is_called(b"Host") => self.take_host(field.value),
            14 if is_called(b"Content-Length") => self.take_length(field.value),
            17 if is_called(b"Transfer-Encoding") => self.take_codings(field.value, version),
            _ => None,
        };
        fault.map_or(Ok(()), |reason| Err(Rejection::bad_request(reason)))
    }

    /// RFC 9112 section 3.2: one valid Host. An empty one is legal.
    fn take_host(&mut self, host: &[u8]) -> Option<&'static str> {
        if std::mem::replace(&mut self.has_host, true) {
            return Some(TWO_HOSTS);
        }
        (!is_authority(host)).then_some(HOST_INVALID)
    }

    /// RFC 9112 section 6.3, with everything refused that two parsers could read differently: a
    /// body that one of them takes for the next request is the way in of request smuggling.
    fn take_length(&mut self, length: &[u8]) -> Option<&'static str> {
        if self.length.is_some() {
            return Some(TWO_LENGTHS);
        }
        self.length = decimal(length);
        match self.codings {
            Codings::None => self.length.is_none().then_some(LENGTH_INVALID),
            _ => Some(LENGTH_AND_CODING),
        }
    }

    /// `chunked` must be there once, at the end. A comma inside a quoted parameter counts as one
    /// between codings: no coding that has parameters is accepted anyway, so that only the wording
    /// of the refusal depends on it.
    fn take_codings(&mut self, list: &[u8], version: Version) -> Option<&'static str> {
        if version == Version::Http10 {
            return Some(CODING_IN_10);
        }
        if self.length.is_some() {
            return Some(LENGTH_AND_CODING);
        }
        for element in elements(list) {
            let mut parts = element.splitn(2, |&octet| octet == b';');
            let name = parts.next().unwrap_or_default().trim_ascii();
            let is_chunked = name.eq_ignore_ascii_case(b"chunked") && parts.next().is_none();
            self.codings = match (self.codings, is_chunked) {
                _ if name.is_empty() || !TOKEN.has_all(name) => return Some(CODING_INVALID),
                // What follows `chunked`, be it itself, makes it not final.
                (Codings::Chunked | Codings::Unknown, _) => return Some(CODING_INVALID),
                (Codings::None, true) => Codings::Chunked,
                (Codings::Unended, true) => Codings::Unknown,
                (_, false) => Codings::Unended,
            };
        }
        None
    }

    /// How the end of the body is found, when no more fields come. HTTP/1.0 may leave Host out.
    fn framing(self, version: Version) -> Result<Framing, Rejection> {
        if !self.has_host && version == Version::Http11 {
            return Err(Rejection::bad_request(HOST_MISSING));
        }
        match (self.codings, self.length) {
            (Codings::None, None) => Ok(Framing::None),
            (Codings::None, Some(length)) => Ok(Framing::Length(length)),
            (Codings::Chunked, _) => Ok(Framing::Chunked),
            (Codings::Unended, _) => Err(Rejection::bad_request(CODING_INVALID)),
            (Codings::Unknown, _) => Err(Rejection::new(Status::NOT_IMPLEMENTED, CODING_UNKNOWN)),
        }
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

/// The elements of all fields called `name`, which has no case (RFC 9110 sections 5.1 and 5.3), as
/// one list.
fn list<'a>(fields: &'a [Field<'a>], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let is_called = |field: &&Field<'_>| field.name.as_bytes().eq_ignore_ascii_case(name);
    let lines = fields.iter().filter(is_called);
    lines.flat_map(|field| elements(field.value))
}

/// The elements of a list, empty ones included, without the white space around them.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&octet| octet == b',').map(<[u8]>::trim_ascii)
}
