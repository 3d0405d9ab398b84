//! wrk, driven: its counts as JSON instead of prose, and its errors as errors.
//!
//! wrk exits with 0 whatever happened, so here socket errors and answers other than 2xx and 3xx
//! fail the run unless somebody asks to see them. Absent on purpose: latencies under that name. wrk
//! is a closed loop that pads its histogram with values which nobody measured (`stats_correct`)
//! before it prints; what it gives is kept as `padded_percentiles_us`, to be compared with what
//! others print.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// What stands before the line of JSON in wrk's output.
const MARK: &str = "wrk-outcome ";
/// Reports what wrk counted. `os.clock` is the CPU time of the whole process, ended threads
/// included (clock(3)).
const REPORTER: &str = r#"
function done(summary, latency, requests)
    local errors = summary.errors
    local points = {}
    for _, percentile in ipairs({50, 75, 90, 99, 99.9, 100}) do
        table.insert(points, string.format("[%g,%g]", percentile, latency:percentile(percentile)))
    end
    io.write("wrk-outcome ", string.format(
        '{"requests":%d,"seconds":%.6f,"bytes":%d,"cpu_seconds":%.6f,"errors_by_kind":' ..
        '{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d},' ..
        '"padded_percentiles_us":[%s]}',
        summary.requests, summary.duration / 1e6, summary.bytes, os.clock(),
        errors.connect, errors.read, errors.write, errors.timeout, errors.status,
        table.concat(points, ",")), "\n")
end
"#;

/// What wrk counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WrkOutcome {
    /// Answers, whatever their status.
    pub requests: u64,
    /// How long it sent.
    pub seconds: f64,
    /// Bytes received.
    pub bytes: u64,
    /// CPU time of wrk itself, all threads together.
    pub cpu_seconds: f64,
    /// Errors of the kinds `connect`, `read`, `write`, `timeout` and `status`; only those that
    /// occurred.
    pub errors_by_kind: BTreeMap<String, u64>,
    /// (percentile, microseconds) of wrk's padded histogram. No latency: see the module.
    pub padded_percentiles_us: Vec<(f64, f64)>,
}

impl WrkOutcome {
    /// Answers in a second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double counts to 9e15 without loss"
    )]
    pub fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// CPU time of wrk for a request, in nanoseconds; `None` if there was none.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double counts to 9e15 without loss"
    )]
    pub fn cpu_ns_per_request(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.cpu_seconds * 1e9 / self.requests as f64)
    }
}

/// A run of wrk.
#[derive(Clone, Debug)]
pub struct Drive<'a> {
    /// What is asked for, with scheme and path.
    pub url: &'a str,
    /// wrk's `-t`.
    pub threads: u16,
    /// wrk's `-c`, of all threads.
    pub connections: u16,
    /// wrk's `-d`.
    pub seconds: u16,
    /// Lua that comes before the reporter; it must not define `done`.
    pub script: Option<&'a str>,
    /// Cores that it may use; all if empty.
    pub cores: &'a [usize],
}

/// Whether wrk is installed.
pub fn is_installed() -> bool {
    which::which("wrk").is_ok()
}

/// Runs wrk.
///
/// # Errors
///
/// If it is not there, or if any request failed.
pub fn run(
    url: &str,
    threads: u16,
    connections: u16,
    seconds: u16,
    script: Option<&str>,
) -> Result<WrkOutcome> {
    let drive = Drive {
        url,
        threads,
        connections,
        seconds,
        script,
        cores: &[],
    };
    drive.without_errors()
}

impl Drive<'_> {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// If wrk is not there, or any request failed, or none was answered.
    pub fn without_errors(&self) -> Result<WrkOutcome> {
        let outcome = self.with_errors()?;
        let errors = &outcome.errors_by_kind;
        ensure!(errors.is_empty(), "wrk reports errors: {errors:?}");
        ensure!(outcome.requests > 0, "wrk got no answer");
        Ok(outcome)
    }

    /// Runs it, and leaves failed requests to be looked at in the outcome.
    ///
    /// # Errors
    ///
    /// If wrk is not there, or cannot be understood.
    pub fn with_errors(&self) -> Result<WrkOutcome> {
        let mut lua = tempfile::NamedTempFile::with_suffix(".lua")?;
        lua.write_all(self.script.unwrap_or_default().as_bytes())?;
        lua.write_all(REPORTER.as_bytes())?;
        let words = self.command_line();
        let output = Command::new(&words[0])
            .args(&words[1..])
            .arg("-s")
            .arg(lua.path())
            .arg(self.url)
            .stdin(Stdio::null())
            .output()
            .context("wrk cannot be started; is it installed?")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wrk failed: {}", told.trim());
        outcome(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("wrk told nothing that can be read; {}", told.trim()))
    }

    fn command_line(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        if !self.cores.is_empty() {
            let cores: Vec<_> = self.cores.iter().map(usize::to_string).collect();
            words.extend(["taskset".to_owned(), "-c".to_owned(), cores.join(",")]);
        }
        words.push("wrk".to_owned());
        words.push(format!("-t{}", self.threads));
        words.push(format!("-c{}", self.connections));
        words.push(format!("-d{}s", self.seconds));
        words.into_iter().map(OsString::from).collect()
    }
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
        assert_eq!(outcome.requests_per_second().to_string(), "5");
        assert_eq!(
            outcome
                .cpu_ns_per_request()
                .map(f64::round)
                .map(|ns| ns.to_string())
                .as_deref(),
            Some("100000")
        );
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
