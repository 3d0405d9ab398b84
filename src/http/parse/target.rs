//! The four forms of a request target (RFC 9112 section 3.2), and the authorities inside two of
//! them and in Host.
//!
//! Nothing is decoded or normalised: `/a/../b` and `/%61` stay as they came, and routes are matched
//! against that.

use std::net::Ipv6Addr;
use std::str;

use super::bad_request;
use super::octets::{REG_NAME, TARGET, TARGET_PATH};
use crate::http::Rejection;
use crate::http::request::{Method, hex_digit};

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

impl<'a> Target<'a> {
    /// Takes `raw` apart, whose octets are above 0x20 and not 0x7F.
    #[inline]
    pub(super) fn parse(method: Method, raw: &'a str) -> Result<Self, Rejection> {
        if raw.starts_with('/') && method != Method::Connect {
            return Self::split(raw).ok_or(bad_request(OCTETS));
        }
        Self::parse_rare(method, raw)
    }

    /// Path and query; `None` if an octet of either is not allowed.
    #[inline]
    fn split(raw: &'a str) -> Option<Self> {
        let path_bytes = TARGET_PATH.prefix(raw.as_bytes());
        if path_bytes == raw.len() {
            return Some(Self {
                path: raw,
                query: None,
            });
        }
        let (path, rest) = raw.split_at_checked(path_bytes)?;
        let query = rest.strip_prefix('?')?;
        TARGET.has_all(query.as_bytes()).then_some(Self {
            path,
            query: Some(query),
        })
    }

    /// All forms but the origin-form.
    fn parse_rare(method: Method, raw: &'a str) -> Result<Self, Rejection> {
        if !TARGET.has_all(raw.as_bytes()) {
            return Err(bad_request(OCTETS));
        }
        let whole = Self {
            path: raw,
            query: None,
        };
        match (method, raw) {
            (Method::Connect, _) if is_connectable(raw.as_bytes()) => Ok(whole),
            (Method::Connect, _) => Err(bad_request(AUTHORITY)),
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
            .ok_or(bad_request(ABSOLUTE))?;
        let split = Self::split(rest).ok_or(bad_request(OCTETS))?;
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
#[inline]
pub(super) fn is_authority(value: &[u8]) -> bool {
    split_authority(value).is_some()
}

/// `uri-host [ ":" port ]` (RFC 3986 section 3.2, without userinfo), split; `None` if it is not of
/// that form.
#[inline]
fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (host, rest) = authority.split_at(host_bytes(authority)?);
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] if port.iter().all(u8::is_ascii_digit) => Some((host, Some(port))),
        _ => None,
    }
}

/// How many bytes the host takes at the beginning of `authority`; what follows it is not looked at.
#[inline]
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

/// Whether CONNECT could go there: the host must not be empty, and the port must be one (RFC 9110
/// section 9.3.6).
fn is_connectable(authority: &[u8]) -> bool {
    let Some((host, Some(port))) = split_authority(authority) else {
        return false;
    };
    let port = str::from_utf8(port).ok().map(str::parse::<u16>);
    !host.is_empty() && matches!(port, Some(Ok(_)))
}

/// What follows `http://`; a scheme has no case (RFC 3986 section 3.1).
fn strip_scheme(raw: &str) -> Result<&str, Rejection> {
    match raw.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Err(bad_request(SECURED)),
        _ => Err(bad_request(FORM)),
    }
}
