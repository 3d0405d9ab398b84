//! Heads in, verdicts out. Each example is judged whole, cut in two at every byte, and byte by
//! byte: the verdict must be the same.

use super::*;

mod request_line;

mod field_lines;

mod controls;

mod limits;

mod twins;

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

fn step(input: &[u8], partial: &mut Partial, limits: &Limits) -> Verdict {
    let (mut parser, mut slots) = (Parser::new(limits), Slots::default());
    let found = parser.head(input, partial, &mut slots, &Techniques::FULL)?;
    Ok(found.map(|head| Seen {
        method: head.request.method,
        path: head.request.path.to_owned(),
        query: head.request.query.map(str::to_owned),
        version: head.request.version,
        fields: (head.request.fields.iter())
            .map(|field| (field.name.to_owned(), field.value.to_vec()))
            .collect(),
        head: head.request.head.to_vec(),
        framing: head.controls.framing,
        expectation: head.controls.expectation,
        keep_alive: head.controls.keep_alive,
        bytes: head.bytes,
    }))
}

/// The first verdict when the input has grown to each of `lengths` in turn.
fn fed(input: &[u8], lengths: impl IntoIterator<Item = usize>, limits: &Limits) -> Verdict {
    let mut partial = Partial::default();
    for length in lengths {
        match step(&input[..length], &mut partial, limits) {
            Ok(None) => assert_eq!(partial.judged, length, "what has come is judged"),
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

/// Limits that a test can reach.
fn small() -> Limits {
    Limits {
        request_line: 40,
        header_section: 60,
        header_fields: 4,
        ..Limits::default()
    }
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

/// A head that comes octet by octet is not judged from the start each time: most octets are looked
/// at once, and the open line again where one of its parts ends.
#[test]
fn the_looks_at_a_head_in_pieces_are_linear() {
    let line = "GET / HTTP/1.1\r\nHost: a\r\n";
    for input in [
        format!("{line}X: {:a<16000}\r\n\r\n", ""),
        format!("{line}{:a<16000}:\r\n\r\n", ""),
        format!("{line}X: {:\t<16000}\r\n\r\n", ""),
        format!("{line}{}\r\n", "X: a:b:c\r\n".repeat(99)),
        format!(
            "{line}{}\r\n",
            "Transfer-Encoding: gzip, deflate\r\n".repeat(99)
        ),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "%41".repeat(2700)),
        format!("GET /?{:?<8100} HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        format!("\r\n{:A<8000} / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        format!("GET http://{:a<8000}/ HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    ] {
        let (limits, mut partial) = (Limits::default(), Partial::default());
        let whole = fed(input.as_bytes(), [input.len()], &limits);
        let mut last = Ok(None);
        for length in 1..=input.len() {
            last = step(&input.as_bytes()[..length], &mut partial, &limits);
            assert_eq!(matches!(last, Ok(None)), length < input.len());
        }
        assert_eq!(last, whole);
        assert!(
            partial.looks < 16 * input.len(),
            "{} looks at {input}",
            partial.looks
        );
    }
}
