//! How the bytes come and go makes no difference: whatever the pieces in which a peer sends its
//! requests, and in which it takes the answers, the answers are the same bytes.

use std::time::Duration;

use proptest::prelude::*;
use support::{Rig, pattern};

mod support;

/// What a peer saw in the end.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

/// Streams of requests, each with its name.
fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let rest_of = |head: &str, body: &[u8]| [head.as_bytes(), body].concat();
    vec![
        (
            "three GETs, one of them deferred",
            b"GET /name?1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /wait?us=10 HTTP/1.1\r\n\
              Host: a\r\n\r\n\
              HEAD /name?3 HTTP/1.1\r\nHost: a\r\n\r\nGET /name?4 HTTP/1.1\r\nhost:a\r\n\r\n"
                .to_vec(),
        ),
        (
            "bodies by length",
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n\
              hello worldGET /name?2 HTTP/1.1\r\n\
              Host: a\r\n\r\nPOST /echo-later HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\
              \r\n\r\n\0\
              POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\
              GET /name?3 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "bodies in chunks",
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\
              00A ; x=\"y\\\"\" ;z\r\n0\r\n\r\n world\r\n0\r\nTrailer: dropped\r\n\r\n\
              POST /echo-later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n\
              x\r\n0\r\n\r\n\
              GET /name?2 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "bodies that nobody wants",
            b"POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n\
              GET / HTTPPOST /hello HTTP/1.1\r\n\
              Host: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
              GET /hello HTTP/1.1\r\nHost: a\r\n\
              Content-Length: 3\r\n\r\nabcBREW /hello HTTP/1.1\r\nHost: a\r\n\
              Content-Length: 2\r\n\r\nab\
              GET /wait?us=9 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\
              abPOST /echo HTTP/1.1\r\nHost: a\r\n\
              Expect: tea\r\nContent-Length: 2\r\n\r\nabGET /name?end HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "HTTP/1.0, and close in the middle",
            b"GET /name?1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /name?2 HTTP/1.1\r\n\
              Host: a\r\n\
              Connection: close\r\n\r\nGET /name?3 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "panics",
            b"GET /panic/handler HTTP/1.1\r\nHost: a\r\n\r\nGET /panic/writer HTTP/1.1\r\n\
              Host: a\r\n\r\n\
              GET /name?3 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "a head that is refused",
            b"GET /name?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /name?2 HTTP/1.1\r\nHost: a\nx: y\r\n\
              \r\nGET /name?3 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "chunks that are refused",
            b"GET /name?1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\n\
              Transfer-Encoding: chunked\r\n\r\n\
              3\r\nabcd\r\n0\r\n\r\nGET /name?2 HTTP/1.1\r\nHost: a\r\n\r\n"
                .to_vec(),
        ),
        (
            "a body beyond the small buffers",
            rest_of(
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n",
                &[
                    &pattern(300)[..],
                    b"GET /name?2 HTTP/1.1\r\nHost: a\r\n\r\n",
                ]
                .concat(),
            ),
        ),
    ]
}

/// Buffers so small that every head and body outgrows them.
fn rig() -> Rig {
    Rig::with(|config| {
        config.socket.buffer_size = 64;
        config.job_threads = 0;
    })
}

/// Sends the pieces, each with its own edge, then the end.
fn send_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut rig = rig();
    let peer = rig.connect();
    for piece in pieces {
        peer.send(piece);
        rig.run();
        rig.advance(Duration::from_micros(150));
    }
    let ended = peer.saw_fin();
    peer.finish();
    rig.run();
    assert!(peer.is_closed() && !peer.was_reset());
    Seen {
        bytes: peer.received(),
        ended,
    }
}

/// Sends all at once and takes the answers in portions of the given sizes, in turn.
fn take_in_portions(stream: &[u8], portions: &[usize]) -> Seen {
    let mut rig = rig();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send(stream);
    rig.run();
    let mut portions = portions.iter().copied().chain(std::iter::repeat(1 << 20));
    let mut quiet = 0;
    while quiet < 3 {
        let before = peer.received().len();
        peer.take_at_most(0);
        peer.drain_more(portions.next().unwrap_or(1));
        rig.run();
        rig.advance(Duration::from_micros(150));
        quiet = if peer.received().len() == before {
            quiet + 1
        } else {
            0
        };
    }
    let ended = peer.saw_fin();
    peer.finish();
    rig.run();
    Seen {
        bytes: peer.received(),
        ended,
    }
}

#[test]
fn split_at_every_byte() {
    for (name, stream) in streams() {
        let whole = send_in_pieces([&stream[..]]);
        assert!(!whole.bytes.is_empty());
        for at in 1..stream.len() {
            let (first, second) = stream.split_at(at);
            let split = send_in_pieces([first, second]);
            assert_same(&split, &whole, &format!("{name}, split at {at}"));
        }
    }
}

#[test]
fn byte_by_byte() {
    for (name, stream) in streams() {
        let whole = send_in_pieces([&stream[..]]);
        assert_same(&send_in_pieces(stream.chunks(1)), &whole, name);
    }
}

#[test]
fn answers_taken_up_to_every_byte() {
    for (name, stream) in streams() {
        let whole = send_in_pieces([&stream[..]]);
        for at in 0..whole.bytes.len() {
            let short = take_in_portions(&stream, &[at]);
            assert_same(&short, &whole, &format!("{name}, taken up to {at}"));
        }
    }
}

#[test]
fn answers_taken_byte_by_byte() {
    for (name, stream) in streams() {
        let whole = send_in_pieces([&stream[..]]);
        let taken = take_in_portions(&stream, &vec![1; whole.bytes.len()]);
        assert_same(&taken, &whole, name);
    }
}

fn assert_same(one: &Seen, other: &Seen, case: &str) {
    assert!(
        one == other,
        "{case}:\n{}\n(ended: {})\ninstead of\n{}\n(ended: {})",
        String::from_utf8_lossy(&one.bytes),
        one.ended,
        String::from_utf8_lossy(&other.bytes),
        other.ended
    );
}

/// What happens between two looks of the reactor.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    Room(usize),
    Turn,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..60_usize).prop_map(Step::Send),
        (1..200_usize).prop_map(Step::Room),
        Just(Step::Turn),
        Just(Step::Wait),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    // A failure is shown whole and shrunk: nothing needs to be kept in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Pieces, portions, turns and waits in any order.
    #[test]
    fn any_interleaving(steps in steps(), choice in 0..9_usize, fin_with_last: bool) {
        let (name, stream) = streams().swap_remove(choice);
        let whole = send_in_pieces([&stream[..]]);
        let mut rig = rig();
        let peer = rig.connect();
        peer.take_at_most(0);
        let mut rest = &stream[..];
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    let (piece, later) = rest.split_at(bytes.min(rest.len()));
                    peer.send(piece);
                    rest = later;
                }
                Step::Room(bytes) => peer.drain_more(bytes),
                Step::Turn => rig.turn(),
                Step::Wait => rig.advance(Duration::from_micros(7)),
            }
        }
        if fin_with_last {
            peer.send_with_fin(rest);
        } else {
            peer.send(rest);
        }
        peer.take_all();
        rig.run();
        rig.advance(Duration::from_micros(400));
        if !fin_with_last {
            prop_assert_eq!(peer.saw_fin(), whole.ended, "{}", name);
            peer.finish();
            rig.run();
        }
        prop_assert!(peer.is_closed() && !peer.was_reset());
        let received = peer.received();
        prop_assert_eq!(
            String::from_utf8_lossy(&received),
            String::from_utf8_lossy(&whole.bytes),
            "{}", name
        );
    }
}

/// The clock does not move: no timeout has a part in it, and nothing more is sent.
#[test]
fn a_head_that_cannot_become_right_is_refused_before_it_ends() {
    for (first, rest, status) in [
        ("GET / HTTP/1.1\r\n", "Host : x", 400),
        ("GET / HTTP/1.1\r\nHost: x\r", "X", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\n", " folded", 400),
        ("GET / HTTP/1.1\r\nHost: x", "\0", 400),
        ("GET / HTTP/1.1\r\nHost: x", "\n", 400),
        ("GET / HTTP/1.1\r\nHost: x y", "\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost", ": y\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: 1", "x\r\n", 400),
        ("BAD", " METHOD", 400),
        ("GET /", "<", 400),
        ("GET /pl", "aintext\r", 400),
        ("GET /%4", "x ", 400),
        ("GET / HTTP/", "2", 505),
        ("GET / HTTP/1.", "x", 400),
        ("\r\n", "\r", 400),
    ] {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.send(first);
        rig.run();
        assert_eq!(peer.received(), b"", "{first:?} can become right");
        peer.send(rest);
        rig.run();
        let answer = peer.take_answer();
        assert_eq!(answer.status, status, "{first:?}, then {rest:?}");
        assert!(answer.closes() && peer.saw_fin());
    }
}
