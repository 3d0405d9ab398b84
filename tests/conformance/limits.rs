//! Each limit from both sides.

use barewire::config::{Limits, bounds};

use crate::case::{Case, closes, get, post, request, stays};

/// RFC 9110 sections 15.5.14 and 15.5.15, RFC 6585 section 5.
pub(crate) fn cases() -> Vec<Case> {
    [lines(), sections(), bodies()].concat()
}

/// A request line of so many bytes, its CRLF not counted.
fn line(bytes: usize) -> String {
    let around = "GET / HTTP/1.1".len();
    format!("GET /{} HTTP/1.1", "x".repeat(bytes - around))
}

fn lines() -> Vec<Case> {
    let limit = Limits::default().request_line;
    let of = |bytes| request(&line(bytes), &["Host: x"], "");
    let rfc = "9110 15.5.15";
    vec![
        stays(rfc, "the longest request line", of(limit), [404]),
        closes(rfc, "a byte more", of(limit + 1), [414]),
        closes(rfc, "twice as long a line", of(2 * limit), [414]),
        closes(rfc, "a line of 100 kB", of(100_000), [414]),
        closes(rfc, "a long line without an end", line(limit + 10), [414]),
        stays(
            rfc,
            "a long query",
            request(
                &format!("GET /plaintext?{} HTTP/1.1", "x".repeat(8000)),
                &["Host: x"],
                "",
            ),
            [200],
        ),
        closes(
            rfc,
            "a method of 9,000 octets",
            request(
                &format!("{} / HTTP/1.1", "X".repeat(9000)),
                &["Host: x"],
                "",
            ),
            [414],
        ),
        stays(
            "9110 15.6.2",
            "the longest method",
            request(
                &format!("{} / HTTP/1.1", "X".repeat(limit - " / HTTP/1.1".len())),
                &["Host: x"],
                "",
            ),
            [501],
        ),
    ]
}

/// A header section of so many bytes, the empty line not counted.
fn section(bytes: usize) -> Vec<u8> {
    let around = "Host: x\r\nA: \r\n".len();
    get(&[&format!("A: {}", "b".repeat(bytes - around))])
}

fn sections() -> Vec<Case> {
    let limit = Limits::default().header_section;
    let fields = |count: usize| {
        // Host is one of them.
        let fields: Vec<String> = (1..count).map(|index| format!("A{index}: b")).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        get(&fields)
    };
    let rfc = "6585 5";
    vec![
        stays(rfc, "the largest header section", section(limit), [200]),
        closes(
            rfc,
            "a byte more than the largest section",
            section(limit + 1),
            [431],
        ),
        closes(rfc, "a section of 100 kB", section(100_000), [431]),
        stays(rfc, "the most fields", fields(bounds::FIELDS_MAX), [200]),
        closes(rfc, "a field more", fields(bounds::FIELDS_MAX + 1), [431]),
        closes(rfc, "a thousand fields", fields(1000), [431]),
    ]
}

fn bodies() -> Vec<Case> {
    let limit = Limits::default().body;
    let rfc = "9110 15.5.14";
    let sized = |bytes: usize| post(&[&format!("Content-Length: {bytes}")], &"x".repeat(bytes));
    let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes));
    let chunked = |chunks: &str| {
        post(
            &["Transfer-Encoding: chunked"],
            &format!("{chunks}0\r\n\r\n"),
        )
    };
    let extension = |bytes: usize| {
        let text = format!("1;{}\r\n1\r\n", "e".repeat(bytes - 1));
        chunked(&text)
    };
    vec![
        stays(rfc, "the largest body", sized(limit), [200]).saying("\"input_size\":1048576,"),
        closes(rfc, "a body of a byte more", sized(limit + 1), [413]).saying("--body-max"),
        closes(
            rfc,
            "a body that is only announced",
            post(&["Content-Length: 1048577"], ""),
            [413],
        ),
        closes(
            rfc,
            "GET with a body of a byte more",
            get(&[&format!("Content-Length: {}", limit + 1)]),
            [413],
        ),
        stays(
            rfc,
            "the largest chunked body",
            chunked(&chunk(limit / 4).repeat(4)),
            [200],
        )
        .saying("\"input_size\":1048576,"),
        closes(
            rfc,
            "chunks of a byte more",
            chunked(&[chunk(limit / 4).repeat(4), chunk(1)].concat()),
            [413],
        ),
        closes(
            rfc,
            "a chunk that is too large",
            chunked("100001\r\n"),
            [413],
        ),
        stays(
            "9112 7.1.1",
            "the longest extensions",
            extension(4096),
            [200],
        ),
        closes(
            "9112 7.1.1",
            "an extension of a byte more",
            extension(4097),
            [400],
        ),
        closes(
            "9112 7.1.1",
            "many small extensions",
            chunked(&"1;ab\r\n1\r\n".repeat(1400)),
            [400],
        ),
    ]
}
