//! The trailer section behind the last chunk (RFC 9112 section 7.1.2): judged, bounded and dropped.
//!
//! Nothing is merged into the header section: a field such as Content-Length that came this late
//! would be read by some and not by others. The lines are judged all the same, since a wrong one
//! shows where the framing went wrong.

use crate::config::Limits;
use crate::http::parse::octets::{TOKEN, VALUE};
use crate::http::status::{Rejection, Status};

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
            (At::LineStart, b'\r') => {
                return Ok(Some(Self {
                    at: At::LastCr,
                    ..self
                }));
            }
            (At::LineStart | At::Name, _) if TOKEN.has(octet) => At::Name,
            (At::Name, b':') => At::Value,
            (At::Value, _) if VALUE.has(octet) => At::Value,
            (At::Value, b'\r') => At::LineCr,
            (At::LineCr, b'\n') => At::LineStart,
            _ => return Err(Rejection::bad_request(LINE)),
        };
        let begins_field = matches!((self.at, at), (At::LineStart, At::Name));
        let counted = Self {
            at,
            bytes: self.bytes.saturating_add(1),
            fields: self.fields.saturating_add(usize::from(begins_field)),
        };
        if counted.bytes > limits.trailer_section || counted.fields > limits.trailer_fields {
            return Err(Rejection {
                status: Status::FIELDS_TOO_LARGE,
                reason: TOO_LARGE,
            });
        }
        Ok(Some(counted))
    }
}
