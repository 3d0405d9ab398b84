//! Which of two forms a client asks for, by its Accept field.
//!
//! Absent is the weighing of RFC 9110 section 12.5.1: a client that names the second form gets it,
//! every other the first. Browsers name `text/html` and nobody else does; curl says `*/*`.

use crate::http::{Request, Response};

/// Whether the client names this media type.
pub(super) fn names(request: &Request<'_>, media_type: &str) -> bool {
    request
        .fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("accept"))
        .flat_map(|field| field.value.split(|&byte| byte == b','))
        .any(|range| {
            let named = range.split(|&byte| byte == b';').next().unwrap_or(range);
            named
                .trim_ascii()
                .eq_ignore_ascii_case(media_type.as_bytes())
        })
}

/// One address, two bodies: a cache must know what the choice hangs on (RFC 9110 section 12.5.5).
pub(super) fn varies(response: Response) -> Response {
    response.field("Vary", "Accept")
}
