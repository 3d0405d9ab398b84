//! What the routes cost beside the constant ones: `/benchmark`, a cache miss and a cache hit; and
//! what `/plaintext` allocates, by stage.
#![cfg(feature = "routes")]

mod wire;

use std::hint::black_box;
use std::time::Duration;

use barewire::Server;
use barewire::accounts::{Figures, Stage};
use barewire::allocator::CountingAllocator;
use barewire::http::{Later, Method, Response, Status};

use wire::driven::Driven;
use wire::{Live, PROBE, Wire};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Recvs, sends, registrations, calls in vain, timers set, timers fired, jobs, buffers.
fn costs(spent: &Figures) -> [u64; 8] {
    [
        spent.reads,
        spent.writes,
        spent.registrations,
        spent.eagains.iter().sum(),
        spent.timers_set,
        spent.timers_fired,
        spent.jobs,
        spent.pool_hits + spent.pool_misses,
    ]
}

/// What a GET is counted as, and what its answer says of the cache.
fn get(driven: &mut Driven, wire: &mut Wire, target: &str) -> (Figures, Option<String>) {
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let spent = driven.serve(1);
    let answer = wire.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    (spent, answer.field("X-Cache").map(str::to_owned))
}

#[test]
fn a_wait_costs_a_timer_for_it_and_one_for_the_idle_connection() {
    let mut driven = Driven::new(&wire::full(1));
    let mut wire = driven.connect(1).remove(0);
    for _ in 0..3 {
        let (spent, _) = get(&mut driven, &mut wire, "/benchmark");
        assert_eq!(costs(&spent), [1, 1, 0, 0, 2, 1, 0, 0]);
    }
    // Without a wait it costs what any other costs.
    let (spent, _) = get(&mut driven, &mut wire, "/benchmark?wait_us=0");
    assert_eq!(costs(&spent), [1, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_cache_miss_costs_two_timers_and_a_hit_none() {
    let mut driven = Driven::new(&wire::full(1));
    let mut wire = driven.connect(1).remove(0);
    for key in ["a", "b"] {
        let target = format!("/cache/{key}?cost_ms=1");
        let (spent, said) = get(&mut driven, &mut wire, &target);
        assert_eq!(costs(&spent), [1, 1, 0, 0, 2, 1, 0, 0]);
        assert_eq!(said.as_deref(), Some("MISS"));
        for _ in 0..3 {
            let (spent, said) = get(&mut driven, &mut wire, &target);
            assert_eq!(costs(&spent), [1, 1, 0, 0, 0, 0, 0, 0]);
            assert_eq!(said.as_deref(), Some("HIT"));
        }
    }
}

/// What the reactor of a server has allocated so far, by stage.
fn allocated(live: &Live) -> [u64; Stage::COUNT] {
    let owner = &live.accounts.reactors[0].owner;
    owner.allocations().expect("the allocator is installed")
}

fn since(before: [u64; Stage::COUNT], after: [u64; Stage::COUNT]) -> [u64; Stage::COUNT] {
    std::array::from_fn(|stage| after[stage] - before[stage])
}

#[test]
fn plaintext_allocates_in_no_stage() {
    const REQUESTS: u64 = 1000;
    let live = Live::routes(wire::full(1));
    let mut wire = live.connect();
    // The first is not counted: lists of the loop get their first room.
    assert_eq!(wire.ask(PROBE).status, 200);
    let before = allocated(&live);
    for _ in 0..REQUESTS {
        assert_eq!(wire.ask(PROBE).status, 200);
    }
    let mut spent = since(before, allocated(&live));
    // The date is rendered once a second, between two requests, and that allocates.
    let between =
        [Stage::Wait, Stage::Rest].map(|stage| std::mem::take(&mut spent[stage as usize]));
    assert_eq!(spent, [0; Stage::COUNT]);
    assert!(between.iter().sum::<u64>() < REQUESTS / 10, "{between:?}");
}

#[test]
fn a_handler_allocates_in_its_own_stage_also_after_a_wait() {
    const BLOCKS: u64 = 1000;
    let blocks = || (0..BLOCKS).for_each(|_| drop(black_box(Box::new(0_u64))));
    let server = Server::new().config(wire::full(1));
    let server = server.route(Method::Get, "/now", move |_| {
        blocks();
        Response::empty(Status::OK)
    });
    let server = server.route(Method::Get, "/later", move |_| {
        Later::After(
            Duration::from_millis(1),
            Box::new(move |_| {
                blocks();
                Response::empty(Status::OK).into()
            }),
        )
    });
    let live = Live::start(server);
    for target in ["/now", "/later"] {
        let mut wire = live.connect();
        // The reactor runs, and its lists have their first room.
        assert_eq!(wire.get("/nowhere").status, 404);
        let before = allocated(&live);
        assert_eq!(wire.get(target).status, 200);
        let spent = since(before, allocated(&live));
        let handled = spent[Stage::Handle as usize];
        assert!(handled >= BLOCKS, "{target}: {spent:?}");
        let others = spent.iter().sum::<u64>() - handled;
        assert!(others < BLOCKS / 10, "{target}: {spent:?}");
    }
}
