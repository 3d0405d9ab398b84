//! The counting allocator installed, as the binary does it, and what it finds on the way of an
//! answer.
#![cfg(feature = "routes")]

use std::collections::HashSet;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use barewire::accounts::{Accounts, Stage};
use barewire::allocator::{CountingAllocator, HeapUsage, thread_totals, totals};
use barewire::config::{Config, Techniques, bounds};
use barewire::handlers::Routes;
use barewire::http::date::Date;
use barewire::http::{Body, ContentType, Exchange, Fixed, Version};
use barewire::{Handler, Method, Reply, Request, Response, Server};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What `work` allocated on this thread.
fn allocated(work: impl FnOnce()) -> (u64, u64) {
    let calls = |totals: HeapUsage| (totals.allocations, totals.reallocations);
    let before = thread_totals().map(calls).expect("a slot");
    work();
    let after = thread_totals().map(calls).expect("a slot");
    (after.0 - before.0, after.1 - before.1)
}

/// A keep-alive GET, handled and written.
fn answer(routes: &Routes, path: &str, date: &Date, out: &mut Vec<u8>) {
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
    match routes.handle(&request) {
        Reply::Fixed(fixed) => {
            fixed.push(date, out);
        }
        Reply::Now(response) => {
            response.write(exchange, date, &Techniques::FULL, out);
        }
        _ => panic!("{path} is answered at once"),
    }
}

/// A long answer makes the common output grow for once, not for ever.
fn the_output_does_not_stay_as_long_as_the_longest_answer() {
    const LONG: usize = 8 * bounds::OUTPUT_KEPT;
    let server = Server::new().port(0).workers(1);
    let server = server.route(Method::Get, "/{bytes}", |request: &Request<'_>| {
        let bytes = request.param("bytes").and_then(|bytes| bytes.parse().ok());
        let bytes: usize = bytes.expect("a number");
        Response::written(ContentType::Text, move |out| {
            out.resize(out.len() + bytes, b'x');
        })
    });
    let running = server.start().expect("a free port");
    let mut peer = TcpStream::connect(running.address()).expect("accepted");
    let mut room = vec![0; 2 * LONG];
    let mut ask = |bytes: usize| {
        write!(peer, "GET /{bytes} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        let mut received = 0;
        while received < bytes || !room[..received].ends_with(b"x") {
            received += peer.read(&mut room[received..]).expect("an answer");
        }
    };
    let in_use = || totals().map(|totals| totals.allocated_bytes - totals.freed_bytes);
    ask(1);
    let before = in_use().expect("counted");
    ask(LONG);
    ask(1);
    // The client may have the answer before the server has done with it.
    let began = Instant::now();
    while in_use().expect("counted") > before + LONG as u64 / 2 {
        assert!(began.elapsed() < Duration::from_secs(10), "it is kept");
        thread::yield_now();
    }
}

/// A server whose one handler allocates once for each request, and nothing else does.
fn allocations_are_attributed_to_their_stage() {
    const REQUESTS: u64 = 1000;
    static ANSWER: Fixed = Fixed::new(ContentType::Text, b"allocated");
    let server = Server::new()
        .port(0)
        .workers(1)
        .route(Method::Get, "/allocating", |_| {
            drop(black_box(Box::new([0_u8; 100])));
            &ANSWER
        });
    let running = server.start().expect("a free port");
    let mut peer = TcpStream::connect(running.address()).expect("accepted");
    let mut ask = || {
        peer.write_all(b"GET /allocating HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("sent");
        let mut answer = [0; 1024];
        let bytes = peer.read(&mut answer).expect("an answer");
        assert!(answer[..bytes].ends_with(b"allocated"));
    };
    let so_far = || {
        let owner = &running.accounts().reactors[0].owner;
        owner.allocations().expect("the allocator is installed")
    };
    ask();
    let before = so_far();
    (0..REQUESTS).for_each(|_| ask());
    let after = so_far();
    for (stage, name) in Stage::ALL {
        let count = after[stage as usize] - before[stage as usize];
        let expected = if stage == Stage::Handle { REQUESTS } else { 0 };
        // The date is rendered once a second, and that allocates.
        let beside = if stage == Stage::Rest { 100 } else { 0 };
        assert!(
            (expected..=expected + beside).contains(&count),
            "{name}: {count}"
        );
    }
    running.leave();
    running.join().expect("it ends well");
}

/// One test, since the slots that the last part uses up would be missed by tests beside it.
#[test]
fn the_constant_routes_allocate_nothing_and_every_thread_is_counted() {
    constant_routes_allocate_nothing();
    what_allocates_is_counted();
    allocations_are_attributed_to_their_stage();
    the_output_does_not_stay_as_long_as_the_longest_answer();
    threads_without_a_slot_are_counted_too();
}

fn constant_routes_allocate_nothing() {
    let routes = Routes::new(&Config::default(), Accounts::new(1)).expect("routes");
    // The reactor renders it once a second, and that allocates.
    let date = Date::at(0);
    let mut out = Vec::with_capacity(64 * 1024);
    for path in ["/plaintext", "/json"] {
        let counted = allocated(|| {
            for _ in 0..100 {
                answer(&routes, path, &date, &mut out);
                out.truncate(0);
            }
        });
        assert_eq!(counted, (0, 0), "{path}");
    }
    assert_ne!(
        allocated(|| answer(&routes, "/stats", &date, &mut out)).0,
        0
    );
}

fn what_allocates_is_counted() {
    let mut list = Vec::new();
    assert_eq!(allocated(|| black_box(&mut list).push(1_u64)), (1, 0));
    assert_eq!(allocated(|| list.reserve_exact(1000)), (0, 1));
    assert_eq!(allocated(|| drop(list)), (0, 0));
}

fn threads_without_a_slot_are_counted_too() {
    const BLOCK: usize = 100_000;
    let before = totals().expect("installed");
    let slotted: Vec<bool> = (0..2 * bounds::ALLOCATOR_SLOTS)
        .map(|_| {
            let thread = thread::spawn(|| {
                drop(black_box(Vec::<u8>::with_capacity(BLOCK)));
                thread_totals().is_some()
            });
            thread.join().expect("no panic")
        })
        .collect();
    let kinds: HashSet<bool> = slotted.iter().copied().collect();
    assert_eq!(kinds.len(), 2, "some with a slot, some without");
    let after = totals().expect("installed");
    let bytes = (slotted.len() * BLOCK) as u64;
    assert!(after.allocated_bytes - before.allocated_bytes >= bytes);
    assert!(after.freed_bytes - before.freed_bytes >= bytes);
    assert!(after.peak_bytes >= after.allocated_bytes - after.freed_bytes);
}
