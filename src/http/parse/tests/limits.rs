//! Limits of lines and sections: what is refused there, and before what else.

use super::*;

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
    assert_eq!(status_within(faulty(3), &small()), Some(400));
    assert_eq!(status_within(faulty(4), &small()), Some(431));
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
    let verdict = step(many.as_bytes(), &mut Partial::default(), &generous);
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
        (format!("GET * HTTP/2.0\r\nX : {long}\r\n\r\n"), 400),
        (format!("GET {long} HTTP/1.1\r\nX: \r\n\r\n"), 400),
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
        refused("GET / HTTP/1.1\r\nTransfer-Encoding: a, chunked\r\n\r\n")
            .reason
            .find("There is no Host"),
        Some(0)
    );
}
