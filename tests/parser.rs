//! The parser and the chunk decoder against naive ones, on heads and streams that are valid, nearly
//! valid and cut anywhere.

mod naive;

use barewire::http::request::percent_decode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use naive::actual::{decoded, parsed};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn methods() -> impl Strategy<Value = &'static str> {
    select(vec![
        "GET", "GET", "POST", "OPTIONS", "CONNECT", "HEAD", "BREW", "get", "M!",
    ])
}

fn authorities() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a",
        "a.b:80",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:443",
        "a:",
        ":80",
        "",
        "%41b:1",
        "[1::2::3]",
        "a:b",
        "u@a",
        "a:99999",
        "a,b",
        "a:65535",
    ])
}

fn targets() -> impl Strategy<Value = String> {
    let paths = select(vec![
        "/",
        "/plaintext",
        "/a/../b//c",
        "/%7e",
        "/%7",
        "/a%00b",
        "/\"[]\\^`{|}",
        "",
        "*",
    ]);
    let queries = select(vec!["", "", "?", "?a=b&c", "?/?=*"]);
    let schemes = select(vec!["", "", "", "http://", "HTTPS://", "ftp://", "//"]);
    (schemes, authorities(), paths, queries).prop_map(|(scheme, authority, path, query)| {
        match (scheme, path) {
            ("", "") => authority.to_owned(),
            ("", _) => format!("{path}{query}"),
            _ => format!("{scheme}{authority}{path}{query}"),
        }
    })
}

fn versions() -> impl Strategy<Value = &'static str> {
    select(vec![
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.0", "HTTP/1.5", "HTTP/2.0",
    ])
}

fn fields() -> impl Strategy<Value = String> {
    let other = select(vec![
        "Content-Length: 5",
        "content-length:0",
        "Content-Length: +5",
        "Content-Length: 18446744073709551616",
        "Transfer-Encoding: chunked",
        "transfer-encoding: gzip",
        "Transfer-Encoding: GZIP , Chunked",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: ,chunked",
        "Connection: close",
        "Connection: keep-alive",
        "connection: Upgrade,\tKeep-Alive ",
        "Connection: closed",
        "Expect: 100-continue",
        "expect: 100-Continue , ",
        "Expect: more",
        "User-Agent: x",
        "Accept: */*",
        "X:",
        "X: \t y z \t",
        "Cookie: a=\"b\"; c",
        "Content-Type: a/b",
        "Referer: \u{e9}",
        "abcdefghijklmnopq: 1",
    ]);
    let hosts = authorities().prop_map(|authority| format!("Host: {authority}"));
    prop_oneof![4 => other.prop_map(str::to_owned), 1 => hosts]
}

/// Heads of the right shape, most of them right.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let empty_line = select(vec!["", "", "", "\r\n"]);
    let host = select(vec![
        "Host: a\r\n",
        "Host: a\r\n",
        "hOST:\t127.0.0.1:8080 \r\n",
        "",
    ]);
    let lines = vec(fields(), 0..5);
    (empty_line, methods(), targets(), versions(), host, lines).prop_map(
        |(before, method, target, version, host, lines)| {
            let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
            format!("{before}{method} {target} {version}\r\n{host}{lines}\r\n").into_bytes()
        },
    )
}

/// A byte that means something, or any.
fn bytes() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => select(b"\r\n\r\n \t\0:;,=\"\\/?#*%[]@+-0159aAfg\x7F\x80\xE9".to_vec()),
        1 => any::<u8>(),
    ]
}

/// A change to one place.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, u8),
    Replace(Index, u8),
    Remove(Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        (any::<Index>(), bytes()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (any::<Index>(), bytes()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        any::<Index>().prop_map(Change::Remove),
    ];
    vec(change, 0..3)
}

fn changed(mut input: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        match change {
            Change::Insert(at, byte) => input.insert(at.index(input.len() + 1), *byte),
            Change::Replace(at, byte) if !input.is_empty() => {
                let at = at.index(input.len());
                input[at] = *byte;
            }
            Change::Remove(at) if !input.is_empty() => {
                input.remove(at.index(input.len()));
            }
            Change::Replace(..) | Change::Remove(_) => {}
        }
    }
    input
}

/// Growing lengths up to the whole.
fn lengths(cuts: &[Index], whole: usize) -> Vec<usize> {
    let mut lengths: Vec<_> = cuts.iter().map(|cut| cut.index(whole + 1)).collect();
    lengths.push(whole);
    lengths.sort_unstable();
    lengths
}

fn pieces<'a>(input: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let starts = std::iter::once(&0).chain(lengths);
    starts
        .zip(lengths)
        .map(|(&start, &end)| &input[start..end])
        .collect()
}

/// A chunk of these bytes, its size written with this many zeros before it and with this extension.
fn chunk(data: &[u8], zeros: usize, extension: &str) -> Vec<u8> {
    let size = format!("{:0>zeros$}{:x}{extension}\r\n", "", data.len());
    [size.as_bytes(), data, b"\r\n"].concat()
}

fn chunk_streams() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let extensions = select(vec!["", "", ";a", " ; a\t= b;c", ";a=\"b;\\\"c\" ;d"]);
    let data = vec(prop_oneof![any::<u8>(), select(b"\r\n0;".to_vec())], 1..40);
    let chunks = vec((data, 0..4_usize, extensions), 0..5);
    let trailers = select(vec!["", "", "A: b\r\n", "A:\r\nB: \t c\r\n"]);
    (chunks, trailers).prop_map(|(chunks, trailer)| {
        let body = chunks.iter().flat_map(|(data, ..)| data.clone()).collect();
        let chunks = chunks
            .iter()
            .map(|(data, zeros, extension)| chunk(data, *zeros, extension));
        let mut stream: Vec<u8> = chunks.flatten().collect();
        stream.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        (stream, body)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn heads_are_read_as_the_naive_parser_reads_them(
        head in heads(),
        changes in changes(),
        cuts in vec(any::<Index>(), 0..4),
    ) {
        // Whatever was changed, the head ends.
        let input = [&changed(head, &changes)[..], b"\r\n\r\n"].concat();
        let naive = naive::head(&input);
        prop_assert_eq!(parsed(&input, [input.len()]), Some(naive.clone()), "whole");
        let lengths = lengths(&cuts, input.len());
        prop_assert_eq!(parsed(&input, lengths), Some(naive.clone()), "in pieces");
        prop_assert_eq!(parsed(&input, 1..=input.len()), Some(naive), "byte by byte");
    }

    #[test]
    fn any_bytes_are_read_without_harm(input in vec(bytes(), 0..200)) {
        let whole = parsed(&input, [input.len()]);
        prop_assert_eq!(parsed(&input, 1..=input.len()), whole);
        prop_assert_eq!(decoded([&input[..]]), decoded(input.chunks(1)));
    }

    #[test]
    fn chunks_are_taken_apart_wherever_they_are_cut(
        (stream, body) in chunk_streams(),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let input = [&stream[..], b"GET / HTTP/1.1\r\n"].concat();
        let expected = Ok(Some((body, stream.len())));
        prop_assert_eq!(decoded([&input[..]]), expected.clone());
        prop_assert_eq!(decoded(input.chunks(1)), expected.clone());
        let lengths = lengths(&cuts, input.len());
        prop_assert_eq!(decoded(pieces(&input, &lengths)), expected);
    }

    #[test]
    fn broken_chunks_are_refused_wherever_they_are_cut(
        (stream, _) in chunk_streams(),
        changes in changes(),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let input = changed(stream, &changes);
        let whole = decoded([&input[..]]);
        prop_assert_eq!(whole.clone().ok().flatten(), naive::chunked(&input));
        prop_assert_eq!(decoded(input.chunks(1)), whole.clone());
        let lengths = lengths(&cuts, input.len());
        prop_assert_eq!(decoded(pieces(&input, &lengths)), whole);
    }

    #[test]
    fn percent_decoding_equals_its_naive_twin(
        text in vec(select(vec!["%", "%4", "%41", "%fF", "%g0", "%+1", "a", "+", "\u{e9}"]), 0..12),
    ) {
        let text = text.concat();
        prop_assert_eq!(percent_decode(&text).into_owned(), naive::percent_decode(&text));
    }
}
