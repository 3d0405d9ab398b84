//! Field lines and Host.

use crate::case::{Case, closes, get, request, stays};

/// RFC 9112 sections 2.2 and 5, RFC 9110 section 5.
pub(crate) fn lines() -> Vec<Case> {
    let raw = |text: &str| text.as_bytes().to_vec();
    let mut cases = vec![
        closes(
            "9112 2.2",
            "LF behind the request line",
            raw("GET / HTTP/1.1\nHost: x\r\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "LF behind a field",
            raw("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "LF behind the last field",
            raw("GET / HTTP/1.1\r\nHost: x\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "LF for the empty line",
            raw("GET / HTTP/1.1\r\nHost: x\r\n\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "LF throughout",
            raw("GET / HTTP/1.1\nHost: x\n\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "CR CR LF behind a field",
            raw("GET / HTTP/1.1\r\nHost: x\r\r\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "CR CR LF for the empty line",
            raw("GET / HTTP/1.1\r\nHost: x\r\n\r\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "CR in the request line",
            raw("GET /\r HTTP/1.1\r\nHost: x\r\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "white space before the first field",
            raw("GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
            [400],
        ),
        closes(
            "9112 2.2",
            "a tab before the first field",
            raw("GET / HTTP/1.1\r\n\tHost: x\r\n\r\n"),
            [400],
        ),
        closes("9112 5.2", "a folded field", get(&["A: b", " c"]), [400]),
        closes(
            "9112 5.2",
            "a field folded with a tab",
            get(&["A: b", "\tc"]),
            [400],
        ),
        closes("9112 5.2", "a line of white space", get(&[" "]), [400]),
        closes(
            "9112 5.1",
            "a space before the colon",
            get(&["A : b"]),
            [400],
        ),
        closes(
            "9112 5.1",
            "a tab before the colon",
            get(&["A\t: b"]),
            [400],
        ),
        closes("9112 5", "no colon", get(&["A"]), [400]),
        closes("9112 5", "no name", get(&[": b"]), [400]),
        closes(
            "9110 5.1",
            "a name that is no token",
            get(&["A(b): c"]),
            [400],
        ),
        closes("9110 5.1", "a name with a space", get(&["A b: c"]), [400]),
        closes("9110 5.1", "a name above 0x7F", get(&["\u{e9}: c"]), [400]),
        closes("9110 5.5", "NUL in a value", get(&["A: b\0c"]), [400]),
        closes("9110 5.5", "CR in a value", get(&["A: b\rc"]), [400]),
        closes("9110 5.5", "DEL in a value", get(&["A: b\x7fc"]), [400]),
        closes("9110 5.5", "VT in a value", get(&["A: b\x0bc"]), [400]),
        stays(
            "9110 5.5",
            "a value above 0x7F",
            get(&["A: b\u{e9}c"]),
            [200],
        ),
        stays("9110 5.5", "a tab in a value", get(&["A: b\tc"]), [200]),
        stays("9112 5", "an empty value", get(&["A:"]), [200]),
        stays("9112 5", "a value of white space", get(&["A:  \t "]), [200]),
        stays(
            "9112 5",
            "no white space behind the colon",
            get(&["A:b"]),
            [200],
        ),
        stays(
            "9112 5",
            "white space around a value",
            get(&["A: \t b \t "]),
            [200],
        ),
        stays("9110 5.3", "a field twice", get(&["A: b", "A: c"]), [200]),
    ];
    let header_names = ["!#$%&'*+-.^_`|~09: b", "X-Very-Long-Name-For-A-Field: b"];
    cases.push(stays(
        "9110 5.6.2",
        "every octet of a token",
        get(&header_names),
        [200],
    ));
    cases
}

/// RFC 9112 section 3.2, RFC 9110 section 7.2.
pub(crate) fn hosts() -> Vec<Case> {
    let hosts = |fields: &[&str]| request("GET /plaintext HTTP/1.1", fields, "");
    let old = |fields: &[&str]| request("GET /plaintext HTTP/1.0", fields, "");
    let rfc = "9112 3.2";
    vec![
        closes(rfc, "no Host", hosts(&[]), [400]).saying("no Host"),
        closes(rfc, "two Hosts", hosts(&["Host: x", "Host: y"]), [400]),
        closes(
            rfc,
            "the same Host twice",
            hosts(&["Host: x", "Host: x"]),
            [400],
        ),
        closes(
            rfc,
            "two Hosts of different case",
            hosts(&["Host: x", "hOST: y"]),
            [400],
        ),
        closes(
            rfc,
            "an empty and a full Host",
            hosts(&["Host:", "Host: y"]),
            [400],
        ),
        closes(rfc, "a Host with a space", hosts(&["Host: a b"]), [400]),
        closes(rfc, "a Host with a slash", hosts(&["Host: a/b"]), [400]),
        closes(rfc, "a Host with a user", hosts(&["Host: a@b"]), [400]),
        closes(
            rfc,
            "a Host that is a URI",
            hosts(&["Host: http://a"]),
            [400],
        ),
        closes(
            rfc,
            "a Host with a wrong port",
            hosts(&["Host: a:b"]),
            [400],
        ),
        closes(rfc, "a Host with two ports", hosts(&["Host: a:1:2"]), [400]),
        closes(
            rfc,
            "a Host with an open bracket",
            hosts(&["Host: [::1"]),
            [400],
        ),
        closes(
            rfc,
            "a Host with no address in brackets",
            hosts(&["Host: [zz]"]),
            [400],
        ),
        closes(
            rfc,
            "a Host with half an octet",
            hosts(&["Host: a%4"]),
            [400],
        ),
        closes(rfc, "a Host above 0x7F", hosts(&["Host: \u{e9}"]), [400]),
        stays("9110 7.2", "an empty Host", hosts(&["Host:"]), [200]),
        stays(
            "9110 7.2",
            "a Host with a port",
            hosts(&["Host: example.com:8080"]),
            [200],
        ),
        stays(
            "9110 7.2",
            "a Host with an empty port",
            hosts(&["Host: example.com:"]),
            [200],
        ),
        stays(
            "9110 7.2",
            "a Host of version six",
            hosts(&["Host: [::1]:8080"]),
            [200],
        ),
        stays(
            "9110 7.2",
            "an encoded Host",
            hosts(&["Host: a%2Db"]),
            [200],
        ),
        stays(
            "9110 5.1",
            "a Host in small letters",
            hosts(&["host: x"]),
            [200],
        ),
        stays(
            "9112 3.2",
            "Host behind another field",
            hosts(&["A: b", "Host: x"]),
            [200],
        ),
        closes("9112 3.2", "no Host in 1.0", old(&[]), [200]),
        closes(
            "9112 3.2",
            "two Hosts in 1.0",
            old(&["Host: x", "Host: x"]),
            [400],
        ),
        closes(
            "9112 3.2",
            "an invalid Host in 1.0",
            old(&["Host: a/b"]),
            [400],
        ),
    ]
}
