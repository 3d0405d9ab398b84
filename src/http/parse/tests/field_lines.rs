//! Field lines and how they end.

use super::*;

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

/// However many fields there are, and however short, they are found.
#[test]
fn more_fields_than_were_likely() {
    for count in 0..bounds::FIELDS_MAX {
        let input = line("GET / HTTP/1.1")
            .replace("\r\n\r\n", &format!("\r\n{}\r\n", "X:\r\n".repeat(count)));
        let mut slots = Slots::default();
        let mut parser = Parser::new(&Limits::default());
        let head = parser.head(
            input.as_bytes(),
            &mut Partial::default(),
            &mut slots,
            &Techniques::FULL,
        );
        assert_eq!(head.unwrap().unwrap().request.fields.len(), count + 1);
    }
}
