//! What every rival answers, so that they differ in nothing but the framework.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

/// The body of `/plaintext`.
pub const HELLO: &str = "Hello, World!";
/// The wait of the article's handler.
pub const WAIT: Duration = Duration::from_micros(100);

static REQUESTS: AtomicU64 = AtomicU64::new(0);

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Benchmark {
    result: u64,
    processing_time_us: u64,
    request_id: u64,
    timestamp: String,
}

/// The body of `/json`, serialised anew for each request.
pub fn json() -> Vec<u8> {
    serde_json::to_vec(&Message { message: HELLO }).unwrap_or_default()
}

/// The article's computation. A constant would be folded by the compiler.
pub fn compute() -> u64 {
    (0..black_box(1000_u64)).fold(0, |sum, i| sum.wrapping_add(black_box(i * 2)))
}

/// The article's answer, after computation and wait.
pub fn benchmark(result: u64, started: Instant) -> Vec<u8> {
    let answer = Benchmark {
        result,
        processing_time_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        request_id: REQUESTS.fetch_add(1, Ordering::Relaxed) + 1,
        timestamp: jiff::Timestamp::now().to_string(),
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// Where to listen: `PORT` of the environment, 8080 without it.
pub fn port() -> u16 {
    number("PORT")
        .and_then(|port| port.try_into().ok())
        .unwrap_or(8080)
}

/// Threads that serve: `WORKERS` of the environment, 1 without it.
pub fn workers() -> usize {
    number("WORKERS").unwrap_or(1)
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}
