//! What becomes more expensive when a technique is switched off: exactly what its claim says, by
//! the server's own counters, on the same work.
//!
//! Those that no counter of a reactor shows are held by the test that [`TESTED`] names: the list
//! has every technique, and each test in it exists.
#![cfg(feature = "routes")]
// Either module brings the file that switches techniques off, and neither needs the other.
#![allow(clippy::duplicate_mod)]

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use barewire::accounts::{Accounts, Copied, Figures, Woken};
use barewire::allocator::{CountingAllocator, thread_totals};
use barewire::config::{Config, Limits, Routing, Techniques, bounds};
use barewire::handlers::Routes;
use barewire::http::date::Date;
use barewire::http::parse::{Parser, Partial, Slots};
use barewire::http::{Body, Exchange, Version};
use barewire::reactor::buffers::{self, Input};
use barewire::reactor::socket;
use barewire::techniques;
use barewire::{Handler, Method, Reply, Request};
use bytes::BytesMut;
use mio::net::TcpStream;
use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Socket, Type};
use support::answers::Answer;
use support::{HELLO, Peer, Rig};
use wire::driven::Driven;

mod sources;
mod support;
mod wire;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Each technique with the test of what its absence costs.
const TESTED: &[(&str, &str)] = &[
    (
        "event-batching",
        "without_event_batching_each_event_is_a_poll",
    ),
    (
        "register-once",
        "without_register_once_a_request_costs_a_registration",
    ),
    (
        "write-at-once",
        "without_write_at_once_an_answer_waits_for_a_poll",
    ),
    (
        "short-read",
        "without_short_read_each_read_is_followed_by_one_in_vain",
    ),
    (
        "turn-clock",
        "without_turn_clock_each_advance_reads_the_clock",
    ),
    (
        "lazy-deadlines",
        "without_lazy_deadlines_a_request_sets_a_timer",
    ),
    (
        "accept-batches",
        "without_accept_batches_a_storm_is_one_turn",
    ),
    ("slab", "without_slab_a_late_timer_still_finds_nobody"),
    ("spin", "with_spin_a_reactor_polls_on_before_it_sleeps"),
    ("fine-timer", "without_fine_timer_a_wait_ends_by_no_event"),
    (
        "idle-buffers",
        "without_idle_buffers_each_one_taken_is_allocated",
    ),
    (
        "shared-input",
        "without_shared_input_idle_connections_hold_buffers",
    ),
    (
        "uninit-reads",
        "without_uninit_reads_or_inline_calls_the_bytes_are_the_same",
    ),
    (
        "inline-calls",
        "without_uninit_reads_or_inline_calls_the_bytes_are_the_same",
    ),
    (
        "cursors",
        "without_cursors_a_buffer_is_counted_and_in_pieces",
    ),
    (
        "batched-writes",
        "without_batched_writes_each_answer_is_a_send",
    ),
    ("same-request", "without_same_request_each_head_is_parsed"),
    (
        "cached-date",
        "without_cached_date_each_answer_reads_the_wall_clock",
    ),
    ("head-template", "without_head_template_an_answer_allocates"),
    ("json-in-place", "without_json_in_place_an_answer_allocates"),
    (
        "field-slots",
        "without_field_slots_any_number_of_fields_is_read",
    ),
    (
        "static-routing",
        "without_static_routing_a_look_up_allocates",
    ),
    (
        "own-counters",
        "the_common_counter_counts_what_the_reactors_count",
    ),
    (
        "sharded-cache",
        "the_cache_is_cut_into_as_many_parts_as_asked_for",
    ),
    (
        "own-listener",
        "one_acceptor_hands_connections_over_in_turn",
    ),
    ("pinning", "a_pinned_reactor_may_use_one_core"),
    ("nodelay", "accepted_sockets_inherit_the_options"),
    ("backlog", "without_backlog_fewer_connections_wait"),
    (
        "quickack",
        "acknowledgements_are_sent_at_once_until_the_kernel_thinks_otherwise",
    ),
    (
        "congestion",
        "accepted_sockets_inherit_the_congestion_control",
    ),
    ("linger", "a_linger_time_of_zero_loses_answers"),
    ("file-jobs", "files_are_read_by_jobs_or_by_the_reactor"),
    ("sendfile", "without_sendfile_each_byte_of_a_file_is_copied"),
    ("send-more", "the_head_of_a_file_does_not_arrive_alone"),
    ("small-file-cache", "a_small_file_is_one_send"),
];

/// Gives this technique its other value.
fn change(config: &mut Config, name: &str) {
    let found = techniques::switches().find(|(technique, _)| technique.name == name);
    let (_, switch) = found.expect("a technique");
    let value = if switch.is_on(config) {
        switch.off
    } else {
        switch.on
    };
    assert!(switch.set(config, value));
}

/// A rig as it is by default, and one in which this technique has its other value. Requests are not
/// timed, since that reads the clock.
fn both(name: &str) -> [Rig; 2] {
    let full = Rig::full_with(|config| config.sample = 0);
    let changed = Rig::full_with(|config| {
        config.sample = 0;
        change(config, name);
    });
    [full, changed]
}

/// What `spend` was counted as.
fn counted(rig: &mut Rig, spend: impl FnOnce(&mut Rig)) -> Figures {
    let before = Figures::of(&rig.account);
    spend(rig);
    Figures::of(&rig.account).since(&before)
}

/// What one request on this connection was counted as.
fn request(rig: &mut Rig, peer: &Peer) -> Figures {
    let spent = counted(rig, |rig| {
        peer.send(HELLO);
        rig.run();
    });
    assert_eq!(peer.take_answer().text(), "hello");
    spent
}

/// Recvs, sends, registrations, EAGAINs of recv, turns.
fn calls(spent: &Figures) -> [u64; 5] {
    [
        spent.reads,
        spent.writes,
        spent.registrations,
        spent.eagains[1],
        spent.turns,
    ]
}

#[test]
fn without_event_batching_each_event_is_a_poll() {
    for (without, turns) in [(false, 1), (true, 10)] {
        let mut config = wire::full(1);
        if without {
            change(&mut config, "event-batching");
        }
        let mut driven = Driven::new(&config);
        let mut wires = driven.connect(10);
        for wire in &mut wires {
            wire.send(wire::PROBE);
        }
        let spent = driven.serve(10);
        assert_eq!((spent.turns, spent.events), (turns, 10));
        for wire in &mut wires {
            assert_eq!(wire.answer().status, 200);
        }
    }
}

#[test]
fn without_register_once_a_request_costs_a_registration() {
    let [mut full, mut without] = both("register-once");
    let [first, second] = [full.connect(), without.connect()];
    for _ in 0..10 {
        let spent = request(&mut full, &first);
        assert_eq!(calls(&spent), [1, 1, 0, 0, 2]);
        let spent = request(&mut without, &second);
        assert_eq!(calls(&spent), [1, 1, 1, 0, 2]);
    }
}

#[test]
fn without_write_at_once_an_answer_waits_for_a_poll() {
    let [mut full, mut without] = both("write-at-once");
    let [first, second] = [full.connect(), without.connect()];
    for _ in 0..10 {
        let spent = request(&mut full, &first);
        assert_eq!(calls(&spent), [1, 1, 0, 0, 2]);
        assert_eq!(spent.bytes_copied[Copied::Output as usize], 0);
        let spent = request(&mut without, &second);
        assert_eq!(calls(&spent), [1, 1, 1, 0, 3]);
        assert_eq!(spent.bytes_copied[Copied::Output as usize], spent.bytes_out);
        assert_eq!(spent.wakeups[Woken::Ready as usize], 2);
    }
}

#[test]
fn without_short_read_each_read_is_followed_by_one_in_vain() {
    let [mut full, mut without] = both("short-read");
    let [first, second] = [full.connect(), without.connect()];
    for _ in 0..10 {
        let spent = request(&mut full, &first);
        assert_eq!(calls(&spent), [1, 1, 0, 0, 2]);
        let spent = request(&mut without, &second);
        assert_eq!(calls(&spent), [2, 1, 0, 1, 2]);
    }
}

#[test]
fn without_turn_clock_each_advance_reads_the_clock() {
    // At the beginning of the turn, and before the eighth; or before each of ten.
    for (mut rig, readings) in both("turn-clock").into_iter().zip([2, 11]) {
        let peers: Vec<_> = (0..10).map(|_| rig.connect()).collect();
        for peer in &peers {
            peer.send(HELLO);
        }
        let (before, _) = rig.clock_readings();
        rig.turn();
        assert_eq!(rig.clock_readings().0 - before, readings);
        for peer in &peers {
            assert_eq!(peer.take_answer().text(), "hello");
        }
    }
}

#[test]
fn without_lazy_deadlines_a_request_sets_a_timer() {
    for (mut rig, timers) in both("lazy-deadlines").into_iter().zip([0, 1]) {
        let peer = rig.connect();
        for _ in 0..10 {
            rig.hold_up(Duration::from_millis(1));
            assert_eq!(request(&mut rig, &peer).timers_set, timers);
        }
    }
}

#[test]
fn without_accept_batches_a_storm_is_one_turn() {
    let batches = [&[64, 64, 64, 64, 44][..], &[300]];
    for (mut rig, batches) in both("accept-batches").into_iter().zip(batches) {
        let _peers: Vec<_> = (0..300).map(|_| rig.queue()).collect();
        for &batch in batches {
            let spent = counted(&mut rig, Rig::turn);
            assert_eq!(spent.accepted, batch);
        }
        assert_eq!(rig.reactor.connections(), 300);
    }
}

/// No counter tells a slab from a hash table; what must not differ is that a wakeup of one that has
/// gone reaches nobody else.
#[test]
fn without_slab_a_late_timer_still_finds_nobody() {
    for mut rig in both("slab") {
        let first = rig.connect();
        rig.advance(Duration::from_secs(10));
        first.finish();
        rig.run();
        assert!(first.is_closed());
        let second = rig.connect();
        // The first would have been closed 30 s after it was accepted.
        rig.advance(Duration::from_secs(20));
        assert!(second.is_open());
        assert_eq!(rig.account.stale_wakeups.get(), 1);
        let spent = request(&mut rig, &second);
        assert_eq!(calls(&spent), [1, 1, 0, 0, 2]);
    }
}

#[test]
fn with_spin_a_reactor_polls_on_before_it_sleeps() {
    // Off by default. The rig's clock goes on by 1 us in each turn of a reactor that spins: the
    // turn of the request, one for each of 50 us, and the one that sleeps.
    for (mut rig, turns) in both("spin").into_iter().zip([2, 52]) {
        let peer = rig.connect();
        for _ in 0..3 {
            assert_eq!(calls(&request(&mut rig, &peer)), [1, 1, 0, 0, turns]);
        }
    }
}

/// With the timerfd the end of a wait is an event; without it the poll ends by its own timeout.
#[test]
fn without_fine_timer_a_wait_ends_by_no_event() {
    for (without, events) in [(false, 2), (true, 1)] {
        let mut config = wire::full(1);
        if without {
            change(&mut config, "fine-timer");
        }
        let mut driven = Driven::new(&config);
        let mut wire = driven.connect(1).remove(0);
        wire.send("GET /benchmark?wait_us=2000 HTTP/1.1\r\nHost: x\r\n\r\n");
        let spent = driven.serve(1);
        assert_eq!((spent.timers_fired, spent.events), (1, events));
        assert_eq!(wire.answer().status, 200);
    }
}

#[test]
fn without_idle_buffers_each_one_taken_is_allocated() {
    for (mut rig, expected) in both("idle-buffers").into_iter().zip([(9, 1), (0, 10)]) {
        let peer = rig.connect();
        let spent = counted(&mut rig, |rig| {
            for _ in 0..10 {
                peer.send(&HELLO[..10]);
                rig.run();
                peer.send(&HELLO[10..]);
                rig.run();
            }
        });
        assert_eq!((spent.pool_hits, spent.pool_misses), expected);
        assert_eq!(peer.answers().len(), 10);
    }
}

#[test]
fn without_shared_input_idle_connections_hold_buffers() {
    for (mut rig, each) in both("shared-input").into_iter().zip([0, 1]) {
        let peers: Vec<_> = (0..10).map(|_| rig.connect()).collect();
        for peer in &peers {
            assert_eq!(calls(&request(&mut rig, peer)), [1, 1, 0, 0, 2]);
        }
        let held = each * peers.len() * rig.config.socket.buffer_size;
        assert_eq!(rig.account.buffer_bytes.get(), held as u64);
    }
}

/// What was cleared first is not seen afterwards: the same bytes, in the same memory.
#[test]
fn without_uninit_reads_or_inline_calls_the_bytes_are_the_same() {
    let cleared = |from: &TcpStream, into: &mut BytesMut, max| {
        buffers::clear(into, max);
        buffers::receive(into, max, |room| {
            assert!(room.len() <= max);
            socket::receive(from, room)
        })
    };
    let by_library = |from: &TcpStream, into: &mut BytesMut, max| {
        buffers::receive(into, max, |room| socket::receive(from, room))
    };
    let in_place = |from: &TcpStream, into: &mut BytesMut, max| {
        buffers::receive(
            into,
            max,
            |room| Ok(recv(from, room, RecvFlags::empty())?.1),
        )
    };
    for receive in [in_place, cleared, by_library] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = wire::Wire::to(listener.local_addr().unwrap());
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let stream = mio::net::TcpStream::from_std(accepted);
        let mut into = BytesMut::with_capacity(64);
        into.extend_from_slice(b"held, ");
        peer.send("received");
        let mut received = None;
        wire::eventually("the bytes come", || {
            received = receive(&stream, &mut into, 5).ok();
            received.is_some()
        });
        assert_eq!(received, Some(5));
        assert_eq!((&into[..], into.capacity()), (&b"held, recei"[..], 64));
        // More may come than there is room for: the memory stays what it is.
        assert_eq!(receive(&stream, &mut into, 1000).ok(), Some(3));
        assert_eq!((&into[..], into.capacity()), (&b"held, received"[..], 64));
    }
}

/// Allocations of `work` on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let so_far = || {
        let totals = thread_totals().expect("a slot");
        totals.allocations + totals.reallocations
    };
    let before = so_far();
    work();
    so_far() - before
}

/// The count of who shares the buffer is an allocation of its own, and the front of the buffer is
/// lost to it.
#[test]
fn without_cursors_a_buffer_is_counted_and_in_pieces() {
    for (cursors, counts, capacity) in [(true, 0, 4096), (false, 1, 4000)] {
        let techniques = Techniques {
            cursors,
            ..Techniques::default()
        };
        let mut input = Input::new(BytesMut::with_capacity(4096));
        input.bytes_mut().extend_from_slice(&[b'x'; 100]);
        assert_eq!(allocations(|| input.consume(96, &techniques)), counts);
        assert_eq!(input.bytes_mut().capacity(), capacity);
        assert_eq!(input.as_slice(), b"xxxx");
    }
}

#[test]
fn without_batched_writes_each_answer_is_a_send() {
    for (mut rig, sends) in both("batched-writes").into_iter().zip([1, 16]) {
        let peer = rig.connect();
        let spent = counted(&mut rig, |rig| {
            peer.send(HELLO.repeat(16));
            rig.run();
        });
        assert_eq!(calls(&spent), [1, sends, 0, 0, 2]);
        assert_eq!(peer.answers().len(), 16);
    }
}

/// No counter shows what is parsed, but a handler sees where in the input the head of its request
/// lies: where the first one lies, if it was not parsed again.
#[test]
fn without_same_request_each_head_is_parsed() {
    for (mut rig, heads) in both("same-request").into_iter().zip([1, 16]) {
        let peer = rig.connect();
        peer.send("GET /head-at HTTP/1.1\r\nHost: a\r\n\r\n".repeat(16));
        rig.run();
        let answers = peer.answers();
        assert_eq!(answers.len(), 16);
        let places: HashSet<_> = answers.iter().map(Answer::text).collect();
        assert_eq!(places.len(), heads);
    }
}

/// What must not differ are the answers, to requests that repeat, that nearly do, that are cut, and
/// that close.
#[test]
fn without_same_request_the_answers_are_the_same() {
    let line = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    let hello = line("/hello", "");
    let body = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    for requests in [
        hello.repeat(16),
        hello.repeat(3) + &line("/hellp", "") + &hello,
        hello.repeat(3) + &hello[..20],
        hello.clone() + "\r\n" + &hello.repeat(2),
        line("/hello", "Connection: close\r\n").repeat(3),
        hello.replace("1.1", "1.0").repeat(3),
        line("/wait?us=1", "").repeat(3),
        body.repeat(3),
        line("/hello", "Expect: 100-continue\r\n").repeat(2),
        line("/panic", "").repeat(3) + &hello,
    ] {
        let [on, off] = both("same-request").map(|mut rig| {
            let peer = rig.connect();
            peer.send(&requests);
            rig.run();
            rig.advance(Duration::from_millis(1));
            peer.finish();
            rig.run();
            peer.received()
        });
        assert_eq!(on, off, "{requests:?}");
        assert!(on.starts_with(b"HTTP/1.1 "), "{requests:?}");
    }
}

#[test]
fn without_cached_date_each_answer_reads_the_wall_clock() {
    for (mut rig, readings) in both("cached-date").into_iter().zip([0, 16]) {
        let peer = rig.connect();
        let (_, before) = rig.clock_readings();
        peer.send(HELLO.repeat(16));
        rig.run();
        assert_eq!(rig.clock_readings().1 - before, readings);
        assert_eq!(peer.answers().len(), 16);
    }
}

/// Allocations of a hundred keep-alive GETs, handled and written with these techniques.
fn allocations_of_answers(path: &str, change: impl FnOnce(&mut Techniques)) -> u64 {
    let mut config = Config::default();
    change(&mut config.techniques);
    let routes = Routes::new(&config, Accounts::new(1)).unwrap();
    let date = Date::at(0);
    let mut out = Vec::with_capacity(64 * 1024);
    let techniques = config.techniques;
    let request = Request {
        method: Method::Get,
        path,
        query: None,
        version: Version::Http11,
        fields: &[],
        head: b"",
        body: Body::default(),
        worker: 0,
        params: &[],
    };
    let exchange = Exchange {
        keep_alive: true,
        head_only: false,
        version: Version::Http11,
    };
    allocations(|| {
        for _ in 0..100 {
            match routes.handle(&request) {
                Reply::Fixed(fixed) => {
                    fixed
                        .response()
                        .write(exchange, &date, &techniques, &mut out)
                }
                Reply::Now(response) => response.write(exchange, &date, &techniques, &mut out),
                _ => panic!("{path} is answered at once"),
            };
            out.truncate(0);
        }
    })
}

/// How many, depends on how the formatting grows its text; that they are as many for each answer,
/// and none with the technique, does not.
#[test]
fn without_head_template_an_answer_allocates() {
    for path in ["/plaintext", "/json"] {
        assert_eq!(allocations_of_answers(path, |_| ()), 0);
        let without = allocations_of_answers(path, |techniques| techniques.head_template = false);
        assert!(without > 0 && without.is_multiple_of(100), "{without}");
    }
}

#[test]
fn without_json_in_place_an_answer_allocates() {
    let without =
        |path| allocations_of_answers(path, |techniques| techniques.json_in_place = false);
    assert_eq!(allocations_of_answers("/json", |_| ()), 0);
    let of_json = without("/json");
    assert!(of_json > 0 && of_json.is_multiple_of(100), "{of_json}");
    // There is no JSON in it.
    assert_eq!(without("/plaintext"), 0);
}

/// The map's key owns its path; a pattern splits the path for each row that it is compared with.
#[test]
fn without_static_routing_a_look_up_allocates() {
    let of =
        |path, routing| allocations_of_answers(path, |techniques| techniques.routing = routing);
    for (path, rows) in [("/plaintext", 1), ("/json", 2)] {
        assert_eq!(of(path, Routing::Match), 0);
        assert_eq!(of(path, Routing::Map), 100);
        assert_eq!(of(path, Routing::Patterns), 100 * rows);
    }
}

/// The slots lie on the stack, where nothing counts them; what must not differ is what is read.
#[test]
fn without_field_slots_any_number_of_fields_is_read() {
    for count in 1..=bounds::FIELDS_MAX {
        let mut text = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
        (1..count).for_each(|n| write!(text, "N{n}: {n}\r\n").unwrap());
        text.push_str("\r\n");
        let [on, off] = [true, false].map(|field_slots| {
            let techniques = Techniques {
                field_slots,
                ..Techniques::default()
            };
            let mut slots = Slots::default();
            let mut parser = Parser::new(&Limits::default());
            let parsed = parser.head(
                text.as_bytes(),
                &mut Partial::default(),
                &mut slots,
                &techniques,
            );
            let head = parsed.unwrap().expect("it is complete");
            let fields = head.request.fields.iter();
            let fields = fields.map(|field| (field.name.to_owned(), field.value.to_vec()));
            fields.collect::<Vec<_>>()
        });
        assert_eq!((on.len(), &on), (count, &off));
    }
}

/// Connections that wait to be accepted: of a socket that listens, the receive queue of
/// /proc/net/tcp.
fn waiting_at(address: SocketAddr) -> usize {
    let rows = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{:04X}", address.port());
    let queue = rows.lines().skip(1).find_map(|row| {
        let columns: Vec<_> = row.split_whitespace().collect();
        (columns[1] == local && columns[3] == "0A").then(|| columns[4].to_owned())
    });
    let queue = queue.expect("it listens");
    usize::from_str_radix(queue.split(':').nth(1).unwrap(), 16).unwrap()
}

#[test]
fn without_backlog_fewer_connections_wait() {
    for without in [false, true] {
        let mut config = wire::full(1);
        if without {
            change(&mut config, "backlog");
        }
        let listener = socket::listen(([127, 0, 0, 1], 0).into(), &config).unwrap();
        let address = listener.local_addr().unwrap();
        let _peers: Vec<Socket> = (0..200)
            .map(|_| {
                let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                peer.set_nonblocking(true).unwrap();
                // It is under way, or dropped: connect(2) does not tell yet.
                let _ = peer.connect(&address.into());
                peer
            })
            .collect();
        // Nobody accepts. The queue is full when it is longer than the backlog (listen(2)).
        let expected = 200.min(config.socket.backlog + 1);
        assert_eq!(expected, if without { 129 } else { 200 });
        wire::eventually("they wait", || waiting_at(address) == expected);
    }
}

/// All source text that may have a test.
fn tests() -> String {
    let files = sources::below(&["src", "tests"]).into_iter();
    files.map(|(_, text)| text).collect()
}

#[test]
fn every_technique_has_its_test() {
    let names: Vec<_> = techniques::switches()
        .map(|(technique, _)| technique.name)
        .collect();
    let tested: Vec<_> = TESTED.iter().map(|(name, _)| *name).collect();
    let untested: Vec<_> = names.iter().filter(|name| !tested.contains(name)).collect();
    assert!(
        tested == names,
        "tests/budgets_without.rs: TESTED has a row for each technique, in the order of \
         src/techniques/table.rs, with the test of what the technique saves; without a row: \
         {untested:?}; the order there:\n{names:?}\nand here:\n{tested:?}"
    );
    let text = tests();
    let known: HashSet<&str> = text
        .split("#[test]\n")
        .skip(1)
        .filter_map(|test| test.split_once("fn ")?.1.split_once('(').map(|cut| cut.0))
        .collect();
    for (name, test) in TESTED {
        assert!(
            known.contains(test),
            "{name}: TESTED names the test {test}, which does not exist; write it"
        );
    }
}
