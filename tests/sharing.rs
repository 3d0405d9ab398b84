//! What reactors share and what they do not, with the techniques that decide it switched off: the
//! same answers, and what the claims say becomes more expensive or less even.
#![cfg(feature = "routes")]

mod wire;

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use barewire::accounts::Totals;
use barewire::config::{Config, Congestion, Limits, Routing, Techniques};
use barewire::handlers::TABLE;
use barewire::http::ContentType;
use barewire::{Method, Response, Server, techniques};
use serde_json::Value;

use wire::{Answer, Live, Wire, alone, eventually, workers};

const NAMES: [&str; 9] = [
    "static-routing",
    "own-counters",
    "sharded-cache",
    "own-listener",
    "nodelay",
    "backlog",
    "quickack",
    "pinning",
    "file-jobs",
];

/// Routes that take long, or do not end: they are asked by tests of their own.
const HEAVY: [&str; 3] = ["/memory-efficiency-test", "/io-benchmark", "/events"];

fn with(mut config: Config, change: impl FnOnce(&mut Techniques)) -> Config {
    change(&mut config.techniques);
    config
}

fn own_listener(workers: usize, own_listener: bool) -> Config {
    with(wire::workers(workers), |techniques| {
        techniques.own_listener = own_listener;
    })
}

fn without_own_listener(workers: usize) -> Config {
    own_listener(workers, false)
}

/// What was asked; status, fields and body of the answer.
type Comparable = (String, u16, Vec<(String, String)>, String);

/// An answer without what is measured: of a JSON object the names, of `/metrics` the series, of
/// fields not the Date, not the length of a body with measured values, and not the validators of
/// sample files, which are as old as the server.
fn comparable((asked, answer): (String, Answer)) -> Comparable {
    let media_type = answer.field("Content-Type").unwrap_or_default();
    let is_metrics = media_type.contains("version=0.0.4");
    let is_measured = is_metrics
        || answer.status == 200
            && media_type == "application/json"
            && answer.text() != r#"{"message":"Hello, World!"}"#;
    let body = match serde_json::from_slice(&answer.body) {
        _ if is_metrics => {
            let lines = answer.text().lines();
            lines
                .filter_map(|line| Some(line.rsplit_once(' ')?.0))
                .collect()
        }
        Ok(Value::Object(body)) if is_measured => format!("{:?}", body.keys()),
        _ => answer.text().to_owned(),
    };
    let is_fixed = |name: &str| {
        let is_length = is_measured && name.eq_ignore_ascii_case("Content-Length");
        !is_length && !["Date", "ETag", "Last-Modified"].contains(&name)
    };
    let fields = answer.fields.into_iter();
    let fields = fields.filter(|(name, _)| is_fixed(name)).collect();
    (asked, answer.status, fields, body)
}

/// The answers to every route's example, to each of its other methods and to what there is not.
fn all_answers(config: Config) -> Vec<Comparable> {
    let live = Live::routes(config);
    let mut wire = live.connect();
    let mut answers = Vec::new();
    for route in TABLE.iter().filter(|route| !HEAVY.contains(&route.path)) {
        let answer = match route.example_body {
            Some(body) => wire.post(route.example, body),
            None => wire.get(route.example),
        };
        answers.push((format!("{:?} {}", route.method, route.example), answer));
        let path = route.path.replace("{key}", "a");
        let other = if route.method == Method::Get {
            "POST"
        } else {
            "GET"
        };
        for method in [other, "PUT", "OPTIONS"] {
            let answer = wire.ask(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
            answers.push((format!("{method} {path}"), answer));
        }
    }
    for target in ["/nothing", "/cache/a/b", "/cache/%FF", "/cache/"] {
        answers.push((format!("GET {target}"), wire.get(target)));
    }
    let answer = wire.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    answers.push(("OPTIONS *".to_owned(), answer));
    answers.into_iter().map(comparable).collect()
}

#[test]
fn every_route_gives_the_same_answers_either_way() {
    let expected = all_answers(alone());
    for (technique, switch) in techniques::switches() {
        if !NAMES.contains(&technique.name) {
            continue;
        }
        let mut config = alone();
        let is_on = switch.is_on(&config);
        let value = if is_on { switch.off } else { switch.on };
        assert!(switch.set(&mut config, value), "{}", technique.name);
        are_same(&all_answers(config), &expected, technique.name);
    }
    let patterns = with(alone(), |techniques| techniques.routing = Routing::Patterns);
    are_same(&all_answers(patterns), &expected, "static-routing=patterns");
}

/// One answer at a time, so that a failure shows the one that differs.
#[track_caller]
fn are_same(answers: &[Comparable], expected: &[Comparable], technique: &str) {
    for (answer, expected) in answers.iter().zip(expected) {
        assert_eq!(answer, expected, "with {technique} switched");
    }
    assert_eq!(answers.len(), expected.len());
}

/// Which reactor gets a connection is the kernel's choice, or the acceptor's, who takes turns.
#[test]
fn one_acceptor_hands_connections_over_in_turn() {
    let live = Live::routes(without_own_listener(3));
    let mut wires: Vec<Wire> = (0..12).map(|_| live.connect()).collect();
    for wire in &mut wires {
        wire.expect_open();
    }
    for reactor in &live.accounts.reactors {
        assert_eq!(reactor.accepted.get(), 4);
        assert_eq!(reactor.requests.get(), 4);
    }
}

/// Sockets that listen on this port: rows of /proc/net/tcp in state 0A (proc_net_tcp in the
/// kernel's documentation).
fn listeners_on(address: SocketAddr) -> usize {
    let rows = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{:04X}", address.port());
    let is_one = |row: &&str| {
        let columns: Vec<_> = row.split_whitespace().collect();
        columns[1] == local && columns[3] == "0A"
    };
    rows.lines().skip(1).filter(is_one).count()
}

#[test]
fn each_reactor_listens_or_one_thread_does() {
    let own = Live::routes(own_listener(3, true));
    assert_eq!(listeners_on(own.address), 3);
    let one = Live::routes(without_own_listener(3));
    assert_eq!(listeners_on(one.address), 1);
    for live in [own, one] {
        let address = live.address;
        drop(live);
        assert_eq!(listeners_on(address), 0);
    }
}

#[test]
fn what_was_handed_over_is_served_when_the_server_drains() {
    let live = Live::routes(Config {
        limits: Limits {
            connections: Some(2),
            ..Limits::default()
        },
        ..without_own_listener(2)
    });
    let mut inside = [live.connect(), live.connect()];
    for wire in &mut inside {
        wire.expect_open();
    }
    // There is no room for them: they have been accepted, or are in the backlog.
    let mut waiting: Vec<Wire> = (0..9).map(|_| live.connect()).collect();
    for wire in &mut waiting {
        wire.send(wire::PROBE);
    }
    assert_eq!(live.sum(|reactor| &reactor.accepted), 2);
    live.drain();
    // Not some time later: the listener is closed when draining has begun.
    let refused = TcpStream::connect(live.address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    for wire in &mut waiting {
        let answer = wire.answer();
        assert_eq!((answer.text(), answer.closes()), ("Hello, World!", true));
        wire.expect_end();
    }
    for wire in &mut inside {
        assert!(wire.get("/plaintext").closes());
        wire.expect_end();
    }
    drop((inside, waiting));
    live.join();
}

/// Whether it waits for a connection or for room, the acceptor ends when it is told.
#[test]
fn the_acceptor_keeps_nobody_from_leaving() {
    let config = || Config {
        limits: Limits {
            connections: Some(1),
            ..Limits::default()
        },
        ..without_own_listener(1)
    };
    let idle = Live::routes(config());
    let address = idle.address;
    drop(idle);
    let busy = Live::routes(Config {
        port: address.port(),
        ..config()
    });
    let mut wire = busy.connect();
    wire.expect_open();
    let _waiting: Vec<Wire> = (0..3).map(|_| busy.connect()).collect();
    drop(busy);
    TcpStream::connect(address).unwrap_err();
    // Told twice, and drained with nobody there.
    let twice = Live::routes(config());
    twice.drain();
    twice.drain();
    twice.join();
}

#[test]
fn the_common_counter_counts_what_the_reactors_count() {
    for own_counters in [true, false] {
        let live = Live::routes(with(workers(2), |techniques| {
            techniques.own_counters = own_counters;
        }));
        let mut wires = live.connect_to_all(2);
        for wire in &mut wires {
            assert_eq!(wire.get("/plaintext").status, 200);
            assert_eq!(wire.get("/nothing").status, 404);
            assert_eq!(wire.ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n").status, 501);
        }
        for reactor in &live.accounts.reactors {
            assert!(reactor.requests.get() > 0);
        }
        let each = wires.len() as u64;
        let totals = live.accounts.reactors[0].totals.get();
        let expected = Totals {
            requests: 4 * each,
            status_classes: [0, 2 * each, 0, each, each],
            bytes_copied: totals.bytes_copied,
        };
        if own_counters {
            assert_eq!(totals, Totals::default());
        } else {
            assert_eq!(totals, expected);
            assert_eq!(live.sum(|reactor| &reactor.requests), 4 * each);
        }
    }
}

/// The cores that a thread may use, as proc_pid_status(5) writes them.
fn cores_allowed() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = |line: &str| line.strip_prefix("Cpus_allowed_list:").map(str::to_owned);
    status.lines().find_map(line).unwrap().trim().to_owned()
}

/// The numbers in a list such as `0-2,5`.
fn numbers(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        low.parse().unwrap()..=high.parse().unwrap()
    };
    list.split(',').flat_map(range).collect()
}

#[test]
fn a_pinned_reactor_may_use_one_core() {
    let before = cores_allowed();
    let cores = numbers(&before);
    for pinned in [false, true] {
        let config = with(workers(3), |techniques| {
            techniques.pinned = pinned;
            // In turn, so that three connections meet three reactors.
            techniques.own_listener = false;
        });
        let server = Server::new()
            .config(config)
            .route(Method::Get, "/", |request| {
                Response::text(format!("{} {}", request.worker, cores_allowed()))
            });
        let live = Live::start(server);
        for expected in 0..3 {
            let text = live.connect().get("/").text().to_owned();
            let (worker, allowed) = text.split_once(' ').unwrap();
            assert_eq!(worker, expected.to_string());
            if pinned {
                assert_eq!(allowed, cores[expected % cores.len()].to_string());
            } else {
                assert_eq!(allowed, before);
            }
        }
        assert_eq!(cores_allowed(), before, "who starts a server stays free");
    }
}

/// By jobs: one that makes the samples, a task for each file and one that answers; or by the
/// reactor's thread, which then has none.
#[test]
fn files_are_read_by_jobs_or_by_the_reactor() {
    let body = r#"{"files":["small.txt","medium.txt","large.txt"]}"#;
    for (file_jobs, jobs) in [(true, 5), (false, 0)] {
        let live = Live::routes(with(alone(), |techniques| techniques.file_jobs = file_jobs));
        let answer = live.connect().post("/async-files", body).json();
        assert_eq!(answer["processing_result"]["successful_files"], 3);
        assert_eq!(live.sum(|reactor| &reactor.jobs), jobs);
        let limit = if file_jobs { 2 } else { 1 };
        assert_eq!(answer["async_advantage"]["files_in_flight_limit"], limit);
    }
}

/// What the kernel offers is used; what it does not is an error that names what it does.
#[test]
fn a_congestion_control_is_used_or_refused_by_name() {
    let offered = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
    let offered = offered.unwrap();
    for (congestion, name) in [
        (Congestion::Reno, "reno"),
        (Congestion::Cubic, "cubic"),
        (Congestion::Bbr, "bbr"),
    ] {
        let config = with(alone(), |techniques| techniques.congestion = congestion);
        match Server::new().config(config).start() {
            Ok(running) => {
                assert!(offered.contains(name), "{name}");
                running.leave();
                running.join().unwrap();
            }
            Err(error) => {
                assert_ne!(name, "reno", "every kernel has it, for everybody");
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                let told = error.to_string();
                assert!(
                    told.contains(name) && told.contains(offered.trim()),
                    "{told}"
                );
            }
        }
    }
}

/// Reads to the end, or to the reset.
fn read_all(wire: &Wire) -> (usize, Option<ErrorKind>) {
    let (mut bytes, mut room) = (0, [0; 16 * 1024]);
    loop {
        match wire.stream().read(&mut room) {
            Ok(0) => return (bytes, None),
            Ok(count) => bytes += count,
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// A slow reader, and a close before it has read: the kernel delivers what it was given, unless the
/// linger time is zero, which throws it away (socket(7)). This is why it is a demonstration, and
/// off.
#[test]
fn a_linger_time_of_zero_loses_answers() {
    // The kernel takes the whole answer at once, and the server has nothing left to do; the peer's
    // kernel takes only a part of it.
    const BODY: usize = 12 * 1024;
    for linger in [None, Some(Duration::ZERO)] {
        let mut config = alone();
        config.socket.linger = linger;
        config.timeouts.linger_silence = Duration::from_millis(1);
        let server = Server::new().config(config);
        let live = Live::start(server.route(Method::Get, "/", |_| {
            Response::bytes(ContentType::Text, vec![b'x'; BODY]).closing()
        }));
        let mut wire = Wire::narrow(live.address, 1024);
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        eventually("the server has closed", || {
            live.sum(|reactor| &reactor.requests) == 1
                && live.sum(|reactor| &reactor.connections) == 0
        });
        assert_eq!(live.sum(|reactor| &reactor.resets), 0);
        let (bytes, error) = read_all(&wire);
        if linger.is_none() {
            assert!(bytes > BODY, "the head and the body: {bytes}");
            assert_eq!(error, None);
        } else {
            assert!(bytes < BODY, "{bytes}");
            assert_eq!(error, Some(ErrorKind::ConnectionReset));
        }
    }
}
