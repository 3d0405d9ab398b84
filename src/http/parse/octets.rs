//! Which octets may stand where: a table of 256 answers for each rule of the grammar, made at
//! compile time.
//!
//! A look-up is one load, whatever the rule; a chain of comparisons costs several and mispredicts.

/// A set of octets.
pub(crate) struct Class(pub(super) [bool; 256]);

/// `tchar` (RFC 9110 section 5.6.2): methods, field names, codings, extension names.
pub(crate) static TOKEN: Class = Class::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// `unreserved` and `sub-delims` (RFC 3986 section 2): a `reg-name` without percent-encoding, and
/// without the comma, which two merged Host fields would have between them.
pub(crate) static REG_NAME: Class = Class::alphanumeric_and(b"-._~!$&'()*+;=");

/// What is taken in a request target. RFC 3986 has fewer, but browsers and Node send ``"[]\^`{|}``
/// as they are; what is missing here could end the target, begin a fragment or become markup in a
/// log.
pub(crate) static TARGET: Class = Class::visible().without(b"#<>");

/// A target's octets up to its query.
pub(crate) static TARGET_PATH: Class = Class::visible().without(b"#<>?");

/// The same without the percent sign, which may stand for something else.
pub(crate) static PLAIN_PATH: Class = Class::visible().without(b"#<>?%");

/// `field-vchar`, SP and HTAB (RFC 9110 section 5.5), `obs-text` included: old clients send
/// Latin-1.
pub(crate) static VALUE: Class = Class::visible().and_obs_text().and(b" \t");

/// What a quoted-string has between its quotes without a backslash (`qdtext`, RFC 9110 section
/// 5.6.4).
pub(crate) static QUOTED: Class = Class::visible().and_obs_text().and(b" \t").without(b"\"\\");

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

    const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut class = Self([false; 256]).and(others);
        let mut octet = 0_u8;
        while octet < 0x80 {
            if octet.is_ascii_alphanumeric() {
                class.0[octet as usize] = true;
            }
            octet += 1;
        }
        class
    }

    /// `VCHAR` (RFC 5234 appendix B.1).
    const fn visible() -> Self {
        let mut class = Self([false; 256]);
        let mut octet = 0x21;
        while octet <= 0x7E {
            class.0[octet] = true;
            octet += 1;
        }
        class
    }

    const fn and_obs_text(mut self) -> Self {
        let mut octet = 0x80;
        while octet <= 0xFF {
            self.0[octet] = true;
            octet += 1;
        }
        self
    }

    const fn and(self, octets: &[u8]) -> Self {
        self.set(octets, true)
    }

    const fn without(self, octets: &[u8]) -> Self {
        self.set(octets, false)
    }

    const fn set(mut self, octets: &[u8], member: bool) -> Self {
        let mut at = 0;
        while at < octets.len() {
            self.0[octets[at] as usize] = member;
            at += 1;
        }
        self
    }
}
