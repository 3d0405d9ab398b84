//! wrk, driven: its counts as JSON instead of prose, and its errors as errors.
//!
//! wrk exits with 0 whatever happened, so here socket errors and answers other than 2xx and 3xx
//! fail the run unless somebody asks to see them. Absent on purpose: latencies. wrk is a closed
//! loop that pads its histogram with values which nobody measured (`stats_correct`) before it
//! prints.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

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

#[expect(clippy::cast_precision_loss, reason = "a double counts to 9e15")]
impl WrkOutcome {
    /// Answers in a second.
    pub fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// CPU time of wrk for a request, in nanoseconds; `None` if there was none.
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
        write!(lua, "{}{REPORTER}", self.script.unwrap_or_default())?;
        let mut command = self.command();
        command.arg("-s").arg(lua.path()).arg(self.url);
        let output = command.stdin(Stdio::null()).output();
        let output = output.context("wrk cannot be started; is it installed?")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wrk failed: {}", told.trim());
        outcome(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("wrk told nothing that can be read; {}", told.trim()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("wrk");
        if !self.cores.is_empty() {
            let cores: Vec<_> = self.cores.iter().map(usize::to_string).collect();
            command = Command::new("taskset");
            command.args(["-c", &cores.join(","), "wrk"]);
        }
        command.arg(format!("-t{}", self.threads));
        command.arg(format!("-c{}", self.connections));
        command.arg(format!("-d{}s", self.seconds));
        command
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
