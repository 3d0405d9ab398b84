//! The loops at the limit: whatever the pieces in which requests come, each is answered once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use barewire_lab::canned::answer;
use barewire_lab::process::{Running, Subject};

const REQUEST: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Far beyond what anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of them that run here: a system may forbid `io_uring(7)`, and the one that needs it says so.
fn loops() -> Vec<Running> {
    let length = REQUEST.len().to_string();
    let canned = |name: &str, program: &str, more: &[&str]| {
        let given = ["--request-bytes", &length];
        Subject::announcing(name, program, &[&given, more].concat())
    };
    let mut running: Vec<_> = ["0", "1", "2"]
        .map(|level| canned(level, env!("CARGO_BIN_EXE_canned"), &["--level", level]))
        .iter()
        .map(|subject| Running::start(subject, 1, &[]).unwrap())
        .collect();
    let uring = canned("io_uring", env!("CARGO_BIN_EXE_canned-uring"), &[]);
    match Running::start(&uring, 1, &[]) {
        Ok(started) => running.push(started),
        Err(error) => {
            let error = format!("{error:#}");
            let is_forbidden = [
                "Operation not permitted",
                "not implemented",
                "Invalid argument",
            ]
            .iter()
            .any(|reason| error.contains(reason));
            assert!(is_forbidden, "{error}");
            println!("skipped: {error}");
        }
    }
    running
}

fn connect(running: &Running) -> TcpStream {
    let stream = TcpStream::connect(running.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads so many answers, and nothing more.
fn expect(stream: &mut TcpStream, answers: usize) {
    let one = answer();
    let mut received = vec![0; answers * one.len()];
    stream.read_exact(&mut received).unwrap();
    // All but the Date, whose second is that of the start.
    let end = b"\r\n\r\nHello, World!";
    for answer in received.chunks(one.len()) {
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\nServer: barewire\r\n"));
        assert!(answer.ends_with(end));
    }
    stream.set_nonblocking(true).unwrap();
    let more = stream.read(&mut [0]).unwrap_err();
    assert_eq!(more.kind(), std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
}

#[test]
fn a_request_has_an_answer() {
    for running in loops() {
        let mut peers = [(); 3].map(|()| connect(&running));
        for _ in 0..3 {
            for peer in &mut peers {
                peer.write_all(REQUEST).unwrap();
            }
            for peer in &mut peers {
                expect(peer, 1);
            }
        }
        running.stop().unwrap();
    }
}

#[test]
fn requests_in_one_piece_have_their_answers() {
    for running in loops() {
        let mut peer = connect(&running);
        // More than one recv takes.
        for requests in [16, 1, 400] {
            peer.write_all(&REQUEST.repeat(requests)).unwrap();
            expect(&mut peer, requests);
        }
        running.stop().unwrap();
    }
}

#[test]
fn a_request_in_two_pieces_has_one_answer() {
    for running in loops() {
        let mut peer = connect(&running);
        for cut in 1..REQUEST.len() {
            // The piece goes with the end of a request before it, so that its answer tells that the
            // piece has come.
            peer.write_all(&[REQUEST, &REQUEST[..cut]].concat())
                .unwrap();
            expect(&mut peer, 1);
            peer.write_all(&REQUEST[cut..]).unwrap();
            expect(&mut peer, 1);
        }
        running.stop().unwrap();
    }
}

#[test]
fn a_peer_that_leaves_takes_nobody_with_it() {
    for running in loops() {
        let mut stays = connect(&running);
        let mut leaves = connect(&running);
        leaves.write_all(REQUEST).unwrap();
        expect(&mut leaves, 1);
        drop(leaves);
        stays.write_all(REQUEST).unwrap();
        expect(&mut stays, 1);
        running.stop().unwrap();
    }
}
