//! The signals that end a server, caught.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::config::bounds::STUCK_AFTER;
use crate::shortage::{start_thread, told};

/// SIGTERM, SIGINT, SIGHUP and SIGQUIT, caught. Catch them before the server is announced: one that
/// comes in between must not end the process without draining.
pub struct StopSignals {
    pub(super) received: Receiver<i32>,
}

impl StopSignals {
    /// Catches them from now on (sigaction(2)), for the rest of the process; SIGHUP not if whoever
    /// started the process has it ignored, as nohup(1) does. SIGXFSZ is caught, too, and only so
    /// that it does not end the process: a write beyond the limit of a file's size then says so
    /// (setrlimit(2)). SIGPIPE is ignored by every program of Rust's. All others do what the system
    /// does.
    ///
    /// # Errors
    ///
    /// If the system refuses, or a thread cannot be started.
    pub fn catch() -> io::Result<Self> {
        Self::catch_or(|| ())
    }

    /// The same. If the process is still there some two seconds after a second signal, something
    /// is stuck, and `last` is called, on a thread that waits for nothing else: it can end the
    /// process.
    ///
    /// # Errors
    ///
    /// As [`catch`](Self::catch).
    pub fn catch_or(last: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut caught = vec![SIGTERM, SIGINT, SIGQUIT];
        if !is_ignored(SIGHUP) {
            caught.push(SIGHUP);
        }
        let signals = Signals::new(caught);
        let mut signals = signals.map_err(|error| told("signals cannot be caught", &error))?;
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        let (sender, received) = unbounded();
        start_thread("signals", move || {
            pass_on(signals.forever(), &sender, STUCK_AFTER, last);
        })?;
        Ok(Self { received })
    }
}

/// Passes signals on, until nobody listens any more; calls `last` so long after the second one.
fn pass_on(
    signals: impl Iterator<Item = i32>,
    listener: &Sender<i32>,
    wait: Duration,
    last: impl FnOnce(),
) {
    let mut signals = signals.take_while(|signal| listener.send(*signal).is_ok());
    if signals.nth(1).is_some() {
        thread::sleep(wait);
        last();
        // Whoever waits for signals must not take our end for one.
        signals.for_each(drop);
    }
}

/// Whether a signal is ignored: the mask `SigIgn` of /proc/self/status (proc(5)), whose lowest bit
/// is signal 1. Not, where the system does not tell.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter::repeat_n;

    /// How many of these signals arrive where nobody does anything, and whether it comes to the
    /// last means.
    fn heard(signals: usize) -> (usize, bool) {
        let (sender, received) = unbounded();
        let mut is_over = false;
        let last = || is_over = true;
        pass_on(repeat_n(SIGTERM, signals), &sender, Duration::ZERO, last);
        (received.len(), is_over)
    }

    #[test]
    fn the_second_signal_has_a_last_means_that_waits_for_nobody() {
        assert_eq!(heard(0), (0, false));
        assert_eq!(heard(1), (1, false));
        assert_eq!(heard(2), (2, true));
    }

    #[test]
    fn where_the_server_has_ended_there_is_nothing_left_to_end() {
        let (sender, received) = unbounded();
        drop(received);
        let last = || panic!("nobody is stuck");
        pass_on(repeat_n(SIGTERM, 3), &sender, Duration::ZERO, last);
    }
}
