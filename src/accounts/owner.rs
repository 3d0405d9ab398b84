//! The thread that writes an account: its CPU time as the kernel keeps it, and its allocations.
//!
//! Both are looked up by whoever asks; the thread itself publishes nothing while it works.

use std::fs;
use std::sync::OnceLock;

use rustix::param::clock_ticks_per_second;
use rustix::thread::gettid;

use super::Stage;
use crate::allocator::{Places, own_places};

/// The thread that writes an account, once it has begun.
#[derive(Debug, Default)]
pub struct Owner(OnceLock<Thread>);

#[derive(Debug)]
struct Thread {
    id: i32,
    allocations: Option<Places>,
}

/// CPU time of a thread since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Nanoseconds on a core, as the scheduler counts them (proc(5), `schedstat`).
    pub nanos: u64,
    /// Clock ticks in user space (proc(5), `stat`). The kernel sees where a thread is once a tick,
    /// and divides the time between user and system by that.
    pub user_ticks: u64,
    /// Clock ticks in the kernel.
    pub system_ticks: u64,
}

impl Owner {
    /// The current thread takes the account over; called once, before it counts anything.
    pub fn take_over(&self) {
        self.0.get_or_init(|| Thread {
            id: gettid().as_raw_nonzero().get(),
            allocations: own_places(),
        });
    }

    /// Its CPU time; `None` before it has begun, after it has ended, and where the kernel does not
    /// tell.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        let id = self.0.get()?.id;
        let row = |name| fs::read_to_string(format!("/proc/self/task/{id}/{name}")).ok();
        let (user_ticks, system_ticks) = ticks(&row("stat")?)?;
        let nanos = row("schedstat")?.split_whitespace().next()?.parse().ok()?;
        Some(CpuTime {
            nanos,
            user_ticks,
            system_ticks,
        })
    }

    /// How often it allocated at each stage; `None` if the counting allocator is not installed.
    pub fn allocations(&self) -> Option<[u64; Stage::COUNT]> {
        let places = self.0.get()?.allocations?;
        Some(std::array::from_fn(|stage| places.get(stage)))
    }
}

impl CpuTime {
    /// What was used after `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            nanos: self.nanos.saturating_sub(earlier.nanos),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }

    /// The two together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nanos: self.nanos + other.nanos,
            user_ticks: self.user_ticks + other.user_ticks,
            system_ticks: self.system_ticks + other.system_ticks,
        }
    }

    /// Milliseconds of a tick: what user and system time are known to.
    pub fn tick_ms() -> u64 {
        1000 / clock_ticks_per_second().max(1)
    }
}

/// `utime` and `stime` of a row of /proc/PID/task/TID/stat: fields 14 and 15. The second, the
/// name, may hold anything, so the count begins behind its bracket.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_a_strange_name_is_taken_apart() {
        let row = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 140 15 16 17";
        assert_eq!(ticks(row), Some((140, 15)));
        assert_eq!(ticks("7 (a) S 1 2"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn a_thread_that_works_uses_cpu_time() {
        let owner = Owner::default();
        assert_eq!((owner.cpu_time(), owner.allocations()), (None, None));
        owner.take_over();
        let before = owner.cpu_time().expect("Linux tells");
        // Its own time is brought up to date at the next tick, if not before: it works until then.
        while owner.cpu_time().expect("Linux tells").nanos < before.nanos + 1_000_000 {
            std::hint::black_box(before);
        }
        let used = owner.cpu_time().expect("Linux tells").since(before);
        assert!(used.nanos >= 1_000_000);
    }

    #[test]
    fn a_thread_that_has_ended_has_no_time() {
        let owner = Owner::default();
        std::thread::scope(|scope| {
            scope.spawn(|| owner.take_over());
        });
        // It may have done all it had to do, and not have left the kernel's list yet.
        let is_gone = || {
            std::thread::yield_now();
            owner.cpu_time().is_none()
        };
        assert!((0..100_000).any(|_| is_gone()));
    }

    #[test]
    fn ticks_are_of_milliseconds() {
        assert!((1..=100).contains(&CpuTime::tick_ms()));
    }
}
