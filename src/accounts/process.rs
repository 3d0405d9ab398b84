//! What the process as a whole used: CPU time and requests second by second, and memory as the
//! kernel counts it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Samples kept: enough to look back ten whole seconds.
const SAMPLES_KEPT: usize = 12;

/// A look at the process at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Requests answered until then.
    pub requests: u64,
    /// CPU time used until then, by all threads.
    pub cpu: Duration,
}

/// The samples of the last seconds. A lock is right here: it is taken once a second and by
/// `/stats`.
#[derive(Debug)]
pub struct Process {
    started: Instant,
    started_at: SystemTime,
    samples: Mutex<VecDeque<Sample>>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            samples: Mutex::default(),
        }
    }
}

impl Process {
    /// Time since start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// When that was, by the clock on the wall as it stood then. (Now less the uptime would move
    /// when that clock is set, and look like a restart.)
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// Keeps a sample; once a second.
    pub(super) fn tick(&self, requests: u64) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == SAMPLES_KEPT {
            samples.pop_front();
        }
        samples.push_back(Sample {
            at: Instant::now(),
            requests,
            cpu: cpu_time(),
        });
    }

    /// Two samples that lie `span` apart or a little more, the latest as the second; `None` while
    /// the server is younger than that.
    pub fn window(&self, span: Duration) -> Option<(Sample, Sample)> {
        // Samples come a second apart, give or take the timer: a tenth short still counts as the
        // span asked for.
        let span = span.mul_f64(0.9);
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = *samples.back()?;
        let earlier = samples
            .iter()
            .rev()
            .find(|sample| latest.at - sample.at >= span)?;
        Some((*earlier, latest))
    }
}

/// CPU time of all threads since the start of the process (clock_gettime(2),
/// CLOCK_PROCESS_CPUTIME_ID).
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Bytes of a row of /proc/self/status, `VmRSS` (resident now) or `VmHWM` (its peak); `None` where
/// the system does not tell (proc(5)).
pub fn memory_row(row: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(row)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Descriptors that are open; `None` where the kernel does not tell. Since Linux 6.2 it is the size
/// of /proc/self/fd; to list the directory would take milliseconds with 10,000 connections.
pub fn open_descriptors() -> Option<u64> {
    let size = std::fs::metadata("/proc/self/fd").ok()?.len();
    (size > 0).then_some(size)
}

/// The limit of open descriptors; `None` if there is none.
pub fn descriptors_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
