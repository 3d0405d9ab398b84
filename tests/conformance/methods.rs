//! Methods: HEAD, OPTIONS, TRACE, those that a route does not serve, those that nobody knows.

use crate::case::{Case, closes, request, stays};
use crate::wire::{Live, alone};

/// RFC 9110 section 9.
pub(crate) fn cases() -> Vec<Case> {
    let to = |method: &str, target: &str| {
        request(&format!("{method} {target} HTTP/1.1"), &["Host: x"], "")
    };
    let (of_get, of_post) = ("GET, HEAD, OPTIONS", "POST, OPTIONS");
    let not_allowed = |name, method| {
        stays("9110 15.5.6", name, to(method, "/plaintext"), [405]).with("Allow", of_get)
    };
    vec![
        stays("9110 9.3.2", "HEAD", to("HEAD", "/plaintext"), [200])
            .bodiless()
            .with("Content-Length", "13")
            .with("Content-Type", "text/plain; charset=utf-8"),
        stays(
            "9110 9.3.2",
            "HEAD of nothing",
            to("HEAD", "/nothing"),
            [404],
        )
        .bodiless(),
        stays(
            "9110 9.3.2",
            "HEAD of a POST route",
            to("HEAD", "/zero-copy"),
            [405],
        )
        .bodiless()
        .with("Allow", of_post),
        stays(
            "9110 9.3.2",
            "HEAD, deferred",
            to("HEAD", "/benchmark"),
            [200],
        )
        .bodiless(),
        stays(
            "9110 9.3.2",
            "HEAD, by a job",
            to("HEAD", "/benchmark?work=10001"),
            [200],
        )
        .bodiless(),
        stays(
            "9110 9.3.2",
            "HEAD, wrong query",
            to("HEAD", "/benchmark?work=x"),
            [400],
        )
        .bodiless(),
        closes(
            "9110 9.3.2",
            "HEAD that is refused",
            request("HEAD /plaintext HTTP/1.1", &[], ""),
            [400],
        )
        .bodiless(),
        closes(
            "9110 9.3.2",
            "HEAD that closes",
            request(
                "HEAD /plaintext HTTP/1.1",
                &["Host: x", "Connection: close"],
                "",
            ),
            [200],
        )
        .bodiless(),
        closes(
            "9110 9.3.2",
            "HEAD of 1.0",
            request("HEAD /plaintext HTTP/1.0", &[], ""),
            [200],
        )
        .bodiless(),
        stays("9110 9.3.7", "OPTIONS", to("OPTIONS", "/plaintext"), [204]).with("Allow", of_get),
        stays(
            "9110 9.3.7",
            "OPTIONS of a POST route",
            to("OPTIONS", "/zero-copy"),
            [204],
        )
        .with("Allow", of_post),
        stays(
            "9110 9.3.7",
            "OPTIONS of a parameter",
            to("OPTIONS", "/cache/a"),
            [204],
        )
        .with("Allow", of_get),
        stays(
            "9110 9.3.7",
            "OPTIONS of nothing",
            to("OPTIONS", "/nothing"),
            [404],
        ),
        stays("9110 9.3.8", "TRACE", to("TRACE", "/plaintext"), [405]).with("Allow", of_get),
        stays(
            "9110 9.3.8",
            "TRACE of a POST route",
            to("TRACE", "/zero-copy"),
            [405],
        )
        .with("Allow", of_post),
        not_allowed("POST of a GET route", "POST"),
        not_allowed("PUT of a GET route", "PUT"),
        not_allowed("DELETE of a GET route", "DELETE"),
        not_allowed("PATCH of a GET route", "PATCH"),
        stays(
            "9110 15.5.6",
            "GET of a POST route",
            to("GET", "/zero-copy"),
            [405],
        )
        .with("Allow", of_post),
        stays(
            "9110 15.6.2",
            "an unknown method",
            to("BREW", "/plaintext"),
            [501],
        ),
        stays(
            "9110 15.6.2",
            "a method of every octet",
            to("!#$%&'*+-.^_`|~a0", "/"),
            [501],
        ),
        stays(
            "9110 15.6.2",
            "a method of another protocol",
            to("SUBSCRIBE", "/"),
            [501],
        ),
        stays("9110 15.5.5", "nothing there", to("GET", "/nothing"), [404]),
        stays(
            "9110 15.5.5",
            "a route and more",
            to("GET", "/plaintext/"),
            [404],
        ),
        stays(
            "9110 15.5.5",
            "a route in capitals",
            to("GET", "/PLAINTEXT"),
            [404],
        ),
    ]
}

/// RFC 9110 section 9.3.2: HEAD has the fields of GET, in their order, with their values.
#[test]
fn rfc9110_section_9_3_2_head_has_the_fields_of_get() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for target in [
        "/plaintext",
        "/json",
        "/",
        "/healthz",
        "/nothing",
        "/cache/",
        "/benchmark?work=",
    ] {
        let (get, head) = (wire.get(target), wire.head(target));
        assert_eq!(head.status, get.status, "{target}");
        let without_date = |fields: &[(String, String)]| -> Vec<(String, String)> {
            fields
                .iter()
                .filter(|field| field.0 != "Date")
                .cloned()
                .collect()
        };
        assert_eq!(
            without_date(&head.fields),
            without_date(&get.fields),
            "{target}"
        );
        assert_eq!(
            get.body.len().to_string(),
            head.field("Content-Length").unwrap()
        );
    }
    wire.expect_open();
}
