//! What the process as a whole uses: CPU time, memory and descriptors, as the kernel counts them.

use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// When the process began.
#[derive(Debug)]
pub struct Process {
    started: Instant,
    started_at: SystemTime,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
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
}

/// CPU time of all threads since the start of the process.
pub(crate) fn cpu_time() -> Duration {
    cpu_clock(ClockId::ProcessCPUTime)
}

/// The CPU time of the current thread, by its own clock, which is a system call.
pub fn thread_cpu_time() -> Duration {
    cpu_clock(ClockId::ThreadCPUTime)
}

/// A clock of CPU time (clock_gettime(2)), which is never before 0.
fn cpu_clock(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap_or_default()
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
