//! Numbers from the query, judged.

use std::ops::RangeInclusive;

use crate::http::{Request, Response, Status};

/// Bytes of a wrong value that the error repeats; the digits of any u64 fit.
const SHOWN_BYTES: usize = 20;

/// The value of a query parameter, or `default` without it.
///
/// # Errors
///
/// A 400 that names the parameter, the value and the range, for anything but digits that lie within
/// it.
pub(super) fn number(
    request: &Request<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Response> {
    let Some(text) = request.query_value(name) else {
        return Ok(default);
    };
    // `parse` alone would take `+5`, which means " 5" in a form.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && range.contains(&number) => Ok(number),
        _ => Err(out_of_range(name, text, &range)),
    }
}

/// Refuses parameters that the route does not know, or knows and has been given twice.
///
/// # Errors
///
/// A 400 that lists the known ones.
pub(super) fn known(request: &Request<'_>, known: &[&str]) -> Result<(), Response> {
    let mut seen = Vec::new();
    for pair in request
        .query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let name = pair.split('=').next().unwrap_or_default();
        if !known.contains(&name) || seen.contains(&name) {
            let shown: String = name.chars().take(SHOWN_BYTES).collect();
            let (what, list) = (["is unknown", "is there twice"], known.join(", "));
            let what = what[usize::from(seen.contains(&name))];
            let sentence = format!("the parameter '{shown}' {what}; known are {list}");
            return Err(Response::error(Status::BAD_REQUEST, sentence));
        }
        seen.push(name);
    }
    Ok(())
}

#[cold]
fn out_of_range(name: &str, text: &str, range: &RangeInclusive<u64>) -> Response {
    // The parser lets nothing but ASCII through, so a character is a byte.
    let shown: String = text.chars().take(SHOWN_BYTES).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    let (least, most) = (range.start(), range.end());
    let sentence = format!("{name} is '{shown}{more}'; it must be a number from {least} to {most}");
    Response::error(Status::BAD_REQUEST, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, request};
    use crate::http::Method;

    fn work(target: &str) -> Result<u64, String> {
        number(&request(Method::Get, target), "work", 0..=500, 7).map_err(|response| {
            let answer = Answer::of(response, Method::Get);
            assert_eq!(answer.status, 400);
            answer.json()["error"].as_str().unwrap().to_owned()
        })
    }

    #[test]
    fn a_number_within_the_range_or_the_default() {
        assert_eq!(work("/x"), Ok(7));
        assert_eq!(work("/x?other=1"), Ok(7));
        assert_eq!(work("/x?work=0"), Ok(0));
        assert_eq!(work("/x?other=9&work=500"), Ok(500));
        assert_eq!(work("/x?work=0007"), Ok(7));
    }

    #[test]
    fn anything_else_is_named_with_its_range() {
        for value in ["501", "-1", "+5", "", "1e3", "0x10", "5 ", "5%20", "five"] {
            let sentence = format!("work is '{value}'; it must be a number from 0 to 500");
            assert_eq!(work(&format!("/x?work={value}")), Err(sentence));
        }
        let sentence = "work is '99999999999999999999...'; it must be a number from 0 to 500";
        assert_eq!(
            work(&format!("/x?work={}", "9".repeat(4000))),
            Err(sentence.to_owned())
        );
    }
}
