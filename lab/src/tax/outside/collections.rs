//! Collections of garbage, as the runtimes tell of them: node's `--trace-gc`, and jstat.
//!
//! A pause is not the time of the threads that collect: V8 collects on the main thread and on its
//! workers together, and the JVM's own thread has other work beside its collections. So both are
//! told. Time of the compilers is not asked for. jstat has it by the wall clock, and the CPU time
//! of the compiler threads says the same better. Of V8 it cannot be had: its workers do both.

use std::process::Command;

use anyhow::{Context, Result};

use super::Runtime;
use crate::command::output_of;
use crate::process::Running;
use crate::results::Collections;

/// What node has to be told, to say what it collects. It is a line for each collection.
pub(super) const TELL: &str = "--trace-gc";

/// All collections so far.
///
/// # Errors
///
/// If what it has printed cannot be read, or there is no jstat that knows the process.
pub(super) fn so_far(runtime: Runtime, server: &Running) -> Result<Collections> {
    match runtime {
        Runtime::Node => Ok(traced(&server.printed()?)),
        Runtime::Jvm => {
            let mut jstat = Command::new("jstat");
            jstat.args(["-gc", &server.pid().to_string()]);
            let told = output_of(jstat.env("LC_ALL", "C"))?;
            counted(&told).with_context(|| format!("jstat told {told:?}"))
        }
    }
}

/// Those between two looks.
pub(super) fn between(before: Collections, after: Collections) -> Collections {
    Collections {
        count: after.count - before.count,
        paused_seconds: after.paused_seconds - before.paused_seconds,
    }
}

/// V8's lines: `[9886:0x36d1] 227 ms: Scavenge 4.4 (4.5) -> 3.8 (5.5) MB, 13.33 / 0.00 ms ...`. The
/// first number behind MB is the pause. What was marked in steps before it stands in parentheses.
fn traced(printed: &str) -> Collections {
    let mut all = Collections::default();
    for line in printed.lines() {
        if let Some(milliseconds) = pause(line) {
            all.count += 1;
            all.paused_seconds += milliseconds / 1e3;
        }
    }
    all
}

fn pause(line: &str) -> Option<f64> {
    let (_, rest) = line.strip_prefix('[')?.split_once(" ms: ")?;
    let (_, rest) = rest.split_once(" MB, ")?;
    let last: f64 = rest.split_whitespace().next()?.parse().ok()?;
    let steps = rest.split_once("(+ ").and_then(|(_, steps)| {
        let milliseconds = steps.split_once(" ms in ")?.0;
        milliseconds.parse::<f64>().ok()
    });
    Some(last + steps.unwrap_or_default())
}

/// jstat's two lines: names, and below them numbers. Columns differ between versions; a collector
/// that has no concurrent phases has a dash there.
fn counted(told: &str) -> Option<Collections> {
    let mut lines = told.lines().filter(|line| !line.trim().is_empty());
    let (names, values) = (lines.next()?, lines.next()?);
    let column = |wanted: &str| {
        let mut columns = names.split_whitespace().zip(values.split_whitespace());
        columns.find_map(|(name, value)| (name == wanted).then_some(value))
    };
    let young: u64 = column("YGC")?.parse().ok()?;
    let whole: u64 = column("FGC")?.parse().ok()?;
    let concurrent = column("CGC").and_then(|value| value.parse::<u64>().ok());
    Some(Collections {
        count: young + whole + concurrent.unwrap_or_default(),
        paused_seconds: column("GCT")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As node 20 prints it, among the lines of a program.
    const NODE: &str = "listening on http://127.0.0.1:28731\n\
        [9886:0x36d1dc00]      227 ms: Scavenge 4.4 (4.5) -> 3.8 (5.5) MB, 13.33 / 0.00 ms  \
        (average mu = 1.000, current mu = 1.000) allocation failure; \n\
        [9886:0x36d1dc00]     8505 ms: Mark-Compact (reduce) 8.0 (10.7) -> 5.6 (8.0) MB, \
        2.36 / 0.00 ms  (+ 35.8 ms in 52 steps since start of marking, biggest step 32.2 ms, \
        walltime since start of marking 46 ms) (average mu = 1.000, current mu = 1.000) finalize \
        incremental marking via task; GC in old space requested\n\
        [handler] 12 ms: done\n";

    #[test]
    fn nodes_lines_are_added_up() {
        let all = traced(NODE);
        assert_eq!(all.count, 2);
        assert!((all.paused_seconds - 0.05149).abs() < 1e-9, "{all:?}");
        assert_eq!(traced("listening\n"), Collections::default());
    }

    /// As jstat of OpenJDK 17 prints it, of the serial collector and of G1.
    #[test]
    fn jstats_columns_are_found_by_name() {
        let serial = "    S0C         S1C         S0U         S1U          EC           EU      \
             OC           OU          MC         MU       CCSC      CCSU     YGC     YGCT     FGC  \
             FGCT     CGC    CGCT       GCT   \n    12864.0     12864.0         0.0         0.0   \
             103360.0      13189.0     258048.0      10159.1    21504.0    21121.1    2944.0    \
             2734.6      1     0.155     2     0.249     -         -     0.404\n";
        let found = counted(serial).unwrap();
        assert_eq!(found.count, 3);
        assert!((found.paused_seconds - 0.404).abs() < 1e-9);
        let g1 = serial.replace("-         -", "7     0.010");
        assert_eq!(counted(&g1).unwrap().count, 10);
        assert_eq!(counted("9886 not found\n"), None);
    }

    #[test]
    fn a_window_has_what_came_in_it() {
        let at = |count, paused_seconds| Collections {
            count,
            paused_seconds,
        };
        let found = between(at(10, 1.0), at(14, 1.5));
        assert_eq!(found, at(4, 0.5));
    }
}
