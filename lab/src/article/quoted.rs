//! What the article printed: its three runs of wrk, and the figures that the ledger computes with.
//!
//! "Speed Revolution Asynchronous Modern Web Frameworks", github-recommend, 2025-07-09,
//! <https://www.scien.cx/2025/07/09/speed-revolution-asynchronous-modern-web-frameworks/>. Nothing
//! here was measured by anybody in this project.

use crate::check::printed::Printed;

/// The three runs as they were printed.
pub const THREE_RUNS: &str = include_str!("three-runs.txt");
/// wrk's `-t` in all of them.
pub const THREADS: u16 = 12;
/// wrk's `-c`.
pub const CONNECTIONS: u16 = 400;
/// Connections that wrk opens with these: the same for each thread.
pub const OPENED: u16 = CONNECTIONS / THREADS * THREADS;
/// What the handler waits for in each request.
pub const WAIT_US: u32 = 100;
/// "7.2x faster than Express.js".
pub const TIMES_EXPRESS: f64 = 7.2;
/// "11.7x faster than Spring Boot".
pub const TIMES_SPRING: f64 = 11.7;

/// A run's requests per second and mean latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// `Requests/sec`.
    pub rate: f64,
    /// `Latency`, `Avg`.
    pub mean_us: f64,
}

/// Which of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// The article's framework.
    Framework = 0,
    /// Express.js.
    Express = 1,
    /// Spring Boot.
    Spring = 2,
}

/// The figures of a run; `None` if its text cannot be read.
pub fn figures(run: Run) -> Option<Figures> {
    let runs = Printed::all(THREE_RUNS);
    let printed = runs.get(run as usize)?;
    Some(Figures {
        rate: printed.rate?.value,
        mean_us: printed.latency?.mean.value,
    })
}
