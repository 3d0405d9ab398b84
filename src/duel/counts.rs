//! What a request of an arm takes, by name: what the sentence of an outcome is made of.

use serde::Serialize;

use crate::accounts::Figures;

/// A difference of a count per request that is worth a word.
const COUNT_TOLD: f64 = 0.05;
/// The same of bytes.
const BYTES_TOLD: f64 = 10.0;

/// Calls, bytes and allocations.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Calls of recv(2).
    pub recv: f64,
    /// Calls of send(2).
    pub send: f64,
    /// Calls of epoll_wait(2).
    pub epoll_wait: f64,
    /// Calls of epoll_ctl(2).
    pub epoll_ctl: f64,
    /// Calls that returned EAGAIN.
    pub eagain: f64,
    /// Entries of the timer heap.
    pub timer_entries: f64,
    /// Bytes copied in user space.
    pub bytes_copied: f64,
    /// Allocations; `None` without the allocator that counts them.
    pub allocations: Option<f64>,
}

impl Counts {
    pub(super) fn of(figures: &Figures) -> Self {
        let each = |count: u64| ratio(count, figures.requests).unwrap_or(0.0);
        Self {
            recv: each(figures.reads),
            send: each(figures.writes),
            epoll_wait: each(figures.turns),
            epoll_ctl: each(figures.registrations),
            eagain: each(figures.eagains.iter().sum()),
            timer_entries: each(figures.timers_set),
            bytes_copied: each(figures.bytes_copied.iter().sum()),
            allocations: figures.allocations.map(|stages| each(stages.iter().sum())),
        }
    }

    /// Each with its name, the least difference that is told, and about what one costs, in
    /// nanoseconds: by that they are put in order.
    pub(super) fn named(&self) -> [(&'static str, f64, f64, f64); 8] {
        [
            ("recv", COUNT_TOLD, 300.0, self.recv),
            ("send", COUNT_TOLD, 1000.0, self.send),
            ("epoll_wait", COUNT_TOLD, 300.0, self.epoll_wait),
            ("epoll_ctl", COUNT_TOLD, 450.0, self.epoll_ctl),
            ("EAGAIN", COUNT_TOLD, 260.0, self.eagain),
            ("timer entry", COUNT_TOLD, 30.0, self.timer_entries),
            ("copied byte", BYTES_TOLD, 0.05, self.bytes_copied),
            (
                "allocation",
                COUNT_TOLD,
                20.0,
                self.allocations.unwrap_or(0.0),
            ),
        ]
    }
}

/// `count` by something; unknown of nothing.
pub(super) fn ratio(count: u64, by: u64) -> Option<f64> {
    (by > 0).then(|| float(count) / float(by))
}

/// Counts and nanoseconds stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
