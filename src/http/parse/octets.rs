//! Which octets may stand where: a table of 256 answers for each rule of the grammar, made at
//! compile time.
//!
//! A look-up is one load, whatever the rule; a chain of comparisons costs several and mispredicts.

/// A set of octets; NUL is in none.
pub(crate) struct Class(pub(super) [bool; 256]);

/// The set of the octets that match the first pattern, and not the second.
macro_rules! class {
    ($members:pat $(, except $others:pat)?) => {{
        let mut table = [false; 256];
        let mut octet = u8::MAX;
        while octet > 0 {
            table[octet as usize] = matches!(octet, $members) $(&& !matches!(octet, $others))?;
            octet -= 1;
        }
        Class(table)
    }};
}

/// `tchar` (RFC 9110 section 5.6.2): methods, field names, codings, extension names.
pub(crate) static TOKEN: Class = class!(
    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
        | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
);

/// `unreserved` and `sub-delims` (RFC 3986 section 2): a `reg-name` without percent-encoding, and
/// without the comma, which two merged Host fields would have between them.
pub(crate) static REG_NAME: Class = class!(
    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\''
        | b'(' | b')' | b'*' | b'+' | b';' | b'='
);

/// What is taken in a request target. RFC 3986 has fewer, but browsers and Node send ``"[]\^`{|}``
/// as they are; what is missing here could end the target, begin a fragment or become markup in a
/// log.
pub(crate) static TARGET: Class = class!(b'!'..=b'~', except b'#' | b'<' | b'>');

/// A target's octets up to its query.
pub(crate) static TARGET_PATH: Class = class!(b'!'..=b'~', except b'#' | b'<' | b'>' | b'?');

/// The same without the percent sign, which may stand for something else.
pub(crate) static PLAIN_PATH: Class = class!(b'!'..=b'~', except b'#' | b'%' | b'<' | b'>' | b'?');

/// `field-vchar`, SP and HTAB (RFC 9110 section 5.5), `obs-text` included: old clients send
/// Latin-1.
pub(crate) static VALUE: Class = class!(b'\t' | b' '..=b'~' | 0x80..);

/// What a quoted-string has between its quotes without a backslash (`qdtext`, RFC 9110 section
/// 5.6.4).
pub(crate) static QUOTED: Class = class!(b'\t' | b' '..=b'~' | 0x80.., except b'"' | b'\\');

impl Class {
    /// Whether `octet` is in the set.
    pub(crate) fn has(&self, octet: u8) -> bool {
        self.0[usize::from(octet)]
    }

    /// Whether all of `octets` are in the set.
    pub(crate) fn has_all(&self, octets: &[u8]) -> bool {
        self.prefix(octets) == octets.len()
    }

    /// How many octets at the beginning of `octets` are in the set.
    pub(crate) fn prefix(&self, octets: &[u8]) -> usize {
        let other = octets.iter().position(|&octet| !self.has(octet));
        other.unwrap_or(octets.len())
    }
}
