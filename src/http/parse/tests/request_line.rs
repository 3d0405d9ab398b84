//! Request lines: methods, targets and versions, and what may stand before them.

use super::*;

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
        ("HTTP/2", Err(505)),
        ("HTTP/3x", Err(505)),
        ("HTTP/x", Err(400)),
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

/// What the refusal says is what is wrong: a request of HTTP/0.9 has no byte that is not allowed.
#[test]
fn the_cause_is_told() {
    for (input, says) in [
        ("GET /plaintext\r\n", "HTTP/0.9"),
        ("GET /plaintext\n", "HTTP/0.9"),
        ("GET /\rHost", "HTTP/0.9"),
        ("GET / \r\n", "HTTP/0.9"),
        ("GET\r\n", "ends behind its method"),
        ("GET\n", "ends behind its method"),
        ("GET \r\n", "ends behind its method"),
        ("GET  /", "one space"),
        ("GET\t/", "one space"),
        ("GET /  ", "one space"),
        ("GET /\tHTTP/1.1", "one space"),
        ("GET / \t", "one space"),
        (" GET / HTTP/1.1", "begin with a method"),
        ("G@T / HTTP/1.1", "begin with a method"),
        ("\x16\x03\x01\x02", "TLS"),
        ("GET /\x0B", "byte that is not allowed"),
        ("GET /<", "byte that is not allowed"),
        ("GET /a b HTTP/1.1", "%20"),
        ("GET / http/1.1", "does not end in"),
        ("GET / HTTP/1.1 \r\n", "does not end in"),
        ("GET / HTTP/1.1\n", "LF alone"),
        ("GET / HTTP/1.1\rX", "CR without LF"),
        ("GET / HTTP/1.1\r\nHost: a\n", "LF alone"),
        ("GET / HTTP/1.1\r\nHost: a\rb", "CR without LF"),
        ("GET / HTTP/1.1\r\nHost\r\n", "colon"),
        ("GET / HTTP/1.1\r\nHost : a", "white space between"),
        ("GET / HTTP/1.1\r\nHost: a\r\n b", "begins with white space"),
        ("GET / HTTP/2", "version of HTTP"),
        ("METHOD METHOD", "none of the forms"),
    ] {
        // None of them ends: it is refused all the same.
        let reason = refused(input).reason;
        assert!(reason.contains(says), "{input:?}: {reason}");
    }
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

/// RFC 3986 section 2.1: what nobody could decode is refused, in the path.
#[test]
fn percent_signs_in_a_path() {
    for good in ["/%41", "/a%2f%25", "/?%", "/?a=%zz&b=%00", "/%25/00"] {
        seen(line(&format!("GET {good} HTTP/1.1")));
    }
    for wrong in [
        "/%",
        "/%4",
        "/%4g",
        "/a%%41",
        "/%00",
        "/a%00b?c",
        "http://a/%",
        "/%+1",
    ] {
        assert_eq!(
            status(line(&format!("GET {wrong} HTTP/1.1"))),
            400,
            "{wrong}"
        );
    }
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
            // A percent sign in the path needs two hex digits; `%bc` has them.
            if allowed && (octet != b'%' || before != "/a") {
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
        ("GET HTTP://a.b:8080", "/", None),
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
        "GET https://a/",
        "OPTIONS https://a",
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
