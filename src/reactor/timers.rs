//! Deadlines, in order. There is no way to take one back.
//!
//! An entry is a hint that its connection may have something to do. The connection knows its true
//! deadline and which of its entries counts ([`Edges::armed`](super::transport::Edges::armed)), so
//! pushing a deadline out, which every request does, is one store there and nothing here. What that
//! leaves behind is swept out once the entries have doubled since the last sweep: the heap stays
//! within about twice the number of connections, or [`bounds::TIMER_ENTRIES_MIN`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::connections::ConnectionId;
use crate::config::bounds;

/// A moment of the monotonic clock (clock_gettime(2), `CLOCK_MONOTONIC`), in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// The beginning; as a deadline, always past.
    pub const ZERO: Self = Self(0);
    /// The end, 584 years later; as a deadline, none.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment that follows after a span.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        // The product of seconds stays below 2^64 for 584 years; `as_nanos` would compute in 128
        // bits.
        let nanos = span.as_secs().saturating_mul(1_000_000_000);
        let nanos = nanos.saturating_add(span.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }

    /// The span since an earlier moment; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The entries of one reactor, soonest first.
#[derive(Debug)]
pub struct Timers {
    /// When the soonest entry comes due; [`Time::NEVER`] if there is none.
    pub soonest: Time,
    entries: BinaryHeap<Reverse<(Time, ConnectionId)>>,
    sweep_at: usize,
}

impl Timers {
    /// Adds an entry.
    pub fn set(&mut self, at: Time, id: ConnectionId) {
        self.entries.push(Reverse((at, id)));
        self.soonest = self.soonest.min(at);
    }

    /// Takes out the soonest entry if it is due.
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, ConnectionId)> {
        if self.soonest > now {
            return None;
        }
        let due = self.entries.pop().map(|Reverse(entry)| entry);
        self.look();
        due
    }

    fn look(&mut self) {
        let first = self.entries.peek();
        self.soonest = first.map_or(Time::NEVER, |Reverse((at, _))| *at);
    }

    /// Whether it is time to [`sweep`](Self::sweep).
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.entries.len() > self.sweep_at
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Drops the entries that no longer count. The next sweep comes when their number has doubled,
    /// so the cost for each entry ever set is constant.
    pub fn sweep(&mut self, mut counts: impl FnMut(Time, ConnectionId) -> bool) {
        self.entries.retain(|Reverse((at, id))| counts(*at, *id));
        self.look();
        self.sweep_at = bounds::TIMER_ENTRIES_MIN.max(2 * self.entries.len());
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            soonest: Time::NEVER,
            entries: BinaryHeap::new(),
            sweep_at: bounds::TIMER_ENTRIES_MIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: usize) -> ConnectionId {
        ConnectionId::from_token(index)
    }

    #[test]
    fn entries_come_due_in_order() {
        let mut timers = Timers::default();
        for (at, index) in [(300, 300), (100, 100), (200, 200)] {
            timers.set(Time(at), id(index));
        }
        assert_eq!(timers.soonest, Time(100));
        assert_eq!(timers.pop_due(Time(99)), None);
        assert_eq!(timers.pop_due(Time(250)), Some((Time(100), id(100))));
        assert_eq!(timers.pop_due(Time(250)), Some((Time(200), id(200))));
        assert_eq!(timers.pop_due(Time(250)), None);
        assert_eq!(timers.soonest, Time(300));
    }

    #[test]
    fn stale_entries_are_swept_out() {
        let mut timers = Timers::default();
        let mut sweeps = 0;
        for at in 0..100_000 {
            timers.set(Time(at), id(7));
            if timers.is_crowded() {
                // One connection, one entry that counts: the latest.
                timers.sweep(|entry, _| entry == Time(at));
                sweeps += 1;
            }
            assert!(timers.entries.len() <= bounds::TIMER_ENTRIES_MIN + 1);
        }
        assert!(
            sweeps < 100_000 / 1_000,
            "{sweeps} sweeps: each must be paid for by many entries"
        );
    }

    #[test]
    fn a_span_later_and_back() {
        let later = Time(5).after(Duration::from_micros(100));
        assert_eq!(later, Time(100_005));
        assert_eq!(later.since(Time(5)), Duration::from_micros(100));
        assert_eq!(Time(5).since(later), Duration::ZERO);
        assert_eq!(Time(5).after(Duration::MAX), Time::NEVER);
    }
}
