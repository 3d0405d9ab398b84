//! Which of two forms a client prefers, by its Accept field (RFC 9110 section 12.5.1).

use mediatype::{MediaType, MediaTypeList, Name, ReadParams, names};

use crate::http::{Request, Response};

/// The forms that routes have.
pub(super) const HTML: MediaType<'_> = MediaType::new(names::TEXT, names::HTML);
pub(super) const JSON: MediaType<'_> = MediaType::new(names::APPLICATION, names::JSON);
pub(super) const TEXT: MediaType<'_> = MediaType::new(names::TEXT, names::PLAIN);

/// Whether the client would rather have `other` than what the route answers by default; of two that
/// weigh the same the default wins, so that `*/*` gets it.
pub(super) fn prefers(
    request: &Request<'_>,
    other: &MediaType<'_>,
    default: &MediaType<'_>,
) -> bool {
    weight(request, other) > weight(request, default)
}

/// What the most specific range that includes a media type gives it; 0 if none does.
fn weight(request: &Request<'_>, wanted: &MediaType<'_>) -> f32 {
    let fields = request.fields.iter();
    let fields = fields.filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let texts = fields.filter_map(|field| std::str::from_utf8(field.value).ok());
    // A range that cannot be read is none.
    let ranges = texts.flat_map(MediaTypeList::new).flatten();
    let fits = |range: MediaType<'_>| {
        let any = |name: Name<'_>| name.as_str() == "*";
        let is_included = (range.ty == wanted.ty || any(range.ty))
            && (range.subty == wanted.subty || any(range.subty));
        let weight = range
            .get_param(names::Q)
            .map_or(Ok(1.0), |q| q.as_str().parse());
        let specific = u8::from(!any(range.ty)) + u8::from(!any(range.subty));
        is_included.then_some((specific, weight.unwrap_or(0.0)))
    };
    let best = ranges
        .filter_map(fits)
        .max_by_key(|(specific, _)| *specific);
    best.map_or(0.0, |(_, weight)| weight)
}

/// One address, two bodies: a cache must know what the choice hangs on (RFC 9110 section 12.5.5).
pub(super) fn varies(response: Response) -> Response {
    response.field("Vary", "Accept")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::request;
    use crate::http::{Field, Method};

    fn prefers_text(accept: &str) -> bool {
        let fields = [Field {
            name: "Accept",
            value: accept.as_bytes(),
        }];
        let mut asked = request(Method::Get, "/");
        asked.fields = &fields;
        prefers(&asked, &TEXT, &JSON)
    }

    #[test]
    fn the_most_specific_range_weighs_and_the_default_wins_ties() {
        for (accept, expected) in [
            ("text/plain", true),
            ("Text/Plain;q=0.5, */*;q=0.4", true),
            ("text/*, application/json;q=0.9", true),
            ("*/*", false),
            ("", false),
            ("text/plain, application/json", false),
            ("text/plain;q=0.1, application/*;q=0.2", false),
            ("text/*;q=1, text/plain;q=0", false),
            ("text/plain;q=many", false),
            ("text/plain/more, text", false),
        ] {
            assert_eq!(prefers_text(accept), expected, "{accept}");
        }
        assert!(!prefers(&request(Method::Get, "/"), &TEXT, &JSON));
    }
}
