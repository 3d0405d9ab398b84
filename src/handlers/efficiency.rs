//! `/memory-efficiency-test`: what it costs to copy a body before looking at it.
//!
//! Two ways of the same work, side by side. In place: a buffer is taken from a pool with the data
//! in it, read, and given back. Copied: a fresh buffer is filled in steps of 1 KiB, as the article
//! does it, read, and freed. Both read every byte (CRC-32), so the difference is the copy and the
//! allocation. On the job pool, one at a time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde::Serialize;

use super::gate::Gate;
use super::units::{float, microseconds, milliseconds, ratio};
use crate::config::bounds::{EFFICIENCY_BLOCKS, EFFICIENCY_ITERATIONS, EFFICIENCY_SIZES};
use crate::config::{KIB, MIB};
use crate::http::{Asker, Later, Reply, Response, Work};

/// What the article's fields are about is the pooled buffer, read in place; beside it the copy.
#[derive(Serialize)]
struct Comparison {
    memory_efficiency_test: Vec<Row>,
    test_description: &'static str,
    framework_advantage: String,
}

#[derive(Serialize)]
struct Row {
    data_size_bytes: usize,
    iterations: u32,
    #[serde(flatten)]
    in_place: Timing,
    fresh_and_copied: Timing,
    /// How many times as fast the pooled buffer was.
    speed_up: f64,
}

#[derive(Serialize)]
struct Timing {
    total_time_ms: f64,
    avg_time_per_op_us: f64,
    throughput_mb_per_sec: f64,
}

/// `GET /memory-efficiency-test`.
///
/// # Errors
///
/// 503 with Retry-After while one runs.
pub(super) fn reply(gate: &Gate) -> Result<Reply, Response> {
    let pass = gate.enter()?;
    let job = move |asker: &Asker| {
        let sizes = EFFICIENCY_SIZES.into_iter();
        let wanted = sizes.take_while(|_| !asker.has_gone());
        let rows = wanted.map(|size| measure(size, EFFICIENCY_ITERATIONS));
        let rows = rows.collect();
        drop(pass);
        answer(rows).into()
    };
    Ok(Later::Run(Work::new(job)).into())
}

fn answer(rows: Vec<Row>) -> Response {
    Response::json(Comparison {
        framework_advantage: conclusion(&rows),
        memory_efficiency_test: rows,
        test_description: "CRC-32 of a buffer: taken from a pool and read in place, against \
                           freshly allocated and filled by copying (fresh_and_copied)",
    })
}

/// Both ways, in blocks that take turns.
fn measure(size: usize, iterations: u32) -> Row {
    let data = vec![0x5A_u8; size];
    let mut pool = vec![BytesMut::from(&data[..])];
    let (mut in_place, mut copied) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..EFFICIENCY_BLOCKS {
        in_place += timed(iterations / EFFICIENCY_BLOCKS, || read_in_place(&mut pool));
        copied += timed(iterations / EFFICIENCY_BLOCKS, || read_a_copy(&data));
    }
    Row {
        data_size_bytes: size,
        iterations,
        in_place: Timing::of(size, iterations, in_place),
        fresh_and_copied: Timing::of(size, iterations, copied),
        speed_up: ratio(copied.as_secs_f64(), in_place.as_secs_f64()),
    }
}

fn timed(iterations: u32, mut operation: impl FnMut() -> u32) -> Duration {
    let started = Instant::now();
    for _ in 0..iterations {
        black_box(operation());
    }
    started.elapsed()
}

fn read_in_place(pool: &mut Vec<BytesMut>) -> u32 {
    let buffer = pool.pop().unwrap_or_default();
    let crc = crc32fast::hash(black_box(&buffer));
    pool.push(buffer);
    crc
}

fn read_a_copy(data: &[u8]) -> u32 {
    let mut buffer = BytesMut::new();
    for chunk in black_box(data).chunks(KIB) {
        buffer.extend_from_slice(chunk);
    }
    crc32fast::hash(&buffer.freeze())
}

impl Timing {
    fn of(size: usize, iterations: u32, total: Duration) -> Self {
        let megabytes = float((size * iterations as usize) as u64) / float(MIB as u64);
        Self {
            total_time_ms: milliseconds(total),
            avg_time_per_op_us: microseconds(total) / f64::from(iterations),
            throughput_mb_per_sec: ratio(megabytes, total.as_secs_f64()),
        }
    }
}

/// What the figures say, and nothing else.
fn conclusion(rows: &[Row]) -> String {
    let speed_ups = rows.iter().map(|row| row.speed_up);
    let slowest = speed_ups.clone().fold(f64::INFINITY, f64::min);
    let fastest = speed_ups.fold(0.0, f64::max);
    format!("Reading in place had {slowest:.2} to {fastest:.2} times the speed of a fresh copy.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, settle};
    use crate::http::Method;

    #[test]
    fn the_conclusion_follows_the_figures() {
        let row = |speed_up| Row {
            speed_up,
            ..measure(1024, 20)
        };
        assert!(conclusion(&[row(4.0), row(1.5)]).contains("1.50 to 4.00 times"));
        assert!(conclusion(&[row(0.9)]).contains("0.90 to 0.90 times"));
    }

    #[test]
    fn both_ways_read_the_same_bytes() {
        let data = vec![7; 5000];
        let mut pool = vec![BytesMut::from(&data[..])];
        assert_eq!(read_in_place(&mut pool), read_a_copy(&data));
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn the_fields_are_the_articles_and_the_copys_beside_them() {
        let rows = vec![measure(1024, 20), measure(4096, 20)];
        let body = Answer::of(answer(rows), Method::Get).json();
        assert!(body["test_description"].is_string() && body["framework_advantage"].is_string());
        let rows = body["memory_efficiency_test"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        for row in rows {
            let size = row["data_size_bytes"].as_f64().unwrap();
            assert_eq!(row["iterations"], 20);
            for figures in [row, &row["fresh_and_copied"]] {
                let total = figures["total_time_ms"].as_f64().unwrap();
                let each = figures["avg_time_per_op_us"].as_f64().unwrap();
                let throughput = figures["throughput_mb_per_sec"].as_f64().unwrap();
                assert!(total > 0.0);
                assert!((each * 20.0 / 1e3 / total - 1.0).abs() < 1e-6);
                let megabytes = size * 20.0 / 1024.0 / 1024.0;
                assert!((megabytes / (total / 1e3) / throughput - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn one_runs_at_a_time_on_the_job_pool() {
        let gate = Gate::default();
        let first = reply(&gate).expect("nobody measures yet");
        assert!(matches!(first, Reply::Later(Later::Run(_))));
        assert!(reply(&gate).is_err());
        // A full job queue drops the job.
        drop(first);
        let answer = Answer::of(settle(reply(&gate).expect("the gate is open")), Method::Get);
        let rows = answer.json()["memory_efficiency_test"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!((answer.status, rows), (200, EFFICIENCY_SIZES.len()));
        assert!(reply(&gate).is_ok());
    }
}
