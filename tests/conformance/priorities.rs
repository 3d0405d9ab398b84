//! Requests with two faults each: the one that comes first in the order is told.

use crate::case::{Case, closes, request, stays};

/// Request-line syntax, its length, version, fields, Host, framing, method, route, method for the
/// route, expectation, body.
pub(crate) fn cases() -> Vec<Case> {
    let long = "x".repeat(9000);
    let many: Vec<String> = (0..101).map(|index| format!("A{index}: b")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let rfc = "9110 15.5";
    vec![
        closes(
            rfc,
            "syntax before length",
            request(&format!("GET  /{long} HTTP/1.1"), &[], ""),
            [400],
        ),
        closes(
            rfc,
            "length before version",
            request(&format!("GET /{long} HTTP/2.0"), &["Host: x"], ""),
            [414],
        ),
        closes(
            rfc,
            "version before a field",
            request("GET / HTTP/2.0", &["A b"], ""),
            [505],
        ),
        closes(
            rfc,
            "version before Host",
            request("GET / HTTP/2.0", &[], ""),
            [505],
        ),
        closes(
            rfc,
            "a field before Host",
            request("GET / HTTP/1.1", &["A b: c"], ""),
            [400],
        )
        .saying("field name"),
        closes(
            rfc,
            "the number of fields before Host",
            request("GET / HTTP/1.1", &many, ""),
            [431],
        ),
        closes(
            rfc,
            "Host before framing",
            request("POST / HTTP/1.1", &["Transfer-Encoding: gzip, chunked"], ""),
            [400],
        )
        .saying("Host"),
        closes(
            rfc,
            "Host before method",
            request("BREW / HTTP/1.1", &[], ""),
            [400],
        )
        .saying("Host"),
        closes(
            rfc,
            "length before method",
            request("BREW / HTTP/1.1", &["Host: x", "Content-Length: x"], ""),
            [400],
        ),
        closes(
            rfc,
            "coding before method",
            request(
                "BREW / HTTP/1.1",
                &["Host: x", "Transfer-Encoding: gzip, chunked"],
                "",
            ),
            [501],
        )
        .saying("coding"),
        stays(
            rfc,
            "method before route",
            request("BREW /nothing HTTP/1.1", &["Host: x"], ""),
            [501],
        ),
        stays(
            rfc,
            "route before method for the route",
            request("DELETE /nothing HTTP/1.1", &["Host: x"], ""),
            [404],
        ),
        stays(
            rfc,
            "route before expectation",
            request("GET /nothing HTTP/1.1", &["Host: x", "Expect: x"], ""),
            [404],
        ),
        stays(
            rfc,
            "method for the route before expectation",
            request("PUT / HTTP/1.1", &["Host: x", "Expect: x"], ""),
            [405],
        ),
        closes(
            rfc,
            "route before body",
            request(
                "POST /nothing HTTP/1.1",
                &["Host: x", "Content-Length: 9999999"],
                "",
            ),
            [404],
        ),
        closes(
            rfc,
            "method for the route before body",
            request(
                "POST / HTTP/1.1",
                &["Host: x", "Content-Length: 9999999"],
                "",
            ),
            [405],
        ),
        closes(
            rfc,
            "method before body",
            request(
                "BREW / HTTP/1.1",
                &["Host: x", "Content-Length: 9999999"],
                "",
            ),
            [501],
        ),
        closes(
            rfc,
            "expectation before body",
            request(
                "POST /zero-copy HTTP/1.1",
                &["Host: x", "Expect: x", "Content-Length: 9999999"],
                "",
            ),
            [417],
        ),
        stays(
            rfc,
            "expectation before the handler's own errors",
            request(
                "GET /benchmark?work=x HTTP/1.1",
                &["Host: x", "Expect: x"],
                "",
            ),
            [417],
        ),
    ]
}
