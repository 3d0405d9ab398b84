//! Request bodies: of every length, in both framings, wanted and not wanted, and asked for with 100
//! Continue.

use std::time::Duration;

use barewire::config::bounds::REST_BYTES;
use support::{Answer, HELLO, Peer, Rig, pattern};

mod support;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn by_length(target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn in_chunks(target: &str, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in body.chunks(chunk_bytes) {
        request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

/// Sends a request in pieces of so many bytes, each with its own edge.
fn send_in_pieces(rig: &mut Rig, peer: &Peer, request: &[u8], piece_bytes: usize) {
    for piece in request.chunks(piece_bytes) {
        peer.send(piece);
        rig.run();
    }
}

#[test]
fn bodies_of_every_length_come_back_whole() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let edges = [8 * KIB, 64 * KIB, 72 * KIB, 136 * KIB, MIB];
    let lengths = edges
        .into_iter()
        .flat_map(|edge| [edge - 1, edge, edge + 1]);
    for length in [0, 1, 2, 100]
        .into_iter()
        .chain(lengths)
        .filter(|length| *length <= MIB)
    {
        let body = pattern(length);
        for piece_bytes in [usize::MAX, 100_000, 8000] {
            for request in [by_length("/echo", &body), in_chunks("/echo", &body, 5000)] {
                send_in_pieces(&mut rig, &peer, &request, piece_bytes);
                peer.send(HELLO);
                rig.run();
                let answers = peer.take_answers();
                assert!(
                    answers[0].body == body,
                    "{length} bytes in pieces of {piece_bytes}"
                );
                assert_eq!(answers[1].text(), "hello");
                assert_eq!(rig.lent(), 0);
            }
        }
    }
}

#[test]
fn chunks_of_every_size() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let body = pattern(3000);
    for chunk_bytes in [1, 2, 7, 15, 16, 17, 255, 256, 1000, 3000] {
        peer.send([in_chunks("/echo", &body, chunk_bytes), HELLO.to_vec()].concat());
        rig.run();
        let answers = peer.take_answers();
        assert!(answers[0].body == body, "chunks of {chunk_bytes}");
        assert_eq!(answers[1].text(), "hello");
    }
}

#[test]
fn a_body_that_came_with_its_head_is_not_copied() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(by_length("/count", &pattern(7000)));
    rig.run();
    assert_eq!(
        peer.take_answer().text(),
        "7000 bytes in 1 pieces, 0 copied"
    );
}

#[test]
fn a_body_that_waited_for_the_answer_before_it_was_copied() {
    // Without shared-input each connection receives into its own buffer, and nothing moves.
    let mut rig = Rig::full();
    let peer = rig.connect();
    let wait = b"GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n";
    peer.send([wait.as_slice(), &by_length("/count", &pattern(3000))].concat());
    rig.run();
    rig.advance(Duration::from_millis(1));
    let answers = peer.take_answers();
    assert_eq!(answers[1].text(), "3000 bytes in 1 pieces, 3000 copied");
    // Of one whose first part waited, that part.
    let request = by_length("/count", &pattern(3000));
    let (first, rest) = request.split_at(request.len() - 1000);
    peer.send([wait.as_slice(), first].concat());
    rig.run();
    peer.send(rest);
    rig.advance(Duration::from_millis(1));
    let answers = peer.take_answers();
    assert!(
        answers[1].text().ends_with(", 2000 copied"),
        "{}",
        answers[1].text()
    );
}

#[test]
fn of_a_long_body_only_what_came_with_the_head_is_copied() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let request = by_length("/count", &pattern(300_000));
    let head = request.len() - 300_000;
    // What the first read brought: 8 KiB, the head included.
    peer.send(&request);
    rig.run();
    let copied = 8192 - head;
    let answer = peer.take_answer();
    assert!(
        answer.text().starts_with("300000 bytes in "),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().ends_with(&format!(", {copied} copied")),
        "{}",
        answer.text()
    );
    // And if the head came alone, nothing.
    send_in_pieces(&mut rig, &peer, &request[..head], head);
    send_in_pieces(&mut rig, &peer, &request[head..], 10_000);
    let answer = peer.take_answer();
    assert!(answer.text().ends_with(", 0 copied"), "{}", answer.text());
}

#[test]
fn a_body_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let mut rig = Rig::full_with(|config| config.limits.body = 1000);
    for (bytes, status) in [(1000, 200), (1001, 413)] {
        for request in [
            by_length("/count", &pattern(bytes)),
            in_chunks("/count", &pattern(bytes), 300),
        ] {
            let peer = rig.connect();
            peer.send(request);
            rig.run();
            let answer = peer.take_answer();
            assert_eq!((answer.status, answer.closes()), (status, status == 413));
            assert_eq!(rig.lent(), 0);
        }
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body_is_there() {
    let mut rig = Rig::full();
    for length in ["1048577", "18446744073709551615"] {
        let peer = rig.connect();
        peer.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        rig.run();
        let answer = peer.take_answer();
        assert_eq!((answer.status, answer.closes()), (413, true));
        assert_eq!(
            rig.lent(),
            0,
            "nothing is reserved for what was only announced"
        );
    }
}

#[test]
fn an_announced_megabyte_costs_what_has_come_of_it() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\nx");
    rig.run();
    assert!(rig.lent() <= 2 * 8192, "{} bytes", rig.lent());
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = |bytes| format!("{chunked}1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(bytes));
    let trailer = |fields: usize, bytes| {
        let value = "v".repeat(bytes);
        format!(
            "{chunked}1\r\nx\r\n0\r\n{}\r\n",
            format!("n: {value}\r\n").repeat(fields)
        )
    };
    let cases = [
        (extension(4000), 200),
        (extension(4200), 400),
        (trailer(32, 10), 200),
        (trailer(33, 10), 431),
        (trailer(1, 4000), 200),
        (trailer(1, 4200), 431),
    ];
    let mut rig = Rig::full();
    for (request, status) in cases {
        for piece_bytes in [usize::MAX, 100] {
            let peer = rig.connect();
            send_in_pieces(&mut rig, &peer, request.as_bytes(), piece_bytes);
            let answer = peer.take_answer();
            assert_eq!(answer.status, status, "{}", &request[60..90]);
            assert_eq!(answer.closes(), status != 200);
            assert_eq!(rig.lent(), 0);
        }
    }
}

#[test]
fn who_is_refused_without_a_look_at_the_body_may_go_on_behind_it() {
    let mut rig = Rig::new();
    let cases = [
        ("POST /missing", "", 404),
        ("POST /hello", "", 405),
        ("GET /hello", "", 200),
        ("BREW /hello", "", 501),
        ("POST /echo", "Expect: tea\r\n", 417),
        ("POST /unknown", "", 404),
    ];
    for (line, field, status) in cases {
        let peer = rig.connect();
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\n{field}");
        let body = "x".repeat(100_000);
        let framings = [
            format!("{head}Content-Length: 100000\r\n\r\n{body}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n186A0\r\n{body}\r\n0\r\n\r\n"),
        ];
        for request in framings {
            for piece_bytes in [usize::MAX, 5000] {
                send_in_pieces(&mut rig, &peer, request.as_bytes(), piece_bytes);
                peer.send(HELLO);
                rig.run();
                let answers = peer.take_answers();
                assert_eq!(answers.len(), 2, "{line}");
                assert_eq!((answers[0].status, answers[0].closes()), (status, false));
                assert_eq!(answers[1].text(), "hello");
                assert_eq!(rig.lent(), 0, "what is dropped is not kept");
            }
        }
    }
}

#[test]
fn a_405_says_what_is_allowed() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(by_length("/hello", b"abc"));
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(
        (answer.status, answer.field("Allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn a_body_that_nobody_wants_is_dropped_within_the_limit_only() {
    let mut rig = Rig::with(|config| config.limits.body = 1000);
    // Too long by its length: the answer says that nothing can follow.
    let peer = rig.connect();
    peer.send(by_length("/missing", &pattern(1001)));
    rig.run();
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (404, true));
    assert!(peer.saw_fin());
    // Too long by its chunks: that shows only after the answer.
    let peer = rig.connect();
    peer.send([in_chunks("/missing", &pattern(1001), 100), HELLO.to_vec()].concat());
    rig.run();
    assert_eq!(peer.take_answer().status, 404);
    assert!(peer.saw_fin());
    // Broken chunks: where would the next request begin?
    let peer = rig.connect();
    peer.send("POST /missing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    rig.run();
    assert_eq!(peer.take_answer().status, 404);
    assert!(peer.saw_fin());
}

/// A request whose client waits before it sends the body.
fn expecting(target: &str, version: &str, framing: &str) -> String {
    format!(
        "POST {target} HTTP/1.{version}\r\nHost: a\r\nExpect: 100-Continue\r\n{framing}\r\n\r\n"
    )
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn a_client_that_waits_is_told_to_continue() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for (framing, body) in [
        ("Content-Length: 5", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        peer.send(expecting("/echo", "1", framing));
        rig.run();
        assert_eq!(peer.take_received(), CONTINUE);
        peer.send(body);
        rig.run();
        let answer = peer.take_answer();
        assert_eq!(
            (answer.status, answer.text(), answer.closes()),
            (200, "hello", false)
        );
    }
}

#[test]
fn a_client_that_does_not_wait_is_not_told() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let head = expecting("/echo", "1", "Content-Length: 5");
    for here in [1, 5] {
        let (first, rest) = "hello".split_at(here);
        peer.send(head.clone() + first);
        rig.run();
        peer.send(rest);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
    }
}

#[test]
fn continue_comes_behind_the_answers_before_it() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let head = expecting("/echo", "1", "Content-Length: 5");
    peer.send(
        [
            b"GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n",
            HELLO,
            head.as_bytes(),
        ]
        .concat(),
    );
    rig.run();
    assert_eq!(peer.received(), b"");
    rig.advance(Duration::from_micros(100));
    assert!(peer.received().ends_with(CONTINUE));
    peer.send("hello");
    rig.run();
    let statuses: Vec<u16> = peer.answers().iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 100, 200]);
}

#[test]
fn continue_waits_for_a_slow_reader() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send(expecting("/echo", "1", "Content-Length: 5"));
    rig.run();
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_received(), CONTINUE);
    peer.send("hello");
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn http_1_0_has_no_continue() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(expecting("/echo", "0", "Content-Length: 5"));
    rig.run();
    assert_eq!(peer.received(), b"");
    peer.send("hello");
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn a_final_answer_instead_of_continue_closes() {
    // Whether the client sends its body now, nobody can tell (RFC 9110 section 10.1.1).
    let cases = [
        ("/missing", "Content-Length: 5", 404),
        ("/hello", "Content-Length: 5", 405),
        ("/echo", "Content-Length: 9999999", 413),
        ("/name?x", "Content-Length: 5", 200),
        ("/wait?us=0", "Content-Length: 5", 200),
        ("/missing", "Transfer-Encoding: chunked", 404),
    ];
    let mut rig = Rig::new();
    for (target, framing, status) in cases {
        let peer = rig.connect();
        peer.send(expecting(target, "1", framing));
        rig.run();
        let answer = peer.take_answer();
        assert_eq!((answer.status, answer.closes()), (status, true), "{target}");
        assert!(peer.saw_fin());
    }
}

#[test]
fn a_final_answer_to_a_client_that_did_not_wait_keeps_the_connection() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for target in ["/missing", "/hello", "/name?x"] {
        peer.send(expecting(target, "1", "Content-Length: 5") + "hello");
        peer.send(HELLO);
        rig.run();
        let answers = peer.take_answers();
        assert!(!answers[0].closes());
        assert_eq!(answers[1].text(), "hello");
    }
}

#[test]
fn an_expectation_without_a_body_is_answered_at_once() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for framing in ["X: y", "Content-Length: 0"] {
        for target in ["/echo", "/name?x", "/missing"] {
            peer.send(expecting(target, "1", framing));
            rig.run();
            let answer = peer.take_answer();
            let status = if target == "/missing" { 404 } else { 200 };
            assert_eq!(
                (answer.status, answer.closes()),
                (status, false),
                "{target} {framing}"
            );
        }
    }
    assert_eq!(rig.lent(), 0);
}

#[test]
fn another_expectation_is_417() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for expectation in ["tea", "100-continue, tea", "100-continue=1"] {
        peer.send(format!(
            "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: {expectation}\r\n\r\n"
        ));
        rig.run();
        let answer = peer.take_answer();
        assert_eq!(
            (answer.status, answer.closes()),
            (417, false),
            "{expectation}"
        );
    }
    assert!(peer.is_open());
}

/// A rig whose reactor may lend two of the smallest buffers.
fn poor() -> Rig {
    Rig::full_with(|config| config.limits.buffers = 2 * REST_BYTES)
}

fn assert_exhausted(peer: &Peer, answer: &Answer) {
    assert_eq!((answer.status, answer.closes()), (503, true));
    assert_eq!(answer.field("Retry-After"), Some("1"));
    assert!(peer.saw_fin());
}

#[test]
fn when_the_buffers_are_exhausted_bodies_are_refused_and_the_rest_is_served() {
    let mut rig = poor();
    let holding = rig.connect();
    // One buffer for its head, one for the first of its body.
    holding.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    rig.run();
    assert_eq!(rig.lent(), 2 * REST_BYTES as u64);
    for request in [
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".to_vec(),
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        HELLO[..10].to_vec(),
    ] {
        let peer = rig.connect();
        peer.send(request);
        rig.run();
        assert_exhausted(&peer, &peer.take_answer());
    }
    // What needs no buffer is served as ever.
    let peer = rig.connect();
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    holding.send("defghij");
    rig.run();
    assert_eq!(holding.take_answer().text(), "abcdefghij");
    assert_eq!(rig.lent(), 0);
    let refused = barewire::accounts::Refusal::Buffers as usize;
    assert_eq!(rig.account.refusals[refused].get(), 3);
}

#[test]
fn a_body_that_exhausts_the_buffers_is_refused_in_its_midst() {
    for chunked in [false, true] {
        let mut rig = poor();
        let peer = rig.connect();
        let body = pattern(50_000);
        peer.send(if chunked {
            in_chunks("/echo", &body, 1000)
        } else {
            by_length("/echo", &body)
        });
        rig.run();
        assert_exhausted(&peer, &peer.take_answer());
        assert_eq!(rig.lent(), 0);
    }
}

#[test]
fn who_does_not_take_its_answer_when_the_buffers_are_exhausted_is_left() {
    let mut rig = poor();
    let peer = rig.connect();
    peer.take_at_most(100);
    peer.send("GET /large?bytes=50000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    assert!(peer.is_closed());
    assert!(peer.left_behind_for().is_some());
    assert_eq!(rig.lent(), 0);
}

/// Its answer is on its way when no buffer is left for the rest of its body: there is no second
/// answer, and the first is not lost.
#[test]
fn a_body_that_nobody_wants_and_that_finds_no_buffer_gets_no_second_answer() {
    for buffers in [1, 2, 3] {
        let mut rig = Rig::full_with(|config| {
            config.limits.buffers = buffers * REST_BYTES;
            // The answer is sent before the body is looked at.
            config.techniques.batched_writes = false;
        });
        let peer = rig.connect();
        peer.take_at_most(10);
        peer.send("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
        rig.run();
        peer.take_all();
        rig.run();
        let answers = peer.take_answers();
        assert_eq!(answers.len(), 1, "{buffers} buffers");
        assert_eq!(answers[0].text(), "hello");
        assert_eq!(peer.saw_fin(), buffers == 1);
    }
}
