//! What the kernel is asked for, counted by strace(1) from outside: the budget of a keep-alive GET
//! is one recv, one send and its share of one epoll_wait.
//!
//! Two runs of the binary, of few and of many requests; what grows from one to the other is what a
//! request costs. Skipped, with a message, where there is no strace or ptrace(2) is not allowed.
#![cfg(feature = "cli")]

mod wire;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use wire::Wire;
use wire::process::{Barewire, command};

/// Calls by name.
type Calls = BTreeMap<String, i64>;

/// The smaller of the two runs.
const FEW: i64 = 100;
/// Requests that the larger run has beyond the smaller.
const MORE: i64 = 2000;
/// What may happen beside the requests while many are served: the tick of a second, mostly.
const BESIDE: i64 = 100;

/// Whether this machine lets strace trace.
fn is_traceable() -> bool {
    let traced = Command::new("strace")
        .args(["-f", "-c", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .output();
    let reason = match traced {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    println!("skipped: strace cannot be used: {reason}");
    false
}

/// Runs the binary under strace, has a client talk to it, and counts the calls of all its threads.
fn traced(args: &[&str], converse: impl Fn(&Barewire)) -> Calls {
    let directory = TempDir::new().unwrap();
    let table = directory.path().join("calls");
    let binary = command(&[]);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-c", "-o"])
        .arg(&table)
        .arg(binary.get_program())
        .args(["--port", "0", "--workers", "1"])
        .args(args);
    let server = Barewire::spawn(&mut strace);
    converse(&server);
    // strace itself is not to end, but what it traces.
    kill_process(traced_by(server.id()), Signal::TERM).unwrap();
    let ended = server.wait();
    assert!(ended.status.success(), "{}", ended.said);
    parse(&fs::read_to_string(table).unwrap())
}

/// The process that strace has started.
fn traced_by(strace: u32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap();
    let child = children.split_whitespace().next().expect("a child");
    Pid::from_raw(child.parse().unwrap()).unwrap()
}

/// Takes strace's table apart: calls are the fourth column, the name is the last.
fn parse(table: &str) -> Calls {
    let rows = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows = rows.filter_map(|row| {
        let name = row.last().filter(|name| **name != "total")?;
        Some(((*name).to_owned(), row.get(3)?.parse().ok()?))
    });
    let calls: Calls = rows.collect();
    assert!(calls.contains_key("epoll_wait"), "{table}");
    calls
}

/// How many calls [`MORE`] rounds make; what does not grow with them is left out.
fn growth(converse: impl Fn(&Barewire, i64)) -> Calls {
    let few = traced(&[], |server| converse(server, FEW));
    let many = traced(&[], |server| converse(server, FEW + MORE));
    let grown = many.iter().map(|(name, calls)| {
        let before = few.get(name).copied().unwrap_or_default();
        (name.clone(), calls - before)
    });
    grown.filter(|(_, calls)| *calls > BESIDE).collect()
}

/// The same, of rounds on one connection.
fn growth_on_one(round: impl Fn(&mut Wire)) -> Calls {
    growth(|server, rounds| {
        let mut wire = server.connect();
        (0..rounds).for_each(|_| round(&mut wire));
    })
}

/// Within a few of one for each round.
fn is_one_each(grown: &Calls, name: &str) {
    let calls = grown.get(name).copied().unwrap_or_default();
    assert!(
        (calls - MORE).abs() <= BESIDE,
        "{name}: {calls} for {MORE}; in all {grown:?}"
    );
}

#[test]
fn a_get_is_one_recv_one_send_and_one_wait() {
    if !is_traceable() {
        return;
    }
    let grown = growth_on_one(Wire::expect_open);
    for name in ["recvfrom", "sendto", "epoll_wait"] {
        is_one_each(&grown, name);
    }
    println!("{MORE} rounds: {grown:?}");
    assert_eq!(grown.len(), 3, "something else grows: {grown:?}");
}

/// What strace sees from outside is what the account says, but for start and end.
fn compare(args: &[&str], requests: i64, converse: impl Fn(&mut Wire)) -> Value {
    let told = RefCell::new(Value::Null);
    let seen = traced(args, |server| {
        let mut wire = server.connect();
        converse(&mut wire);
        *told.borrow_mut() = wire.get("/accounts").json();
    });
    let told = told.into_inner();
    let told = &told["since_start"]["all"];
    assert_eq!(told["requests"], requests, "{args:?}");
    println!(
        "{args:?}: strace: {seen:?}; the accounts: {}",
        told["system_calls"]
    );
    for (name, traced) in [
        ("recv", "recvfrom"),
        ("send", "sendto"),
        ("accept", "accept4"),
        ("epoll_wait", "epoll_wait"),
        ("epoll_ctl", "epoll_ctl"),
    ] {
        let told = told["system_calls"][name].as_i64().expect("a count");
        let seen = seen.get(traced).copied().unwrap_or_default();
        // The registrations of the reactor's own descriptors, the recv and the send of the end,
        // and the calls of other threads that have the same names.
        let difference = (seen - told).abs();
        assert!(
            difference <= 8,
            "{args:?}: {name}: {told}, {seen} by strace"
        );
    }
    told["system_calls"].clone()
}

#[test]
fn the_accounts_are_those_of_strace() {
    const REQUESTS: i64 = 10_000;
    if is_traceable() {
        compare(&[], REQUESTS, |wire| {
            (0..REQUESTS).for_each(|_| wire.expect_open());
        });
    }
}

/// The whole of a life, too: that of a connection with an option of its own, a wait that no timer
/// stands for yet, an answer that is the last, and a close. Two runs, since start and end of the
/// process close files of their own.
#[test]
fn all_that_a_life_costs_is_in_the_accounts() {
    const ASK: &str = "GET /benchmark?wait_us=50 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    if !is_traceable() {
        return;
    }
    let run = |lives: i64| {
        let told = RefCell::new(Value::Null);
        // Each sampled request asks for the CPU clock, and each is sampled.
        let args = ["--with", "quickack", "--sample", "1"];
        let seen = traced(&args, |server| {
            for _ in 0..lives {
                let mut wire = server.connect();
                wire.ask(ASK);
                wire.expect_end();
            }
            let all = &server.connect().get("/accounts").json()["since_start"]["all"];
            *told.borrow_mut() = all["system_calls"].clone();
        });
        (told.into_inner(), seen)
    };
    let ((told_few, seen_few), (told, seen)) = (run(20), run(120));
    for (name, traced, least) in [
        ("recv", "recvfrom", 100),
        ("send", "sendto", 100),
        ("accept", "accept4", 100),
        ("epoll_wait", "epoll_wait", 100),
        ("epoll_ctl", "epoll_ctl", 100),
        ("shutdown", "shutdown", 100),
        ("close", "close", 100),
        ("setsockopt", "setsockopt", 100),
        ("timerfd_settime", "timerfd_settime", 50),
        ("clock_gettime", "clock_gettime", 10),
    ] {
        let count = |calls: &Value| calls[name].as_i64().expect("a count");
        let told = count(&told) - count(&told_few);
        let seen = seen.get(traced).unwrap_or(&0) - seen_few.get(traced).unwrap_or(&0);
        println!("{name}: {told}, {seen} by strace");
        assert!(told >= least, "{name}: {told}");
        // Once a second other threads ask for the CPU time.
        assert!((seen - told).abs() <= 8, "{name}: {told}, {seen} by strace");
    }
    let names = told.as_object().expect("an object").iter();
    let each = names.filter(|(name, _)| *name != "all");
    let sum: i64 = each.filter_map(|(_, calls)| calls.as_i64()).sum();
    assert_eq!(told["all"], sum);
}

/// What `barewire trace` writes down is what is called; its client adds a few calls of its own.
#[test]
fn a_trace_is_that_of_strace() {
    if !is_traceable() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let table = directory.path().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-o"]).arg(&table);
    strace.arg(command(&[]).get_program()).arg("trace");
    let said = strace.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let seen = parse(&fs::read_to_string(table).unwrap());
    for (name, of_the_client) in [
        ("bind", 0),
        ("listen", 0),
        ("epoll_create1", 0),
        ("epoll_ctl", 0),
        ("eventfd2", 0),
        ("timerfd_create", 0),
        ("timerfd_settime", 0),
        ("accept4", 0),
        ("epoll_wait", 0),
        // How long it waits for an answer.
        ("setsockopt", 1),
        ("shutdown", 1),
    ] {
        let told = text.matches(&format!("{name}(")).count();
        let told = i64::try_from(told).unwrap() + of_the_client;
        assert_eq!(seen[name], told, "{name}: {text}");
    }
}

/// Also of what a technique saves when it is on: for each batch of four an epoll_ctl, or three more
/// sends; or a second recv, unless the next batch is there already, which strace makes likely.
#[test]
fn without_a_technique_the_accounts_are_those_of_strace() {
    if !is_traceable() {
        return;
    }
    let batch = wire::PROBE.repeat(4);
    let batches = MORE / 4;
    for (technique, call, calls) in [
        ("short-read", "recv", batches..=2 * batches + BESIDE),
        ("register-once", "epoll_ctl", batches..=batches + BESIDE),
        ("batched-writes", "send", MORE..=MORE + BESIDE),
    ] {
        let told = compare(&["--without", technique], MORE, |wire| {
            for _ in 0..batches {
                wire.send(&batch);
                (0..4).for_each(|_| assert_eq!(wire.answer().status, 200));
            }
        });
        let told = told[call].as_i64().expect("a count");
        assert!(calls.contains(&told), "{technique}: {call}: {told}");
    }
}

/// Sixteen requests in one piece cost as many calls as one.
#[test]
fn sixteen_pipelined_gets_are_one_recv_one_send_and_one_wait() {
    if !is_traceable() {
        return;
    }
    let batch = wire::PROBE.repeat(16);
    let grown = growth_on_one(|wire| {
        wire.send(&batch);
        (0..16).for_each(|_| assert_eq!(wire.answer().status, 200));
    });
    for name in ["recvfrom", "sendto", "epoll_wait"] {
        is_one_each(&grown, name);
    }
    println!("{MORE} rounds: {grown:?}");
    assert_eq!(grown.len(), 3, "something else grows: {grown:?}");
}

/// A body that comes with its head costs nothing more.
#[test]
fn a_small_post_is_one_recv_one_send_and_one_wait() {
    if !is_traceable() {
        return;
    }
    let grown = growth_on_one(|wire| {
        assert_eq!(wire.post("/zero-copy", "123456789").status, 200);
    });
    for name in ["recvfrom", "sendto", "epoll_wait"] {
        is_one_each(&grown, name);
    }
    println!("{MORE} rounds: {grown:?}");
    assert_eq!(grown.len(), 3, "something else grows: {grown:?}");
}

/// A connection in its whole life: no option is set on it, it is registered once, and closed.
#[test]
fn a_connection_is_registered_once() {
    if !is_traceable() {
        return;
    }
    let grown = growth(|server, rounds| {
        for _ in 0..rounds {
            server.connect().expect_open();
        }
    });
    for name in ["epoll_ctl", "sendto", "close"] {
        is_one_each(&grown, name);
    }
    // The second one finds nothing: the end of the backlog, and the end of the stream.
    for name in ["accept4", "recvfrom"] {
        let calls = grown[name];
        assert!(
            (MORE - BESIDE..=2 * MORE + BESIDE).contains(&calls),
            "{grown:?}"
        );
    }
    println!("{MORE} rounds: {grown:?}");
    let known = [
        // A debug build looks whether what it closes is open.
        if cfg!(debug_assertions) { "fcntl" } else { "" },
        "accept4",
        "close",
        "epoll_ctl",
        "epoll_wait",
        "recvfrom",
        "sendto",
    ];
    let others: Vec<_> = grown
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert!(others.is_empty(), "something else grows: {grown:?}");
}
