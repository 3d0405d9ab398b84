//! What the article printed: its three runs of wrk, and the figures that its command line gives.
//!
//! "Speed Revolution Asynchronous Modern Web Frameworks", github-recommend, 2025-07-09,
//! <https://www.scien.cx/2025/07/09/speed-revolution-asynchronous-modern-web-frameworks/>. Nothing
//! here was measured by anybody in this project.

/// The three runs as they were printed: of its framework, Express.js and Spring Boot.
pub const THREE_RUNS: &str = include_str!("three-runs.txt");
/// wrk's `-t` in all of them.
pub const THREADS: u16 = 12;
/// wrk's `-c`.
pub const CONNECTIONS: u16 = 400;
/// Connections that wrk opens with these: the same for each thread.
pub const OPENED: u16 = CONNECTIONS / THREADS * THREADS;
/// What the handler waits for in each request.
pub const WAIT_US: u32 = 100;
