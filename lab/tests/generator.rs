//! The generator against servers that do right: all that was asked is counted, however it comes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use barewire_lab::generator::{self, Options, Outcome, Pace};
use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};

#[derive(Parser)]
#[command(args_override_self = true)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// What a server saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Those of `/second`.
    second: AtomicUsize,
}

/// How a server does right.
#[derive(Clone, Copy, Default)]
struct Habit {
    /// Sends every answer in two pieces, split at ever another place.
    splits: bool,
    /// Adds to the body as many bytes as the request's number modulo ten.
    varies: bool,
    /// Sleeps once, for so long, before one answer.
    stalls: Option<Duration>,
}

/// A right answer.
fn answer(path: &str, number: usize, habit: Habit) -> Vec<u8> {
    let mut body = if path == "/second" { "two" } else { "first" }.to_owned();
    if habit.varies {
        body.push_str(&"x".repeat(number % 10));
    }
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn serve(mut stream: TcpStream, habit: Habit, seen: &Seen, stalled: &AtomicBool) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut input, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        while let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(input.drain(..end + 4).collect()).ok()?;
            let path = head.split(' ').nth(1)?;
            let number = seen.requests.fetch_add(1, Ordering::Relaxed);
            seen.second
                .fetch_add(usize::from(path == "/second"), Ordering::Relaxed);
            if let Some(pause) = habit.stalls
                && number >= 20
                && !stalled.swap(true, Ordering::Relaxed)
            {
                thread::sleep(pause);
            }
            let bytes = answer(path, number, habit);
            let split = if habit.splits {
                number % bytes.len()
            } else {
                0
            };
            stream.write_all(&bytes[..split]).ok()?;
            thread::yield_now();
            stream.write_all(&bytes[split..]).ok()?;
            if head.contains("Connection: close") {
                return None;
            }
        }
        let received = stream.read(&mut piece).ok().filter(|bytes| *bytes > 0)?;
        input.extend_from_slice(&piece[..received]);
    }
}

/// Its threads end with the test's process.
fn server(habit: Habit) -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, stalled) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let for_threads = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (seen, stalled) = (Arc::clone(&for_threads), Arc::clone(&stalled));
            seen.connections.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || serve(stream, habit, &seen, &stalled));
        }
    });
    (address, seen)
}

fn load(address: SocketAddr, more: &str) -> Outcome {
    let line = format!("load {address} --warmup 0 --seconds 0.1 {more}");
    let outcome = generator::measure(&Line::parse_from(line.split_whitespace()).options).unwrap();
    assert_eq!(outcome.errors_by_kind, BTreeMap::default(), "{line}");
    outcome
}

fn count(outcome: &Outcome) -> usize {
    usize::try_from(outcome.requests).unwrap()
}

#[test]
fn exactly_as_many_requests_are_seen_as_were_asked_for() {
    for more in [
        "",
        "--pipeline 16",
        "--varying",
        "--path / --path /second=3 --pipeline 4",
    ] {
        let (address, seen) = server(Habit::default());
        let outcome = load(address, &format!("--requests 500 {more}"));
        assert_eq!(outcome.requests, 500, "{more}");
        assert_eq!(seen.requests.load(Ordering::Relaxed), 500, "{more}");
        assert_eq!(seen.connections.load(Ordering::Relaxed), 1, "{more}");
    }
}

#[test]
fn what_is_counted_is_what_was_answered() {
    for more in [
        "",
        "--pipeline 16",
        "--threads 2",
        "--latency",
        "--threads 3 --pipeline 3",
    ] {
        let (address, seen) = server(Habit::default());
        let outcome = load(address, &format!("--connections 6 {more}"));
        // One more: the answer is learned from it.
        assert_eq!(
            count(&outcome) + 1,
            seen.requests.load(Ordering::Relaxed),
            "{more}"
        );
        assert_eq!(seen.connections.load(Ordering::Relaxed), 6, "{more}");
        assert_eq!(outcome.pace, Pace::ClosedLoop);
        let timed = outcome.latency.map(|latency| latency.count);
        assert_eq!(timed, (more == "--latency").then_some(outcome.requests));
    }
}

#[test]
fn answers_may_come_in_pieces() {
    let habit = Habit {
        splits: true,
        ..Habit::default()
    };
    for more in ["", "--pipeline 7", "--varying --pipeline 7", "--reconnect"] {
        let (address, _) = server(habit);
        assert!(
            load(address, &format!("--requests 600 {more}")).requests == 600,
            "{more}"
        );
    }
}

#[test]
fn answers_may_vary_in_length_if_that_is_said() {
    let (address, seen) = server(Habit {
        varies: true,
        ..Habit::default()
    });
    let outcome = load(address, "--varying --pipeline 5 --connections 3");
    assert_eq!(count(&outcome), seen.requests.load(Ordering::Relaxed));
}

#[test]
fn each_request_may_have_its_connection() {
    let (address, seen) = server(Habit::default());
    assert_eq!(load(address, "--reconnect --requests 50").requests, 50);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 50);
    assert!(load(address, "--reconnect --connections 4 --threads 2").requests > 4);
}

#[test]
fn a_mix_has_its_weights() {
    let (address, seen) = server(Habit::default());
    let requests = load(address, "--requests 2000 --path / --path /second=3").requests;
    let second = seen.second.load(Ordering::Relaxed);
    assert_eq!(requests, 2000);
    assert!((1400..1600).contains(&second), "{second}");
}

#[test]
fn the_open_loop_sends_what_is_due() {
    for more in ["", "--threads 2", "--reconnect"] {
        let (address, _) = server(Habit::default());
        let outcome = load(
            address,
            &format!("--rate 500 --seconds 0.3 --connections 8 {more}"),
        );
        assert_eq!(outcome.pace, Pace::OpenLoop);
        assert_eq!(outcome.requests + outcome.unsent, 150, "{more}");
        assert_eq!(
            outcome.latency.map(|latency| latency.count),
            Some(150),
            "{more}"
        );
        assert!(outcome.requests > 1, "{more}: the alarm never rang");
    }
}

/// One connection, 500 requests a second, and a stall of a fifth of one: a hundred requests are due
/// in it. A loop that times from the send would show one slow answer.
#[test]
fn a_stall_is_charged_to_everything_that_it_delays() {
    let habit = Habit {
        stalls: Some(Duration::from_millis(200)),
        ..Habit::default()
    };
    let (address, _) = server(habit);
    let outcome = load(address, "--rate 500 --seconds 0.4 --connections 1");
    let latency = outcome.latency.unwrap();
    assert!(latency.max_us >= 190_000.0, "{}", latency.max_us);
    // The median of the delayed hundred waited for 100 ms; of all two hundred a quarter waited
    // more.
    let point = latency
        .curve
        .iter()
        .find(|(percentile, _)| *percentile >= 80.0);
    assert!(
        point.is_some_and(|(_, slow)| *slow >= 40_000.0),
        "{point:?}"
    );
}

#[test]
fn what_finds_no_free_connection_is_told_and_timed() {
    let habit = Habit {
        stalls: Some(Duration::from_millis(300)),
        ..Habit::default()
    };
    let (address, _) = server(habit);
    let outcome = load(address, "--rate 1000 --seconds 0.2 --connections 1");
    assert!(outcome.unsent >= 50, "{}", outcome.unsent);
    assert_eq!(outcome.requests + outcome.unsent, 200);
    assert_eq!(outcome.latency.map(|latency| latency.count), Some(200));
}

#[test]
fn a_generator_that_was_stopped_takes_nobody_for_silent() {
    let (address, seen) = server(Habit::default());
    let line = format!("load {address} --warmup 0 --seconds 1 --silence 2");
    let mut load = std::process::Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
    let mut load = load.args(line.split(' ')).spawn().unwrap();
    while seen.requests.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&load), Signal::STOP).unwrap();
    thread::sleep(Duration::from_millis(2500));
    kill_process(Pid::from_child(&load), Signal::CONT).unwrap();
    assert!(load.wait().unwrap().success());
}

#[test]
fn the_outcome_survives_json() {
    let (address, _) = server(Habit::default());
    let outcome = load(address, "--latency --connections 2");
    let json = serde_json::to_string(&outcome).unwrap();
    assert!(!json.contains('\n'));
    let read: Outcome = serde_json::from_str(&json).unwrap();
    assert_eq!(read.requests, outcome.requests);
}
