//! The fields that decide: who is asked, where the body ends, and whether the connection stays.

use super::*;

const GOOD_HOSTS: &[&str] = &[
    "",
    "a",
    "a:80",
    "a:",
    "a.b-c_d~!$&'()*+;=",
    "127.0.0.1:8080",
    "%41%5a",
    "[::1]",
    "[::1]:80",
    "[1:2:3:4:5:6:7.8.9.10]",
    "1",
    "a:",
    "a:065535",
    ":80",
    "a%20b:1",
];

const WRONG_HOSTS: &[&str] = &[
    "a b",
    "a,b",
    "a:65536",
    "a:99999999999999999999",
    "a:b",
    "a:80:80",
    "::1",
    "[::1",
    "::1]",
    "[::1]a",
    "[]",
    "[1.2.3.4]",
    "[::1%25e]",
    "[v1.a]",
    "a/b",
    "a@b",
    "a?",
    "a#",
    "%4",
    "%4g",
    "%",
    "\"a\"",
    "a\\",
    "a,\tb",
    "\u{e9}",
    "[:::]",
    "a:8 0",
    "http://a",
    "<a>",
    "a|b",
    "a^b",
    "a`",
    "{a}",
];

/// RFC 9112 section 3.2.
#[test]
fn host() {
    for version in ["HTTP/1.0", "HTTP/1.1", "HTTP/1.2"] {
        let head = |fields: &str| format!("GET / {version}\r\n{fields}\r\n");
        for good in GOOD_HOSTS {
            seen(head(&format!("hOsT: {good}\r\n")));
        }
        for wrong in WRONG_HOSTS {
            assert_eq!(status(head(&format!("Host: {wrong}\r\n"))), 400, "{wrong}");
        }
        assert_eq!(status(head("Host: a\r\nhost: a\r\n")), 400);
        assert_eq!(status(head("Host:\r\nX: y\r\nHOST:\r\n")), 400);
        assert_eq!(judged(head("X: y\r\n")).is_ok(), version == "HTTP/1.0");
        // The authority of an absolute-form wins, but Host must be there and right all the same.
        let absolute = format!("GET http://a/ {version}\r\nHost: b c\r\n\r\n");
        assert_eq!(status(absolute), 400);
    }
}

/// RFC 9110 section 8.6 and RFC 9112 section 6.3.
#[test]
fn content_length() {
    for (value, length) in [
        ("0", 0),
        ("5", 5),
        ("0007", 7),
        ("18446744073709551615", u64::MAX),
        ("  42 \t", 42),
    ] {
        let seen = seen(with(&format!("content-LENGTH:{value}\r\n")));
        assert_eq!(seen.framing, Framing::Length(length));
    }
    for wrong in [
        "",
        "+5",
        "-1",
        "5,5",
        "5, 5",
        "0x5",
        "5 5",
        "5a",
        "1.0",
        "18446744073709551616",
        "\u{663}",
        "99999999999999999999999999",
        "5;",
        "\"5\"",
    ] {
        assert_eq!(
            status(with(&format!("Content-Length: {wrong}\r\n"))),
            400,
            "{wrong}"
        );
    }
    for two in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nX: y\r\ncontent-length: 6\r\n",
    ] {
        assert_eq!(status(with(two)), 400);
    }
}

/// RFC 9112 sections 6.1 and 6.3.
#[test]
fn transfer_encoding() {
    for good in ["chunked", "CHUNKED", " Chunked\t"] {
        let seen = seen(with(&format!("transfer-encoding:{good}\r\n")));
        assert_eq!(seen.framing, Framing::Chunked);
    }
    for (values, expected) in [
        (&[""][..], 400),
        (&["gzip"], 400),
        (&["identity"], 400),
        (&["chunked, gzip"], 400),
        (&["chunked, chunked"], 400),
        (&["chunked", "chunked"], 400),
        (&["chunked, gzip, chunked"], 400),
        (&[",chunked"], 400),
        (&["chunked,"], 400),
        (&["gzip,,chunked"], 400),
        (&["", "chunked"], 400),
        (&["chunked", ""], 400),
        (&["chunked;a=b"], 400),
        (&["\"chunked\""], 400),
        (&["xchunked"], 400),
        (&["chunked x"], 400),
        (&["g@zip, chunked"], 400),
        (&["gzip, chunked"], 501),
        (&["gzip;q=1 , chunked"], 501),
        (&["gzip", "chunked"], 501),
        (&["gzip", "deflate, CHUNKED"], 501),
        (&["identity, chunked"], 501),
    ] {
        let lines = |values: &[&str]| -> String {
            let line = |value: &&str| format!("Transfer-Encoding: {value}\r\n");
            values.iter().map(line).collect()
        };
        assert_eq!(status(with(&lines(values))), expected, "{values:?}");
    }
    for both in [
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(status(with(both)), 400);
    }
    // RFC 9112 section 6.1: HTTP/1.0 has none.
    assert_eq!(
        status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400
    );
}

/// RFC 9110 section 10.1.1.
#[test]
fn expectations() {
    for (fields, expected) in [
        ("", Expectation::None),
        ("Expect: 100-continue\r\n", Expectation::Continue),
        ("expect: 100-Continue\r\n", Expectation::Continue),
        (
            "Expect: 100-continue\r\nExpect: 100-CONTINUE\r\n",
            Expectation::Continue,
        ),
        ("Expect: 200-ok\r\n", Expectation::Unknown),
        ("Expect: 100-continue, a=b\r\n", Expectation::Unknown),
        (
            "Expect: a\r\nExpect: 100-continue\r\n",
            Expectation::Unknown,
        ),
        ("Expect: 100-continued\r\n", Expectation::Unknown),
    ] {
        assert_eq!(seen(with(fields)).expectation, expected, "{fields:?}");
        let old = with(fields).replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(seen(old).expectation, Expectation::None);
    }
}

/// RFC 9110 section 7.6.1 and RFC 9112 section 9.3.
#[test]
fn connection_options() {
    for (fields, in_10, in_11) in [
        ("", false, true),
        ("Connection: keep-alive\r\n", true, true),
        ("Connection: Keep-Alive\r\n", true, true),
        ("Connection: close\r\n", false, false),
        ("CONNECTION: CLOSE\r\n", false, false),
        ("Connection: keep-alive, close\r\n", false, false),
        (
            "Connection: close\r\nConnection: keep-alive\r\n",
            false,
            false,
        ),
        (
            "Connection: keep-alive\r\nConnection: x, \tclose ,y\r\n",
            false,
            false,
        ),
        (
            "Connection: upgrade,keep-alive\r\nUpgrade: h2c\r\n",
            true,
            true,
        ),
        ("Connection: ,,\r\n", false, true),
        ("Connection: closed, not-close\r\n", false, true),
        ("Connection:\r\n", false, true),
        ("Proxy-Connection: close\r\n", false, true),
    ] {
        assert_eq!(seen(with(fields)).keep_alive, in_11, "{fields:?}");
        let old = with(fields).replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(seen(old).keep_alive, in_10, "{fields:?} in HTTP/1.0");
    }
}
