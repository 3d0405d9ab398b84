//! What the server answers where the article's handlers simulated, guessed or printed a constant.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use ureq::Agent;

use crate::process::{Running, Subject};

/// The longest that a route may take: `/io-benchmark` writes and reads files.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
/// Bytes that are posted to `/zero-copy`: what fits into the server's buffer of 8 KiB, the
/// article's size, and what does not.
const POSTED_BYTES: [usize; 2] = [4 * 1024, 16 * 1024];
/// `/stats` tells of the last second only once there was one.
const SECOND: Duration = Duration::from_millis(1200);
/// Requests to a handler before its statistics are looked at.
const REQUESTS: u32 = 100;

/// The answers; `None` where a route gave none.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// Process of the server that was asked.
    pub pid: u32,
    /// Seconds since 1970 when it was asked.
    pub unix_seconds: f64,
    /// `/stats`.
    pub stats: Option<Value>,
    /// Milliseconds until the first answer for a key of `/cache/{key}`.
    pub miss_ms: Option<f64>,
    /// And until the second.
    pub hit_ms: Option<f64>,
    /// `/memory-stats`.
    pub memory: Option<Value>,
    /// `/profiler-stats`, after requests to `/profiled`.
    pub profiler: Option<Value>,
    /// `/zero-copy`, of 4 KiB and of 16 KiB.
    pub zero_copy: Vec<Value>,
    /// `/memory-efficiency-test`.
    pub efficiency: Option<Value>,
    /// `/io-benchmark`.
    pub files: Option<Value>,
}

impl Probes {
    /// Asks a fresh process of this server.
    ///
    /// # Errors
    ///
    /// If it does not start or does not end. A route that does not answer is `None`.
    pub fn of(server: &Subject, workers: usize) -> Result<Self> {
        let running = Running::start(server, workers, &[])?;
        let asker = Asker::new(running.address());
        for _ in 0..REQUESTS {
            let _ = asker.get("/profiled");
        }
        let (miss_ms, hit_ms) = (asker.time("/cache/article"), asker.time("/cache/article"));
        let posted = POSTED_BYTES.iter();
        let zero_copy =
            posted.filter_map(|bytes| asker.post("/zero-copy", &vec![b'x'; *bytes]).ok());
        let zero_copy = zero_copy.collect();
        std::thread::sleep(SECOND);
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let probes = Self {
            pid: running.pid(),
            unix_seconds: unix.unwrap_or_default().as_secs_f64(),
            stats: asker.get("/stats").ok(),
            miss_ms,
            hit_ms,
            memory: asker.get("/memory-stats").ok(),
            profiler: asker.get("/profiler-stats").ok(),
            zero_copy,
            efficiency: asker.get("/memory-efficiency-test").ok(),
            files: asker.get("/io-benchmark").ok(),
        };
        running.stop()?;
        Ok(probes)
    }
}

/// A number in an answer.
pub(super) fn number(answer: Option<&Value>, pointer: &str) -> Option<f64> {
    answer?.pointer(pointer)?.as_f64()
}

/// Somebody who asks a server one thing after another.
pub(super) struct Asker {
    agent: Agent,
    address: SocketAddr,
}

impl Asker {
    pub(super) fn new(address: SocketAddr) -> Self {
        // A proxy that the environment names is not what is asked.
        let agent = Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(ANSWERED_WITHIN))
            .build()
            .into();
        Self { agent, address }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let mut answer = self.agent.get(self.url(path)).call()?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Value> {
        let mut answer = self.agent.post(self.url(path)).send(body)?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }

    fn time(&self, path: &str) -> Option<f64> {
        let began = Instant::now();
        self.get(path).ok()?;
        Some(began.elapsed().as_secs_f64() * 1e3)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
