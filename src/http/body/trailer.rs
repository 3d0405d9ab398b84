//! The trailer section behind the last chunk (RFC 9112 section 7.1.2): judged, bounded and dropped.
//!
//! Nothing is merged into the header section: a field such as Content-Length that came this late
//! would be read by some and not by others. The lines are judged all the same, since a wrong one
//! shows where the framing went wrong.

use crate::config::Limits;
use crate::http::parse::octets::{TOKEN, VALUE};
use crate::http::{Rejection, Status};

/// How much of the section has gone by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trailer {
    at: At,
    bytes: usize,
    fields: usize,
}

/// What the last octet was.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// The end of a line.
    #[default]
    LineStart,
    /// An octet of a field name.
    Name,
    /// The colon, or an octet of the value.
    Value,
    /// The CR of a field line.
    LineCr,
    /// The CR of the empty line.
    LastCr,
}

const LINE: &str = "A line of the trailer section is not valid. It must be a field name, a colon, \
    a value without control characters, and CRLF.";
const TOO_LARGE: &str = "The trailer section is too large. Its fields mean nothing here and must \
    be left out.";

impl Trailer {
    /// The trailer section after one octet more; `None` if that was its last.
    pub(super) fn after(self, octet: u8, limits: &Limits) -> Result<Option<Self>, Rejection> {
        let at = match (self.at, octet) {
            (At::LastCr, b'\n') => return Ok(None),
            (At::LineStart, b'\r') => At::LastCr,
            (At::LineStart | At::Name, _) if TOKEN.has(octet) => At::Name,
            (At::Name, b':') => At::Value,
            (At::Value, _) if VALUE.has(octet) => At::Value,
            (At::Value, b'\r') => At::LineCr,
            (At::LineCr, b'\n') => At::LineStart,
            _ => return Err(Rejection::bad_request(LINE)),
        };
        let counts = usize::from(!matches!(at, At::LastCr));
        let begins_field = usize::from(matches!((self.at, at), (At::LineStart, At::Name)));
        let (bytes, fields) = (self.bytes + counts, self.fields + begins_field);
        if bytes > limits.trailer_section || fields > limits.trailer_fields {
            return Err(Rejection::new(Status::FIELDS_TOO_LARGE, TOO_LARGE));
        }
        Ok(Some(Self { at, bytes, fields }))
    }
}
