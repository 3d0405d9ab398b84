//! What a process and all below it used, as /proc tells (proc_pid_schedstat(5), proc_pid_statm(5)).
//!
//! CPU time is the scheduler's own, in nanoseconds, user and system together; the kernel adds a
//! running thread's latest slice at the next tick at the latest. A thread or child that ends
//! between two looks is missing from the later one, and so from the difference: servers keep
//! theirs.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use procfs::process::Process;
use procfs::{ProcError, ProcResult};
use rustix::io::Errno;

/// What a process and its descendants used.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// CPU time of each thread by (process, thread), from schedstat.
    pub threads: BTreeMap<(i32, i32), Duration>,
    /// Resident memory of all, in bytes. Pages that processes share count once for each.
    pub resident_bytes: u64,
}

impl Usage {
    /// Of a process and its descendants, now.
    ///
    /// # Errors
    ///
    /// If the process is not there, or belongs to somebody else.
    pub fn of(pid: u32) -> Result<Self> {
        let first = i32::try_from(pid)?;
        let mut usage = Self::default();
        let mut found = vec![first];
        while let Some(pid) = found.pop() {
            match usage.add(pid) {
                Ok(children) => found.extend(children),
                Err(error) if pid != first && has_gone(&error) => {}
                Err(error) => return Err(error).context(format!("process {pid}")),
            }
        }
        Ok(usage)
    }

    /// CPU time of all threads together since `earlier`.
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        self.each_since(earlier).sum()
    }

    /// CPU time of the busiest thread since `earlier`.
    pub fn busiest_since(&self, earlier: &Self) -> Duration {
        self.each_since(earlier).max().unwrap_or_default()
    }

    fn each_since(&self, earlier: &Self) -> impl Iterator<Item = Duration> {
        self.threads.iter().map(|(thread, time)| {
            let before = earlier.threads.get(thread);
            time.saturating_sub(before.copied().unwrap_or_default())
        })
    }

    /// Adds one process; its children are still to be added.
    fn add(&mut self, pid: i32) -> ProcResult<Vec<i32>> {
        let process = Process::new(pid)?;
        self.resident_bytes += process.statm()?.resident * procfs::page_size();
        let mut children = Vec::new();
        for task in process.tasks()? {
            match task.and_then(|task| Ok((task.tid, task.schedstat()?, task.children()?))) {
                Ok((thread, times, started)) => {
                    let time = Duration::from_nanos(times.sum_exec_runtime);
                    self.threads.insert((pid, thread), time);
                    children.extend(started.into_iter().map(u32::cast_signed));
                }
                Err(error) if has_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(children)
    }
}

/// Whether something ended while it was looked at; reading such a file gives ESRCH.
fn has_gone(error: &ProcError) -> bool {
    match error {
        ProcError::NotFound(_) => true,
        ProcError::Io(error, _) => Errno::from_io_error(error) == Some(Errno::SRCH),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(times: [(i32, u64); 3]) -> Usage {
        let threads = times.map(|(thread, ms)| ((7, thread), Duration::from_millis(ms)));
        Usage {
            threads: threads.into(),
            resident_bytes: 0,
        }
    }

    #[test]
    fn a_new_thread_counts_whole_and_one_that_ended_does_not_count() {
        let earlier = usage([(1, 100), (2, 50), (3, 900)]);
        let later = usage([(1, 130), (2, 60), (4, 5)]);
        assert_eq!(later.cpu_since(&earlier), Duration::from_millis(45));
        assert_eq!(later.busiest_since(&earlier), Duration::from_millis(30));
        assert_eq!(later.busiest_since(&later), Duration::ZERO);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of(u32::MAX).is_err());
        assert!(Usage::of(u32::try_from(i32::MAX).unwrap()).is_err());
    }
}
