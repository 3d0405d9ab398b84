//! Heads in, verdicts out. Each example is judged whole, cut in two at every byte, and byte by
//! byte: the verdict must be the same.

use super::*;

/// A head without its borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: Method,
    path: String,
    query: Option<String>,
    version: Version,
    fields: Vec<(String, Vec<u8>)>,
    head: Vec<u8>,
    framing: Framing,
    expectation: Expectation,
    keep_alive: bool,
    bytes: usize,
}

type Verdict = Result<Option<Seen>, Rejection>;

fn step(input: &[u8], scanned: &mut usize, limits: &Limits) -> Verdict {
    let mut slots = Slots::default();
    let found = head(input, scanned, &mut slots, limits)?;
    Ok(found.map(|head| Seen {
        method: head.request.method,
        path: head.request.path.to_owned(),
        query: head.request.query.map(str::to_owned),
        version: head.request.version,
        fields: (head.request.fields.iter())
            .map(|field| (field.name.to_owned(), field.value.to_vec()))
            .collect(),
        head: head.request.head.to_vec(),
        framing: head.framing,
        expectation: head.expectation,
        keep_alive: head.keep_alive,
        bytes: head.bytes,
    }))
}

/// The first verdict when the input has grown to each of `lengths` in turn.
fn fed(input: &[u8], lengths: impl IntoIterator<Item = usize>, limits: &Limits) -> Verdict {
    let mut scanned = 0;
    for length in lengths {
        match step(&input[..length], &mut scanned, limits) {
            Ok(None) => assert_eq!(
                scanned, length,
                "the search for the end must not be repeated"
            ),
            verdict => return verdict,
        }
    }
    Ok(None)
}

fn judged_within(input: impl AsRef<[u8]>, limits: &Limits) -> Verdict {
    let input = input.as_ref();
    let whole = fed(input, [input.len()], limits);
    let shown = input.escape_ascii();
    assert_eq!(
        fed(input, 1..=input.len(), limits),
        whole,
        "byte by byte: {shown}"
    );
    for cut in 1..input.len() {
        assert_eq!(
            fed(input, [cut, input.len()], limits),
            whole,
            "cut at {cut}: {shown}"
        );
    }
    whole
}

fn judged(input: impl AsRef<[u8]>) -> Verdict {
    judged_within(input, &Limits::default())
}

#[track_caller]
fn seen(input: impl AsRef<[u8]>) -> Seen {
    let input = input.as_ref();
    match judged(input) {
        Ok(Some(seen)) => seen,
        other => panic!("{}: {other:?}", input.escape_ascii()),
    }
}

#[track_caller]
fn refused(input: impl AsRef<[u8]>) -> Rejection {
    let input = input.as_ref();
    judged(input).expect_err(&input.escape_ascii().to_string())
}

#[track_caller]
fn status(input: impl AsRef<[u8]>) -> u16 {
    refused(input).status.0
}

/// A head of HTTP/1.1 with these field lines behind Host.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// A head of HTTP/1.1 with this request line.
fn line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

#[test]
fn a_plain_head() {
    let input = b"GET /a/b?c=d&e HTTP/1.1\r\nHost: a:1\r\nX-Y:  z \t\r\nEmpty:\r\n\r\nrest";
    let seen = seen(input);
    assert_eq!(seen.method, Method::Get);
    assert_eq!(seen.path, "/a/b");
    assert_eq!(seen.query.as_deref(), Some("c=d&e"));
    assert_eq!(seen.version, Version::Http11);
    let fields = [("Host", "a:1"), ("X-Y", "z"), ("Empty", "")];
    assert_eq!(
        seen.fields,
        fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    );
    assert_eq!(seen.bytes, input.len() - 4);
    assert_eq!(seen.head, input[..input.len() - 4]);
    assert_eq!(seen.framing, Framing::None);
    assert_eq!(seen.expectation, Expectation::None);
    assert!(seen.keep_alive);
}

#[test]
fn a_head_that_has_not_ended_waits() {
    for input in [
        "",
        "G",
        "GET / HTTP/1",
        "GET / HTTP/1.1\r\nHost: a\r\n\r",
        "\r",
        "\r\n",
    ] {
        assert_eq!(judged(input), Ok(None), "{input:?}");
    }
}

/// RFC 9112 section 3: one SP between three parts.
#[test]
fn request_line_of_another_shape() {
    for wrong in [
        "",
        "GET",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / a HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET / HTTP/1.1x",
        "GET HTTP/1.1",
    ] {
        assert_eq!(status(line(wrong)), 400, "{wrong:?}");
    }
}

/// RFC 9110 section 9.1: methods are tokens, with case; unknown ones are judged elsewhere.
#[test]
fn methods() {
    for (token, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("TRACE", Method::Trace),
        ("PATCH", Method::Patch),
        ("get", Method::Unknown),
        ("BREW", Method::Unknown),
        ("!#$%&'*+-.^_`|~09", Method::Unknown),
    ] {
        assert_eq!(seen(line(&format!("{token} / HTTP/1.1"))).method, method);
    }
}

/// RFC 9112 section 2.3.
#[test]
fn versions() {
    for (version, expected) in [
        ("HTTP/1.0", Ok(Version::Http10)),
        ("HTTP/1.1", Ok(Version::Http11)),
        ("HTTP/1.2", Ok(Version::Http11)),
        ("HTTP/1.9", Ok(Version::Http11)),
        ("HTTP/2.0", Err(505)),
        ("HTTP/0.9", Err(505)),
        ("http/1.1", Err(400)),
        ("HTTP/1.10", Err(400)),
        ("HTTP/11", Err(400)),
        ("HTTP/2", Err(400)),
        ("HTTP/1.", Err(400)),
        ("HTTPS/1.1", Err(400)),
    ] {
        let verdict = judged(line(&format!("GET / {version}")));
        let verdict = verdict.map(|seen| seen.map(|seen| seen.version));
        let verdict = verdict.map_err(|rejection| rejection.status.0);
        assert_eq!(verdict, expected.map(Some), "{version}");
    }
    // RFC 9113 section 3.4: the preface of HTTP/2.
    assert_eq!(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

/// RFC 9112 section 2.3: a later minor version is read as the highest we know.
#[test]
fn a_later_minor_version_loses_nothing() {
    let input = "POST /a?b HTTP/1.7\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz";
    let twin = input.replace("1.7", "1.1");
    let (later, known) = (seen(input), seen(&twin));
    assert_eq!(later.head, input.as_bytes()[..later.bytes]);
    assert_eq!(
        Seen {
            head: known.head.clone(),
            ..later
        },
        known
    );
}

/// RFC 9112 section 3.2, and what browsers send raw.
#[test]
fn octets_of_targets() {
    for octet in 0..=0xFF_u8 {
        let allowed = (0x21..0x7F).contains(&octet) && !b"#<>".contains(&octet);
        for (before, after) in [
            ("/a", ""),
            ("/", "bcdefghijklmnop"),
            ("/a?", ""),
            ("/a?b", "c"),
        ] {
            let mut input = format!("GET {before}").into_bytes();
            input.push(octet);
            input.extend_from_slice(format!("{after} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            if allowed {
                let seen = seen(&input);
                let (path, query) = (seen.path, seen.query.map(|query| format!("?{query}")));
                let target = path + query.as_deref().unwrap_or_default();
                assert_eq!(target, format!("{before}{}{after}", char::from(octet)));
            } else {
                assert_eq!(status(&input), 400, "{octet:#x}");
            }
        }
    }
}

/// RFC 9112 section 3.2.1 to 3.2.4.
#[test]
fn forms_of_targets() {
    for (method_and_target, path, query) in [
        ("GET /", "/", None),
        ("GET //a/../b%2f?", "//a/../b%2f", Some("")),
        ("GET /?a?b=/", "/", Some("a?b=/")),
        ("GET http://a.b/c?d", "/c", Some("d")),
        ("GET HTTPS://a.b:8080", "/", None),
        ("GET http://a?b/c", "/", Some("b/c")),
        ("GET http://[::1]:80/x", "/x", None),
        ("BREW http://a/x", "/x", None),
        ("OPTIONS *", "*", None),
        ("OPTIONS /a", "/a", None),
        ("OPTIONS http://a:1", "*", None),
        ("OPTIONS http://a?b", "/", Some("b")),
        ("OPTIONS http://a/", "/", None),
        ("CONNECT a.b:443", "a.b:443", None),
        ("CONNECT [::1]:443", "[::1]:443", None),
    ] {
        let seen = seen(line(&format!("{method_and_target} HTTP/1.1")));
        assert_eq!(
            (seen.path.as_str(), seen.query.as_deref()),
            (path, query),
            "{method_and_target}"
        );
    }
    for wrong in [
        "GET *",
        "OPTIONS *a",
        "OPTIONS *?a",
        "GET a",
        "GET ?a",
        "GET a/b",
        "GET a:80",
        "GET ftp://a/",
        "GET http:/a",
        "GET http:a",
        "GET http://",
        "GET http:///a",
        "GET http://:80/a",
        "GET http://u@a/",
        "GET http://a:b/",
        "GET http://a:80:80/",
        "GET http://[::1/",
        "GET http://a\\b/",
        "CONNECT /",
        "CONNECT a",
        "CONNECT a:",
        "CONNECT a:65536",
        "CONNECT :443",
        "CONNECT *",
        "CONNECT http://a/",
        "CONNECT a:443/",
        "CONNECT a:443?b",
    ] {
        assert_eq!(status(line(&format!("{wrong} HTTP/1.1"))), 400, "{wrong}");
    }
}

/// RFC 9112 section 2.2: one empty line, in CRLF.
#[test]
fn empty_lines_before_the_request_line() {
    let input = format!("\r\n{}", line("GET / HTTP/1.1"));
    let seen = seen(&input);
    assert_eq!(seen.bytes, input.len());
    assert_eq!(seen.head, input.as_bytes()[2..]);
    for before in [
        "\n", "\r\r\n", "\r\n\r\n", "\r\n\n", "\n\r\n", "\r", " \r\n",
    ] {
        assert_eq!(
            status(format!("{before}{}", line("GET / HTTP/1.1"))),
            400,
            "{before:?}"
        );
    }
}

/// RFC 9112 sections 2.2 and 5: each line in CRLF; a single LF or CR anywhere is refused.
#[test]
fn line_ends() {
    let good = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\nY:z\r\n\r\n";
    assert!(seen(good).keep_alive);
    for (at, _) in good.match_indices("\r\n") {
        for wrong in ["\n", " \n", "\r", "\r\r\n", "\n\r", "\0\r\n"] {
            // In pieces a fault is told at the latest when the head ends, so this one must end.
            let input = format!("{}{wrong}{}\r\n\r\n", &good[..at], &good[at + 2..]);
            assert_eq!(status(&input), 400, "{input:?}");
        }
    }
    for ending in ["\n\n", "\n\r\n", "\r\n\n"] {
        assert_eq!(
            status(format!("GET / HTTP/1.1\r\nHost: a{ending}")),
            400,
            "{ending:?}"
        );
    }
}

/// RFC 9112 sections 2.2, 5.1 and 5.2; RFC 9110 section 5.5.
#[test]
fn field_lines() {
    for wrong in [
        " X: a\r\n",
        "\tX: a\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        "X : a\r\n",
        "X\t: a\r\n",
        ": a\r\n",
        "X\r\n",
        "X a\r\n",
        "X@: a\r\n",
        "X\0: a\r\n",
        "X: a\0b\r\n",
        "X: a\x7Fb\r\n",
        "X: \x0B\r\n",
        "X: a\rb\r\n",
        "X: \r\r\n",
    ] {
        assert_eq!(status(with(wrong)), 400, "{wrong:?}");
        let first = format!("GET / HTTP/1.1\r\n{wrong}Host: a\r\n\r\n");
        assert_eq!(status(&first), 400, "{first:?}");
    }
    let mut latin = b"GET / HTTP/1.0\r\nX: \xE9\t\xFF\r\n\r\n".to_vec();
    assert_eq!(seen(&latin).fields[0].1, b"\xE9\t\xFF");
    latin[16] = 0xE9;
    assert_eq!(status(&latin), 400);
}

const GOOD_HOSTS: &[&str] = &[
    "",
    "a",
    "a:80",
    "a:",
    "a.b-c_d~!$&'()*+,;=",
    "127.0.0.1:8080",
    "%41%5a",
    "[::1]",
    "[::1]:80",
    "[1:2:3:4:5:6:7.8.9.10]",
    "1",
    ":80",
    "a%20b:1",
];
const WRONG_HOSTS: &[&str] = &[
    "a b",
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

fn small() -> Limits {
    Limits {
        request_line: 40,
        header_section: 60,
        header_fields: 4,
        ..Limits::default()
    }
}

#[track_caller]
fn status_within(input: impl AsRef<[u8]>, limits: &Limits) -> Option<u16> {
    judged_within(input, limits)
        .err()
        .map(|rejection| rejection.status.0)
}

/// RFC 9112 section 3: 414.
#[test]
fn request_line_beyond_its_limit() {
    let input = |line_bytes: usize| {
        let target = format!("/{:a<1$}", "", line_bytes - "GET / HTTP/1.1".len());
        line(&format!("GET {target} HTTP/1.1"))
    };
    for before in ["", "\r\n"] {
        let input = |line_bytes| format!("{before}{}", input(line_bytes));
        assert_eq!(status_within(input(40), &small()), None);
        for line_bytes in [41, 42, 43, 48, 49, 50, 51, 200] {
            assert_eq!(
                status_within(input(line_bytes), &small()),
                Some(414),
                "{line_bytes}"
            );
        }
        // Before its end, too.
        let endless = &input(200)[..before.len() + 41];
        assert_eq!(status_within(endless, &small()), Some(414));
        assert_eq!(status_within(&endless[..before.len() + 40], &small()), None);
    }
    // Syntax comes first, as far as the line can be seen.
    assert_eq!(
        status_within(format!("GET  /{:a<100}", ""), &small()),
        Some(400)
    );
}

/// RFC 6585 section 5: 431.
#[test]
fn header_section_beyond_its_limits() {
    let input = |section: usize| {
        let value = section - "Host: a\r\nX: \r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {:a<1$}\r\n\r\n", "", value)
    };
    assert_eq!(status_within(input(60), &small()), None);
    for section in [61, 62, 63, 64, 200] {
        assert_eq!(
            status_within(input(section), &small()),
            Some(431),
            "{section}"
        );
    }
    let line_bytes = "GET / HTTP/1.1\r\n".len();
    assert_eq!(
        status_within(&input(200)[..line_bytes + 60], &small()),
        None
    );
    assert_eq!(
        status_within(&input(200)[..line_bytes + 61], &small()),
        Some(431)
    );

    let fields = |more: usize| {
        line("GET / HTTP/1.1").replace("\r\n\r\n", &format!("\r\n{}\r\n", "X:\r\n".repeat(more)))
    };
    assert_eq!(status_within(fields(3), &small()), None);
    assert_eq!(status_within(fields(4), &small()), Some(431));
    // A fault before the limit counts, one behind it does not.
    let faulty = |at: usize| {
        let mut lines = ["X:\r\n"; 8];
        lines[at] = "X\r\n";
        format!("GET / HTTP/1.1\r\n{}\r\n", lines.concat())
    };
    assert_eq!(status_within(faulty(4), &small()), Some(400));
    assert_eq!(status_within(faulty(5), &small()), Some(431));
}

/// Whoever is too long is refused there, and what follows makes no difference, however it comes.
#[test]
fn nothing_is_judged_beyond_a_limit() {
    let line = format!("GET /{:a<36}\0 HTTP/1.1\r\n\r\n", "");
    assert_eq!(line.find('\0'), Some(41));
    assert_eq!(status_within(&line, &small()), Some(414));
    assert_eq!(
        status_within(line.replacen('a', "", 1), &small()),
        Some(400)
    );
    let section = format!("Host: a\r\nX: {:a<49}\0\r\n\r\n", "");
    assert_eq!(section.find('\0'), Some(61));
    let head = |section: &str| format!("GET / HTTP/1.1\r\n{section}");
    assert_eq!(status_within(head(&section), &small()), Some(431));
    assert_eq!(
        status_within(head(&section.replacen("aa", "a", 1)), &small()),
        Some(400)
    );
}

/// More slots than there are do not help, and a limit of none is none.
#[test]
fn unusual_limits() {
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X:\r\n".repeat(bounds::FIELDS_MAX)
    );
    let generous = Limits {
        header_fields: usize::MAX,
        header_section: usize::MAX,
        request_line: usize::MAX,
        ..Limits::default()
    };
    let mut scanned = 0;
    let verdict = step(many.as_bytes(), &mut scanned, &generous);
    assert_eq!(verdict.map_err(|rejection| rejection.status.0), Err(431));
    assert!(judged_within(line("GET / HTTP/1.1"), &generous).is_ok());
    let nothing = Limits {
        header_fields: 0,
        header_section: 0,
        request_line: 0,
        ..Limits::default()
    };
    assert_eq!(status_within(line("GET / HTTP/1.1"), &nothing), Some(414));
}

#[test]
fn which_error_when_several_hold() {
    let limits = small();
    let long = "a".repeat(100);
    for (input, expected) in [
        (format!("GET # HTTP/2.0\r\nX : {long}\r\n\r\n"), 400),
        (format!("GET /{long} HTTP/2.0\r\nX : \r\n\r\n"), 414),
        (format!("GET / HTTP/2.0\r\nX: {long}\r\n\r\n"), 505),
        (format!("GET a HTTP/1.1\r\nX: {long}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), 431),
        (
            "GET / HTTP/1.1\r\nTransfer-Encoding: a, chunked\r\n\r\n".to_owned(),
            400,
        ),
        (with("Transfer-Encoding: a, chunked\r\n"), 501),
    ] {
        assert_eq!(status_within(&input, &limits), Some(expected), "{input:?}");
    }
    assert_eq!(
        refused("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
            .reason
            .find("There is no Host"),
        Some(0)
    );
}

/// The end of a head in pieces is looked for once: a search from the start would refuse nothing,
/// but this head would take 16,384 x 16,384 / 2 looks.
#[test]
fn a_large_head_byte_by_byte() {
    let input = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {:a<16000}\r\n\r\n", "");
    let whole = fed(input.as_bytes(), [input.len()], &Limits::default());
    assert!(matches!(whole, Ok(Some(_))));
    assert_eq!(
        fed(input.as_bytes(), 1..=input.len(), &Limits::default()),
        whole
    );
}

/// Heads whose lines and sections are plain.
const PLAIN: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a/b?c=d&e HTTP/1.1\r\nhost:a:1\r\nX-Y:  z \t\r\nContent-Length: 5\r\n\r\nrest\r\n",
    "OPTIONS /? HTTP/1.1\r\nHost:\r\n\r\n\r\n",
    "DELETE /0123456789abcdef HTTP/1.1\r\nConnection: keep-alive \r\nEmpty:\r\n\r\n",
    "PATCH /%2F HTTP/1.1\r\n\r\n",
];

/// Whether the fast way took the line, and whether the section; whatever it took, `examine` must
/// find the same.
fn plain_as_examined(bytes: &[u8], limits: &Limits) -> (bool, bool) {
    let shown = bytes.escape_ascii();
    let fast = plain::line(bytes, limits);
    let slow = examine::line(bytes, limits);
    assert!(
        fast.is_none() || slow == Ok(fast),
        "{shown}: {fast:?} {slow:?}"
    );
    let Ok(Some(Line { rest, .. })) = slow else {
        return (fast.is_some(), false);
    };
    let (mut fast_slots, mut slow_slots) = (Slots::default(), Slots::default());
    let fast_bytes = plain::section(rest, &mut fast_slots, limits);
    let slow_bytes = examine::section(rest, &mut slow_slots, limits);
    if fast_bytes.is_some() {
        assert_eq!(slow_bytes, Ok(fast_bytes), "{shown}");
        assert_eq!(fast_slots.fields, slow_slots.fields, "{shown}");
    }
    (fast.is_some(), fast_bytes.is_some())
}

/// The fast way is a shortcut: without it every verdict is the same.
#[test]
fn examine_is_the_twin_of_plain() {
    for head in PLAIN {
        for limits in [Limits::default(), small()] {
            assert_eq!(plain_as_examined(head.as_bytes(), &limits), (true, true));
            each_neighbour(head.as_bytes(), |neighbour| {
                plain_as_examined(neighbour, &limits);
            });
        }
    }
}

/// Each head that has one octet changed, one more or one less, and each beginning.
fn each_neighbour(head: &[u8], mut visit: impl FnMut(&[u8])) {
    for at in 0..head.len() {
        visit(&head[..at]);
        visit(&[&head[..at], &head[at + 1..]].concat());
        for octet in 0..=0xFF {
            visit(&[&head[..at], &[octet], &head[at + 1..]].concat());
            visit(&[&head[..at], &[octet], &head[at..]].concat());
        }
    }
}

/// At each limit, and one beyond it, `plain` takes what `examine` takes.
#[test]
fn plain_ends_where_the_limits_do() {
    for head in PLAIN {
        let line_bytes = head.find("\r\n").unwrap();
        let section_bytes = head.find("\r\n\r\n").unwrap() - line_bytes;
        let field_count = head[..line_bytes + section_bytes].matches("\r\n").count();
        let exact = Limits {
            request_line: line_bytes,
            header_section: section_bytes,
            header_fields: field_count,
            ..Limits::default()
        };
        let taken = |limits| plain_as_examined(head.as_bytes(), &limits);
        assert_eq!(taken(exact), (true, true), "{head:?}");
        let request_line = line_bytes - 1;
        let shorter = Limits {
            request_line,
            ..exact
        };
        assert_eq!(taken(shorter), (false, false), "{head:?}");
        if field_count > 0 {
            let header_section = section_bytes - 1;
            let smaller = Limits {
                header_section,
                ..exact
            };
            assert_eq!(taken(smaller), (true, false), "{head:?}");
            let header_fields = field_count - 1;
            let fewer = Limits {
                header_fields,
                ..exact
            };
            assert_eq!(taken(fewer), (true, false), "{head:?}");
        }
    }
}

/// However many fields there are, and however short, they are found.
#[test]
fn more_fields_than_were_likely() {
    for count in 0..bounds::FIELDS_MAX {
        let input = line("GET / HTTP/1.1")
            .replace("\r\n\r\n", &format!("\r\n{}\r\n", "X:\r\n".repeat(count)));
        let mut slots = Slots::default();
        let head = head(input.as_bytes(), &mut 0, &mut slots, &Limits::default());
        assert_eq!(head.unwrap().unwrap().request.fields.len(), count + 1);
    }
}
