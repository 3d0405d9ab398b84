//! The parameters of a query, by the names that a route knows.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::http::request::percent_decode;
use crate::http::{Request, Response, Status};

/// Bytes of a wrong name or value that the error repeats; the digits of any u64 fit.
const SHOWN_BYTES: usize = 20;

/// What a query gives to the parameters of a route. Names and values may be percent-encoded.
pub(super) struct Parameters<'a, const N: usize> {
    known: [&'static str; N],
    /// The values as they came, in the order of the names.
    values: [Option<&'a str>; N],
}

impl<'a, const N: usize> Parameters<'a, N> {
    /// Those of a request to a route that knows these names, and no other.
    ///
    /// # Errors
    ///
    /// A 400 that lists the known names, for one that is not among them, or is there twice.
    pub(super) fn of(request: &Request<'a>, known: [&'static str; N]) -> Result<Self, Response> {
        let mut values = [None; N];
        let pairs = request.query.unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name);
            let place = known.iter().position(|known| known.as_bytes() == &*decoded);
            let Some(place) = place else {
                return Err(misnamed(name, "is unknown", &known));
            };
            if values[place].replace(value).is_some() {
                return Err(misnamed(known[place], "is there twice", &known));
            }
        }
        Ok(Self { known, values })
    }

    /// The value of a parameter; octets that are no UTF-8 become U+FFFD.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(decode)
    }

    /// The value of a parameter that is a number, or `default` without it.
    ///
    /// # Errors
    ///
    /// A 400 that names the parameter, the value and the range, for anything but digits that lie
    /// within it.
    pub(super) fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Response> {
        let Some(raw) = self.raw(name) else {
            return Ok(default);
        };
        let text = decode(raw);
        // `parse` alone would take `+5`, which means " 5" in a form.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && range.contains(&number) => Ok(number),
            _ => Err(out_of_range(name, raw, &range)),
        }
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        let place = self.known.iter().position(|known| *known == name);
        self.values[place.expect("a route asks for the parameters that it knows")]
    }
}

fn decode(raw: &str) -> Cow<'_, str> {
    match percent_decode(raw) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(octets) => Cow::Owned(String::from_utf8_lossy(&octets).into_owned()),
    }
}

#[cold]
fn misnamed(name: &str, what: &str, known: &[&str]) -> Response {
    let (shown, known) = (shown(name), known.join(", "));
    let sentence = format!("the parameter '{shown}' {what}; known are {known}");
    Response::error(Status::BAD_REQUEST, sentence)
}

#[cold]
fn out_of_range(name: &str, text: &str, range: &RangeInclusive<u64>) -> Response {
    let (shown, least, most) = (shown(text), range.start(), range.end());
    let sentence = format!("{name} is '{shown}'; it must be a number from {least} to {most}");
    Response::error(Status::BAD_REQUEST, sentence)
}

/// The beginning of a text that a client sent. The parser lets nothing but ASCII through, so a
/// character is a byte.
fn shown(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_BYTES).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    shown + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::table::TABLE;
    use crate::handlers::testing::{Answer, Exam, request};
    use crate::http::Method;

    fn sentence(response: Response) -> String {
        let answer = Answer::of(response, Method::Get);
        assert_eq!(answer.status, 400);
        answer.json()["error"].as_str().unwrap().to_owned()
    }

    fn work(target: &str) -> Result<u64, String> {
        let request = request(Method::Get, target);
        let parameters = Parameters::of(&request, ["work", "other"]).map_err(sentence)?;
        (parameters.number("work", 0..=500, 7)).map_err(sentence)
    }

    #[test]
    fn a_number_within_the_range_or_the_default() {
        assert_eq!(work("/x"), Ok(7));
        assert_eq!(work("/x?"), Ok(7));
        assert_eq!(work("/x?&&"), Ok(7));
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

    /// RFC 3986 section 2.1: an octet means the same encoded or not.
    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(work("/x?w%6Frk=10"), Ok(10));
        assert_eq!(work("/x?%77%6f%72%6b=%31%30"), Ok(10));
        let refused = work("/x?w%6Frk=1&work=2").unwrap_err();
        assert_eq!(
            refused,
            "the parameter 'work' is there twice; known are work, other"
        );
    }

    #[test]
    fn unknown_and_doubled_names_are_told_with_the_known() {
        for (query, name, what) in [
            ("wrok=1", "wrok", "is unknown"),
            ("work=1&Work=1", "Work", "is unknown"),
            ("=1", "", "is unknown"),
            ("w%FFrk=1", "w%FFrk", "is unknown"),
            ("work=1&other&work=1", "work", "is there twice"),
            ("work&work", "work", "is there twice"),
        ] {
            let sentence = format!("the parameter '{name}' {what}; known are work, other");
            assert_eq!(work(&format!("/x?{query}")), Err(sentence), "{query}");
        }
    }

    /// Those that take parameters say which; a query that only keeps caches away is no fault
    /// elsewhere.
    #[test]
    fn every_route_with_parameters_knows_them() {
        let exam = Exam::new();
        let mut knowing = Vec::new();
        for route in TABLE.iter().filter(|route| route.method == Method::Get) {
            let path = route.example.split('?').next().unwrap();
            let answer = exam.get(&format!("{path}?no-such=1"));
            if answer.status == 400 {
                let error = answer.json()["error"].to_string();
                assert!(
                    error.contains("'no-such' is unknown; known are "),
                    "{error}"
                );
                knowing.push(route.path);
            } else {
                assert_eq!(answer.status, 200, "{}", route.path);
            }
        }
        assert_eq!(knowing, ["/benchmark", "/events", "/cache/{key}"]);
        for target in [
            "/benchmark?wiat_us=0",
            "/benchmark?work=1&w%6Frk=1",
            "/cache/a?cost=1",
        ] {
            assert_eq!(exam.get(target).status, 400, "{target}");
        }
        let body = exam.get("/benchmark?w%6Frk=10&wait_us=0").json();
        assert_eq!(body["result"], 90);
    }
}
