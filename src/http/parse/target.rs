//! The four forms of a request target (RFC 9112 section 3.2), and the authorities inside two of
//! them and in Host.
//!
//! Nothing is decoded or normalised: `/a/../b` and `/%61` stay as they came, and routes are matched
//! against that.

use std::net::Ipv6Addr;
use std::str;

use super::octets::{REG_NAME, TARGET};
use crate::http::request::{Method, hex_digit};
use crate::http::status::Rejection;

/// A target, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Begins with `/`; or `*`; or the authority of a CONNECT.
    pub(super) path: &'a str,
    /// What follows the first `?`.
    pub(super) query: Option<&'a str>,
}

/// Said about octets, by this file and by the one that looks at incomplete lines.
pub(super) const OCTETS: &str = "The request target holds a byte that is not allowed there. It \
    must not be empty, and white space, control characters, bytes above 0x7E, `#`, `<` and `>` \
    must be percent-encoded.";
const FORM: &str = "The request target has none of the forms that HTTP/1.1 knows. It must begin \
    with `/`, or be an absolute `http://` URI, or `*` with OPTIONS.";
const SECURED: &str = "The request target is an `https://` URI, which may only be answered over a \
    secured connection (RFC 9110 section 7.4); this one is not. Send the path alone, or `http://`.";
const ABSOLUTE: &str = "The request target is an absolute URI without a valid authority. After the \
    scheme there must be a host name or address, without user information, and a port of digits if \
    any.";
const AUTHORITY: &str = "The target of CONNECT must be a host, a colon and a port from 0 to 65535, \
    and nothing else.";

const PERCENT: &str = "The path of the request target holds a `%` that is not followed by two hex \
    digits, or stands for NUL. A percent sign itself must be sent as `%25`.";

impl<'a> Target<'a> {
    /// Takes `raw` apart, whose octets are above 0x20 and not 0x7F.
    pub(super) fn parse(method: Method, raw: &'a str) -> Result<Self, Rejection> {
        if !TARGET.has_all(raw.as_bytes()) {
            return Err(Rejection::bad_request(OCTETS));
        }
        if raw.starts_with('/') && method != Method::Connect {
            return Self::split(raw);
        }
        Self::parse_rare(method, raw)
    }

    /// Path and query. What nobody could decode is refused here, before routes are looked at.
    fn split(raw: &'a str) -> Result<Self, Rejection> {
        let (path, query) = match raw.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw, None),
        };
        if !is_decodable(path) {
            return Err(Rejection::bad_request(PERCENT));
        }
        Ok(Self { path, query })
    }

    /// All forms but the origin-form.
    fn parse_rare(method: Method, raw: &'a str) -> Result<Self, Rejection> {
        let whole = Self {
            path: raw,
            query: None,
        };
        match (method, raw) {
            (Method::Connect, _) if is_connectable(raw.as_bytes()) => Ok(whole),
            (Method::Connect, _) => Err(Rejection::bad_request(AUTHORITY)),
            (Method::Options, "*") => Ok(whole),
            _ => Self::parse_absolute(method, raw),
        }
    }

    /// Absolute-form. Its authority counts in place of Host's (RFC 9112 section 3.2.2); we serve
    /// the same to every name, so that it is only checked.
    fn parse_absolute(method: Method, raw: &'a str) -> Result<Self, Rejection> {
        let rest = strip_scheme(raw)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // An http URI with an empty host must be refused (RFC 9110 section 4.2.1), where Host may
        // be empty.
        split_authority(authority.as_bytes())
            .filter(|(host, _)| !host.is_empty())
            .ok_or(Rejection::bad_request(ABSOLUTE))?;
        let split = Self::split(rest)?;
        let path = match (split.path, split.query) {
            // The last proxy must make `*` of it (RFC 9112 section 3.2.4); here it has not.
            ("", None) if method == Method::Options => "*",
            ("", _) => "/",
            (path, _) => path,
        };
        Ok(Self { path, ..split })
    }
}

/// Whether `value` is a host with or without a port, or empty: what may stand in Host (RFC 9110
/// section 7.2).
pub(super) fn is_authority(value: &[u8]) -> bool {
    split_authority(value).is_some()
}

/// `uri-host [ ":" port ]` (RFC 3986 section 3.2, without userinfo), split; `None` if it is not of
/// that form.
fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (host, rest) = authority.split_at(host_bytes(authority)?);
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] if is_port(port) => Some((host, Some(port))),
        _ => None,
    }
}

/// Digits, perhaps none (RFC 3986 section 3.2.3), of a number that a port can be.
fn is_port(port: &[u8]) -> bool {
    let number = port.iter().try_fold(0_u16, |number, octet| {
        let digit = char::from(*octet).to_digit(10)?;
        number
            .checked_mul(10)?
            .checked_add(u16::try_from(digit).ok()?)
    });
    number.is_some()
}

/// Whether each `%` begins an octet, and none is NUL (RFC 3986 section 2.1).
fn is_decodable(path: &str) -> bool {
    path.split('%').skip(1).all(|after| match after.as_bytes() {
        [b'0', b'0', ..] => false,
        [high, low, ..] => hex_digit(*high).and(hex_digit(*low)).is_some(),
        _ => false,
    })
}

/// How many bytes the host takes at the beginning of `authority`; what follows it is not looked at.
fn host_bytes(authority: &[u8]) -> Option<usize> {
    let plain = REG_NAME.prefix(authority);
    match authority.get(plain) {
        Some(b'[' | b'%') => rare_host_bytes(authority),
        _ => Some(plain),
    }
}

/// An IPv6 address in brackets, or a name with percent-encoded octets. `IPvFuture` is refused:
/// nobody knows what it would address (RFC 3986 section 3.2.2).
#[cold]
fn rare_host_bytes(authority: &[u8]) -> Option<usize> {
    if let [b'[', rest @ ..] = authority {
        let end = rest.iter().position(|&octet| octet == b']')?;
        let address = str::from_utf8(rest.get(..end)?).ok()?;
        return address
            .parse::<Ipv6Addr>()
            .is_ok()
            .then_some(end + b"[]".len());
    }
    let mut rest = authority;
    loop {
        rest = match rest {
            [b'%', high, low, after @ ..] => {
                hex_digit(*high).and(hex_digit(*low))?;
                after
            }
            [octet, after @ ..] if REG_NAME.has(*octet) => after,
            _ => return Some(authority.len() - rest.len()),
        };
    }
}

/// Whether CONNECT could go there: neither host nor port may be empty (RFC 9110 section 9.3.6).
fn is_connectable(authority: &[u8]) -> bool {
    let parts = split_authority(authority);
    parts.is_some_and(|(host, port)| !host.is_empty() && port.is_some_and(|port| !port.is_empty()))
}

/// What follows `http://`; a scheme has no case (RFC 3986 section 3.1).
fn strip_scheme(raw: &str) -> Result<&str, Rejection> {
    match raw.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
            Err(Rejection::bad_request(SECURED))
        }
        _ => Err(Rejection::bad_request(FORM)),
    }
}
