//! Some seconds of one server under load: what it used, and how much of that the kernel had.
//!
//! CPU time is the scheduler's, in nanoseconds. Only ticks tell whether the program or the kernel
//! had it: at each tick the kernel looks where the processor is. So a tick is a sample, and the
//! share stands beside its error.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::generator::lane::{Lane, Span};
use crate::process::Usage;
use crate::statistics::float;

/// What a thread needs to fall asleep; the kernel adds what it has used when it does.
const ASLEEP: Duration = Duration::from_millis(2);
/// Load between two looks at what the server has used.
const STEP: Duration = Duration::from_secs(1);
/// CPU time that has enough ticks for a share: 7,500, for an error of 1.1 % at most.
const LEAST: Duration = Duration::from_secs(30);
/// Seconds between two ticks.
const TICK: f64 = 0.004;

/// What a server did while it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// Seconds of load.
    pub(crate) seconds: f64,
    /// Answers in them.
    pub(crate) requests: usize,
    /// What the server had used before, and after.
    pub(crate) usage: [Usage; 2],
    ticks: Ticks,
}

impl Window {
    /// Asks until the server has used so much CPU time; twice as long at the most.
    ///
    /// # Errors
    ///
    /// If a request fails, or the process is not there.
    pub(crate) fn of(pid: u32, lane: &mut Lane, cpu: Duration) -> Result<Self> {
        thread::sleep(ASLEEP);
        let (before, ticks) = (Usage::of(pid)?, Ticks::of(pid)?);
        let mut window = Self {
            usage: [before.clone(), before],
            ..Self::default()
        };
        while window.cpu() < cpu && window.seconds < 2.0 * cpu.as_secs_f64() {
            let tally = lane.turn(span(STEP))?;
            thread::sleep(ASLEEP);
            window.seconds += tally.wall.as_secs_f64();
            window.requests += tally.answered;
            window.usage[1] = Usage::of(pid)?;
        }
        window.ticks = Ticks::of(pid)?.since(ticks);
        Ok(window)
    }

    /// CPU time that the server used.
    pub(crate) fn cpu(&self) -> Duration {
        let [before, after] = &self.usage;
        after.cpu_since(before)
    }

    /// The share of it in the kernel, 0 to 1, and how far from that the true one may be (95 %);
    /// `None` of too few ticks.
    pub(crate) fn in_kernel(&self) -> Option<(f64, f64)> {
        let cpu = self.cpu();
        self.ticks.in_kernel(cpu).filter(|_| cpu >= LEAST)
    }
}

/// A turn of this length.
pub(crate) fn span(time: Duration) -> Span {
    Span {
        time,
        each: 0,
        most: 2 * time,
    }
}

/// Time by the kernel's ticks, in units that do not matter.
#[derive(Clone, Copy, Debug, Default)]
struct Ticks {
    user: u64,
    system: u64,
}

impl Ticks {
    fn of(pid: u32) -> Result<Self> {
        let stat = procfs::process::Process::new(i32::try_from(pid)?)?.stat()?;
        Ok(Self {
            user: stat.utime,
            system: stat.stime,
        })
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user - earlier.user,
            system: self.system - earlier.system,
        }
    }

    /// The share of this CPU time in the kernel, and its error.
    fn in_kernel(self, cpu: Duration) -> Option<(f64, f64)> {
        let all = self.user + self.system;
        if all == 0 {
            return None;
        }
        let share = float(self.system) / float(all);
        let samples = cpu.as_secs_f64() / TICK;
        Some((share, 1.96 * (share * (1.0 - share) / samples).sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(seconds: u64) -> Window {
        let used = |seconds| Usage {
            threads: [((7, 7), Duration::from_secs(seconds))].into(),
            ..Usage::default()
        };
        let at = |user, system| Ticks { user, system };
        Window {
            usage: [used(100), used(100 + seconds)],
            ticks: at(700, 400).since(at(100, 200)),
            ..Window::default()
        }
    }

    #[test]
    fn ticks_are_samples() {
        // 40 s of CPU time have 10,000 ticks: sqrt(0.25 * 0.75 / 10000) = 0.004330.
        let (share, error) = window(40).in_kernel().unwrap();
        assert!((share - 0.25).abs() < 1e-9);
        assert!((error - 1.96 * 0.004_330).abs() < 1e-5, "{error}");
    }

    #[test]
    fn a_short_window_and_one_without_ticks_tell_no_share() {
        assert!(window(30).in_kernel().is_some());
        assert_eq!(window(29).in_kernel(), None);
        let mut none = window(40);
        none.ticks = Ticks::default();
        assert_eq!(none.in_kernel(), None);
    }
}
