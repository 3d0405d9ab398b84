//! The four forms of a request target (RFC 9112 section 3.2), and the authorities inside two of
//! them and in Host.
//!
//! Nothing is decoded or normalised: `/a/../b` and `/%61` stay as they came, and routes are matched
//! against that.

use std::net::Ipv6Addr;
use std::str;

use super::octets::REG_NAME;
use crate::http::{Method, Rejection};

/// The path, and what follows the first `?`. The path begins with `/`; or it is `*`, or the
/// authority of a CONNECT.
pub(super) type Target<'a> = (&'a str, Option<&'a str>);

const FORM: &str = "The request target has none of the forms that HTTP/1.1 knows. It must begin \
    with `/`, or be an absolute `http://` URI, or `*` with OPTIONS.";
const SECURED: &str = "The request target is an `https://` URI, which may only be answered over a \
    secured connection (RFC 9110 section 7.4); this one is not. Send the path alone, or `http://`.";
const ABSOLUTE: &str = "The request target is an absolute URI without a valid authority. After the \
    scheme there must be a host name or address, without user information, and a port of digits if \
    any.";
const AUTHORITY: &str = "The target of CONNECT must be a host, a colon and a port from 0 to 65535, \
    and nothing else.";

const PORT_MAX: u64 = 65_535;

const PERCENT: &str = "The path of the request target holds a `%` that is not followed by two hex \
    digits, or stands for NUL. A percent sign itself must be sent as `%25`.";

/// Judges the first octet of a target, which tells its form: none of them begins with another.
pub(super) fn begin(method: Method, first: u8) -> Result<(), Rejection> {
    match (method, first) {
        (Method::Connect, _) | (_, b'/' | b'h' | b'H') | (Method::Options, b'*') => Ok(()),
        _ => Err(Rejection::bad_request(FORM)),
    }
}

/// Takes a target apart, whose octets are all in [`TARGET`](super::octets::TARGET).
pub(super) fn parse(method: Method, raw: &str) -> Result<Target<'_>, Rejection> {
    match (method, raw) {
        (Method::Connect, _) if is_connectable(raw) => Ok((raw, None)),
        (Method::Connect, _) => Err(Rejection::bad_request(AUTHORITY)),
        (Method::Options, "*") => Ok((raw, None)),
        _ if raw.starts_with('/') => split(raw),
        _ => absolute(method, raw),
    }
}

/// Path and query. What nobody could decode is refused here, before routes are looked at.
fn split(raw: &str) -> Result<Target<'_>, Rejection> {
    let mut parts = raw.splitn(2, '?');
    let (path, query) = (parts.next().unwrap_or_default(), parts.next());
    if !is_encoded(path) || path.contains("%00") {
        return Err(Rejection::bad_request(PERCENT));
    }
    Ok((path, query))
}

/// Absolute-form. Its authority counts in place of Host's (RFC 9112 section 3.2.2); we serve the
/// same to every name, so that it is only checked. A scheme has no case (RFC 3986 section 3.1).
fn absolute(method: Method, raw: &str) -> Result<Target<'_>, Rejection> {
    let rest = match raw.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Err(SECURED),
        _ => Err(FORM),
    };
    let rest = rest.map_err(Rejection::bad_request)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // An http URI with an empty host must be refused (RFC 9110 section 4.2.1), where Host may be
    // empty.
    if split_authority(authority).is_none_or(|(host, _)| host.is_empty()) {
        return Err(Rejection::bad_request(ABSOLUTE));
    }
    Ok(match split(rest)? {
        // The last proxy must make `*` of it (RFC 9112 section 3.2.4); here it has not.
        ("", None) if method == Method::Options => ("*", None),
        ("", query) => ("/", query),
        target => target,
    })
}

/// Whether `value` is a host with or without a port, or empty: what may stand in Host (RFC 9110
/// section 7.2).
pub(super) fn is_authority(value: &[u8]) -> bool {
    str::from_utf8(value).is_ok_and(|value| split_authority(value).is_some())
}

/// Whether CONNECT could go there: neither host nor port may be empty (RFC 9110 section 9.3.6).
fn is_connectable(authority: &str) -> bool {
    split_authority(authority).is_some_and(|(host, port)| !host.is_empty() && !port.is_empty())
}

/// `uri-host [ ":" port ]` (RFC 3986 section 3.2, without userinfo), split; `None` if it is not of
/// that form. The port is empty if there is none. `IPvFuture` is refused: nobody knows what it
/// would address (section 3.2.2).
fn split_authority(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.rsplit_once(':') {
        // Not the colons of an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let is_name = |octet| octet == b'%' || REG_NAME.has(octet);
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => is_encoded(host) && host.bytes().all(is_name),
    };
    let is_port = port.is_empty() || decimal(port.as_bytes()).is_some_and(|port| port <= PORT_MAX);
    (is_host && is_port).then_some((host, port))
}

/// The number of at least one digit, and nothing else: `u64::from_str` alone would take `+5`.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let number = str::from_utf8(digits).ok()?.parse().ok();
    number.filter(|_| digits.iter().all(u8::is_ascii_digit))
}

/// Whether each `%` begins an octet (RFC 3986 section 2.1).
fn is_encoded(text: &str) -> bool {
    let digits = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count();
    text.split('%').skip(1).all(|after| digits(after) == 2)
}
