//! What the server answers where the article's handlers simulated, guessed or printed a constant.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::machine;
use crate::process::{Answer, Client, Running, Subject};

/// Bytes that are posted to `/zero-copy`: what fits into the server's buffer of 8 KiB, the
/// article's size, and what does not.
const POSTED_BYTES: [usize; 2] = [4 * 1024, 16 * 1024];
/// `/stats` tells of the last second only once there was one.
const SECOND: Duration = Duration::from_millis(1200);
/// Requests to a handler before its statistics are looked at.
const REQUESTS: u32 = 100;

/// Asks a fresh process of this server, one thing after another. The answers are one JSON object,
/// with `null` where a route gave none.
///
/// # Errors
///
/// If it does not start or does not end.
pub(super) fn ask(server: &Subject) -> Result<Value> {
    let running = Running::start(server, machine::cores(), &[])?;
    let client = Client::of(running.address());
    let get = |path: &str| json_of(client.ask("GET", path, ()));
    let post = |path: &str, bytes| json_of(client.ask("POST", path, vec![b'x'; bytes]));
    let timed = |path: &str| {
        let began = Instant::now();
        get(path)?;
        Some(began.elapsed().as_secs_f64() * 1e3)
    };
    for _ in 0..REQUESTS {
        get("/profiled");
    }
    let (miss_ms, hit_ms) = (timed("/cache/article"), timed("/cache/article"));
    let zero_copy = POSTED_BYTES.map(|bytes| post("/zero-copy", bytes));
    thread::sleep(SECOND);
    let answers = json!({
        "pid": running.pid(),
        "unix_seconds": jiff::Timestamp::now().as_second(),
        "stats": get("/stats"),
        "miss_ms": miss_ms,
        "hit_ms": hit_ms,
        "memory": get("/memory-stats"),
        "profiler": get("/profiler-stats"),
        "zero_copy": zero_copy,
        "efficiency": get("/memory-efficiency-test"),
        "files": get("/io-benchmark"),
    });
    running.stop()?;
    Ok(answers)
}

fn json_of(answer: Result<Answer>) -> Option<Value> {
    let (status, body) = answer.ok()?;
    (status == 200).then(|| serde_json::from_slice(&body).ok())?
}
