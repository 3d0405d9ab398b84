//! Request lines and targets.

use crate::case::{Case, closes, request, stays};

/// RFC 9112 sections 2.2, 2.3 and 3.
pub(crate) fn cases() -> Vec<Case> {
    let line = |line: &str| request(line, &["Host: x"], "");
    let mut cases = vec![
        stays(
            "9112 3",
            "a request",
            line("GET /plaintext HTTP/1.1"),
            [200],
        )
        .saying("Hello, World!"),
        closes(
            "9112 3",
            "two spaces before the target",
            line("GET  / HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 3",
            "two spaces before the version",
            line("GET /  HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 3",
            "a tab for a space",
            line("GET\t/ HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 3",
            "a tab before the version",
            line("GET /\tHTTP/1.1"),
            [400],
        ),
        closes(
            "9112 3",
            "a space before the method",
            line(" GET / HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 3",
            "a space behind the version",
            line("GET / HTTP/1.1 "),
            [400],
        ),
        closes("9112 3", "no method", line("/ HTTP/1.1"), [400]),
        closes("9112 3", "no target", line("GET HTTP/1.1"), [400]),
        closes("9112 3", "an empty target", line("GET  HTTP/1.1"), [400]),
        closes("9112 3", "no version, as in HTTP/0.9", line("GET /"), [400]),
        closes("9112 3", "a fourth word", line("GET / HTTP/1.1 x"), [400]),
        closes(
            "9110 9.1",
            "a method that is no token",
            line("GE(T / HTTP/1.1"),
            [400],
        ),
        closes(
            "9110 9.1",
            "a method with an octet above 0x7F",
            line("G\u{e9}T / HTTP/1.1"),
            [400],
        ),
        stays(
            "9110 9.1",
            "a method in small letters",
            line("get / HTTP/1.1"),
            [501],
        ),
        stays(
            "9112 2.2",
            "an empty line first",
            line("\r\nGET /json HTTP/1.1"),
            [200],
        ),
        closes(
            "9112 2.2",
            "two empty lines first",
            line("\r\n\r\nGET / HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 2.2",
            "a bare LF first",
            line("\nGET / HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 2.2",
            "a bare CR first",
            line("\rGET / HTTP/1.1"),
            [400],
        ),
        closes(
            "9112 2.2",
            "a TLS client",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            [400],
        ),
        stays(
            "9110 7.8",
            "an upgrade is ignored",
            request(
                "GET /plaintext HTTP/1.1",
                &[
                    "Host: x",
                    "Connection: Upgrade, HTTP2-Settings",
                    "Upgrade: h2c",
                    "HTTP2-Settings: AAMAAABkAAQAAP__",
                ],
                "",
            ),
            [200],
        ),
        closes(
            "9113 3.4",
            "the preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            [505],
        ),
    ];
    cases.extend(versions());
    cases
}

/// RFC 9112 section 2.3, RFC 9110 section 2.5.
fn versions() -> Vec<Case> {
    let version = |version: &str| request(&format!("GET /plaintext {version}"), &["Host: x"], "");
    vec![
        closes("9112 2.3", "HTTP/1.0", version("HTTP/1.0"), [200]),
        stays("9110 2.5", "HTTP/1.2", version("HTTP/1.2"), [200]),
        stays("9110 2.5", "HTTP/1.9", version("HTTP/1.9"), [200]),
        closes("9110 15.6.6", "HTTP/2.0", version("HTTP/2.0"), [505]),
        closes("9110 15.6.6", "HTTP/3.0", version("HTTP/3.0"), [505]),
        closes("9110 15.6.6", "HTTP/0.9", version("HTTP/0.9"), [505]),
        closes("9112 2.3", "two digits", version("HTTP/1.10"), [400]),
        closes("9112 2.3", "no point", version("HTTP/11"), [400]),
        closes("9112 2.3", "no minor version", version("HTTP/1."), [400]),
        closes("9112 2.3", "a comma", version("HTTP/1,1"), [400]),
        closes("9112 2.3", "small letters", version("http/1.1"), [400]),
        closes("9112 2.3", "another protocol", version("RTSP/1.0"), [400]),
    ]
}

/// RFC 9112 section 3.2.
pub(crate) fn targets() -> Vec<Case> {
    let get = |target: &str| request(&format!("GET {target} HTTP/1.1"), &["Host: x"], "");
    let options = |target: &str| request(&format!("OPTIONS {target} HTTP/1.1"), &["Host: x"], "");
    let connect = |target: &str| request(&format!("CONNECT {target} HTTP/1.1"), &["Host: x"], "");
    let absolute = "9112 3.2.2";
    let mut cases = vec![
        stays("9112 3.2.1", "a query", get("/plaintext?a=b?c/d"), [200]),
        stays("9112 3.2.1", "an empty query", get("/plaintext?"), [200]),
        stays("9112 3.2.1", "two slashes", get("//plaintext"), [404]),
        stays(
            "9112 3.2.1",
            "nothing is resolved",
            get("/x/../plaintext"),
            [404],
        ),
        stays(
            "9112 3.2.1",
            "nothing is decoded",
            get("/%70laintext"),
            [404],
        ),
        closes("9112 3.2.1", "a relative path", get("plaintext"), [400]),
        closes("9112 3.2.1", "a fragment", get("/plaintext#a"), [400]),
        stays(
            absolute,
            "an absolute URI",
            get("http://example.com/plaintext"),
            [200],
        )
        .saying("Hello, World!"),
        stays(
            absolute,
            "another absolute URI",
            get("HTTP://[::1]:80/plaintext?q"),
            [200],
        ),
        closes(
            "9110 7.4",
            "an https URI, over a connection that is not secured",
            get("HTTPS://example.com/plaintext"),
            [400],
        )
        .saying("secured connection"),
        stays(
            absolute,
            "an absolute URI without a path",
            get("http://example.com"),
            [200],
        )
        .saying("/benchmark"),
        stays(
            absolute,
            "an absolute URI with only a query",
            get("http://example.com?q"),
            [200],
        )
        .saying("/benchmark"),
        stays(
            absolute,
            "its authority wins over Host",
            get("http://wins.example:1/"),
            [200],
        )
        .saying("http://wins.example:1/benchmark"),
        closes(
            absolute,
            "an absolute URI with a user",
            get("http://a@b/plaintext"),
            [400],
        ),
        closes(
            absolute,
            "an absolute URI without a host",
            get("http:///plaintext"),
            [400],
        ),
        closes(
            absolute,
            "an absolute URI with only a port",
            get("http://:80/plaintext"),
            [400],
        ),
        closes(
            absolute,
            "an absolute URI with a wrong port",
            get("http://a:b/plaintext"),
            [400],
        ),
        closes(
            absolute,
            "another scheme",
            get("ftp://example.com/plaintext"),
            [400],
        ),
        closes(absolute, "an authority", get("example.com:80"), [400]),
        closes(
            absolute,
            "an absolute URI without Host",
            request("GET http://example.com/plaintext HTTP/1.1", &[], ""),
            [400],
        ),
        stays("9112 3.2.3", "CONNECT", connect("example.com:80"), [501]),
        closes(
            "9112 3.2.3",
            "CONNECT without a port",
            connect("example.com"),
            [400],
        ),
        closes(
            "9112 3.2.3",
            "CONNECT with no such port",
            connect("example.com:65536"),
            [400],
        ),
        closes(
            "9112 3.2.3",
            "CONNECT to a path",
            connect("/plaintext"),
            [400],
        ),
        stays("9112 3.2.4", "OPTIONS *", options("*"), [204])
            .with("Allow", "GET, HEAD, POST, OPTIONS"),
        stays(
            "9112 3.2.4",
            "OPTIONS * through a proxy",
            options("http://example.com"),
            [204],
        )
        .with("Allow", "GET, HEAD, POST, OPTIONS"),
        closes("9112 3.2.4", "GET *", get("*"), [400]),
        closes("9112 3.2.4", "OPTIONS **", options("**"), [400]),
        // Browsers and Node send these as they are.
        stays(
            "9112 3.2",
            "octets that clients send raw",
            get("/plaintext?\"[]\\^`{|}"),
            [200],
        ),
        stays(
            "9112 3.2",
            "such octets in a path",
            get("/\"[]\\^`{|}"),
            [404],
        ),
    ];
    cases.extend(octets());
    cases
}

/// Octets that no target may have; white space is in the table above.
fn octets() -> Vec<Case> {
    let target = |octet: u8, before: &str| {
        [
            b"GET /",
            before.as_bytes(),
            &[octet],
            b" HTTP/1.1\r\nHost: x\r\n\r\n",
        ]
        .concat()
    };
    let octets: [(u8, &str, &str); 9] = [
        (0x00, "NUL in a path", "NUL in a query"),
        (0x0B, "VT in a path", "VT in a query"),
        (0x1F, "US in a path", "US in a query"),
        (0x7F, "DEL in a path", "DEL in a query"),
        (0x80, "0x80 in a path", "0x80 in a query"),
        (0xFF, "0xFF in a path", "0xFF in a query"),
        (b'#', "# in a path", "# in a query"),
        (b'<', "< in a path", "< in a query"),
        (b'>', "> in a path", "> in a query"),
    ];
    octets
        .into_iter()
        .flat_map(|(octet, in_path, in_query)| {
            [
                closes("9112 3.2", in_path, target(octet, "a"), [400]),
                closes("9112 3.2", in_query, target(octet, "plaintext?a"), [400]),
            ]
        })
        .collect()
}
