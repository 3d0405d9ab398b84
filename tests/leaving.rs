//! How the server leaves, and how it refuses to come: the real binary as a child process, signals,
//! and clients that count.
//!
//! What "no request is lost" means: once a connection is accepted, every request on it of which a
//! byte arrives before the server has shut down its side is answered, the last one with
//! `Connection: close`. Excluded are requests behind that answer (the client has been told, RFC
//! 9112 section 9.6), and connections that were never accepted: with several reactors each has a
//! listener of its own, and the kernel resets what completes between its last accept and its close.
//! So the clients here count from their first answer on.
#![cfg(feature = "cli")]

mod wire;

use std::net::{SocketAddr, TcpListener};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;

use wire::process::{Barewire, command, command_with_files};
use wire::{Live, Wire, alone, eventually};

const CLIENTS: usize = 64;

/// What a client saw.
#[derive(Debug, Default)]
struct Tally {
    sent: usize,
    answered: usize,
    /// The last answer said that it was the last.
    told: bool,
}

/// Asks, one request after the other, until it is told that the connection closes.
fn ask_until_told(address: SocketAddr, requests: &[String], accepted: &AtomicUsize) -> Tally {
    let mut wire = Wire::to(address);
    let mut tally = Tally::default();
    for request in requests.iter().cycle() {
        tally.sent += 1;
        let Some(answer) = wire.ask_leaving(request).unwrap() else {
            break;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        tally.answered += 1;
        if tally.answered == 1 {
            accepted.fetch_add(1, Ordering::Relaxed);
        }
        if answer.closes() {
            tally.told = true;
            wire.expect_end();
            break;
        }
    }
    tally
}

/// SIGTERM while 64 connections are busy; the answers that each of them was owed.
fn leave_under_load(args: &[&str], requests: &[String]) {
    let barewire = Barewire::start(args);
    let (address, accepted) = (barewire.address, AtomicUsize::new(0));
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let client = || scope.spawn(|| ask_until_told(address, requests, &accepted));
        let clients: Vec<_> = std::iter::repeat_with(client).take(CLIENTS).collect();
        eventually("all clients are accepted", || {
            accepted.load(Ordering::Relaxed) == CLIENTS
        });
        barewire.terminate();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    for tally in &tallies {
        assert_eq!(
            (tally.sent, tally.told),
            (tally.answered, true),
            "{tally:?}"
        );
    }
    let ended = barewire.wait();
    assert_eq!(ended.status.code(), Some(0));
    let answered: usize = tallies.iter().map(|tally| tally.answered).sum();
    let line = format!("answers        2xx {answered}\n");
    assert!(
        ended.said.contains(&line),
        "{line:?} is not in {}",
        ended.said
    );
    assert!(
        ended.said.contains("faults         none\n"),
        "{}",
        ended.said
    );
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Quick, deferred, by a job, with a body, from the cache: whatever is under way is completed.
fn mixture() -> Vec<String> {
    let body = "x".repeat(20_000);
    let post =
        format!("POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n{body}");
    vec![
        get("/plaintext"),
        get("/benchmark?wait_us=3000"),
        post,
        get("/benchmark?work=20000&wait_us=0"),
        get("/cache/a?cost_ms=2"),
        get("/"),
    ]
}

#[test]
fn one_reactor_loses_no_request() {
    leave_under_load(&["--workers", "1"], &[get("/plaintext")]);
}

#[test]
fn one_reactor_loses_no_request_of_any_kind() {
    leave_under_load(&["--workers", "1"], &mixture());
}

#[test]
fn several_reactors_lose_no_request_of_a_connection_that_they_have_accepted() {
    leave_under_load(&["--workers", "3"], &mixture());
}

/// A client that has just been answered, and asks again at the very end of the server's timeout:
/// an answer, or FIN and no answer; never half of one, and never a reset.
#[test]
fn the_timeout_ends_with_an_answer_or_with_fin() {
    let barewire = Barewire::start(&["--workers", "1", "--drain-idle", "5ms"]);
    let mut wires: Vec<Wire> = (0..40).map(|_| barewire.connect()).collect();
    for wire in &mut wires {
        wire.expect_open();
    }
    barewire.terminate();
    for wire in &mut wires {
        // The first one asks on until the signal has arrived.
        while let Some(answer) = wire.ask_leaving(get("/plaintext")).unwrap() {
            assert_eq!(answer.text(), "Hello, World!");
            if answer.closes() {
                break;
            }
        }
        wire.expect_end();
    }
    drop(wires);
    assert_eq!(barewire.wait().status.code(), Some(0));
}

#[test]
fn the_summary_tells_what_was_served() {
    let barewire = Barewire::start(&["--workers", "2"]);
    let mut wire = barewire.connect();
    for target in ["/plaintext", "/benchmark", "/nothing"] {
        wire.get(target);
    }
    wire.ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.ask("GET / HTTP/1.1\r\n\r\n");
    drop(wire);
    barewire.signal(Signal::INT);
    let ended = barewire.wait();
    assert_eq!(ended.status.code(), Some(0));
    for part in [
        "barewire has left after ",
        "requests       5, ",
        "response time  p50 ",
        "answers        2xx 2, 4xx 2, 5xx 1\n",
        "refused        bad_request 1, not_implemented 1\n",
        "faults         none\n",
    ] {
        assert!(
            ended.said.contains(part),
            "{part:?} is not in {}",
            ended.said
        );
    }
}

#[test]
fn a_deferred_answer_is_waited_for() {
    let barewire = Barewire::start(&["--workers", "1", "--drain-idle", "1ms"]);
    let mut deferred = barewire.connect();
    deferred.expect_open();
    deferred.send(get("/benchmark?wait_us=300000"));
    let mut uploading = barewire.connect();
    uploading.expect_open();
    uploading.send("POST /zero-copy HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n");
    uploading.send("Content-Length: 9\r\n\r\n");
    // So the server has read this request, and all that was sent before it.
    assert_eq!(uploading.answer().status, 100);
    barewire.terminate_and_wait_until_closed();
    let uploaded = uploading.ask("123456789");
    assert_eq!(
        (uploaded.json()["crc32"].as_str(), uploaded.closes()),
        (Some("cbf43926"), true)
    );
    uploading.expect_end();
    let answer = deferred.answer();
    assert_eq!((answer.status, answer.closes()), (200, true));
    assert!(answer.json()["waited_us"].as_u64() >= Some(300_000));
    deferred.expect_end();
    drop((deferred, uploading));
    assert_eq!(barewire.wait().status.code(), Some(0));
}

/// A terminal that is closed, or a service manager of another habit: whatever asks for an end.
#[test]
fn every_signal_that_asks_for_an_end_drains() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let barewire = Barewire::start(&["--workers", "1"]);
        let mut wire = barewire.connect();
        wire.expect_open();
        wire.send("POST /zero-copy HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n");
        wire.send("Content-Length: 9\r\n\r\n");
        assert_eq!(wire.answer().status, 100);
        barewire.signal(signal);
        eventually("the listener closes", || {
            std::net::TcpStream::connect(barewire.address).is_err()
        });
        let answer = wire.ask("123456789");
        assert_eq!((answer.status, answer.closes()), (200, true), "{signal:?}");
        drop(wire);
        assert_eq!(barewire.wait().status.code(), Some(0), "{signal:?}");
    }
}

/// As nohup(1) does; PIPE is ignored whoever has started it.
#[test]
fn signals_that_are_ignored_change_nothing() {
    let mut shell = std::process::Command::new("/bin/sh");
    let script = "trap '' HUP; exec \"$0\" --port 0 --workers 1";
    shell.env_clear().args(["-c", script]);
    let barewire = Barewire::spawn(shell.arg(assert_cmd::cargo::cargo_bin!("barewire")));
    for signal in [Signal::HUP, Signal::PIPE] {
        barewire.signal(signal);
        // Not the draining that HUP would begin, either.
        assert_eq!(barewire.connect().get("/healthz").text(), "ok");
    }
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
}

#[test]
fn silent_connections_are_closed() {
    let barewire = Barewire::start(&["--drain-idle", "50ms"]);
    let mut wires: Vec<Wire> = (0..10).map(|_| barewire.connect()).collect();
    // Half of them have been answered; the others have never sent a byte.
    for wire in wires.iter_mut().step_by(2) {
        wire.expect_open();
    }
    // Connections are accepted in their order by each reactor, but there are several.
    let mut other = barewire.connect();
    eventually("all are accepted", || {
        other.get("/stats").json()["connections"] == 11
    });
    barewire.terminate();
    for wire in &mut wires {
        wire.expect_end();
    }
    other.expect_end();
    drop((wires, other));
    assert_eq!(barewire.wait().status.code(), Some(0));
}

/// A peer that never closes its side is not waited for longer than its silence allows.
#[test]
fn who_never_closes_is_left_behind() {
    let barewire = Barewire::start(&["--drain-idle", "1ms", "--lingering-silence", "10ms"]);
    let mut wire = barewire.connect();
    wire.expect_open();
    barewire.terminate();
    wire.expect_end();
    assert_eq!(barewire.wait().status.code(), Some(0));
}

#[test]
fn a_second_signal_leaves_at_once() {
    let barewire = Barewire::start(&["--grace", "1h", "--drain-idle", "1h"]);
    let mut wire = barewire.connect();
    wire.expect_open();
    wire.send(get("/benchmark?wait_us=10000000"));
    barewire.terminate_and_wait_until_closed();
    // Both signals count.
    barewire.signal(Signal::INT);
    let ended = barewire.wait();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.said.contains("barewire has left after"),
        "{}",
        ended.said
    );
    // No answer, since nine seconds of it are missing.
    assert!(!matches!(wire.try_fill(), Ok(1..)));
}

#[test]
fn grace_ends() {
    let barewire = Barewire::start(&["--grace", "50ms", "--drain-idle", "1h"]);
    let mut wire = barewire.connect();
    wire.expect_open();
    wire.send(get("/benchmark?wait_us=10000000"));
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
    assert!(!matches!(wire.try_fill(), Ok(1..)));
}

#[test]
fn during_the_drain_delay_a_balancer_is_told_and_all_are_served() {
    let mut barewire = Barewire::start(&["--drain-delay", "1h"]);
    let mut wire = barewire.connect();
    assert_eq!(wire.get("/healthz").text(), "ok");
    barewire.terminate();
    eventually("it says that it drains", || {
        wire.get("/healthz").status == 503
    });
    let mut new = barewire.connect();
    let health = new.get("/healthz");
    assert_eq!((health.text(), health.closes()), ("draining", false));
    assert_eq!(new.get("/stats").json()["draining"], true);
    for wire in [&mut wire, &mut new] {
        wire.expect_open();
        wire.expect_open();
    }
    assert!(barewire.is_running());
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
}

/// In the process, where the accounts show that the backlog was accepted.
#[test]
fn what_waits_in_the_backlog_is_served() {
    let live = Live::routes(barewire::config::Config {
        limits: barewire::config::Limits {
            connections: Some(1),
            ..Default::default()
        },
        ..alone()
    });
    let mut first = live.connect();
    first.expect_open();
    // There is no room for them: they are established and wait.
    let mut waiting: Vec<Wire> = (0..5).map(|_| live.connect()).collect();
    for wire in &mut waiting {
        wire.send(get("/plaintext"));
    }
    live.drain();
    for wire in &mut waiting {
        let answer = wire.answer();
        assert_eq!((answer.text(), answer.closes()), ("Hello, World!", true));
        wire.expect_end();
    }
    let last = first.get("/plaintext");
    assert_eq!((last.status, last.closes()), (200, true));
    first.expect_end();
    drop((first, waiting));
    live.join();
}

/// Runs the binary to its end, which comes by itself.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    ended(command(args).output().unwrap())
}

fn ended(output: Output) -> (Option<i32>, String) {
    assert_eq!(output.stdout, b"");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_busy_port_is_noticed() {
    let stranger = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    for args in [&["--port", &port][..], &["--port", &port, "--share-port"]] {
        let (code, said) = refused(args);
        assert_eq!(code, Some(1), "{said}");
        for part in [
            &format!("cannot serve on 127.0.0.1:{port}"),
            "--port 0",
            "ss -ltnp",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
    }
}

#[test]
fn another_barewire_shares_its_port_only_when_told_to() {
    let first = Barewire::start(&["--workers", "1"]);
    let port = first.address.port().to_string();
    let (code, said) = refused(&["--port", &port]);
    assert_eq!(
        (code, said.contains("--share-port")),
        (Some(1), true),
        "{said}"
    );
    first.connect().expect_open();

    let second = Barewire::spawn(command(&["--workers", "1", "--port", &port]).arg("--share-port"));
    assert_eq!(second.address, first.address);
    let mut wires = Vec::new();
    let mut accepted_by = |server: &Barewire| {
        let mut wire = server.connect();
        let stats = wire.get("/stats").json();
        wires.push(wire);
        stats["reactors"][0]["accepted"].as_u64().unwrap()
    };
    // The kernel hands each a share: some connection meets the one that has seen few.
    let mut seen = (1..100).map(|_| accepted_by(&first));
    assert!(
        seen.any(|accepted| accepted == 1),
        "the second one is given no connection"
    );
    first.terminate();
    assert_eq!(first.wait().status.code(), Some(0));
    // What the first had is not the second's; new ones are.
    second.connect().expect_open();
    second.terminate();
    drop(wires);
    assert_eq!(second.wait().status.code(), Some(0));
}

#[test]
fn addresses_that_are_not_ours_are_named() {
    let (code, said) = refused(&["--host", "192.0.2.1", "--port", "0"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("192.0.2.1:0") && said.contains("ip -brief address"),
        "{said}"
    );
}

#[test]
fn too_few_files_are_a_reason_not_a_crash() {
    for files in [4, 6, 7, 9, 12] {
        let (code, said) = ended(
            command_with_files(files, &["--port", "0"])
                .output()
                .unwrap(),
        );
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.starts_with("error: ") && !said.contains("panicked"),
            "{said}"
        );
        let limit = format!("this process may open {files} files (ulimit -n, ");
        assert!(said.contains(&limit), "{limit:?} is not in {said}");
    }
}

/// A stack that no memory has room for is refused as a thread too many is (pthread_create(3)).
#[test]
fn too_few_threads_are_told_as_that() {
    let mut server = command(&["--port", "0"]);
    let (code, said) = ended(
        server
            .env("RUST_MIN_STACK", "1000000000000000000")
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "error: the thread ",
        "cannot be started",
        "ulimit -u",
        "pids.max",
        "--workers",
        "--job-threads",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains("cannot serve on"), "{said}");
}

#[test]
fn a_busy_admin_port_is_not_told_as_the_port() {
    let stranger = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let place = stranger.local_addr().unwrap();
    let (code, said) = refused(&["--port", "0", "--admin", &place.to_string()]);
    assert_eq!(code, Some(1), "{said}");
    let advice = format!("ss -ltnp 'sport = :{}'", place.port());
    assert!(said.contains(&advice), "{advice:?} is not in {said}");
    assert!(!said.contains("barewire --port 0"), "{said}");
}

#[test]
fn nobody_needs_to_listen() {
    let mut barewire = Barewire::start(&["--log", "access"]);
    barewire.stop_listening();
    let mut wire = barewire.connect();
    for _ in 0..10 {
        wire.expect_open();
    }
    drop(wire);
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
}

/// SIGPIPE means nothing here: a peer that is gone is an error of send(2).
#[test]
fn a_broken_pipe_is_no_signal() {
    let barewire = Barewire::start(&["--workers", "1"]);
    let gone = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                let mut wire = barewire.connect();
                wire.send(get("/").repeat(20));
                wire.reset();
            }
            gone.store(true, Ordering::Relaxed);
        });
        let mut wire = barewire.connect();
        while !gone.load(Ordering::Relaxed) {
            wire.expect_open();
        }
        wire.expect_open();
    });
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
}
