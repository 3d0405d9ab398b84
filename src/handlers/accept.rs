//! Which of two forms a client prefers, by its Accept field (RFC 9110 section 12.5.1).
//!
//! Each route that negotiates names its own default: JSON for `/accounts` and `/findings`, which
//! programs read, and text for `/` and `/duel`, which people type.

use std::cmp::Reverse;

use mediatype::{MediaType, MediaTypeList, ReadParams, names};

use crate::http::{Request, Response};

/// The forms that routes have; all of them are UTF-8.
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

/// What the most specific range that includes a media type gives it, in thousandths; 0 if none
/// does. Of two that are equally specific the first counts.
fn weight(request: &Request<'_>, wanted: &MediaType<'_>) -> u16 {
    let fields = request.fields.iter();
    let fields = fields.filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let texts = fields.filter_map(|field| std::str::from_utf8(field.value).ok());
    // A range that cannot be read is none.
    let ranges = texts.flat_map(MediaTypeList::new).flatten();
    let fits = |range: MediaType<'_>| Some((specificity(&range, wanted)?, quality(&range)?));
    let best = ranges
        .filter_map(fits)
        .min_by_key(|(specificity, _)| Reverse(*specificity));
    best.map_or(0, |(_, weight)| weight)
}

/// How closely a range describes a media type that it includes: each name counts, and so does each
/// parameter, of which only the charset fits.
fn specificity(range: &MediaType<'_>, wanted: &MediaType<'_>) -> Option<usize> {
    let mut specificity = match (range.ty.as_str(), range.subty.as_str()) {
        ("*", "*") => 0,
        (_, "*") if range.ty == wanted.ty => 1,
        _ if range.essence() == wanted.essence() => 2,
        _ => return None,
    };
    for (name, value) in range.params().filter(|(name, _)| *name != names::Q) {
        let fits = name == names::CHARSET && value.as_str().eq_ignore_ascii_case("utf-8");
        specificity += usize::from(fits.then_some(true)?);
    }
    Some(specificity)
}

/// The weight of a range in thousandths; `None` if it has one that breaks the grammar (RFC 9110
/// section 12.4.2): `f32::from_str` alone would take `nan`, `5` and `1e0`.
fn quality(range: &MediaType<'_>) -> Option<u16> {
    let Some(text) = range.get_param(names::Q) else {
        return Some(1000);
    };
    let (whole, decimals) = text.as_str().split_once('.').unwrap_or((text.as_str(), ""));
    let is_right = matches!(whole, "0" | "1")
        && decimals.len() <= 3
        && decimals.bytes().all(|octet| octet.is_ascii_digit());
    let thousandths = format!("{whole}{decimals:0<3}").parse().ok();
    thousandths.filter(|&weight| is_right && weight <= 1000)
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
            ("application/json, text/plain;q=0.1", false),
            ("*/*;q=0.5, text/plain;q=0.4", false),
            ("text/*", true),
            ("application/json, text/plain, */*", false),
            ("text/plain;Q=0.1, application/json;q=0.5", false),
            ("application/json;q=0, */*;q=0.1", true),
            ("image/png", false),
        ] {
            assert_eq!(prefers_text(accept), expected, "{accept}");
        }
        assert!(!prefers(&request(Method::Get, "/"), &TEXT, &JSON));
    }

    /// RFC 9110 sections 12.4.2 and 12.5.1: a weight has at most three decimals and is at most 1,
    /// and only a whole `*` stands for any type.
    #[test]
    fn a_range_that_cannot_be_read_is_none() {
        for weight in [
            "2", "nan", "inf", "-0", "+1", "1.001", "1.0000", "0.1234", ".9", "1e0", "", "0.9 5",
        ] {
            let accept = format!("application/json;q=0.001, text/plain;q={weight}");
            assert!(!prefers_text(&accept), "{accept}");
            // And so it excludes nothing.
            let accept = format!("application/json;q={weight}, text/plain;q=0.2, */*;q=0.3");
            assert!(!prefers_text(&accept), "{accept}");
        }
        for weight in ["1", "1.", "1.000", "0.002", "0.01", "0.9"] {
            let accept = format!("application/json;q=0.001, text/plain;q={weight}");
            assert!(prefers_text(&accept), "{accept}");
        }
        assert!(!prefers_text("*/plain, application/json;q=0.1"));
    }

    /// All forms are UTF-8, and have no other parameter.
    #[test]
    fn a_range_with_parameters_is_more_specific_if_it_fits() {
        for (accept, expected) in [
            ("text/plain;format=flowed, application/json;q=0.1", false),
            ("text/plain;charset=UTF-8, application/json;q=0.1", true),
            (
                "text/plain, text/plain;charset=utf-8;q=0.1, application/json;q=0.2",
                false,
            ),
            (
                "text/plain;format=\"a,b\", text/plain;q=0.5, application/json;q=0.4",
                true,
            ),
        ] {
            assert_eq!(prefers_text(accept), expected, "{accept}");
        }
    }
}
