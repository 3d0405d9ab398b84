//! wrk, driven: its counts as JSON instead of prose, and its errors as errors.
//!
//! wrk exits with 0 whatever happened, so socket errors and answers other than 2xx and 3xx are in
//! the outcome. Absent on purpose: latencies. wrk is a closed loop that pads its histogram with
//! values which nobody measured (`stats_correct`) before it prints.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::command::output_of;

/// What stands before the line of JSON in wrk's output.
const MARK: &str = "wrk-outcome ";
/// Reports what wrk counted. `os.clock` is the CPU time of the whole process, ended threads
/// included (clock(3)).
const REPORTER: &str = r#"
function done(summary)
    local errors = summary.errors
    io.write("wrk-outcome ", string.format(
        '{"requests":%d,"seconds":%.6f,"cpu_seconds":%.6f,"errors_by_kind":' ..
        '{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}}',
        summary.requests, summary.duration / 1e6, os.clock(),
        errors.connect, errors.read, errors.write, errors.timeout, errors.status), "\n")
end
"#;

/// What wrk counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WrkOutcome {
    /// Answers, whatever their status.
    pub requests: u64,
    /// How long it sent.
    pub seconds: f64,
    /// CPU time of wrk itself, all threads together.
    pub cpu_seconds: f64,
    /// Errors of the kinds `connect`, `read`, `write`, `timeout` and `status`; only those that
    /// occurred.
    pub errors_by_kind: BTreeMap<String, u64>,
}

/// Runs wrk with its `-t`, `-c`, of all threads, and `-d` in seconds against a URL with scheme and
/// path. Failed requests are in the outcome.
///
/// # Errors
///
/// If wrk is not there, or cannot be understood.
pub fn run(url: &str, threads: u16, connections: u16, seconds: u16) -> Result<WrkOutcome> {
    let mut lua = tempfile::NamedTempFile::with_suffix(".lua")?;
    lua.write_all(REPORTER.as_bytes())?;
    let mut wrk = Command::new("wrk");
    wrk.arg(format!("-t{threads}"))
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        .arg("-s")
        .arg(lua.path())
        .arg(url);
    outcome(&output_of(&mut wrk)?)
}

/// What the reporter wrote.
fn outcome(output: &str) -> Result<WrkOutcome> {
    let line = output.lines().find_map(|line| line.strip_prefix(MARK));
    let mut outcome: WrkOutcome =
        serde_json::from_str(line.context("the reporter's line is missing")?)?;
    outcome.errors_by_kind.retain(|_, count| *count > 0);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reporters_line_is_found_in_the_prose() {
        let output = "Running 1s test\n  2 threads\nwrk-outcome {\"requests\":10,\"seconds\":2.0,\
                      \"bytes\":99,\"cpu_seconds\":0.001,\"errors_by_kind\":{\"read\":3,\
                      \"status\":0},\"padded_percentiles_us\":[[50,12.5]]}\n";
        let outcome = outcome(output).unwrap();
        assert_eq!(outcome.requests, 10);
        assert_eq!(
            outcome.errors_by_kind,
            BTreeMap::from([("read".to_owned(), 3)])
        );
    }

    #[test]
    fn an_output_without_the_line_is_an_error() {
        assert!(outcome("Running 1s test\n").is_err());
    }
}
