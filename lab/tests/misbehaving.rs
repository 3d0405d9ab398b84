//! The generator against servers that do wrong, each in its way: it ends, and says what was wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use barewire_lab::generator::{self, Options, Outcome};
use barewire_lab::wrk;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

const RIGHT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// Answers before a server begins to do wrong: past the first of each connection, and so on the
/// path that counts.
const RIGHT_ONES: usize = 20;

/// Waits for a request; `None` if the client has gone.
fn request(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(())
}

/// A server that calls `answer` with the number of each request of a connection; it closes when
/// that says `None`. Its threads end with the test's process.
fn server(
    answer: impl Fn(usize, &mut TcpStream) -> Option<()> + Send + Sync + Clone + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                for number in 0.. {
                    if request(&mut stream)
                        .and_then(|()| answer(number, &mut stream))
                        .is_none()
                    {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A server that sends `wrong` instead of an answer, after some right ones.
fn server_that_turns(wrong: &'static [u8], then_close: bool) -> SocketAddr {
    server(move |number, stream| {
        let bytes = if number < RIGHT_ONES { RIGHT } else { wrong };
        stream.write_all(bytes).ok()?;
        (number < RIGHT_ONES || !then_close).then_some(())
    })
}

fn load(address: SocketAddr, more: &[&str]) -> Outcome {
    let address = address.to_string();
    let usual = "load --seconds 0.1 --warmup 0 --connections 2 --silence 0.2";
    let words = usual
        .split(' ')
        .chain([address.as_str()])
        .chain(more.iter().copied());
    generator::measure(&Line::parse_from(words).options).unwrap()
}

fn kinds(outcome: &Outcome) -> Vec<&str> {
    assert_eq!(outcome.errors, outcome.errors_by_kind.values().sum::<u64>());
    outcome.errors_by_kind.keys().map(String::as_str).collect()
}

#[test]
fn refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(kinds(&load(address, &[])), ["connect"]);
    assert_eq!(kinds(&load(address, &["--reconnect"])), ["connect"]);
    assert_eq!(
        kinds(&load(address, &["--varying", "--reconnect"])),
        ["connect"]
    );
}

#[test]
fn closes_at_once() {
    assert_eq!(kinds(&load(server(|_, _| None), &[])), ["reset"]);
}

#[test]
fn closes_after_some_answers() {
    let outcome = load(server_that_turns(b"", true), &[]);
    assert_eq!(kinds(&outcome), ["reset"]);
    assert_eq!(outcome.errors, 2, "each connection is given up once");
    assert!(outcome.requests > 0);
}

#[test]
fn closes_within_an_answer() {
    let half = &RIGHT[..RIGHT.len() - 3];
    assert_eq!(kinds(&load(server_that_turns(half, true), &[])), ["reset"]);
    assert_eq!(
        kinds(&load(server_that_turns(half, true), &["--varying"])),
        ["reset"]
    );
}

#[test]
fn resets_within_an_answer() {
    let address = server(|number, stream| {
        if number < RIGHT_ONES {
            return stream.write_all(RIGHT).ok();
        }
        stream.write_all(&RIGHT[..10]).ok()?;
        // Closing with a linger of 0 sends a reset.
        let socket = socket2::SockRef::from(&*stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).ok()?;
        None
    });
    assert_eq!(kinds(&load(address, &[])), ["reset"]);
}

#[test]
fn never_answers() {
    let address = server(|_, _| Some(()));
    assert_eq!(kinds(&load(address, &[])), ["silence"]);
    assert_eq!(kinds(&load(address, &["--varying"])), ["silence"]);
    assert_eq!(
        kinds(&load(address, &["--varying", "--rate", "100"])),
        ["silence"]
    );
}

#[test]
fn stops_to_answer() {
    assert_eq!(
        kinds(&load(server_that_turns(b"", false), &[])),
        ["silence"]
    );
}

#[test]
fn has_another_status() {
    let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(
        kinds(&load(server_that_turns(busy, false), &["--varying"])),
        ["status"]
    );
    let from_the_first = server(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
            .ok()
    });
    assert_eq!(kinds(&load(from_the_first, &[])), ["status"]);
}

#[test]
fn has_another_body() {
    let other = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhullo";
    let outcome = load(
        server_that_turns(other, false),
        &["--varying", "--body", "hello"],
    );
    assert_eq!(kinds(&outcome), ["body"]);
    assert_eq!(
        kinds(&load(
            server(|_, s| s.write_all(RIGHT).ok()),
            &["--body", "hallo"]
        )),
        ["body"]
    );
}

#[test]
fn another_body_of_the_same_length_is_found_by_the_thousandth() {
    let other = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhullo";
    let outcome = load(server_that_turns(other, false), &["--requests", "3000"]);
    assert_eq!(kinds(&outcome), ["body"]);
    assert!(outcome.requests < 1100, "{}", outcome.requests);
}

#[test]
fn is_longer_than_learned() {
    let longer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!";
    assert_eq!(
        kinds(&load(server_that_turns(longer, false), &[])),
        ["length"]
    );
}

#[test]
fn is_shorter_than_learned() {
    let shorter = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell";
    assert_eq!(
        kinds(&load(server_that_turns(shorter, false), &[])),
        ["length"]
    );
}

#[test]
fn has_another_length_on_another_connection() {
    let address = {
        let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        server(move |number, stream| {
            let order = std::sync::atomic::Ordering::Relaxed;
            let first = number == 0 && connections.fetch_add(1, order) == 0;
            let other = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!";
            stream.write_all(if first { RIGHT } else { other }).ok()
        })
    };
    assert_eq!(kinds(&load(address, &[])), ["length"]);
}

#[test]
fn answers_twice() {
    let address = server(|number, stream| {
        let bytes = if number < RIGHT_ONES {
            RIGHT.to_vec()
        } else {
            RIGHT.repeat(2)
        };
        stream.write_all(&bytes).ok()
    });
    assert_eq!(kinds(&load(address, &[])), ["length"]);
    assert_eq!(kinds(&load(address, &["--varying"])), ["length"]);
}

#[test]
fn keeps_a_connection_that_was_to_be_closed() {
    let address = server(|_, stream| stream.write_all(RIGHT).ok());
    assert_eq!(kinds(&load(address, &["--reconnect"])), ["silence"]);
}

/// wrk itself exits with 0 then. Where it is not installed, there is nothing to test.
#[test]
fn what_wrk_takes_for_an_error_is_told() {
    if which::which("wrk").is_err() {
        return;
    }
    let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello";
    let url = format!("http://{}/", server_that_turns(busy, false));
    let outcome = wrk::run(&url, 1, 2, 1).unwrap();
    assert_eq!(
        outcome.errors_by_kind.keys().collect::<Vec<_>>(),
        ["status"]
    );
    assert!(outcome.requests > outcome.errors_by_kind["status"]);
}
