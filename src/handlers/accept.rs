//! Which of two forms a client asks for, by its Accept field.
//!
//! Absent is the weighing of RFC 9110 section 12.5.1: a client that names the second form gets it,
//! unless its weight is 0, every other the first. Browsers name `text/html` and nobody else does;
//! curl says `*/*`.

use crate::http::{Request, Response};

/// Whether the client names this media type, and accepts it.
pub(super) fn names(request: &Request<'_>, media_type: &str) -> bool {
    request
        .fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("accept"))
        .flat_map(|field| field.value.split(|&byte| byte == b','))
        .any(|range| {
            let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let named = parts.next().unwrap_or_default();
            named.eq_ignore_ascii_case(media_type.as_bytes()) && !parts.any(is_no_weight)
        })
}

/// A weight of 0 means "not acceptable" (RFC 9110 section 12.4.2): `q=0`, or with up to three
/// decimals.
fn is_no_weight(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', digits @ ..] = parameter else {
        return false;
    };
    digits.first() == Some(&b'0') && digits.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

/// One address, two bodies: a cache must know what the choice hangs on (RFC 9110 section 12.5.5).
pub(super) fn varies(response: Response) -> Response {
    response.field("Vary", "Accept")
}
