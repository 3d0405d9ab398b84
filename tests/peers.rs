//! Peers as they are: slow, half-closed, gone, greedy, silent. Each is served or refused as
//! promised, with bounded memory, and the others never notice.
//!
//! Timeouts are shortened where one is to be seen; that nothing comes too early is tested
//! elsewhere, on a scripted clock.
#![cfg(feature = "cli")]

mod wire;

use std::io::{ErrorKind, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use barewire::accounts::Refusal;
use barewire::config::{Config, Limits, SocketOptions, Timeouts};
use barewire::{Method, Response, Server};
use rustix::process::{Resource, getrlimit};

use wire::process::{Barewire, command_with_files};
use wire::{Live, PROBE, Wire, alone, eventually, full, workers};

const KIB: usize = 1024;

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A server with one short timeout.
fn impatient(timeouts: Timeouts) -> Live {
    Live::routes(Config {
        timeouts,
        ..alone()
    })
}

/// How many connections were refused for this reason.
fn refused(live: &Live, refusal: Refusal) -> u64 {
    live.sum(|reactor| &reactor.refusals[refusal as usize])
}

/// The bytes that a large answer has: no two neighbouring kilobytes are alike.
#[allow(clippy::cast_possible_truncation)] // Below 256.
fn large(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|index| (index % 251 + index / KIB % 5) as u8)
        .collect()
}

/// A server with one large answer, and buffers of the sockets that do not take it at once.
fn generous(bytes: usize, config: Config) -> Live {
    let socket = SocketOptions {
        send_buffer: Some(16 * KIB),
        ..config.socket
    };
    let server = Server::new()
        .config(Config { socket, ..config })
        .route(Method::Get, "/plaintext", |_| {
            Response::text("Hello, World!")
        })
        .route(Method::Get, "/large", move |_| {
            Response::bytes(barewire::http::ContentType::Text, large(bytes))
        });
    Live::start(server)
}

/// Everything that the connections of a reactor held is back, and so are they.
fn all_is_given_back(live: &Live) {
    // Two counters, and the reactor goes on between the two looks.
    eventually("all connections are gone, and their buffers back", || {
        let connections = live.sum(|reactor| &reactor.connections);
        connections + live.sum(|reactor| &reactor.buffer_bytes) == 0
    });
    assert_eq!(live.sum(|reactor| &reactor.panics), 0);
}

#[test]
fn a_reader_of_single_bytes_gets_its_answer_and_holds_nobody_up() {
    const BYTES: usize = 200 * KIB;
    let live = generous(BYTES, full(1));
    let mut slow = Wire::narrow(live.address, 4 * KIB);
    let mut other = live.connect();
    slow.send(get("/large"));
    eventually("it does not fit", || {
        live.sum(|reactor| &reactor.short_writes) > 0
    });
    assert!(live.sum(|reactor| &reactor.buffer_bytes) <= 4 * BYTES as u64);
    let head = slow.answer_to_head();
    assert_eq!(head.field("Content-Length"), Some("204800"));
    for (index, expected) in large(BYTES).iter().enumerate() {
        assert_eq!(slow.take_slowly(), *expected);
        if index % (8 * KIB) == 0 {
            other.expect_open();
        }
    }
    slow.expect_open();
    // Nothing is kept for a connection that owes nothing.
    eventually("the buffers are back", || {
        live.sum(|reactor| &reactor.buffer_bytes) == 0
    });
}

/// Many of them at once, each with an answer that the kernel does not take.
#[test]
fn answers_that_nobody_reads_are_bounded() {
    const BYTES: usize = 256 * KIB;
    let limits = Limits {
        buffers: 2048 * KIB,
        ..Limits::default()
    };
    let live = generous(BYTES, Config { limits, ..alone() });
    let mut slow: Vec<Wire> = (0..20)
        .map(|_| Wire::narrow(live.address, 4 * KIB))
        .collect();
    for wire in &mut slow {
        wire.send(get("/large"));
    }
    // Those for whom no buffer was left are given up.
    eventually("all are answered or given up", || {
        live.sum(|reactor| &reactor.requests) == 20 && refused(&live, Refusal::Buffers) > 0
    });
    assert!(live.sum(|reactor| &reactor.buffer_bytes) <= limits.buffers as u64);
    live.connect().expect_open();
    let answers: Vec<_> = slow.iter_mut().filter_map(Wire::answer_or_gone).collect();
    assert!(answers.iter().all(|answer| answer.body == large(BYTES)));
    let whole = answers.len();
    assert!(whole > 0 && whole < 20, "{whole} got their answer");
    drop(slow);
    all_is_given_back(&live);
}

/// A client that sends requests and never reads: it is stopped by its own kernel, and what the
/// server holds for it is a little more than it may owe. When it reads at last, everything is
/// there, in order.
#[test]
fn a_flood_of_pipelined_requests_is_stopped_and_answered() {
    let socket = SocketOptions {
        send_buffer: Some(16 * KIB),
        recv_buffer: Some(16 * KIB),
        ..SocketOptions::default()
    };
    let live = Live::routes(Config { socket, ..full(1) });
    let mut flood = Wire::narrow(live.address, 4 * KIB);
    let request = get("/plaintext");
    let batch = request.repeat(200);
    flood.stream().set_write_timeout(Some(ms(100))).unwrap();
    let mut sent = 0;
    loop {
        let offset = sent % request.len();
        match (&mut flood.stream()).write(&batch.as_bytes()[offset..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 64 * 1024 * KIB, "it is never stopped");
    }
    let held = live.sum(|reactor| &reactor.buffer_bytes);
    let owed_max = Limits::default().owed;
    assert!(held > 0 && held <= 4 * owed_max as u64, "{held} bytes");
    live.connect().expect_open();

    let rest = (request.len() - sent % request.len()) % request.len();
    let requests = sent.div_ceil(request.len());
    flood.stream().set_nonblocking(true).unwrap();
    let mut left = &request.as_bytes()[request.len() - rest..];
    let mut answers = 0;
    // The last piece of the last request goes out as soon as there is room for it.
    while answers < requests {
        if !left.is_empty()
            && let Ok(count) = (&mut flood.stream()).write(left)
        {
            left = &left[count..];
        }
        flood.stream().set_nonblocking(false).unwrap();
        assert_eq!(flood.answer().text(), "Hello, World!");
        flood.stream().set_nonblocking(true).unwrap();
        answers += 1;
    }
    flood.stream().set_nonblocking(false).unwrap();
    flood.expect_open();
    eventually("the buffers are back", || {
        live.sum(|reactor| &reactor.buffer_bytes) == 0
    });
}

#[test]
fn a_half_closed_client_gets_a_large_answer() {
    const BYTES: usize = 512 * KIB;
    let live = generous(BYTES, alone());
    let mut wire = Wire::narrow(live.address, 4 * KIB);
    wire.send(get("/large").repeat(2));
    wire.close_write();
    for _ in 0..2 {
        assert_eq!(wire.answer().body, large(BYTES));
    }
    wire.expect_end();
    drop(wire);
    all_is_given_back(&live);
}

#[test]
fn a_half_closed_client_gets_the_answer_to_its_upload() {
    let live = Live::routes(alone());
    let body = large(300 * KIB);
    let crc = format!("{:08x}", crc32fast::hash(&body));
    let length = format!("Content-Length: {}", body.len());
    let chunked = format!("{:x}\r\n", body.len());
    for (field, before, after) in [
        (length.as_str(), "", ""),
        ("Transfer-Encoding: chunked", &chunked, "\r\n0\r\n\r\n"),
    ] {
        let mut wire = live.connect();
        wire.send(format!(
            "POST /zero-copy HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n{before}"
        ));
        wire.send(&body);
        wire.send(after);
        wire.close_write();
        assert_eq!(wire.answer().json()["crc32"], crc);
        wire.expect_end();
    }
    all_is_given_back(&live);
}

/// Resets before, within and behind a request, while its answer is being made, and while it is
/// being sent.
#[test]
fn clients_that_reset_leave_nothing_behind() {
    let live = Live::routes(workers(2));
    let mut other = live.connect();
    let parts = [
        String::new(),
        "GET /pl".to_owned(),
        get("/plaintext"),
        get("/").repeat(50),
        get("/benchmark?wait_us=1000"),
        get("/benchmark?wait_us=200000"),
        get("/benchmark?work=100000"),
        get("/cache/a?cost_ms=100"),
        "POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc".to_owned(),
        "POST /zero-copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
            .to_owned(),
        "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
    ];
    let mut waits = Vec::new();
    for round in 0..20 {
        for part in &parts {
            let mut wire = live.connect();
            wire.send(part);
            if round % 2 == 0 {
                wire.reset();
            } else {
                waits.push(wire);
            }
            other.expect_open();
        }
        waits.drain(..).for_each(Wire::reset);
    }
    drop(other);
    all_is_given_back(&live);
}

/// Connections that have been answered, or have never said anything, hold no buffer.
#[test]
fn idle_connections_hold_no_buffer() {
    let live = Live::routes(full(2));
    // Starting has raised the soft limit to the hard one. Each connection has two ends here.
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let count = 2000.min(usize::try_from(files / 4).unwrap());
    let mut wires: Vec<Wire> = (0..count).map(|_| live.connect()).collect();
    eventually("all are accepted", || {
        live.sum(|reactor| &reactor.connections) == count as u64
    });
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
    for wire in &mut wires {
        wire.send(PROBE);
    }
    for wire in &mut wires {
        assert_eq!(wire.answer().status, 200);
    }
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
    // One that has begun a request holds one.
    wires[0].send("GET /");
    eventually("it is kept", || {
        live.sum(|reactor| &reactor.buffer_bytes) > 0
    });
    wires[0].send("plaintext HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(wires[0].answer().status, 200);
    eventually("it is returned", || {
        live.sum(|reactor| &reactor.buffer_bytes) == 0
    });
    drop(wires);
    all_is_given_back(&live);
}

#[test]
fn silence_is_ended_silently() {
    let live = impatient(Timeouts {
        idle: ms(60),
        ..Timeouts::default()
    });
    let mut never = live.connect();
    let mut answered = live.connect();
    answered.expect_open();
    // Not the beginning of a request yet, but what some send behind a body.
    let mut empty_line = live.connect();
    empty_line.send("\r\n");
    // FIN and not one byte: browsers take an unasked 408 for the answer to their next request.
    never.expect_end();
    answered.expect_end();
    empty_line.expect_end();
    assert_eq!(refused(&live, Refusal::Idle), 3);
    assert_eq!(live.sum(|reactor| &reactor.requests), 1);
}

/// Who goes on asking is not idle, and who waits for an answer is not either.
#[test]
fn who_waits_for_an_answer_is_not_idle() {
    let live = impatient(Timeouts {
        idle: ms(50),
        ..Timeouts::default()
    });
    let mut wire = live.connect();
    assert_eq!(wire.get("/benchmark?wait_us=150000").status, 200);
    assert_eq!(wire.get("/cache/a?cost_ms=150").status, 200);
    wire.expect_open();
    wire.expect_end();
}

#[test]
fn a_head_that_takes_too_long_is_408() {
    let live = impatient(Timeouts {
        head: ms(60),
        ..Timeouts::default()
    });
    for part in ["G", "GET / HTTP/1.1\r\nHost: x\r\n", "\r\nG"] {
        let mut wire = live.connect();
        wire.send(part);
        let answer = wire.answer();
        assert_eq!((answer.status, answer.closes()), (408, true), "{part:?}");
        wire.expect_end();
    }
    // Bytes that come in time do not move the end of it.
    let mut wire = live.connect();
    wire.send("GET / HTTP/1.1\r\nHost: x\r\nA: ");
    wire.stream().set_read_timeout(Some(ms(5))).unwrap();
    while let Err(error) = wire.try_fill() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        wire.send("b");
    }
    wire.stream()
        .set_read_timeout(Some(wire::PATIENCE))
        .unwrap();
    assert_eq!(wire.answer().status, 408);
    assert_eq!(refused(&live, Refusal::HeadTimeout), 4);
}

#[test]
fn a_body_that_stops_is_408() {
    let live = impatient(Timeouts {
        body: ms(60),
        ..Timeouts::default()
    });
    for part in [
        "Content-Length: 5\r\n\r\n",
        "Content-Length: 5\r\n\r\nhell",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let mut wire = live.connect();
        wire.send(format!("POST /zero-copy HTTP/1.1\r\nHost: x\r\n{part}"));
        let answer = wire.answer();
        assert_eq!((answer.status, answer.closes()), (408, true), "{part:?}");
        wire.expect_end();
    }
    assert_eq!(refused(&live, Refusal::BodyTimeout), 5);
    all_is_given_back(&live);
}

#[test]
fn a_body_of_a_few_bytes_a_second_is_408() {
    let live = impatient(Timeouts {
        body_rate_span: ms(60),
        ..Timeouts::default()
    });
    let mut wire = live.connect();
    wire.send("POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    // A byte in 10 ms is 100 a second: the silence between two is short, the rate too low.
    wire.stream().set_read_timeout(Some(ms(10))).unwrap();
    while let Err(error) = wire.try_fill() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        wire.send("b");
    }
    wire.stream()
        .set_read_timeout(Some(wire::PATIENCE))
        .unwrap();
    let answer = wire.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    wire.expect_end();
}

#[test]
fn who_does_not_take_an_answer_is_given_up() {
    const BYTES: usize = 1024 * KIB;
    let timeouts = Timeouts {
        write: ms(80),
        ..Timeouts::default()
    };
    let live = generous(
        BYTES,
        Config {
            timeouts,
            ..alone()
        },
    );
    let mut wire = Wire::narrow(live.address, 4 * KIB);
    wire.send(get("/large"));
    eventually("it is given up", || {
        refused(&live, Refusal::SlowReader) == 1
    });
    eventually("it is gone", || {
        live.sum(|reactor| &reactor.connections) == 0
    });
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
    assert!(wire.answer_or_gone().is_none());
    live.connect().expect_open();
}

/// After the last answer a client may go on sending, or not close: it is read for a while, and
/// then left.
#[test]
fn a_lingering_close_ends() {
    let silence = Timeouts {
        linger_silence: ms(60),
        ..Timeouts::default()
    };
    let in_all = Timeouts {
        linger: ms(100),
        ..Timeouts::default()
    };
    let closing = "GET /plaintext HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let live = impatient(silence);
    let mut wire = live.connect();
    assert_eq!(wire.ask(closing).status, 200);
    wire.expect_end();
    eventually("its silence ends it", || {
        live.sum(|reactor| &reactor.connections) == 0
    });

    let live = impatient(in_all);
    let mut wire = live.connect();
    assert_eq!(wire.ask(closing).status, 200);
    wire.expect_end();
    eventually("the time is over", || {
        // Refused once the server has left: by a reset, which is what it deserves.
        let _ = (&mut wire.stream()).write(b"more");
        live.sum(|reactor| &reactor.connections) == 0
    });
}

#[test]
fn connections_beyond_the_limit_wait_and_are_served_in_turn() {
    let limits = Limits {
        connections: Some(3),
        ..Limits::default()
    };
    let live = Live::routes(Config { limits, ..alone() });
    let mut inside: Vec<Wire> = (0..3).map(|_| live.connect()).collect();
    for wire in &mut inside {
        wire.expect_open();
    }
    let mut outside: Vec<Wire> = (0..3).map(|_| live.connect()).collect();
    for wire in &mut outside {
        wire.send(PROBE);
    }
    for wire in &mut inside {
        wire.expect_open();
    }
    assert_eq!(live.sum(|reactor| &reactor.accepted), 3);
    // One goes, one comes.
    for (gone, mut wire) in inside.into_iter().zip(outside) {
        drop(gone);
        assert_eq!(wire.answer().status, 200);
        assert!(live.sum(|reactor| &reactor.connections) <= 3);
        wire.expect_open();
    }
}

/// The whole process has run out of descriptors: who is there is served, who comes waits, and
/// nothing spins.
#[test]
fn a_full_file_table_is_survived() {
    let args = ["--port", "0", "--workers", "1", "--connections-max", "1000"];
    let barewire = Barewire::spawn(&mut command_with_files(40, &args));
    let mut control = barewire.connect();
    let mut stats = || control.get("/stats").json()["reactors"][0].clone();
    let mut others: Vec<Wire> = (0..60).map(|_| barewire.connect()).collect();
    eventually("accepting pauses", || {
        stats()["accept_pauses"].as_u64() > Some(0)
    });
    let accepted = stats()["accepted"].as_u64().unwrap();
    assert!((10..40).contains(&accepted), "{accepted}");
    // Were it spinning, there would be thousands of turns between two requests.
    let turns = |row: &serde_json::Value| row["turns"].as_u64().unwrap();
    let before = turns(&stats());
    for _ in 0..20 {
        stats();
    }
    let between = turns(&stats()) - before;
    assert!(between < 200, "{between} turns for 21 requests");
    // As they go, the others come.
    while let Some(mut wire) = (!others.is_empty()).then(|| others.remove(0)) {
        wire.expect_open();
    }
    eventually("all have been accepted", || {
        stats()["accepted"].as_u64() == Some(61)
    });
    barewire.terminate();
    drop(others);
    drop(control);
    assert!(barewire.wait().status.success());
}

/// A connection with everything wrong about it costs the others nothing: their requests, counted,
/// are all answered while it goes on.
#[test]
fn the_others_never_notice() {
    let live = Live::routes(alone());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for part in [
            get("/").repeat(100),
            "GET / HTTP/1.1\r\nA: b\n".to_owned(),
            "\0".repeat(9000),
        ] {
            let (live, stop) = (&live, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut wire = live.connect();
                    wire.send(&part);
                    wire.reset();
                }
            });
        }
        let mut wires: Vec<Wire> = (0..10).map(|_| live.connect()).collect();
        for _ in 0..100 {
            for wire in &mut wires {
                wire.send(get("/benchmark"));
            }
            for wire in &mut wires {
                assert_eq!(wire.answer().status, 200);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    all_is_given_back(&live);
}
