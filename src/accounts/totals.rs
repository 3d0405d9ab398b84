//! One count of requests for all reactors, under one lock.
//!
//! It is what a server keeps that has one mutex around its statistics. This one adds to it only
//! with the technique `own-counters` off: then every request takes the lock, and its cache line
//! moves from core to core.

use std::sync::{Mutex, PoisonError};

/// The lock, and what it is around.
#[derive(Debug, Default)]
pub struct SharedTotals(Mutex<Totals>);

/// What all reactors have answered together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests answered, refusals included.
    pub requests: u64,
    /// Requests by the class of their answer's status, 1xx to 5xx.
    pub status_classes: [u64; 5],
    /// Bytes of answers that were copied into the output.
    pub bytes_copied: u64,
}

impl SharedTotals {
    /// Counts an answer; by any reactor.
    #[inline(never)]
    pub fn add(&self, status: u16, bytes_copied: u64) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.requests += 1;
        totals.bytes_copied += bytes_copied;
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(class) = totals.status_classes.get_mut(class) {
            *class += 1;
        }
    }

    /// The totals, by anybody.
    pub fn get(&self) -> Totals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
