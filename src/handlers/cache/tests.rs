//! The cache against a clock of its own: `Shard` takes the moment of each look-up as an argument.

use super::*;
use crate::config::bounds::CACHE_SHARDS;
use crate::handlers::testing::{Exam, request, wait_of};
use crate::http::{Handler, Method};

const COST: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(1);

fn wait(found: &Outcome) -> Option<Duration> {
    match found {
        Outcome::Hit(_) => None,
        Outcome::Miss(_, wait) => Some(*wait),
    }
}

fn value(found: Outcome) -> Arc<Value> {
    match found {
        Outcome::Hit(value) | Outcome::Miss(value, _) => value,
    }
}

#[test]
fn a_miss_waits_on_the_timer_for_its_cost() {
    let exam = Exam::new();
    let reply = exam.routes.handle(&request(Method::Get, "/cache/k"));
    assert_eq!(wait_of(&reply), Some(COST));
    let reply = exam
        .routes
        .handle(&request(Method::Get, "/cache/l?cost_ms=7"));
    assert_eq!(wait_of(&reply), Some(Duration::from_millis(7)));
}

#[test]
fn a_hit_after_a_miss_is_the_same_value() {
    let exam = Exam::new();
    let miss = exam.get("/cache/a%2Fb%20%C3%A9?cost_ms=0");
    assert_eq!(miss.field("X-Cache"), Some("MISS"));
    let hit = exam.get("/cache/a%2fb%20%C3%A9");
    assert_eq!(hit.field("X-Cache"), Some("HIT"));
    assert_eq!(miss.text(), hit.text());
    assert_eq!(
        hit.names(),
        ["computation_cost", "computed_at", "data", "key"]
    );
    let body = hit.json();
    assert_eq!(body["key"], "a/b é");
    assert_eq!(body["data"], "Expensive data for a/b é");
    assert_eq!(body["computation_cost"], "0ms");
    let computed_at: Timestamp = body["computed_at"].as_str().unwrap().parse().unwrap();
    assert!(computed_at <= Timestamp::now());
}

#[test]
fn those_who_ask_meanwhile_wait_for_the_rest_of_one_computation() {
    let mut shard = Shard::one_of(CACHE_SHARDS);
    let start = Instant::now();
    assert_eq!(wait(&shard.get_or_begin("k", COST, start)), Some(COST));
    let rest = wait(&shard.get_or_begin("k", COST, start + 20 * TICK));
    assert_eq!(rest, Some(30 * TICK));
    let last = wait(&shard.get_or_begin("k", COST, start + 49 * TICK));
    assert_eq!(last, Some(TICK));
    // Ready though none of the three has come back for it.
    assert_eq!(wait(&shard.get_or_begin("k", COST, start + COST)), None);
    let counts = shard.counts;
    assert_eq!((counts.hits, counts.misses, counts.shared_waits), (1, 3, 2));
}

#[test]
fn the_time_to_live_begins_when_the_value_is_ready() {
    let mut shard = Shard::one_of(CACHE_SHARDS);
    let start = Instant::now();
    let expires = start + COST + CACHE_TTL;
    let first = value(shard.get_or_begin("k", COST, start));
    let still = shard.get_or_begin("k", COST, expires.checked_sub(TICK).unwrap());
    assert!(Arc::ptr_eq(&first, &value(still)));
    let again = shard.get_or_begin("k", COST, expires);
    assert!(!Arc::ptr_eq(&first, &value(again)));
    assert_eq!(shard.counts.expirations, 1);
    assert_eq!((shard.entries.len(), shard.counts.evictions), (1, 0));
    assert_eq!(shard.counts.bytes, first.bytes());
}

#[test]
fn the_number_of_entries_is_bounded_and_the_used_ones_stay() {
    let mut shard = Shard::one_of(CACHE_SHARDS);
    let start = Instant::now();
    let most = CACHE_ENTRIES / CACHE_SHARDS;
    for n in 0..most {
        shard.get_or_begin(&n.to_string(), Duration::ZERO, start);
    }
    assert_eq!(wait(&shard.get_or_begin("0", COST, start)), None);
    shard.get_or_begin("one more", Duration::ZERO, start);
    assert_eq!((shard.entries.len(), shard.counts.evictions), (most, 1));
    assert_eq!(wait(&shard.get_or_begin("0", COST, start)), None);
    assert_eq!(wait(&shard.get_or_begin("1", COST, start)), Some(COST));
}

#[test]
fn the_bytes_are_bounded_and_kept_exactly() {
    let mut shard = Shard::one_of(CACHE_SHARDS);
    let start = Instant::now();
    for n in 0..CACHE_ENTRIES / CACHE_SHARDS {
        let key = format!("{n:0>CACHE_KEY_BYTES$}");
        shard.get_or_begin(&key, Duration::ZERO, start);
    }
    assert!(shard.counts.evictions > 0);
    assert!(shard.counts.bytes <= CACHE_BYTES / CACHE_SHARDS);
    let sum: usize = shard
        .entries
        .iter()
        .map(|(_, entry)| entry.value.bytes())
        .sum();
    assert_eq!(shard.counts.bytes, sum);
}

#[test]
fn keys_that_cannot_be_one_are_refused() {
    let exam = Exam::new();
    let longest = format!("/cache/{}?cost_ms=0", "%41".repeat(CACHE_KEY_BYTES));
    assert_eq!(exam.get(&longest).status, 200);
    for (path, bytes) in [
        ("/cache/", 0),
        (&format!("/cache/{}", "k".repeat(257)), 257),
    ] {
        let answer = exam.get(path);
        let sentence =
            format!("the key has {bytes} bytes after percent-decoding; it must have 1 to 256");
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &sentence.into())
        );
    }
    let answer = exam.get("/cache/%FF");
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("UTF-8"));
    assert_eq!(exam.get("/cache/k?cost_ms=10001").status, 400);
}

#[test]
fn the_stats_are_the_sums_of_all_parts() {
    let exam = Exam::new();
    let empty = exam.get("/cache-stats").json();
    assert_eq!(
        (&empty["total_operations"], &empty["hit_rate_percent"]),
        (&0.into(), &0.0.into())
    );
    for n in 0..30 {
        exam.get(&format!("/cache/{n}?cost_ms=0"));
    }
    for n in 0..10 {
        exam.get(&format!("/cache/{n}"));
    }
    let answer = exam.get("/cache-stats");
    assert_eq!(
        answer.names(),
        [
            "average_access_time_ns",
            "bytes",
            "cache_hits",
            "cache_misses",
            "entries",
            "evictions",
            "expirations",
            "hit_rate_percent",
            "shared_waits",
            "total_operations"
        ]
    );
    let stats = answer.json();
    assert_eq!(
        (&stats["cache_hits"], &stats["cache_misses"]),
        (&10.into(), &30.into())
    );
    assert_eq!(
        (&stats["total_operations"], &stats["entries"]),
        (&40.into(), &30.into())
    );
    assert_eq!(stats["hit_rate_percent"], 25.0);
    assert!(stats["average_access_time_ns"].as_f64() > Some(0.0));
    assert!(stats["bytes"].as_u64() > Some(30 * size_of::<Value>() as u64));
}

/// Each key has its part, and each part its share: together they hold what the whole may.
#[test]
fn the_cache_is_cut_into_as_many_parts_as_asked_for() {
    for (asked, shards) in [(0, 1), (1, 1), (3, 3), (16, 16), (1024, 1024)] {
        let cache = Cache::new(&Techniques {
            cache_shards: asked,
            ..Techniques::default()
        });
        assert_eq!(cache.layouts[0].len(), shards);
        for n in 0..20 * shards {
            let (key, now) = (n.to_string(), Instant::now());
            cache.shard(&key).get_or_begin(&key, Duration::ZERO, now);
        }
        let lengths = |shard: &Mutex<Shard>| shard.lock().unwrap().entries.len();
        let used = cache.layouts[0].iter().filter(|shard| lengths(shard) > 0);
        // With twenty keys for each part, two of 1,024 stay empty once in 10^11 runs.
        assert!(used.count() + 1 >= shards, "{shards}");
        for shard in &*cache.layouts[0] {
            let shard = shard.lock().unwrap();
            assert!(shard.entries_max * shards <= CACHE_ENTRIES);
            assert!((shard.entries_max + 1) * shards > CACHE_ENTRIES);
            assert!((shard.bytes_max + 1) * shards > CACHE_BYTES);
        }
    }
}

/// The one lock of all is one least recently used order of all.
#[test]
fn a_cache_in_one_part_holds_all_it_may() {
    let mut shard = Shard::one_of(1);
    let start = Instant::now();
    for n in 0..=CACHE_ENTRIES {
        shard.get_or_begin(&n.to_string(), Duration::ZERO, start);
    }
    assert_eq!(
        (shard.entries.len(), shard.counts.evictions),
        (CACHE_ENTRIES, 1)
    );
}
