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
    /// The server refuses it.
    Reject(Rejection),
    /// The handler refused it.
    Refuse(Response),
    /// The handler answers without the body, which is dropped afterwards.
    Handle,
    /// The body is to be read first.
    Collect,
}

/// Judges a request, and whether its answer must close the connection, unless the body is read.
/// `body_here` says whether bytes of the body have come with the head.
///
/// A client that waits for 100 and is given a final answer may go on with its body or with its next
/// request, and we could not tell which: such answers close (RFC 9110 section 10.1.1).
pub fn judge<H: Handler>(
    handler: &H,
    head: &Head<'_>,
    body_here: bool,
    limits: &Limits,
) -> (Verdict, bool) {
    let too_large =
        matches!(head.controls.framing, Framing::Length(bytes) if bytes > limits.body as u64);
    let has_body = !head.controls.framing.is_bodiless();
    let undecided = head.controls.expectation == Expectation::Continue && has_body && !body_here;
    let reject = |status, reason| Verdict::Reject(Rejection::new(status, reason));
    let is_known = !matches!(head.request.method, Method::Connect | Method::Unknown);
    let verdict = match is_known.then(|| handler.admit(&head.request)) {
        None => reject(Status::NOT_IMPLEMENTED, UNKNOWN_METHOD),
        Some(Admission::Refuse(response)) => Verdict::Refuse(response),
        _ if head.controls.expectation == Expectation::Unknown => {
            reject(Status::EXPECTATION_FAILED, UNKNOWN_EXPECTATION)
        }
        _ if too_large => Verdict::Reject(body::TOO_LARGE),
        Some(Admission::ReadBody) => Verdict::Collect,
        Some(Admission::IgnoreBody) => Verdict::Handle,
    };
    (verdict, too_large || undecided)
}

const UNKNOWN_METHOD: &str = "this server does not know the method; it knows GET, HEAD, POST, PUT, \
    DELETE, OPTIONS and PATCH, in capitals";
const UNKNOWN_EXPECTATION: &str = "the only expectation that can be met is 100-continue";
