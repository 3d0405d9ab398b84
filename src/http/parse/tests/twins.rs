//! The two ways through the parser, side by side.

use super::*;

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
