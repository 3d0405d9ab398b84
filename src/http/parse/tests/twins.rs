//! The two ways through the parser, side by side.

use super::*;

/// Heads that the usual way takes.
const USUAL: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a/b?c=d&e HTTP/1.1\r\nhost:a:1\r\nX-Y:  z \t\r\nContent-Length: 5\r\n\r\nrest\r\n",
    "POST /? HTTP/1.1\r\nHost:\r\n\r\n\r\n",
    "HEAD /0123456789abcdef HTTP/1.1\r\nHOST: b\r\nConnection: keep-alive \r\nEmpty:\r\n\r\n",
    "HEAD /x?%zz HTTP/1.1\r\nHost: b\r\nAccept: */*\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
    "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: [::1]:8080\r\n\r\n",
];

/// Whether the usual way took the head; what it took, `examine` must find the same. The parser has
/// seen the Host before, so that the one it remembers is tried too.
fn is_taken(bytes: &[u8], limits: &Limits) -> bool {
    let shown = bytes.escape_ascii();
    let mut parser = Parser::new(limits);
    let mut taken = false;
    for _ in 0..2 {
        let (mut slots, mut slow_slots) = (Slots::default(), Slots::default());
        let Slots { usual, head, .. } = &mut slots;
        let taken_now = parser.usual(bytes, usual, head, &Techniques::FULL);
        assert_eq!(taken_now.is_some(), head.is_some());
        let usual = head;
        let examined = examine::head(bytes, &mut slow_slots.rare, limits);
        if let Some(usual) = &usual {
            let examined = examined.expect("a sound head").expect("a whole head");
            assert_eq!(format!("{usual:?}"), format!("{examined:?}"), "{shown}");
        }
        taken = usual.is_some();
    }
    taken
}

/// The usual way is a shortcut: without it every verdict is the same.
#[test]
fn examine_is_the_twin_of_usual() {
    for head in USUAL {
        for limits in [Limits::default(), small()] {
            assert!(is_taken(head.as_bytes(), &limits), "{head:?}");
            each_neighbour(head.as_bytes(), |neighbour| {
                is_taken(neighbour, &limits);
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

/// At each limit, and one beyond it, the usual way takes what `examine` takes.
#[test]
fn usual_ends_where_the_limits_do() {
    for head in USUAL {
        let line_bytes = head.find("\r\n").unwrap();
        let section_bytes = head.find("\r\n\r\n").unwrap() - line_bytes;
        let field_count = head[..line_bytes + section_bytes].matches("\r\n").count();
        let exact = Limits {
            request_line: line_bytes,
            header_section: section_bytes,
            header_fields: field_count,
            ..Limits::default()
        };
        let taken = |limits| is_taken(head.as_bytes(), &limits);
        assert!(taken(exact), "{head:?}");
        let request_line = line_bytes - 1;
        assert!(
            !taken(Limits {
                request_line,
                ..exact
            }),
            "{head:?}"
        );
        if field_count > 0 {
            let header_section = section_bytes - 1;
            assert!(
                !taken(Limits {
                    header_section,
                    ..exact
                }),
                "{head:?}"
            );
            let header_fields = field_count - 1;
            assert!(
                !taken(Limits {
                    header_fields,
                    ..exact
                }),
                "{head:?}"
            );
        }
    }
}
