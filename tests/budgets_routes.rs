//! What the routes cost beside the constant ones: `/benchmark`, a cache miss and a cache hit; and
//! what `/plaintext` allocates, by stage.
#![cfg(feature = "routes")]

mod wire;

use barewire::accounts::{Figures, Stage};
use barewire::allocator::CountingAllocator;

use wire::driven::Driven;
use wire::{PROBE, Wire};

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

#[test]
fn plaintext_allocates_in_no_stage() {
    const REQUESTS: u64 = 1000;
    let mut driven = Driven::new(&wire::full(1));
    driven.account.owner.take_over();
    let mut wire = driven.connect(1).remove(0);
    let mut spent = [0; Stage::COUNT];
    for request in 0..=REQUESTS {
        wire.send(PROBE);
        let before = driven.account.owner.allocations().expect("installed");
        driven.turn_until_answered(1);
        let after = driven.account.owner.allocations().expect("installed");
        assert_eq!(wire.answer().status, 200);
        // The first is not counted: lists of the loop get their first room.
        if request > 0 {
            for (sum, (after, before)) in spent.iter_mut().zip(after.iter().zip(before)) {
                *sum += after - before;
            }
        }
    }
    let rest = std::mem::take(&mut spent[Stage::Rest as usize]);
    assert_eq!(spent, [0; Stage::COUNT]);
    // The date is rendered once a second, and that allocates.
    assert!(rest < REQUESTS / 10, "{rest}");
}
