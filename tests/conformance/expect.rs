//! Expect (RFC 9110 section 10.1.1), and ends of streams: what takes more than one piece.

use crate::case::{check_always, post, request};
use crate::wire::{Live, Wire, alone};

fn expecting(line: &str, length: usize) -> Vec<u8> {
    let length = format!("Content-Length: {length}");
    request(line, &["Host: x", "Expect: 100-continue", &length], "")
}

/// The interim answer, to the byte: nothing but its status line.
fn expect_continue(wire: &mut Wire) {
    let interim = wire.answer();
    assert_eq!((interim.status, interim.fields.len()), (100, 0));
}

#[test]
fn rfc9110_section_10_1_1_the_body_is_asked_for() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for spelling in ["100-continue", "100-Continue"] {
        let expect = format!("Expect: {spelling}");
        wire.send(post(&[&expect, "Content-Length: 9"], ""));
        expect_continue(&mut wire);
        let answer = wire.ask("123456789");
        check_always(&answer, false, spelling);
        assert_eq!(answer.json()["crc32"], "cbf43926");
        wire.send(post(&[&expect, "Transfer-Encoding: chunked"], ""));
        expect_continue(&mut wire);
        assert_eq!(
            wire.ask("9\r\n123456789\r\n0\r\n\r\n").json()["crc32"],
            "cbf43926"
        );
    }
    wire.expect_open();
}

#[test]
fn rfc9110_section_10_1_1_a_body_that_is_here_is_not_asked_for() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let fields = ["Expect: 100-continue", "Content-Length: 9"];
    assert_eq!(
        wire.ask(post(&fields, "123456789")).json()["crc32"],
        "cbf43926"
    );
    // A part of it is enough.
    wire.send(post(&fields, "1"));
    wire.send("23456789");
    assert_eq!(wire.answer().json()["crc32"], "cbf43926");
    // No body: nothing to ask for.
    let fields = ["Expect: 100-continue", "Content-Length: 0"];
    assert_eq!(wire.ask(post(&fields, "")).status, 200);
    assert_eq!(wire.ask(post(&["Expect: 100-continue"], "")).status, 200);
    wire.expect_open();
}

/// The client may or may not send its body after a final answer, so nothing can follow it.
#[test]
fn rfc9110_section_10_1_1_a_known_answer_closes() {
    let live = Live::routes(alone());
    for (line, length, status) in [
        ("POST /zero-copy HTTP/1.1", 2_000_000, 413),
        ("POST /nothing HTTP/1.1", 5, 404),
        ("POST /plaintext HTTP/1.1", 5, 405),
        ("BREW /plaintext HTTP/1.1", 5, 501),
        ("GET /plaintext HTTP/1.1", 5, 200),
        ("GET /benchmark HTTP/1.1", 5, 200),
    ] {
        let mut wire = live.connect();
        let answer = wire.ask(expecting(line, length));
        check_always(&answer, false, line);
        assert_eq!((answer.status, answer.closes()), (status, true), "{line}");
        wire.expect_end();
    }
}

#[test]
fn rfc9110_section_10_1_1_version_1_0_expects_nothing() {
    let live = Live::routes(alone());
    for expectation in ["100-continue", "tea"] {
        let mut wire = live.connect();
        let expect = format!("Expect: {expectation}");
        wire.send(request(
            "POST /zero-copy HTTP/1.0",
            &[&expect, "Content-Length: 9"],
            "",
        ));
        // Were there a 100, it would be read in place of the answer.
        let answer = wire.ask("123456789");
        assert_eq!((answer.status, answer.closes()), (200, true));
        wire.expect_end();
    }
}

#[test]
fn rfc9110_section_15_5_18_another_expectation() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for expectations in [
        &["Expect: tea"][..],
        &["Expect: 100-continue, tea"],
        &["Expect: 100-continue", "Expect: tea"],
    ] {
        let fields = [expectations, &["Content-Length: 5"]].concat();
        let answer = wire.ask(post(&fields, "hello"));
        check_always(&answer, false, expectations[0]);
        assert_eq!(
            (answer.status, answer.closes()),
            (417, false),
            "{expectations:?}"
        );
    }
    wire.expect_open();
}

/// RFC 9112 section 8: an incomplete message is an error, not a request.
#[test]
fn rfc9112_section_8_a_stream_that_ends_too_soon() {
    let live = Live::routes(alone());
    for part in [
        "G",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r",
        "POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell",
        "POST /zero-copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\
        0\r\n",
    ] {
        let mut wire = live.connect();
        wire.send(part);
        wire.close_write();
        let answer = wire.answer();
        check_always(&answer, false, part);
        assert_eq!((answer.status, answer.closes()), (400, true), "{part:?}");
        wire.expect_end();
    }
}

/// RFC 9112 section 9.6: a client that has closed its side still gets its answers.
#[test]
fn rfc9112_section_9_6_a_half_closed_client() {
    let live = Live::routes(alone());
    for target in [
        "/plaintext",
        "/benchmark?wait_us=2000",
        "/benchmark?work=20000",
    ] {
        let mut wire = live.connect();
        let get = request(&format!("GET {target} HTTP/1.1"), &["Host: x"], "");
        wire.send(get.repeat(3));
        wire.close_write();
        for _ in 0..3 {
            assert_eq!(wire.answer().status, 200, "{target}");
        }
        wire.expect_end();
    }
    // It sends nothing at all.
    let mut wire = live.connect();
    wire.close_write();
    wire.expect_end();
}

/// RFC 9112 section 9.6: what the client was still sending does not cost it the answer. Closed at
/// once, the connection would be reset, and the answer dropped by the client's kernel.
#[test]
fn rfc9112_section_9_6_an_answer_outlives_what_is_still_sent() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let body = vec![b'x'; 8 * 1024 * 1024];
    wire.send(post(&[&format!("Content-Length: {}", body.len())], ""));
    wire.send(&body);
    let answer = wire.answer();
    assert_eq!((answer.status, answer.closes()), (413, true));
    wire.expect_end();
}
