//! Which requests are answered without their body, and with what: RFC 9110's order of errors.
//!
//! Asked only about requests that bring a body or an expectation, or have a method that no handler
//! sees. A plain GET never comes here.

use super::parse::{Expectation, Framing, Head};
use super::{Admission, Handler, Method, Rejection, Response, Status, body};
use crate::config::Limits;

/// What is to be done with a request, before a byte of its body has been read.
#[derive(Debug)]
pub enum Verdict {
    /// The server refuses it; then the connection closes, or the body is dropped and it stays.
    Reject {
        /// Status and reason.
        rejection: Rejection,
        /// The rest of the connection cannot be used.
        close: bool,
    },
    /// The handler refused it.
    Refuse(Response),
    /// The handler answers without the body, which is dropped afterwards.
    Handle {
        /// The client may or may not send the body that it announced: nothing can follow.
        close: bool,
    },
    /// The body is to be read first.
    Collect,
}

/// Judges a request. `body_here` says whether bytes of the body have come with the head.
///
/// A client that waits for 100 and is given a final answer may go on with its body or with its next
/// request, and we could not tell which: such answers close (RFC 9110 section 10.1.1).
pub fn judge<H: Handler>(
    handler: &H,
    head: &Head<'_>,
    body_here: bool,
    limits: &Limits,
) -> Verdict {
    let too_large =
        matches!(head.controls.framing, Framing::Length(bytes) if bytes > limits.body as u64);
    let has_body = !head.controls.framing.is_bodiless();
    let undecided = head.controls.expectation == Expectation::Continue && has_body && !body_here;
    let close = too_large || undecided;
    let reject = |rejection| Verdict::Reject { rejection, close };
    if matches!(head.request.method, Method::Connect | Method::Unknown) {
        return reject(Rejection::new(Status::NOT_IMPLEMENTED, UNKNOWN_METHOD));
    }
    match handler.admit(&head.request) {
        Admission::Refuse(response) if close => Verdict::Refuse(response.closing()),
        Admission::Refuse(response) => Verdict::Refuse(response),
        _ if head.controls.expectation == Expectation::Unknown => reject(Rejection::new(
            Status::EXPECTATION_FAILED,
            UNKNOWN_EXPECTATION,
        )),
        _ if too_large => reject(body::TOO_LARGE),
        Admission::ReadBody => Verdict::Collect,
        Admission::IgnoreBody => Verdict::Handle { close },
    }
}

const UNKNOWN_METHOD: &str = "this server does not know the method; it knows GET, HEAD, POST, PUT, \
    DELETE, OPTIONS and PATCH, in capitals";
const UNKNOWN_EXPECTATION: &str = "the only expectation that can be met is 100-continue";
