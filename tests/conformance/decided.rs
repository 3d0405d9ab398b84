//! The octet that decides: a head that cannot become right is refused there, whether more comes or
//! not, and not before.
//!
//! The reference is simple. All lines that have ended are judged by the naive parser, as if the
//! head ended there; of the open one only the octets are, and the parts of a request line that
//! have ended. What may still be refused for two reasons of different status is not decided yet.

use std::borrow::Cow;

use barewire::config::{Limits, Techniques, bounds};
use barewire::http::parse::{Parser, Partial, Slots};

use crate::naive::{self, is_token};
use crate::tables;

/// The status of the refusal, and the octets that it took.
type Refusal = Option<(u16, usize)>;

/// A parser's refusal when the input grows to each of `lengths` in turn; nothing is refused that
/// is complete and right.
fn refusal(input: &[u8], lengths: impl Iterator<Item = usize>) -> Refusal {
    let (mut parser, mut partial) = (Parser::new(&Limits::default()), Partial::default());
    for length in lengths {
        let mut slots = Slots::default();
        let bytes = &input[..length];
        match parser.head(bytes, &mut partial, &mut slots, &Techniques::FULL) {
            Ok(None) => {}
            Ok(Some(_)) => return None,
            Err(rejection) => return Some((rejection.status.0, length)),
        }
    }
    None
}

/// Whether every continuation of `input` is refused with the same status.
fn is_decided(input: &[u8]) -> bool {
    let text = input.strip_prefix(b"\r\n").unwrap_or(input);
    if text.is_empty() || input == b"\r" {
        return false;
    }
    let mut lines: Vec<&[u8]> = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    let (open, has_cr) = match rest {
        [open @ .., b'\r'] => (open, true),
        open => (open, false),
    };
    if lines.first().is_some_and(|first| first.is_empty()) {
        return true;
    }
    let Some((first, fields)) = lines.split_first() else {
        return open.len() > Limits::default().request_line || is_wrong_line(open, has_cr);
    };
    let ended = fields.iter().position(|line| line.is_empty());
    let fields = &fields[..ended.unwrap_or(fields.len())];
    let open = if ended.is_some() { b"" } else { open };
    let section: usize = fields.iter().map(|line| line.len() + 2).sum();
    let count = fields.len() + usize::from(!open.is_empty());
    first.len() > Limits::default().request_line
        || section + open.len() > Limits::default().header_section
        || count > bounds::FIELDS_MAX
        || is_wrong_field(open, has_cr)
        || is_wrong_head(first, fields, ended.is_some())
}

/// An open request line.
fn is_wrong_line(open: &[u8], has_cr: bool) -> bool {
    let is_allowed = |byte: &u8| (0x21..0x7F).contains(byte) && !b"#<>".contains(byte);
    let begins = |method: &[u8], target: &[u8]| match target.first() {
        None | Some(b'/' | b'h' | b'H') => true,
        Some(b'*') => [&b"OPTIONS"[..], b"PRI", b"CONNECT"].contains(&method),
        Some(_) => method == b"CONNECT",
    };
    let parts: Vec<&[u8]> = open.splitn(3, |&byte| byte == b' ').collect();
    let is_right = match parts[..] {
        [method] => !has_cr && (method.is_empty() || is_token(method)),
        [method, target] => {
            let is_right = is_token(method) && target.iter().all(is_allowed);
            !has_cr && is_right && begins(method, target)
        }
        [method, target, version] => {
            let shape = b"HTTP/1.";
            let begins = version.iter().zip(shape).all(|(a, b)| a == b);
            let ends = version.get(7).is_none_or(u8::is_ascii_digit);
            let is_version = begins && ends && version.len() <= 8;
            let is_preface = method == b"PRI" && target == b"*" && version.len() < 6;
            let line = [method, b" ", target, b" HTTP/1.1"].concat();
            is_version
                && (!has_cr || version.len() == 8)
                && (is_preface || !is_wrong_head(&line, &[], false))
        }
        _ => false,
    };
    !is_right
}

/// An open field line.
fn is_wrong_field(open: &[u8], has_cr: bool) -> bool {
    let mut parts = open.splitn(2, |&byte| byte == b':');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    let is_allowed = |&byte: &u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7F);
    let is_right = match value {
        None => name.is_empty() || is_token(name) && !has_cr,
        Some(value) => is_token(name) && value.iter().all(is_allowed),
    };
    !is_right
}

/// Lines that have ended. What may come behind them is a Host, and the coding that ends a list.
fn is_wrong_head(first: &[u8], fields: &[&[u8]], has_ended: bool) -> bool {
    let is_called = |line: &&&[u8], name: &str| {
        let text = String::from_utf8_lossy(line).to_ascii_lowercase();
        text.starts_with(name)
    };
    let has_host = fields.iter().any(|line| is_called(&line, "host:"));
    let has_coding = fields
        .iter()
        .any(|line| is_called(&line, "transfer-encoding:"));
    let status = |more: &[&str]| {
        let mut head = first.to_vec();
        let more = more.iter().map(|line| Cow::Borrowed(line.as_bytes()));
        for line in fields.iter().map(|line| Cow::Borrowed(*line)).chain(more) {
            head.extend_from_slice(b"\r\n");
            head.extend_from_slice(&line);
        }
        head.extend_from_slice(b"\r\n\r\n");
        naive::head(&head).err()
    };
    if has_ended {
        return status(&[]).is_some();
    }
    let host: &[&str] = if has_host { &[] } else { &["Host: a"] };
    let coding = [host, &["Transfer-Encoding: chunked"]].concat();
    let ways = [Some(status(host)), has_coding.then(|| status(&coding))];
    // 501 may still become 400.
    let is_open = |status: &Option<u16>| matches!(status, None | Some(501));
    !ways.iter().flatten().any(is_open)
}

/// How many octets of `input` decide that it is wrong, if any do: a decision stays.
fn decided(input: &[u8]) -> Option<usize> {
    let lengths: Vec<usize> = (0..=input.len()).collect();
    let at = lengths.partition_point(|&length| !is_decided(&input[..length]));
    lengths.get(at).copied()
}

#[test]
fn a_wrong_head_is_refused_at_the_octet_that_decides() {
    let mut refused = 0;
    for case in tables() {
        let (input, name) = (&case.request, case.name);
        let whole = refusal(input, [input.len()].into_iter());
        let in_pieces = refusal(input, 1..=input.len());
        let status = |refusal: Refusal| refusal.map(|(status, _)| status);
        assert_eq!(status(in_pieces), status(whole), "{name}");
        let octets = in_pieces.map(|(_, octets)| octets);
        let expected = whole.and_then(|_| decided(input));
        assert_eq!(octets, expected, "{name}: {}", input.escape_ascii());
        refused += usize::from(octets.is_some());
    }
    assert!(refused > 100, "{refused}");
}

/// What is not wrong is never decided to be.
#[test]
fn the_reference_lets_every_right_head_pass() {
    for case in tables() {
        let input = &case.request;
        if refusal(input, [input.len()].into_iter()).is_none() {
            let head = memchr::memmem::find(input, b"\r\n\r\n").map_or(0, |at| at + 4);
            for length in [0, 1, head / 3, head / 2, head.saturating_sub(1), head] {
                assert!(!is_decided(&input[..length]), "{}", case.name);
            }
        }
    }
}
