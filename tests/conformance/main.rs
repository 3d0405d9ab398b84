//! HTTP/1.1 from outside: raw bytes in, raw bytes out, over real sockets, to the real routes.
//!
//! Each rule that the server promises is a [`Case`] in a table: its section of the RFC, the bytes
//! of the request, and what must come back. What holds for every answer is checked for every case;
//! that a connection stays open is shown by a second request on it, that it closes by FIN and
//! nothing more behind the answer, also if a second request was sent right behind the first.
#![cfg(feature = "routes")]
#![allow(clippy::too_many_lines)] // Tables.

#[path = "../naive/mod.rs"]
mod naive;
#[path = "../sources/mod.rs"]
mod sources;
#[path = "../wire/mod.rs"]
mod wire;

mod case;

mod chunks;
mod connection;
mod decided;
mod expect;
mod fields;
mod framing;
mod limits;
mod methods;
mod priorities;
mod request_line;
mod requirements;
mod techniques;

use case::{Case, run};
use wire::{Live, Wire, alone, eventually};

/// All tables.
fn tables() -> Vec<Case> {
    [
        request_line::cases(),
        request_line::targets(),
        fields::lines(),
        fields::hosts(),
        framing::cases(),
        chunks::cases(),
        connection::cases(),
        connection::pipelines(),
        methods::cases(),
        priorities::cases(),
        limits::cases(),
    ]
    .concat()
}

/// RFC 9112 section 3: the parts of a request line, and versions.
#[test]
fn rfc9112_section_3_request_line() {
    run(request_line::cases());
}

/// RFC 9112 section 3.2: the four forms of a target, and their octets.
#[test]
fn rfc9112_section_3_2_targets() {
    run(request_line::targets());
}

/// RFC 9112 sections 2.2, 5: lines and field lines.
#[test]
fn rfc9112_section_5_lines() {
    run(fields::lines());
}

/// RFC 9112 section 3.2, RFC 9110 section 7.2: Host.
#[test]
fn rfc9112_section_3_2_host() {
    run(fields::hosts());
}

/// RFC 9112 section 6: where a body ends, and every disguise of a second request in it.
#[test]
fn rfc9112_section_6_framing() {
    run(framing::cases());
}

/// RFC 9112 section 7.1: chunks.
#[test]
fn rfc9112_section_7_1_chunks() {
    run(chunks::cases());
}

/// RFC 9110 section 7.6.1, RFC 9112 section 9.3: who stays and who closes.
#[test]
fn rfc9112_section_9_3_connection() {
    run(connection::cases());
}

/// RFC 9112 section 9.3.2: the order of answers.
#[test]
fn rfc9112_section_9_3_2_pipelining() {
    run(connection::pipelines());
}

/// RFC 9110 section 9: methods, known, unknown and not allowed.
#[test]
fn rfc9110_section_9_methods() {
    run(methods::cases());
}

/// RFC 9110 section 15.5: the limits, on both sides of each.
#[test]
fn rfc9110_section_15_5_limits() {
    run(limits::cases());
}

/// Which error, when several hold.
#[test]
fn the_first_of_several_errors() {
    run(priorities::cases());
}

/// The names are what a failure is found by.
#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<_> = tables().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// The tables once more, each request cut in two: the second piece is sent only after the server
/// has received the first.
#[test]
fn a_cut_changes_nothing() {
    let live = Live::routes(alone());
    for case in tables() {
        let last = case.request.len() - 1;
        for cut in [1, last / 3, last / 2, last] {
            let mut wire = live.connect();
            send_in_two(&mut wire, &live, &case.request, cut.max(1));
            case.check(&mut wire, &format!("cut at {cut}"));
        }
    }
}

/// A request cut at every place.
#[test]
fn every_cut_of_a_chunked_post_and_a_get_changes_nothing() {
    let request = b"POST /zero-copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
        4;a=\"b\"\r\n1234\r\n5\r\n56789\r\n0\r\nT: u\r\n\r\nGET /json HTTP/1.1\r\nHost: x\r\n\r\n";
    let live = Live::routes(alone());
    for cut in 1..request.len() {
        let mut wire = live.connect();
        send_in_two(&mut wire, &live, request, cut);
        let body = wire.answer().json();
        assert_eq!(
            (&body["input_size"], &body["crc32"]),
            (&9.into(), &"cbf43926".into())
        );
        assert_eq!(wire.answer().text(), r#"{"message":"Hello, World!"}"#);
    }
}

fn send_in_two(wire: &mut Wire, live: &Live, request: &[u8], cut: usize) {
    let (first, second) = request.split_at(cut);
    let before = live.sum(|reactor| &reactor.bytes_in);
    wire.send(first);
    eventually("the first piece is received", || {
        live.sum(|reactor| &reactor.bytes_in) == before + cut as u64
    });
    wire.send(second);
    // Nothing of this piece may count as the next request's.
    eventually("the second piece is received", || {
        live.sum(|reactor| &reactor.bytes_in) == before + request.len() as u64
    });
}
