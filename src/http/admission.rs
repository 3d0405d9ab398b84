//! Which requests are answered without their body, and with what: RFC 9110's order of errors.
//!
//! Asked only about requests that bring a body or an expectation, or have a method that no handler
//! sees. A plain GET never comes here.

use super::parse::{Expectation, Framing, Head};
use super::{Admission, Handler, Method, Rejection, Status, body};
use crate::config::Limits;

/// Judges a request: what its handler said of it, or why the server refuses it all the same; and
/// whether its answer must close the connection, unless the body is read. `body_here` says whether
/// bytes of the body have come with the head.
///
/// A client that waits for 100 and is given a final answer may go on with its body or with its next
/// request, and we could not tell which: such answers close (RFC 9110 section 10.1.1).
pub fn judge<H: Handler>(
    handler: &H,
    head: &Head<'_>,
    body_here: bool,
    limits: &Limits,
) -> (Result<Admission, Rejection>, bool) {
    let too_large =
        matches!(head.controls.framing, Framing::Length(bytes) if bytes > limits.body as u64);
    let has_body = !head.controls.framing.is_bodiless();
    let undecided = head.controls.expectation == Expectation::Continue && has_body && !body_here;
    let is_known = !matches!(head.request.method, Method::Connect | Method::Unknown);
    let verdict = match is_known.then(|| handler.admit(&head.request)) {
        None => Err(Rejection::new(Status::NOT_IMPLEMENTED, UNKNOWN_METHOD)),
        Some(Admission::Refuse(response)) => Ok(Admission::Refuse(response)),
        _ if head.controls.expectation == Expectation::Unknown => Err(Rejection::new(
            Status::EXPECTATION_FAILED,
            UNKNOWN_EXPECTATION,
        )),
        // How long it may be is said with the wish for it.
        Some(Admission::TakeBody) => Ok(Admission::TakeBody),
        _ if too_large => Err(body::TOO_LARGE),
        Some(admission) => Ok(admission),
    };
    (verdict, too_large || undecided)
}

const UNKNOWN_METHOD: &str = "this server does not know the method; it knows GET, HEAD, POST, PUT, \
    DELETE, OPTIONS and PATCH, in capitals";
const UNKNOWN_EXPECTATION: &str = "the only expectation that can be met is 100-continue";
