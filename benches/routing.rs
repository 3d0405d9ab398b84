//! Finding the handler of a path: one `match`, as the server's routes do it, against a map of boxed
//! functions and against a list of patterns, as frameworks do it.
//!
//! All must find the same handler for every path before they are timed. Time is for the whole set
//! of paths.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The server's paths with one parameter filled in, and one that is not there.
const PATHS: [&str; 16] = [
    "/plaintext",
    "/json",
    "/benchmark",
    "/cache/x",
    "/cache-stats",
    "/stats",
    "/memory-stats",
    "/profiled",
    "/profiler-stats",
    "/zero-copy",
    "/memory-efficiency-test",
    "/async-files",
    "/io-benchmark",
    "/healthz",
    "/",
    "/nowhere",
];

/// The same as patterns, each with the number that stands for its handler.
const PATTERNS: [(&str, u32); 15] = [
    ("/plaintext", 1),
    ("/json", 2),
    ("/benchmark", 3),
    ("/cache/{key}", 4),
    ("/cache-stats", 5),
    ("/stats", 6),
    ("/memory-stats", 7),
    ("/profiled", 8),
    ("/profiler-stats", 9),
    ("/zero-copy", 10),
    ("/memory-efficiency-test", 11),
    ("/async-files", 12),
    ("/io-benchmark", 13),
    ("/healthz", 14),
    ("/", 15),
];

type BoxedHandler = Box<dyn Fn() -> u32>;

fn routing(criterion: &mut Criterion) {
    let (map, list) = (map(), list());
    for path in PATHS {
        assert_eq!(by_match(path), by_map(&map, path), "{path}");
        assert_eq!(by_match(path), by_list(&list, path), "{path}");
    }
    let mut group = criterion.benchmark_group("routing");
    group.throughput(Throughput::Elements(PATHS.len() as u64));
    group.bench_function("match", |bencher| {
        bencher.iter(|| PATHS.map(|path| by_match(black_box(path))));
    });
    group.bench_function("naive map", |bencher| {
        bencher.iter(|| PATHS.map(|path| by_map(&map, black_box(path))));
    });
    group.bench_function("naive list", |bencher| {
        bencher.iter(|| PATHS.map(|path| by_list(&list, black_box(path))));
    });
    group.finish();
}

fn by_match(path: &str) -> Option<u32> {
    Some(match path {
        "/plaintext" => 1,
        "/json" => 2,
        "/benchmark" => 3,
        "/cache-stats" => 5,
        "/stats" => 6,
        "/memory-stats" => 7,
        "/profiled" => 8,
        "/profiler-stats" => 9,
        "/zero-copy" => 10,
        "/memory-efficiency-test" => 11,
        "/async-files" => 12,
        "/io-benchmark" => 13,
        "/healthz" => 14,
        "/" => 15,
        path => match path.strip_prefix("/cache/") {
            Some(key) if !key.is_empty() && !key.contains('/') => 4,
            _ => return None,
        },
    })
}

/// Every route under its first segment, its name allocated, its handler boxed.
fn map() -> HashMap<String, BoxedHandler> {
    let entry = |&(pattern, number): &(&str, u32)| -> (String, BoxedHandler) {
        (first_segment(pattern), Box::new(move || number))
    };
    PATTERNS.iter().map(entry).collect()
}

fn by_map(map: &HashMap<String, BoxedHandler>, path: &str) -> Option<u32> {
    map.get(&first_segment(path)).map(|handler| handler())
}

fn first_segment(path: &str) -> String {
    path.split('/').nth(1).unwrap_or_default().to_owned()
}

/// Every route as its segments, in the order in which they are tried.
fn list() -> Vec<(Vec<String>, BoxedHandler)> {
    let entry = |&(pattern, number): &(&str, u32)| -> (Vec<String>, BoxedHandler) {
        let segments = pattern.split('/').map(str::to_owned).collect();
        (segments, Box::new(move || number))
    };
    PATTERNS.iter().map(entry).collect()
}

fn by_list(list: &[(Vec<String>, BoxedHandler)], path: &str) -> Option<u32> {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |pattern: &[String]| {
        let matches =
            |(wanted, given): (&String, &&str)| wanted.starts_with('{') || wanted == given;
        pattern.len() == segments.len() && pattern.iter().zip(&segments).all(matches)
    };
    let (_, handler) = list.iter().find(|(pattern, _)| fits(pattern))?;
    Some(handler())
}

criterion_group!(benches, routing);
criterion_main!(benches);
