//! Streams in, bodies out. Each example is decoded whole, cut in two at every byte, and byte by
//! byte.

use super::*;

/// The body, and how much of the input it took; `None` if the input ended before it.
type Verdict = Result<Option<(Vec<u8>, usize)>, Rejection>;

fn decode<'a>(
    framing: Framing,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Verdict {
    let mut decoder = Decoder::new(framing);
    let mut body = Vec::new();
    let mut taken = 0;
    for mut input in pieces {
        while !input.is_empty() && !decoder.is_done() {
            let piece = decoder.next(input, limits)?;
            assert!(piece.consumed > 0 && piece.data.len() <= piece.consumed);
            body.extend_from_slice(piece.data);
            taken += piece.consumed;
            input = &input[piece.consumed..];
        }
    }
    Ok(decoder.is_done().then_some((body, taken)))
}

#[track_caller]
fn decoded_within(framing: Framing, input: &[u8], limits: &Limits) -> Verdict {
    let whole = decode(framing, [input], limits);
    assert_eq!(
        decode(framing, input.chunks(1), limits),
        whole,
        "{}",
        input.escape_ascii()
    );
    for cut in 0..input.len() {
        let (before, after) = input.split_at(cut);
        assert_eq!(
            decode(framing, [before, after], limits),
            whole,
            "cut at {cut}"
        );
    }
    whole
}

#[track_caller]
fn chunked(input: impl AsRef<[u8]>) -> Verdict {
    decoded_within(Framing::Chunked, input.as_ref(), &Limits::default())
}

#[track_caller]
fn accepted(input: impl AsRef<[u8]>, body: &[u8]) {
    let input = input.as_ref();
    let followed = [input, b"GET"].concat();
    assert_eq!(chunked(&followed), Ok(Some((body.to_vec(), input.len()))));
}

#[track_caller]
fn refused(input: impl AsRef<[u8]>, status: u16) {
    let input = input.as_ref();
    let verdict = chunked(input).map_err(|rejection| rejection.status.0);
    assert_eq!(verdict, Err(status), "{}", input.escape_ascii());
}

/// RFC 9112 section 6.2.
#[test]
fn content_length() {
    let limits = Limits::default();
    assert!(Decoder::new(Framing::None).is_done());
    assert!(Decoder::new(Framing::Length(0)).is_done());
    assert_eq!(Decoder::new(Framing::None).remaining(), Some(0));
    let verdict = decoded_within(Framing::Length(5), b"helloGET /", &limits);
    assert_eq!(verdict, Ok(Some((b"hello".to_vec(), 5))));
    assert_eq!(
        decoded_within(Framing::Length(6), b"hello", &limits),
        Ok(None)
    );
}

/// A decoder that is done leaves the next request alone.
#[test]
fn nothing_is_taken_when_done() {
    let mut decoder = Decoder::new(Framing::Length(1));
    let limits = Limits::default();
    assert_eq!(decoder.next(b"ab", &limits).unwrap().consumed, 1);
    let nothing = Piece {
        data: &[],
        consumed: 0,
    };
    assert_eq!(decoder.next(b"b", &limits), Ok(nothing));
}

#[test]
fn bytes_read_past_the_decoder_are_counted() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(Framing::Length(10));
    assert_eq!(decoder.next(b"abc", &limits).unwrap().data, b"abc");
    assert_eq!(decoder.remaining(), Some(7));
    decoder.skip(6);
    assert_eq!(decoder.remaining(), Some(1));
    decoder.skip(1);
    assert!(decoder.is_done());

    let mut decoder = Decoder::new(Framing::Chunked);
    assert_eq!(decoder.remaining(), None);
    assert_eq!(decoder.next(b"5\r\na", &limits).unwrap().data, b"a");
    assert_eq!(decoder.remaining(), Some(4));
    decoder.skip(4);
    assert_eq!(decoder.remaining(), None);
    assert_eq!(
        decoder.next(b"\r\n0\r\n\r\nGET", &limits).unwrap().consumed,
        7
    );
    assert!(decoder.is_done());
}

/// RFC 9112 section 7.1.
#[test]
fn chunks() {
    accepted("0\r\n\r\n", b"");
    accepted("5\r\nhello\r\n0\r\n\r\n", b"hello");
    accepted(
        "5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n000\r\n\r\n",
        b"hello 0123456789",
    );
    accepted(
        "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
        b"abcdefghijklmnopqrstuvwxyz",
    );
    accepted("2\r\n\r\n\r\n0\r\n\r\n", b"\r\n");
    accepted("0000000000000001\r\nx\r\n0000000000000000\r\n\r\n", b"x");
    assert_eq!(chunked("5\r\nhello\r\n0\r\n\r"), Ok(None));
}

/// What the refusal says is what is wrong.
#[test]
fn the_cause_is_told() {
    for (input, says) in [
        ("1\n", "LF alone"),
        ("1;a\n", "LF alone"),
        ("1;a=\"b\n", "LF alone"),
        ("1\rx", "CR without LF"),
        ("1g", "begin with its size"),
        ("1\0", "begin with its size"),
        ("g", "begin with its size"),
        ("\r\n", "begin with its size"),
        ("10000000000000000\r\n", "at most 16"),
        ("1 \r\n", "extension is not valid"),
        ("1;=", "extension is not valid"),
        ("1\r\nxy", "not followed by CRLF"),
        ("0\r\nA\r\n", "trailer section is not valid"),
    ] {
        let refused = chunked(input).expect_err(input);
        assert!(
            refused.reason.contains(says),
            "{input:?}: {}",
            refused.reason
        );
    }
}

#[test]
fn broken_chunks() {
    for wrong in [
        "\r\n",
        ";a\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "0x1\r\n",
        "1\n",
        "1\rx",
        "1\0\r\n",
        "1 \r\n",
        "1\t\r\n",
        "1 1\r\n",
        "10000000000000000\r\n",
        "1\r\nxy\r\n",
        "1\r\nx\n",
        "1\r\nx\ry",
        "1\r\nx0\r\n",
        "2\r\nx\r\n0\r\n\r\n",
        "0\r\n\n",
        "0\n\n",
    ] {
        refused(wrong, 400);
    }
}

/// RFC 9112 section 7.1 has no limit for digits; zeros at the beginning change nothing.
#[test]
fn zeros_before_a_size() {
    accepted("00000000000000001\r\nx\r\n0\r\n\r\n", b"x");
    accepted(format!("{:0>100}\r\nx\r\n{:0>100};a\r\n\r\n", 1, 0), b"x");
    refused("0ffffffffffffffff\r\n", 413);
    refused("010000000000000000\r\n", 400);
    refused(format!("{:0>100}", "10000000000000000\r\n"), 400);
    refused(format!("{:0>9000}", "1\r\nx\r\n0\r\n\r\n"), 400);
}

/// Up to 16 digits cost nothing; those beyond count as extensions do, in the whole body.
#[test]
fn zeros_before_sizes_are_bounded_in_total() {
    let limits = Limits {
        chunk_extensions: 3,
        ..Limits::default()
    };
    let verdict = |sizes: [usize; 3], extension: &str| {
        let [a, b, c] = sizes;
        let input = format!(
            "{:0>a$}\r\nx\r\n{:0>b$}\r\ny\r\n{:0>c$}{extension}\r\n\r\n",
            1, 1, 0
        );
        decoded_within(Framing::Chunked, input.as_bytes(), &limits)
            .map(|seen| seen.map(|(body, _)| body))
            .map_err(|rejection| rejection.status.0)
    };
    let body = Ok(Some(b"xy".to_vec()));
    assert_eq!(verdict([16, 16, 16], ";ab"), body);
    assert_eq!(verdict([17, 16, 18], ""), body);
    assert_eq!(verdict([17, 16, 16], ";a"), body);
    assert_eq!(verdict([17, 17, 18], ""), Err(400));
    assert_eq!(verdict([17, 16, 16], ";ab"), Err(400));
}

/// RFC 9112 section 7.1.1.
#[test]
fn chunk_extensions() {
    for good in [
        ";a",
        ";a=b",
        ";a;b;c=d",
        " ; a = b ; c",
        "\t;\ta\t=\tb",
        ";a=\"\"",
        ";a=\"b;=\\\"\\\\ \t\u{e9}\";c",
        ";a=\"b\" ;c",
        ";a ;b",
        ";!#$%&'*+-.^_`|~=1",
    ] {
        accepted(format!("1{good}\r\nx\r\n0{good}\r\n\r\n"), b"x");
    }
    for wrong in [
        ";",
        "; ",
        ";;",
        ";=",
        ";a=",
        ";a= ",
        ";a=;",
        "; a b",
        ";a=b c",
        ";a ",
        ";a=b ",
        ";a=\"b\" ",
        ";a=\"b\"c",
        ";a=\"b",
        ";a=\"\n\"",
        ";a=\"\0\"",
        ";a=\"\\\n\"",
        ";a=\"\r\n\"",
        ";a\0",
        ";a=b\n",
        ";a\n",
        ";\n",
        ";a@",
        ";a==b",
        ";a=b=c",
        "x",
        "=a",
        " a",
        ";a=\u{7f}",
        ";\u{e9}",
        ";a=\"\u{7f}\"",
    ] {
        refused(format!("1{wrong}\r\nx\r\n0\r\n\r\n"), 400);
    }
}

/// RFC 9112 section 7.1.1: a limit for all extensions of one body.
#[test]
fn chunk_extensions_are_bounded_in_total() {
    let limits = Limits {
        chunk_extensions: 6,
        ..Limits::default()
    };
    let verdict = |input: &[u8]| {
        decoded_within(Framing::Chunked, input, &limits).map_err(|rejection| rejection.status.0)
    };
    assert_eq!(
        verdict(b"1;a\r\nx\r\n1;b\r\ny\r\n0;c\r\n\r\n"),
        Ok(Some((b"xy".to_vec(), 23)))
    );
    assert_eq!(verdict(b"1;a\r\nx\r\n1;b\r\ny\r\n0;cd\r\n\r\n"), Err(400));
    assert_eq!(verdict(b"1;abcdef"), Err(400));
    assert_eq!(verdict(b"1;abcde"), Ok(None));
}

/// RFC 9110 section 15.5.14: known as soon as a size tells.
#[test]
fn body_beyond_its_limit() {
    let limits = Limits {
        body: 10,
        ..Limits::default()
    };
    let verdict = |framing, input: &[u8]| {
        let verdict = decoded_within(framing, input, &limits);
        verdict
            .map(|seen| seen.map(|(body, _)| body.len()))
            .map_err(|rejection| rejection.status.0)
    };
    assert_eq!(verdict(Framing::Length(10), b"0123456789"), Ok(Some(10)));
    assert_eq!(verdict(Framing::Length(11), b"0"), Err(413));
    assert_eq!(verdict(Framing::Length(u64::MAX), b"0"), Err(413));
    assert_eq!(
        verdict(Framing::Chunked, b"A\r\n0123456789\r\n0\r\n\r\n"),
        Ok(Some(10))
    );
    assert_eq!(verdict(Framing::Chunked, b"B\r\n"), Err(413));
    assert_eq!(
        verdict(Framing::Chunked, b"8\r\n01234567\r\n3\r\n"),
        Err(413)
    );
    assert_eq!(verdict(Framing::Chunked, b"ffffffffffffffff\r\n"), Err(413));
    assert_eq!(
        verdict(Framing::Chunked, b"1\r\nx\r\nffffffffffffffff\r\n"),
        Err(413)
    );
}

/// RFC 9112 section 7.1.2.
#[test]
fn trailers() {
    accepted("0\r\nX: y\r\nZ:\r\n\r\n", b"");
    accepted("1\r\nx\r\n0\r\nContent-Length: 5\r\n\r\n", b"x");
    for wrong in [
        "X\r\n",
        ": y\r\n",
        " X: y\r\n",
        "X : y\r\n",
        "X: y\n",
        "X: \0\r\n",
        "X: y\rz",
        "X: y\r\n z\r\n",
        "X@: y\r\n",
        "\rX",
        "X: y\r\n\n",
        "\u{e9}: y\r\n",
    ] {
        refused(format!("0\r\n{wrong}\r\n"), 400);
    }
}

/// RFC 6585 section 5: 431.
#[test]
fn trailer_section_beyond_its_limits() {
    let limits = Limits {
        trailer_section: 10,
        trailer_fields: 2,
        ..Limits::default()
    };
    let status = |trailer: &str| {
        let input = format!("0\r\n{trailer}\r\n");
        let verdict = decoded_within(Framing::Chunked, input.as_bytes(), &limits);
        verdict
            .map(|seen| seen.is_some())
            .map_err(|rejection| rejection.status.0)
    };
    assert_eq!(status("X: 45678\r\n"), Ok(true));
    assert_eq!(status("X: 456789\r\n"), Err(431));
    assert_eq!(status("a:\r\nb:\r\n"), Ok(true));
    assert_eq!(status("a:\r\nb:\r\nc"), Err(431));
}
