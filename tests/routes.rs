//! Every route over HTTP: the article's fields to the letter, their types, and values that can be
//! checked against what was asked for.
#![cfg(feature = "cli")]

mod wire;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use barewire::config::{Config, Limits};
use barewire::handlers::{Route, TABLE};
use barewire::{Method, http};
use jiff::{Timestamp, ToSpan};
use rustix::fs::{CWD, Mode};
use serde_json::{Value, json};
use tempfile::TempDir;

use wire::process::{Barewire, command};
use wire::{Answer, Live, Wire, alone, eventually, full, workers};

/// Routes that take long, or do not end: they are asked by tests of their own.
const HEAVY: [&str; 3] = ["/memory-efficiency-test", "/io-benchmark", "/events"];

/// Asks a route for its example.
fn ask(wire: &mut Wire, route: &Route) -> Answer {
    match route.example_body {
        Some(body) => wire.post(route.example, body),
        None => wire.get(route.example),
    }
}

/// The names of a JSON object, sorted.
fn names(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn has_names(object: &Value, wanted: &[&str]) {
    let names = names(object);
    for name in wanted {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
}

fn number(object: &Value, name: &str) -> f64 {
    let value = object[name].as_f64();
    value.unwrap_or_else(|| panic!("{name} is no number in {object}"))
}

fn count(object: &Value, name: &str) -> u64 {
    let value = object[name].as_u64();
    value.unwrap_or_else(|| panic!("{name} is no count in {object}"))
}

/// RFC 3339, and within a minute of now.
fn is_recent(value: &Value) {
    let time: Timestamp = value.as_str().expect("a time").parse().unwrap();
    let now = Timestamp::now();
    assert!(time > now - 1.minute() && time < now + 1.minute(), "{time}");
}

fn is_close(left: f64, right: f64) {
    assert!(
        (left - right).abs() <= 1e-6 * right.abs(),
        "{left}, {right}"
    );
}

/// A 400 that names what was wrong.
fn is_refused(answer: &Answer, part: &str) {
    assert_eq!(answer.status, 400, "{answer:?}");
    let error = answer.error();
    assert!(error.contains(part), "{part:?} is not in {error:?}");
}

#[test]
fn every_route_answers_with_the_common_fields() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for route in TABLE.iter().filter(|route| !HEAVY.contains(&route.path)) {
        let answer = ask(&mut wire, route);
        assert_eq!(answer.status, 200, "{}", route.path);
        assert!(answer.field("Date").is_some() && answer.field("Server").is_some());
        let expected = match route.path {
            "/plaintext" | "/files/{path}" | "/healthz" | "/" => "text/plain; charset=utf-8",
            "/metrics" => "text/plain; version=0.0.4; charset=utf-8",
            _ => "application/json",
        };
        assert_eq!(
            answer.field("Content-Type"),
            Some(expected),
            "{}: if it is not to be JSON, add it to the match above",
            route.path
        );
        assert_eq!(answer.field("Connection"), None);
        let by_cache = route.path.starts_with("/cache/");
        assert_eq!(
            answer.field("X-Cache").is_some(),
            by_cache,
            "{}",
            route.path
        );
    }
}

#[test]
fn every_get_route_answers_head_with_the_same_fields() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let light = TABLE.iter().filter(|route| !HEAVY.contains(&route.path));
    for route in light.filter(|route| route.method == Method::Get) {
        let get = ask(&mut wire, route);
        let head = wire.head(route.example);
        assert_eq!(head.status, 200, "{}", route.path);
        let names = |answer: &Answer| -> Vec<String> {
            answer.fields.iter().map(|field| field.0.clone()).collect()
        };
        assert_eq!(names(&head), names(&get), "{}", route.path);
        assert_ne!(head.field("Content-Length"), Some("0"), "{}", route.path);
        wire.expect_open();
    }
}

#[test]
fn every_route_refuses_other_methods_and_names_its_own() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for route in TABLE {
        let path = route.path.replace("{key}", "a");
        let allow = match route.method {
            Method::Post => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        };
        let mut ask =
            |method: &str| wire.ask(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let other = if route.method == Method::Post {
            "GET"
        } else {
            "POST"
        };
        for method in [other, "PUT", "DELETE", "PATCH", "TRACE"] {
            let answer = ask(method);
            assert_eq!(
                (answer.status, answer.field("Allow")),
                (405, Some(allow)),
                "{path}"
            );
            assert!(answer.error().contains(method));
        }
        let options = ask("OPTIONS");
        assert_eq!(
            (options.status, options.field("Allow")),
            (204, Some(allow)),
            "{path}"
        );
    }
    for path in [
        "/nothing",
        "/cache",
        "/cache/a/b",
        "/stats/",
        "/Stats",
        "/zero-copy/x",
    ] {
        let answer = wire.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.error().contains("GET /"));
    }
}

#[test]
fn the_two_shapes_of_techempower() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    assert_eq!(wire.get("/plaintext").text(), "Hello, World!");
    assert_eq!(wire.get("/json").text(), r#"{"message":"Hello, World!"}"#);
    assert_eq!(wire.get("/healthz").text(), "ok");
}

#[test]
fn benchmark_has_the_articles_fields_and_waits_as_long_as_it_says() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for (query, work, wait_us) in [
        ("", 1000, 100),
        ("?work=0", 0, 100),
        ("?work=10000&wait_us=0", 10_000, 0),
        ("?wait_us=2500&work=10001", 10_001, 2500),
        ("?work=1000000&wait_us=1", 1_000_000, 1),
    ] {
        let body = wire.get(&format!("/benchmark{query}")).json();
        has_names(
            &body,
            &["result", "processing_time_us", "request_id", "timestamp"],
        );
        // The sum of i * 2 for i below `work`.
        let sum: u64 = if work == 0 { 0 } else { work * (work - 1) };
        assert_eq!(count(&body, "result"), sum);
        assert_eq!(count(&body, "wait_us"), wait_us);
        assert!(count(&body, "waited_us") >= wait_us, "{body}");
        assert!(
            count(&body, "processing_time_us") >= count(&body, "waited_us"),
            "{body}"
        );
        is_recent(&body["timestamp"]);
    }
    for (query, part) in [
        (
            "work=1000001",
            "work is '1000001'; it must be a number from 0 to 1000000",
        ),
        (
            "wait_us=10000001",
            "wait_us is '10000001'; it must be a number from 0 to 10000000",
        ),
        ("work=-1", "work"),
        ("work=", "work"),
        ("wait_us=1e3", "wait_us"),
        ("work=99999999999999999999999999", "work"),
    ] {
        is_refused(&wire.get(&format!("/benchmark?{query}")), part);
    }
}

/// Requests of twenty connections and two reactors, which count for themselves.
#[test]
fn ids_are_unique_among_a_thousand_concurrent_requests() {
    let live = Live::routes(workers(2));
    let mut wires = live.connect_to_all(5);
    while wires.len() < 20 {
        wires.push(live.connect());
    }
    let each = 1000 / wires.len() + 1;
    let request = "GET /benchmark?work=1&wait_us=50 HTTP/1.1\r\nHost: x\r\n\r\n";
    for wire in &mut wires {
        wire.send(request.repeat(each));
    }
    let mut ids = HashSet::new();
    for wire in &mut wires {
        for _ in 0..each {
            let id = count(&wire.answer().json(), "request_id");
            assert!(ids.insert(id), "{id} twice");
        }
    }
    assert!(ids.len() >= 1000);
}

#[test]
fn stats_count_every_request_of_every_reactor() {
    let live = Live::routes(full(2));
    let mut wires = live.connect_to_all(2);
    let probes = wires.len() as u64;
    for wire in &mut wires {
        assert_eq!(wire.get("/benchmark").status, 200);
        assert_eq!(wire.get("/nothing").status, 404);
        assert_eq!(wire.ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n").status, 501);
    }
    // A reactor counts a send when it has returned: its peer may have the answer before.
    eventually("the last sends are counted", || {
        live.sum(|reactor| &reactor.writes) == 4 * probes
    });
    let stats = wires[0].get("/stats").json();
    has_names(
        &stats,
        &[
            "total_requests",
            "average_response_time_us",
            "requests_per_second",
            "memory_usage",
            "cpu_usage",
        ],
    );
    // The request itself is counted once it is answered.
    assert_eq!(count(&stats, "total_requests"), 4 * probes);
    assert!(number(&stats, "average_response_time_us") > 0.0);
    assert!(number(&stats, "requests_per_second") > 0.0);
    assert!(number(&stats, "requests_per_second_since_start") > 0.0);
    assert!(count(&stats, "memory_usage") > 1 << 20);
    assert!(count(&stats, "memory_peak") >= count(&stats, "memory_usage"));
    assert_eq!(count(&stats, "connections"), probes);
    assert_eq!(stats["draining"], false);
    assert_eq!(count(&stats["refusals"], "not_implemented"), probes);
    let times = &stats["response_time_us"];
    // All deferred ones, and a sample of the others.
    assert!(count(times, "measured") >= probes);
    let order = ["p50", "p90", "p99", "p999", "max"].map(|name| number(times, name));
    assert!(order.is_sorted(), "{times}");
    is_close(
        number(times, "mean"),
        number(&stats, "average_response_time_us"),
    );
    reactors_add_up(&stats, probes);
}

fn reactors_add_up(stats: &Value, probes: u64) {
    let rows = stats["reactors"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let sum = |name| rows.iter().map(|row| count(row, name)).sum::<u64>();
    let of_class = |class| {
        rows.iter()
            .map(|row| count(&row["status"], class))
            .sum::<u64>()
    };
    assert_eq!(sum("requests"), count(stats, "total_requests"));
    assert_eq!(sum("connections"), probes);
    assert_eq!(sum("accepted"), probes);
    assert_eq!((of_class("2xx"), of_class("3xx")), (2 * probes, 0));
    assert_eq!((of_class("4xx"), of_class("5xx")), (probes, probes));
    // A request, a read; an answer, a write; this one has been read already.
    assert_eq!(sum("reads"), 4 * probes + 1);
    assert_eq!(sum("writes"), 4 * probes);
    assert_eq!(sum("registrations"), sum("accepted"));
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(count(row, "reactor"), index as u64);
        assert!(
            count(row, "connections") >= 2 && count(row, "requests") >= 8,
            "{row}"
        );
        assert!(count(row, "bytes_in") > 0 && count(row, "bytes_out") > count(row, "bytes_in"));
        let per_turn = number(row, "events_per_turn");
        #[allow(clippy::cast_precision_loss)] // Small numbers.
        is_close(
            per_turn,
            count(row, "events") as f64 / count(row, "turns") as f64,
        );
        for name in [
            "eagains",
            "pool_hits",
            "pool_misses",
            "buffer_bytes",
            "panics",
            "resets",
        ] {
            count(row, name);
        }
    }
}

#[test]
fn accounts_are_of_all_reactors_and_of_each() {
    let live = Live::routes(full(2));
    let mut wires: Vec<Wire> = (0..8).map(|_| live.connect()).collect();
    for wire in &mut wires {
        (0..50).for_each(|_| assert_eq!(wire.get("/json").status, 200));
    }
    assert_eq!(wires[0].get("/nothing").status, 404);
    // Whoever has an answer may be ahead of the reactor that counts its send.
    let sends = || live.accounts.reactors.iter().map(|one| one.writes.get());
    eventually("all sends are counted", || sends().sum::<u64>() == 401);
    let accounts = wires[0].get("/accounts").json();
    has_names(
        &accounts,
        &[
            "timed_one_in",
            "clock_reading_ns",
            "cpu_clock_reading_ns",
            "last_10s",
        ],
    );
    let all = &accounts["since_start"]["all"];
    let rows = accounts["since_start"]["reactors"].as_array().unwrap();
    assert_eq!((rows.len(), count(all, "requests")), (2, 401));
    assert_eq!(
        (
            count(&all["routes"], "/json"),
            count(&all["routes"], "none")
        ),
        (400, 1)
    );
    assert_eq!(
        (count(&all["status"], "2xx"), count(&all["status"], "4xx")),
        (400, 1)
    );
    let sum = |name| rows.iter().map(|row| count(row, name)).sum::<u64>();
    for name in [
        "requests",
        "turns",
        "accepted",
        "connections",
        "stale_wakeups",
    ] {
        assert_eq!(sum(name), count(all, name), "{name}");
    }
    let calls = &all["system_calls_per_request"];
    // This request has been read, and neither counted nor answered.
    is_close(
        number(calls, "recv"),
        (402.0_f64 / 401.0 * 1e4).round() / 1e4,
    );
    is_close(number(calls, "send"), 1.0);
    assert_eq!(count(&all["wakeups"], "ready"), 402);
    is_close(number(all, "answers_per_send"), 1.0);
    let copied = &all["bytes_copied_per_request"];
    assert!(
        number(copied, "answer") > 20.0 && number(copied, "input") < 1.0,
        "{copied}"
    );
    // The tests' own program has no counting allocator.
    assert!(all["allocations_per_request"].is_null());
    assert!(number(&all["cpu_ns_per_request"], "measured") > 0.0);
    for (name, stage) in all["stages"].as_object().unwrap() {
        assert!(count(stage, "count") >= 1, "{name}: {stage}");
        assert!(
            number(stage, "p99_ns") >= number(stage, "p50_ns"),
            "{name}: {stage}"
        );
    }
}

#[test]
fn findings_say_what_they_found() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    (0..300).for_each(|_| assert_eq!(wire.get("/json").status, 200));
    let body = wire.get("/findings").json();
    has_names(
        &body,
        &["window", "seconds", "requests", "findings", "next", "good"],
    );
    assert_eq!(
        (&body["window"], count(&body, "requests")),
        (&"since_start".into(), 300)
    );
    let findings = body["findings"].as_array().unwrap();
    assert!(
        !findings.is_empty(),
        "a single client leaves a server idle: {body}"
    );
    for finding in findings {
        has_names(finding, &["finding", "number", "unit", "causes", "remedy"]);
    }
    let text = wire.ask("GET /findings HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n");
    assert_eq!(
        text.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(text.text().starts_with("301 requests"), "{}", text.text());
}

/// An answer that the server puts off is no wait of the client.
#[test]
fn the_wait_of_a_route_is_not_told_as_the_clients() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    (0..150).for_each(|_| assert_eq!(wire.get("/benchmark?wait_us=2000").status, 200));
    let body = wire.get("/findings").json();
    let findings = body["findings"].as_array().unwrap();
    let texts = findings
        .iter()
        .map(|found| found["finding"].as_str().unwrap());
    let texts: Vec<_> = texts.collect();
    assert!(
        !texts.iter().any(|text| text.contains("client")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.contains("waited for a timer")),
        "{texts:?}"
    );
    let accounts = wire.get("/accounts").json();
    let deferred = &accounts["since_start"]["all"]["deferred"];
    assert_eq!(count(deferred, "count"), 150);
    assert!(number(deferred, "mean_ns") >= 2e6);
}

/// What needs the binary: its allocator, and the thread that samples once a second.
#[test]
fn the_binary_knows_its_memory_and_its_cpu() {
    let barewire = Barewire::start(&[]);
    let mut wire = barewire.connect();
    let mut sampled = Value::Null;
    eventually("a second has been sampled", || {
        sampled = wire.get("/stats").json();
        !sampled["cpu_usage"].is_null()
    });
    assert!(number(&sampled, "cpu_usage") > 0.0);
    assert!(number(&sampled, "requests_per_second_1s") > 0.0);
    assert!(number(&sampled, "uptime_seconds") > 0.5);
    let first = wire.get("/memory-stats").json();
    let second = wire.get("/memory-stats").json();
    has_names(
        &first,
        &[
            "total_allocated_bytes",
            "total_deallocated_bytes",
            "current_usage_bytes",
            "current_usage_mb",
            "allocation_efficiency",
        ],
    );
    let (allocated, freed) = ("total_allocated_bytes", "total_deallocated_bytes");
    assert!(count(&second, allocated) > count(&first, allocated));
    assert!(count(&second, freed) > count(&first, freed));
    for stats in [first, second] {
        let usage = count(&stats, "current_usage_bytes");
        assert_eq!(usage, count(&stats, allocated) - count(&stats, freed));
        assert!(count(&stats, "peak_usage_bytes") >= usage);
        assert!(count(&stats, "resident_peak_bytes") >= count(&stats, "resident_bytes"));
        assert!(count(&stats, "allocations") > count(&stats, "deallocations"));
        is_close(
            number(&stats, "current_usage_mb"),
            number(&stats, "current_usage_bytes") / 1_048_576.0,
        );
        is_close(
            number(&stats, "allocation_efficiency"),
            100.0 * number(&stats, freed) / number(&stats, allocated),
        );
        assert!(number(&stats, "allocations_per_request") > 0.0);
    }
}

#[test]
fn without_the_allocator_memory_stats_are_null() {
    let live = Live::routes(alone());
    let stats = live.connect().get("/memory-stats").json();
    for name in [
        "total_allocated_bytes",
        "current_usage_mb",
        "allocation_efficiency",
    ] {
        assert!(
            names(&stats).contains(&name) && stats[name].is_null(),
            "{stats}"
        );
    }
    assert!(count(&stats, "resident_bytes") > 1 << 20);
}

#[test]
fn a_cached_value_is_a_hit_on_every_connection_of_every_reactor() {
    let live = Live::routes(workers(2));
    let mut wires = live.connect_to_all(2);
    let miss = wires[0].get("/cache/a%20key?cost_ms=5");
    assert_eq!((miss.status, miss.field("X-Cache")), (200, Some("MISS")));
    let value = miss.json();
    assert_eq!(
        names(&value),
        ["computation_cost", "computed_at", "data", "key"]
    );
    assert_eq!(value["key"], "a key");
    assert_eq!(value["data"], "Expensive data for a key");
    assert_eq!(value["computation_cost"], "5ms");
    is_recent(&value["computed_at"]);
    for wire in &mut wires {
        let hit = wire.get("/cache/a%20key");
        assert_eq!(
            (hit.field("X-Cache"), hit.json()),
            (Some("HIT"), value.clone())
        );
        assert_eq!(wire.head("/cache/a%20key").field("X-Cache"), Some("HIT"));
    }
    let default = wires[0].get("/cache/other").json();
    assert_eq!(default["computation_cost"], "50ms");
    let hits = 2 * wires.len() as u64;
    let stats = wires[0].get("/cache-stats").json();
    has_names(
        &stats,
        &[
            "cache_hits",
            "cache_misses",
            "hit_rate_percent",
            "average_access_time_ns",
            "total_operations",
        ],
    );
    assert_eq!(
        (count(&stats, "cache_hits"), count(&stats, "cache_misses")),
        (hits, 2)
    );
    assert_eq!(count(&stats, "total_operations"), hits + 2);
    #[allow(clippy::cast_precision_loss)] // Small numbers.
    is_close(
        number(&stats, "hit_rate_percent"),
        100.0 * hits as f64 / (hits + 2) as f64,
    );
    assert!(number(&stats, "average_access_time_ns") > 0.0);
    assert_eq!(
        (count(&stats, "entries"), count(&stats, "shared_waits")),
        (2, 0)
    );
    assert_eq!(
        (count(&stats, "evictions"), count(&stats, "expirations")),
        (0, 0)
    );
    assert!(count(&stats, "bytes") > 100);
}

/// They are begun while nobody can have an answer yet, so that each shares the first one's.
#[test]
fn concurrent_misses_share_one_computation() {
    let live = Live::routes(workers(2));
    let mut wires = live.connect_to_all(3);
    for wire in &mut wires {
        wire.send("GET /cache/k?cost_ms=300 HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    let answers: Vec<_> = wires.iter_mut().map(Wire::answer).collect();
    let is_miss = |answer: &&Answer| answer.field("X-Cache") == Some("MISS");
    let misses = answers.iter().filter(is_miss).count() as u64;
    let moments: HashSet<String> = answers
        .iter()
        .map(|answer| answer.json()["computed_at"].to_string())
        .collect();
    assert_eq!(moments.len(), 1, "{moments:?}");
    let stats = wires[0].get("/cache-stats").json();
    assert_eq!(count(&stats, "cache_misses"), misses);
    assert_eq!(count(&stats, "shared_waits"), misses - 1);
    assert_eq!(count(&stats, "entries"), 1);
    // On a machine that stands still for long, the last may come too late to miss; not most.
    assert!(
        misses > answers.len() as u64 / 2,
        "{misses} of {}",
        answers.len()
    );
}

/// The computation belongs to the entry: whoever comes next waits for the rest of it, with the cost
/// that the one who is gone had asked for.
#[test]
fn a_computation_completes_when_who_asked_has_gone() {
    let live = Live::routes(alone());
    let mut other = live.connect();
    let mut asking = live.connect();
    asking.send("GET /cache/k?cost_ms=200 HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("it is asked for", || {
        count(&other.get("/cache-stats").json(), "cache_misses") == 1
    });
    asking.reset();
    eventually("the connection is gone", || {
        live.sum(|reactor| &reactor.connections) == 1
    });
    assert_eq!(
        other.get("/cache/k?cost_ms=0").json()["computation_cost"],
        "200ms"
    );
    assert_eq!(other.get("/cache/k").field("X-Cache"), Some("HIT"));
}

#[test]
fn keys_are_decoded_and_bounded() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for (raw, key) in [
        ("a", "a".to_owned()),
        ("%61", "a".to_owned()),
        ("a%2Fb", "a/b".to_owned()),
        ("%22%5C%0A", "\"\\\n".to_owned()),
        ("caf%C3%A9", "caf\u{e9}".to_owned()),
        ("a+b", "a+b".to_owned()),
        ("100%25", "100%".to_owned()),
        (&"x".repeat(256), "x".repeat(256)),
        (&"%78".repeat(256), "x".repeat(256)),
    ] {
        let answer = wire.get(&format!("/cache/{raw}?cost_ms=0"));
        assert_eq!(answer.json()["key"], key, "{raw}");
    }
    is_refused(&wire.get("/cache/"), "0 bytes");
    is_refused(
        &wire.get(&format!("/cache/{}", "x".repeat(257))),
        "257 bytes",
    );
    is_refused(&wire.get("/cache/%FF"), "UTF-8");
    is_refused(&wire.get("/cache/a?cost_ms=10001"), "cost_ms");
}

#[test]
fn profiled_requests_are_in_the_profilers_stats() {
    let live = Live::routes(Config {
        sample: 1,
        ..workers(2)
    });
    let mut wires = live.connect_to_all(2);
    for wire in &mut wires {
        let request = "GET /profiled?a=b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n";
        let body = wire.ask(request).json();
        assert_eq!(
            names(&body),
            ["computation_result", "headers_count", "timestamp", "uri"]
        );
        assert_eq!(
            (&body["uri"], &body["headers_count"]),
            (&json!("/profiled?a=b"), &json!(3))
        );
        let squares: u64 = (0..10_000).map(|step| step * step).sum();
        assert_eq!(count(&body, "computation_result"), squares);
        is_recent(&body["timestamp"]);
    }
    let stats = wires[0].get("/profiler-stats").json();
    has_names(
        &stats,
        &[
            "profiler_stats",
            "total_functions_tracked",
            "analysis_timestamp",
        ],
    );
    is_recent(&stats["analysis_timestamp"]);
    assert!(count(&stats, "measurement_cost_ns") < 100_000);
    let rows = stats["profiler_stats"].as_array().unwrap();
    assert_eq!(count(&stats, "total_functions_tracked"), rows.len() as u64);
    let tracked: Vec<_> = rows
        .iter()
        .map(|row| row["function_name"].as_str().unwrap())
        .collect();
    let own = [
        "request_parsing",
        "business_logic",
        "response_serialization",
    ];
    assert_eq!(tracked[..3], own);
    assert_eq!(
        tracked[3..],
        [
            "wait",
            "read",
            "parse",
            "handle",
            "serialise",
            "write",
            "rest"
        ]
    );
    for row in rows {
        profiler_row_is_sound(row, wires.len() as u64);
    }
}

fn profiler_row_is_sound(row: &Value, profiled: u64) {
    has_names(
        row,
        &[
            "function_name",
            "call_count",
            "total_time_ns",
            "avg_time_ns",
            "min_time_ns",
            "max_time_ns",
        ],
    );
    let calls = count(row, "call_count");
    let is_own = row["function_name"].as_str().unwrap().contains('_');
    if is_own {
        assert_eq!(calls, profiled, "{row}");
    } else {
        // The peer has its answer before the send is off the clock, and the other reactor is asked.
        let is_last = row["function_name"] == "write" || row["function_name"] == "rest";
        let under_way = u64::from(is_last);
        // A probe each, to find connections to each reactor, whose first request is not timed.
        assert!(calls + under_way >= 2 * profiled - 2, "{row}");
    }
    let (total, average) = (number(row, "total_time_ns"), number(row, "avg_time_ns"));
    #[allow(clippy::cast_precision_loss)] // Small numbers.
    is_close(average, total / calls as f64);
    assert!(
        number(row, "min_time_ns") <= average && average <= number(row, "max_time_ns"),
        "{row}"
    );
    let order = ["p50", "p99", "p999"].map(|name| count(row, name));
    assert!(order.is_sorted() && order[0] > 0, "{row}");
}

#[test]
fn zero_copy_reads_every_byte_and_says_how_many_it_copied() {
    let live = Live::routes(full(1));
    let mut wire = live.connect();
    let small = wire.post("/zero-copy", "123456789").json();
    has_names(
        &small,
        &[
            "status",
            "input_size",
            "output_size",
            "processing_time_us",
            "zero_copy",
            "memory_efficiency",
        ],
    );
    assert_eq!(
        (&small["status"], &small["crc32"]),
        (&json!("success"), &json!("cbf43926"))
    );
    assert_eq!(
        (count(&small, "input_size"), count(&small, "output_size")),
        (9, 9)
    );
    assert!(number(&small, "processing_time_us") >= 0.0);
    copied_is(&small, Some(0), true, "high");

    let empty = wire.post("/zero-copy", "").json();
    assert_eq!(
        (&empty["input_size"], &empty["crc32"]),
        (&json!(0), &json!("00000000"))
    );

    let body: Vec<u8> = (0..100_000_u32)
        .map(|index| (index * 7 % 251) as u8)
        .collect();
    let crc = format!("{:08x}", crc32fast::hash(&body));
    let large = wire.post("/zero-copy", &body).json();
    assert_eq!(
        (&large["input_size"], &large["crc32"]),
        (&json!(100_000), &json!(crc))
    );
    // At most what fitted beside the head into one read.
    assert!(count(&large, "bytes_copied") < 8192, "{large}");

    let mut chunked = b"POST /zero-copy HTTP/1.1\r\nHost: x\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in body.chunks(999) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let chunked = wire.ask(chunked).json();
    assert_eq!(
        (&chunked["input_size"], &chunked["crc32"]),
        (&json!(100_000), &json!(crc))
    );

    // The body comes by itself, into its segments, and nothing is copied.
    wire.send(
        "POST /zero-copy HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
        Content-Length: 100000\r\n\r\n",
    );
    assert_eq!(wire.answer().status, 100);
    let expected = wire.ask(&body).json();
    assert_eq!(expected["crc32"], json!(crc));
    copied_is(&expected, Some(0), true, "high");
}

fn copied_is(reading: &Value, copied: Option<u64>, zero_copy: bool, efficiency: &str) {
    if let Some(copied) = copied {
        assert_eq!(count(reading, "bytes_copied"), copied, "{reading}");
    }
    assert_eq!(reading["zero_copy"], zero_copy, "{reading}");
    assert_eq!(reading["memory_efficiency"], efficiency, "{reading}");
}

/// A body that comes in two pieces, the first with its head: that one is copied, the other is not.
/// Of a chunk, the same holds; chunks that come whole are copied, to be cut out of their framing.
#[test]
fn the_ledger_of_a_body_is_exact() {
    let live = Live::routes(full(1));
    let mut wire = live.connect();
    let received = || live.sum(|reactor| &reactor.bytes_in);
    let cases = [
        ("Content-Length: 9\r\n\r\n1234", "56789", 4, "partial"),
        (
            "Transfer-Encoding: chunked\r\n\r\n9\r\n1234",
            "56789\r\n0\r\n\r\n",
            4,
            "partial",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n",
            "0\r\n\r\n",
            9,
            "low",
        ),
    ];
    for (first, second, copied, efficiency) in cases {
        let first = format!("POST /zero-copy HTTP/1.1\r\nHost: x\r\n{first}");
        let before = received();
        wire.send(&first);
        eventually("the first piece is there", || {
            received() == before + first.len() as u64
        });
        let reading = wire.ask(second).json();
        assert_eq!(reading["crc32"], "cbf43926");
        copied_is(&reading, Some(copied), false, efficiency);
    }
}

/// Larger than any body that is collected, and than all buffers together.
#[test]
fn a_stream_of_any_size_is_summed_in_constant_memory() {
    let live = Live::routes(Config {
        limits: Limits {
            buffers: 1 << 20,
            ..Limits::default()
        },
        ..full(1)
    });
    let mut wire = live.connect();
    let body: Vec<u8> = (0_u32..5_000_000)
        .map(|number| (number % 251) as u8)
        .collect();
    let by_length = wire.post("/zero-copy?stream=1", &body).json();
    let head = "POST /zero-copy?stream=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire.send(head);
    for chunk in body.chunks(100_000) {
        wire.send(format!("{:x}\r\n", chunk.len()));
        wire.send(chunk);
        wire.send("\r\n");
    }
    wire.send("0\r\n\r\n");
    let in_chunks = wire.answer().json();
    let crc32 = format!("{:08x}", crc32fast::hash(&body));
    for reading in [&by_length, &in_chunks] {
        assert_eq!(reading["crc32"], crc32.as_str());
        assert_eq!(count(reading, "input_size"), body.len() as u64);
    }
    // Of chunks, what lay behind one when the connection's time was up is copied once.
    assert_eq!(count(&by_length, "bytes_copied"), 0);
    assert!(
        count(&in_chunks, "bytes_copied") < body.len() as u64 / 2,
        "{in_chunks}"
    );
    assert!(
        live.sum(|reactor| &reactor.pool_misses) <= 2,
        "no segment of a body"
    );
    assert_eq!(live.sum(|reactor| &reactor.buffer_bytes), 0);
    is_refused(&wire.post("/zero-copy?stream=2", "x"), "stream is '2'");
}

#[test]
fn a_body_too_large_is_413_and_exhausted_buffers_are_503() {
    let limits = Limits {
        body: 300_000,
        buffers: 400_000,
        ..Limits::default()
    };
    let live = Live::routes(Config { limits, ..full(1) });
    let too_large = live.connect().post("/zero-copy", vec![0; 300_001]);
    assert_eq!((too_large.status, too_large.closes()), (413, true));

    let announced = "POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n";
    let mut holder = live.connect();
    holder.send(announced);
    holder.send(vec![0; 299_000]);
    eventually("it holds its buffers", || {
        live.sum(|reactor| &reactor.buffer_bytes) > 299_000
    });
    let mut second = live.connect();
    second.send(announced);
    second.send(vec![0; 299_000]);
    let busy = second.answer();
    assert_eq!((busy.status, busy.closes()), (503, true));
    assert!(busy.field("Retry-After").is_some() && busy.error().contains("buffers"));
    second.expect_end();
    // Who needs none is served, and who holds some goes on.
    assert_eq!(live.connect().get("/plaintext").status, 200);
    let reading = holder.ask(vec![0; 1000]).json();
    assert_eq!(count(&reading, "input_size"), 300_000);
    eventually("the buffers are back", || {
        live.sum(|reactor| &reactor.buffer_bytes) == 0
    });
    assert_eq!(
        live.connect().post("/zero-copy", vec![0; 300_000]).status,
        200
    );
}

#[test]
fn async_files_reads_the_samples() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let body = r#"{"files":["small.txt","nothing.txt","medium.txt","large.txt"]}"#;
    let answer = wire.post("/async-files", body).json();
    let result = &answer["processing_result"];
    has_names(
        result,
        &[
            "total_files",
            "successful_files",
            "failed_files",
            "total_time_ms",
            "total_bytes_processed",
            "throughput_files_per_sec",
        ],
    );
    let files = ["total_files", "successful_files", "failed_files"].map(|name| count(result, name));
    assert_eq!(files, [4, 3, 1]);
    assert_eq!(
        count(result, "total_bytes_processed"),
        1024 + 64 * 1024 + 1024 * 1024
    );
    is_close(
        number(result, "throughput_files_per_sec"),
        3.0 / (number(result, "total_time_ms") / 1000.0),
    );
    assert_eq!(result["errors"][0]["path"], "nothing.txt");
    let advantage = &answer["async_advantage"];
    has_names(
        advantage,
        &[
            "concurrent_processing",
            "non_blocking_io",
            "memory_efficient",
            "scalable",
        ],
    );
    assert_eq!(advantage["memory_efficient"], true);
    let at_once = count(advantage, "files_in_flight_max");
    assert_eq!(advantage["concurrent_processing"], at_once > 1);
    assert!(at_once <= count(advantage, "files_in_flight_limit"));
    assert_eq!(
        advantage["scalable"],
        number(advantage, "files_in_flight_mean") > 1.0
    );
}

/// A root with everything in it that must not be read.
fn hostile_root() -> (TempDir, TempDir) {
    let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let at = |name: &str| root.path().join(name);
    fs::write(outside.path().join("secret"), "secret").unwrap();
    fs::write(at("inside"), "123456789").unwrap();
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("directory/deep"), "deep").unwrap();
    symlink("inside", at("link-inside")).unwrap();
    symlink("../inside", at("directory/link-up")).unwrap();
    symlink(outside.path().join("secret"), at("link-out")).unwrap();
    symlink(outside.path(), at("directory-out")).unwrap();
    symlink("/", at("directory/slash")).unwrap();
    symlink("link-loop", at("link-loop")).unwrap();
    symlink("/proc/self/fd/0", at("link-magic")).unwrap();
    rustix::fs::mkfifoat(CWD, at("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.set_len(64 * 1024 * 1024 + 1).unwrap();
    (root, outside)
}

#[test]
fn async_files_stays_below_its_root() {
    let (root, outside) = hostile_root();
    let live = Live::routes(Config {
        files_root: Some(root.path().to_owned()),
        ..alone()
    });
    let mut wire = live.connect();
    let secret = outside.path().join("secret");
    let around = format!("../{}/secret", name(outside.path()));
    let readable = [
        "inside",
        "./inside",
        "directory/deep",
        "directory/../inside",
        "link-inside",
        "directory/link-up",
    ];
    let refused = [
        ("..", "leaves"),
        ("../", "leaves"),
        (around.as_str(), "leaves"),
        ("directory/../../x", "leaves"),
        (secret.to_str().unwrap(), "leaves"),
        ("/etc/passwd", "leaves"),
        ("link-out", "leaves"),
        ("directory-out/secret", "leaves"),
        ("directory/slash/etc/passwd", "leaves"),
        ("link-magic", "leaves"),
        ("link-loop", "link"),
        ("directory", "not a regular file"),
        (".", "not a regular file"),
        ("fifo", "not a regular file"),
        ("sparse", "larger than 64 MiB"),
        ("", "does not exist"),
        ("nothing", "does not exist"),
        ("inside/x", "does not exist"),
        ("inside\0", "cannot be opened"),
    ];
    let paths: Vec<_> = readable
        .into_iter()
        .chain(refused.map(|row| row.0))
        .collect();
    let answer = wire.post("/async-files", json!({ "files": paths }).to_string());
    let body = answer.json();
    let result = &body["processing_result"];
    let read = result["files"].as_array().unwrap();
    let errors = result["errors"].as_array().unwrap();
    assert_eq!(
        read.iter().map(|file| &file["path"]).collect::<Vec<_>>(),
        readable,
        "{body}"
    );
    assert_eq!(
        read[0],
        json!({"path": "inside", "bytes": 9, "crc32": "cbf43926"})
    );
    assert_eq!(errors.len(), refused.len(), "{body}");
    for (error, (path, part)) in errors.iter().zip(refused) {
        assert_eq!(error["path"], path);
        let sentence = error["error"].as_str().unwrap();
        assert!(
            sentence.contains(part),
            "{path:?}: {part:?} is not in {sentence:?}"
        );
    }
    assert!(!answer.text().contains("secret\",\"bytes"));
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn async_files_judges_its_body() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"files":"a"}"#,
        r#"{"files":[1]}"#,
        r#"{"files":null}"#,
        "\u{0}",
        r#"{"files":["a"]} x"#,
    ] {
        is_refused(&wire.post("/async-files", body), "files");
    }
    let many = |count: usize| json!({ "files": vec!["small.txt"; count] }).to_string();
    let too_many = wire.post("/async-files", many(1001));
    assert_eq!((too_many.status, too_many.closes()), (413, false));
    assert!(too_many.error().contains("1000"));
    // So many that they are read out by a job.
    let far_too_many = wire.post("/async-files", many(50_000));
    assert_eq!((far_too_many.status, far_too_many.closes()), (413, false));
    let path = json!({ "files": ["p".repeat(500_000)] }).to_string();
    let too_long = wire.post("/async-files", path);
    assert_eq!((too_long.status, too_long.closes()), (400, false));
    let most = wire.post("/async-files", many(1000)).json();
    assert_eq!(count(&most["processing_result"], "successful_files"), 1000);
    let none = wire.post("/async-files", many(0)).json();
    assert_eq!(count(&none["processing_result"], "total_files"), 0);
}

/// Asks for a measurement, and for another while the first one runs.
fn one_at_a_time(live: &Live, target: &str) -> Value {
    let mut first = live.connect();
    let mut second = live.connect();
    let jobs = live.sum(|reactor| &reactor.jobs);
    first.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    eventually("the job is queued", || {
        live.sum(|reactor| &reactor.jobs) > jobs
    });
    let busy = second.get(target);
    assert_eq!((busy.status, busy.field("Retry-After")), (503, Some("1")));
    assert!(busy.error().contains("another request"));
    // The reactor serves others meanwhile.
    second.expect_open();
    let answer = first.answer();
    assert_eq!(answer.status, 200);
    answer.json()
}

#[test]
fn memory_efficiency_test_compares_two_ways_one_at_a_time() {
    let live = Live::routes(alone());
    let body = one_at_a_time(&live, "/memory-efficiency-test");
    has_names(
        &body,
        &[
            "memory_efficiency_test",
            "test_description",
            "framework_advantage",
        ],
    );
    let rows = body["memory_efficiency_test"].as_array().unwrap();
    let sizes: Vec<_> = rows
        .iter()
        .map(|row| count(row, "data_size_bytes"))
        .collect();
    assert_eq!(sizes, [1024, 4096, 16384, 65536, 262_144]);
    for row in rows {
        assert_eq!(count(row, "iterations"), 1000);
        for figures in [row, &row["fresh_and_copied"]] {
            let total = number(figures, "total_time_ms");
            assert!(total > 0.0);
            is_close(number(figures, "avg_time_per_op_us"), total);
            let mebibytes = number(row, "data_size_bytes") * 1000.0 / 1_048_576.0;
            is_close(
                number(figures, "throughput_mb_per_sec"),
                mebibytes / (total / 1000.0),
            );
        }
        is_close(
            number(row, "speed_up"),
            number(&row["fresh_and_copied"], "total_time_ms") / number(row, "total_time_ms"),
        );
    }
    let slowest = rows
        .iter()
        .map(|row| number(row, "speed_up"))
        .fold(f64::MAX, f64::min);
    let said = body["framework_advantage"].as_str().unwrap();
    assert!(said.contains(&format!("{slowest:.2} to ")), "{said}");
    // And it can be run again.
    assert_eq!(live.connect().head("/memory-efficiency-test").status, 200);
}

#[test]
fn io_benchmark_writes_and_reads_one_at_a_time() {
    let live = Live::routes(alone());
    let body = one_at_a_time(&live, "/io-benchmark");
    let rows = body["io_benchmark_results"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    let scenarios = [
        ("small_files", 100, 1024),
        ("medium_files", 50, 10_240),
        ("large_files", 10, 102_400),
    ];
    let operations = ["write", "read_cached", "read_past_cache"];
    for (row, index) in rows.iter().zip(0..) {
        let (scenario, files, bytes) = scenarios[index / 3];
        assert_eq!(row["scenario"], scenario);
        assert_eq!(row["operation"], operations[index % 3]);
        assert_eq!(
            (count(row, "file_count"), count(row, "file_size_bytes")),
            (files, bytes)
        );
        #[allow(clippy::cast_precision_loss)] // Small numbers.
        is_close(
            number(row, "total_data_mb"),
            (files * bytes) as f64 / 1_048_576.0,
        );
        let names = [
            "processing_time_ms",
            "throughput_files_per_sec",
            "data_throughput_mb_per_sec",
        ];
        if row["processing_time_ms"].is_null() {
            // Past the cache only, on a file system that cannot; the note says why.
            assert_eq!(index % 3, 2);
            assert!(row["note"].as_str().unwrap().len() > 10);
        } else {
            assert!(names.iter().all(|name| number(row, name) > 0.0), "{row}");
        }
    }
    let advantages = &body["framework_advantages"];
    has_names(
        advantages,
        &[
            "async_io",
            "concurrency",
            "memory_efficiency",
            "scalability",
        ],
    );
    assert!(
        advantages
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    );
    assert_eq!(live.connect().get("/io-benchmark").status, 200);
}

/// The directory for temporary files of a process, and what is in it.
fn left_in(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}

#[test]
fn nothing_is_left_of_the_files_that_were_written() {
    let temporary = TempDir::new().unwrap();
    let barewire = Barewire::spawn(
        command(&["--port", "0", "--workers", "1"]).env("TMPDIR", temporary.path()),
    );
    let files = r#"{"files":["large.txt"]}"#;
    assert_eq!(barewire.connect().post("/async-files", files).status, 200);
    assert_eq!(barewire.connect().get("/io-benchmark").status, 200);
    assert_eq!(left_in(&temporary), [""; 0]);
    // The client goes away.
    let mut wire = barewire.connect();
    wire.send("GET /io-benchmark HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.reset();
    barewire.terminate();
    assert!(barewire.wait().status.success());
    assert_eq!(left_in(&temporary), [""; 0]);
}

#[test]
fn the_list_of_routes_is_a_page_for_browsers_and_text_for_others() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let host = live.address.to_string();
    let mut get = |accept: &str| {
        wire.ask(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n"
        ))
    };
    let browser = get("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    assert_eq!(
        browser.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        browser.text().starts_with("<!doctype html>"),
        "{}",
        browser.text()
    );
    let curl = get("*/*");
    assert_eq!(
        curl.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    for answer in [&browser, &curl] {
        assert_eq!((answer.status, answer.field("Vary")), (200, Some("Accept")));
        for route in TABLE {
            assert!(answer.text().contains(route.path), "{}", route.path);
        }
        assert!(answer.text().contains(&format!("http://{host}/plaintext")));
    }
    for route in TABLE.iter().filter(|route| route.method == Method::Get) {
        let link = format!("<a href=\"{}\"", route.example.replace('&', "&amp;"));
        assert!(browser.text().contains(&link), "{link}");
    }
    // A Host is the client's to choose, and must not become markup.
    let forged = wire.ask("GET / HTTP/1.1\r\nHost: &quot;a'b\r\nAccept: text/html\r\n\r\n");
    assert!(forged.status == 400 || !forged.text().contains("http://&quot;a"));
}

/// A panic is a 500 for its request, and for nobody else.
#[test]
fn a_handler_that_panics_costs_its_own_request() {
    let server = barewire::Server::new()
        .config(alone())
        .route(Method::Get, "/panic", |_| -> http::Response {
            panic!("on purpose")
        })
        .route(Method::Get, "/half", |_| {
            http::Response::written(http::ContentType::Text, |out| {
                out.extend_from_slice(b"half of an answer");
                panic!("on purpose");
            })
        })
        .route(Method::Get, "/job", |_| {
            http::Later::Run(http::Work::new(|_| panic!("on purpose")))
        })
        .route(Method::Get, "/wait", |_| {
            let wait = std::time::Duration::from_micros(100);
            http::Later::After(wait, Box::new(|_| panic!("on purpose")))
        })
        .route(Method::Get, "/plaintext", |_| {
            http::Response::text("Hello, World!")
        });
    let live = Live::start(server);
    let mut wire = live.connect();
    let mut other = live.connect();
    for (round, target) in ["/panic", "/half", "/job", "/wait"].iter().enumerate() {
        let answer = wire.get(target);
        assert_eq!(answer.status, 500, "{target}");
        assert!(!answer.text().contains("half of an answer"));
        assert_eq!(live.sum(|reactor| &reactor.panics), round as u64 + 1);
        other.expect_open();
        if answer.closes() {
            wire.expect_end();
            wire = live.connect();
        }
    }
}
