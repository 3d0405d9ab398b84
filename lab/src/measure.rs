//! One block: a fresh server, some seconds of a workload, and what both sides used.
//!
//! The generator is this program's `load`, as a process of its own on a core of its own, so that
//! its CPU time is nobody else's. A block that something disturbed is kept, with the reason why it
//! counts for nothing.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use procfs::{CurrentSI, KernelStats};

use crate::generator::Outcome;
use crate::process::{Running, Subject};
use crate::results::Block;
use crate::workload::Workload;

/// The most that the hypervisor may take away of a block.
const STEAL_MAX: f64 = 0.01;
/// Blocks that are measured until the hypervisor leaves one in peace.
const ATTEMPTS_MAX: usize = 3;
/// The Host field of every request, whatever the port is, so that all have the same length: the
/// canned loop of level 0 counts bytes.
const HOST: &str = "127.0.0.1";

/// How a block is made; the same for all of an experiment.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seconds before anything counts.
    pub warmup_seconds: f64,
    /// Seconds that count.
    pub seconds: f64,
    /// Workers of the server.
    pub workers: usize,
    /// Cores of the server; all if empty.
    pub server_cores: Vec<usize>,
    /// Cores of the generator; all if empty.
    pub generator_cores: Vec<usize>,
    /// Threads of the generator.
    pub generator_threads: u16,
}

impl Plan {
    /// One worker on the first core and one generator thread on the second, or both on the only
    /// one; a second of warm-up.
    pub fn of_two_cores(seconds: f64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            warmup_seconds: 1.0,
            seconds,
            workers: 1,
            server_cores: vec![0],
            generator_cores: vec![usize::from(cores > 1)],
            generator_threads: 1,
        }
    }
}

/// The bytes of one request of a workload, as the generator sends them.
pub fn request_bytes(workload: &Workload) -> usize {
    format!("GET {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", workload.path).len()
}

/// Measures one block. `comparison`, `round` and `at_seconds` are left for the caller to fill in.
/// Fails if the server does not start; errors of single requests are counted in the block.
pub fn block(subject: &Subject, workload: &Workload, plan: &Plan) -> Result<Block> {
    let server = Running::start(subject, plan.workers, &plan.server_cores)?;
    let before = Steal::read();
    let mut command = load(&server, workload)?;
    command
        .arg("--server-pid")
        .arg(server.pid().to_string())
        .args(["--warmup", &plan.warmup_seconds.to_string()])
        .args(["--seconds", &plan.seconds.to_string()])
        .args(["--threads", &plan.generator_threads.to_string()]);
    if !plan.generator_cores.is_empty() {
        let cores: Vec<_> = plan.generator_cores.iter().map(usize::to_string).collect();
        command.args(["--cores", &cores.join(",")]);
    }
    if let Some(rate) = workload.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    let outcome = outcome(command)?;
    let steal = Steal::share(before, Steal::read());
    server.stop()?;
    Ok(of(subject, workload, outcome, steal))
}

/// The same until the hypervisor has left one in peace, or has not three times: the last is the one
/// that counts, if any does. Each comes with the time when it began, of `clock`.
pub fn blocks(
    subject: &Subject,
    workload: &Workload,
    plan: &Plan,
    mut clock: impl FnMut() -> f64,
) -> impl Iterator<Item = Result<(f64, Block)>> {
    let mut attempts = 0;
    std::iter::from_fn(move || {
        if attempts == ATTEMPTS_MAX {
            return None;
        }
        let began = clock();
        let block = block(subject, workload, plan);
        let is_stolen = block.as_ref().is_ok_and(|block| block.steal > STEAL_MAX);
        attempts = if is_stolen {
            attempts + 1
        } else {
            ATTEMPTS_MAX
        };
        Some(block.map(|block| (began, block)))
    })
}

/// Sends so many requests over the workload's connections, and fails if one fails: for counting,
/// not for timing.
pub fn send(server: &Running, workload: &Workload, requests: usize) -> Result<()> {
    let mut command = load(server, workload)?;
    command.args(["--requests", &requests.to_string()]);
    let outcome = outcome(command)?;
    if outcome.errors > 0 {
        bail!(
            "of {requests} requests {} failed: {:?}",
            outcome.errors,
            outcome.errors_by_kind
        );
    }
    Ok(())
}

fn of(subject: &Subject, workload: &Workload, outcome: Outcome, steal: f64) -> Block {
    let dropped = if outcome.errors > 0 {
        Some(format!("{} requests failed", outcome.errors))
    } else if steal > STEAL_MAX {
        Some(format!(
            "the hypervisor took {:.1} % of the time",
            100.0 * steal
        ))
    } else {
        None
    };
    Block {
        subject: subject.name.clone(),
        workload: workload.name.clone(),
        seconds: outcome.seconds,
        requests: outcome.requests,
        requests_per_second: outcome.requests_per_second,
        server_cpu_ns_per_request: outcome.server_cpu_ns_per_request,
        server_busy: outcome.server_busy,
        generator_busy: outcome.generator_busy,
        generator_cpu_ns_per_request: outcome.generator_cpu_ns_per_request.unwrap_or(0.0),
        steal,
        resident_bytes: outcome.resident_bytes,
        errors: outcome.errors_by_kind,
        latency: outcome.latency,
        dropped,
        ..Block::default()
    }
}

/// The generator's command line, but for how long and how much.
fn load(server: &Running, workload: &Workload) -> Result<Command> {
    let mut command = Command::new(generator()?);
    command
        .args(["load", &server.address().to_string(), "--json"])
        .args(["--host-field", HOST, "--path", &workload.path])
        .args(["--connections", &workload.connections.to_string()])
        .args(["--pipeline", &workload.pipeline.to_string()]);
    match &workload.body {
        Some(body) => command.args(["--body", body]),
        None => command.arg("--varying"),
    };
    if workload.reconnect {
        command.arg("--reconnect");
    }
    Ok(command)
}

fn outcome(mut command: Command) -> Result<Outcome> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let output = command
        .output()
        .context("the generator cannot be started")?;
    // It exits with 1 if requests failed, and tells of them all the same.
    serde_json::from_slice(&output.stdout).with_context(|| {
        let told = String::from_utf8_lossy(&output.stderr);
        format!("the generator said nothing but: {}", told.trim())
    })
}

/// This program, or the one that was built beside a test.
fn generator() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path")?;
    let folder = own.parent().context("a program lies in a folder")?;
    if folder.ends_with("deps") {
        return Ok(folder.with_file_name("barewire-lab"));
    }
    Ok(folder.join("barewire-lab"))
}

/// Ticks of all cores: taken away by the hypervisor, and in all.
#[derive(Clone, Copy)]
pub(crate) struct Steal {
    stolen: u64,
    all: u64,
}

impl Steal {
    pub(crate) fn read() -> Option<Self> {
        let total = KernelStats::current().ok()?.total;
        let stolen = total.steal.unwrap_or(0);
        let busy = total.user + total.nice + total.system + total.idle;
        let rest = [total.iowait, total.irq, total.softirq];
        let rest: u64 = rest.iter().map(|ticks| ticks.unwrap_or(0)).sum();
        Some(Self {
            stolen,
            all: busy + rest + stolen,
        })
    }

    /// The part that was stolen in between; 0 where the kernel does not tell.
    #[expect(clippy::cast_precision_loss, reason = "ticks of some seconds")]
    pub(crate) fn share(before: Option<Self>, after: Option<Self>) -> f64 {
        match (before, after) {
            (Some(before), Some(after)) if after.all > before.all => {
                (after.stolen - before.stolen) as f64 / (after.all - before.all) as f64
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_with_failures_or_steal_does_not_count() {
        let (subject, workload) = (Subject::default(), Workload::keep_alive());
        let whole = of(&subject, &workload, Outcome::default(), 0.0);
        assert_eq!(whole.dropped, None);
        let failed = Outcome {
            errors: 3,
            ..Outcome::default()
        };
        let failed = of(&subject, &workload, failed, 0.0);
        assert_eq!(failed.dropped.as_deref(), Some("3 requests failed"));
        let stolen = of(&subject, &workload, Outcome::default(), 0.02);
        assert_eq!(
            stolen.dropped.as_deref(),
            Some("the hypervisor took 2.0 % of the time")
        );
    }

    #[test]
    fn steal_is_a_part_of_all() {
        let at = |stolen, all| Some(Steal { stolen, all });
        assert!((Steal::share(at(10, 1000), at(15, 1100)) - 0.05).abs() < 1e-9);
        assert_eq!(Steal::share(at(10, 1000), at(10, 1000)).to_bits(), 0);
        assert_eq!(Steal::share(None, at(10, 1000)).to_bits(), 0);
    }
}
