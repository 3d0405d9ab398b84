//! `/events` over sockets: one rendering and one send for each client, nothing kept in between, and
//! a client that does not read delays nobody.
#![cfg(feature = "routes")]

mod wire;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use wire::{Live, Wire, alone, eventually, full};

const REQUEST: &[u8] = b"GET /events?every_ms=100 HTTP/1.1\r\nHost: a\r\n\r\n";

/// A client that listens.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn to(wire: &Wire) -> Self {
        let mut stream = wire.stream().try_clone().unwrap();
        stream.write_all(REQUEST).unwrap();
        let mut listener = Self(BufReader::new(stream));
        assert_eq!(listener.line(), "HTTP/1.1 200 OK");
        let head: Vec<_> = std::iter::repeat_with(|| listener.line())
            .take_while(|line| !line.is_empty())
            .collect();
        for field in [
            "Content-Type: text/event-stream",
            "Cache-Control: no-store",
            "Transfer-Encoding: chunked",
        ] {
            assert!(head.iter().any(|line| line == field), "{head:?}");
        }
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "it has ended");
        line.trim_end().to_owned()
    }

    /// The number of the next event.
    fn number(&mut self) -> u64 {
        loop {
            if let Some(number) = self.line().strip_prefix("id: ") {
                let number = number.parse().unwrap();
                assert_eq!(self.line(), "event: accounts");
                let data = self.line();
                let figures = data.strip_prefix("data: ").unwrap();
                let figures: serde_json::Value = serde_json::from_str(figures).unwrap();
                assert!(figures["seconds"].as_f64().unwrap() < 3.0);
                return number;
            }
        }
    }
}

#[test]
fn each_event_is_rendered_once_and_sent_once_to_each() {
    const CLIENTS: u64 = 20;
    const EVENTS: u64 = 8;
    let live = Live::routes(full(1));
    let wires: Vec<_> = (0..CLIENTS).map(|_| live.connect()).collect();
    let mut listeners: Vec<_> = wires.iter().map(Listener::to).collect();
    let began = Instant::now();
    let mut last = 0;
    for listener in &mut listeners {
        let numbers: Vec<u64> = (0..EVENTS).map(|_| listener.number()).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        last = last.max(*numbers.last().unwrap());
    }
    // The first of each comes at once, the others every 100 ms.
    assert!(began.elapsed() > Duration::from_millis(100 * (EVENTS - 2)));
    assert!(
        last < CLIENTS * EVENTS / 3,
        "{last} renderings for 160 events"
    );
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
    let (writes, pieces) = (
        live.sum(|reactor| &reactor.writes),
        live.sum(|reactor| &reactor.pieces),
    );
    assert!(
        writes >= CLIENTS * EVENTS && writes <= pieces,
        "{writes} sends, {pieces} pieces"
    );
}

#[test]
fn a_slow_client_skips_to_the_latest_and_slows_nobody() {
    let live = Live::routes(full(1));
    let (wire, narrow) = (live.connect(), Wire::narrow(live.address, 4096));
    let (mut quick, mut slow) = (Listener::to(&wire), Listener::to(&narrow));
    let first = slow.number();
    // It reads no more: what the kernel does not take is owed, and it is not asked for.
    eventually("something is owed", || {
        quick.number();
        live.sum(|reactor| &reactor.buffer_bytes) > 0
    });
    let held = live.sum(|reactor| &reactor.buffer_bytes);
    let before = quick.number();
    let began = Instant::now();
    for _ in 0..10 {
        quick.number();
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "ten events took {took:?}");
    assert_eq!(
        live.sum(|reactor| &reactor.buffer_bytes),
        held,
        "no event is queued"
    );
    let mut numbers = vec![first];
    while numbers.last() < Some(&before) {
        numbers.push(slow.number());
    }
    let skipped = numbers.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(skipped > Some(8), "{numbers:?}");
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
}

#[test]
fn the_events_end_when_the_server_leaves() {
    let live = Live::routes(alone());
    let wire = live.connect();
    let mut listener = Listener::to(&wire);
    listener.number();
    live.drain();
    let mut rest = String::new();
    listener.0.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
    live.join();
}
