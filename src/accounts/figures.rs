//! An account read at one moment, as plain numbers that can be added and subtracted.
//!
//! The counters are read one after the other while they go on, so two of them may be a request
//! apart. Absent are the buckets of the histograms: a look back needs counts and sums only, and one
//! is kept for each second.

use super::{
    Copied, Counter, CpuTime, Histogram, ReactorAccount, Refusal, Stage, Woken, WouldBlock,
};
use crate::config::bounds::ROUTES_MAX;

/// How often something was timed, and what it took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// How often.
    pub count: u64,
    /// Nanoseconds.
    pub sum: u64,
}

/// The figures of one reactor, or of several together. Each has the name of its counter in
/// [`ReactorAccount`].
#[allow(missing_docs)] // The docs of each stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub turns: u64,
    pub events: u64,
    pub wakeups: [u64; Woken::COUNT],
    pub stale_wakeups: u64,
    pub requests: u64,
    pub status_classes: [u64; 5],
    pub routes: [u64; ROUTES_MAX],
    pub accepted: u64,
    pub accepts: u64,
    pub reads: u64,
    pub writes: u64,
    pub registrations: u64,
    pub eagains: [u64; WouldBlock::COUNT],
    pub short_writes: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub bytes_copied: [u64; Copied::COUNT],
    pub pool_hits: u64,
    pub pool_misses: u64,
    pub timers_set: u64,
    pub timers_fired: u64,
    pub jobs: u64,
    pub panics: u64,
    pub connections: u64,
    pub buffer_bytes: u64,
    pub accept_pauses: u64,
    pub resets: u64,
    pub refusals: [u64; Refusal::COUNT],
    pub stages: [Timed; Stage::COUNT],
    pub poll_time: Timed,
    /// `None` if one of the threads has no CPU time that could be read.
    pub cpu: Option<CpuTime>,
    /// `None` if the counting allocator is not installed.
    pub allocations: Option<[u64; Stage::COUNT]>,
}

impl Figures {
    /// Reads an account.
    pub fn of(account: &ReactorAccount) -> Self {
        Self {
            turns: account.turns.get(),
            events: account.events.get(),
            wakeups: all(&account.wakeups),
            stale_wakeups: account.stale_wakeups.get(),
            requests: account.requests.get(),
            status_classes: all(&account.status_classes),
            routes: all(&account.routes),
            accepted: account.accepted.get(),
            accepts: account.accepts.get(),
            reads: account.reads.get(),
            writes: account.writes.get(),
            registrations: account.registrations.get(),
            eagains: all(&account.eagains),
            short_writes: account.short_writes.get(),
            bytes_in: account.bytes_in.get(),
            bytes_out: account.bytes_out.get(),
            bytes_copied: all(&account.bytes_copied),
            pool_hits: account.pool_hits.get(),
            pool_misses: account.pool_misses.get(),
            timers_set: account.timers_set.get(),
            timers_fired: account.timers_fired.get(),
            jobs: account.jobs.get(),
            panics: account.panics.get(),
            connections: account.connections.get(),
            buffer_bytes: account.buffer_bytes.get(),
            accept_pauses: account.accept_pauses.get(),
            resets: account.resets.get(),
            refusals: all(&account.refusals),
            stages: account.stages.each_ref().map(Timed::of),
            poll_time: Timed::of(&account.poll_time),
            cpu: account.owner.cpu_time(),
            allocations: account.owner.allocations(),
        }
    }

    /// The two together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let together = |mine: CpuTime, theirs: CpuTime| mine.plus(theirs);
        Self {
            cpu: both(self.cpu, other.cpu, together),
            ..self.combined(other, u64::wrapping_add)
        }
    }

    /// What was counted after `earlier`. What goes up and down stays as it is.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            connections: self.connections,
            buffer_bytes: self.buffer_bytes,
            cpu: both(self.cpu, earlier.cpu, CpuTime::since),
            ..self.combined(earlier, u64::saturating_sub)
        }
    }

    fn combined(&self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
        let timed = |mine: Timed, theirs: Timed| Timed {
            count: with(mine.count, theirs.count),
            sum: with(mine.sum, theirs.sum),
        };
        Self {
            turns: with(self.turns, other.turns),
            events: with(self.events, other.events),
            wakeups: each(self.wakeups, other.wakeups, with),
            stale_wakeups: with(self.stale_wakeups, other.stale_wakeups),
            requests: with(self.requests, other.requests),
            status_classes: each(self.status_classes, other.status_classes, with),
            routes: each(self.routes, other.routes, with),
            accepted: with(self.accepted, other.accepted),
            accepts: with(self.accepts, other.accepts),
            reads: with(self.reads, other.reads),
            writes: with(self.writes, other.writes),
            registrations: with(self.registrations, other.registrations),
            eagains: each(self.eagains, other.eagains, with),
            short_writes: with(self.short_writes, other.short_writes),
            bytes_in: with(self.bytes_in, other.bytes_in),
            bytes_out: with(self.bytes_out, other.bytes_out),
            bytes_copied: each(self.bytes_copied, other.bytes_copied, with),
            pool_hits: with(self.pool_hits, other.pool_hits),
            pool_misses: with(self.pool_misses, other.pool_misses),
            timers_set: with(self.timers_set, other.timers_set),
            timers_fired: with(self.timers_fired, other.timers_fired),
            jobs: with(self.jobs, other.jobs),
            panics: with(self.panics, other.panics),
            connections: with(self.connections, other.connections),
            buffer_bytes: with(self.buffer_bytes, other.buffer_bytes),
            accept_pauses: with(self.accept_pauses, other.accept_pauses),
            resets: with(self.resets, other.resets),
            refusals: each(self.refusals, other.refusals, with),
            stages: each(self.stages, other.stages, timed),
            poll_time: timed(self.poll_time, other.poll_time),
            cpu: None,
            allocations: both(self.allocations, other.allocations, |mine, theirs| {
                each(mine, theirs, with)
            }),
        }
    }
}

impl Timed {
    fn of(histogram: &Histogram) -> Self {
        let (count, sum) = histogram.count_and_sum();
        Self { count, sum }
    }
}

fn all<const N: usize>(counters: &[Counter; N]) -> [u64; N] {
    counters.each_ref().map(Counter::get)
}

fn each<T: Copy, const N: usize>(mine: [T; N], theirs: [T; N], with: impl Fn(T, T) -> T) -> [T; N] {
    std::array::from_fn(|at| with(mine[at], theirs[at]))
}

fn both<T>(mine: Option<T>, theirs: Option<T>, with: impl Fn(T, T) -> T) -> Option<T> {
    Some(with(mine?, theirs?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_are_those_of_each_figure() {
        let account = ReactorAccount::default();
        account.turns.add(7);
        account.wakeups[Woken::Timer as usize].add(3);
        account.routes[ROUTES_MAX - 1].add(2);
        account.stages[Stage::Rest as usize].record(40);
        account.poll_time.record(9);
        let earlier = Figures::of(&account);
        account.turns.add(5);
        account.wakeups[Woken::Timer as usize].add(1);
        account.stages[Stage::Rest as usize].record(2);
        let later = Figures::of(&account);
        let between = later.since(&earlier);
        assert_eq!((between.turns, between.wakeups), (5, [0, 1, 0, 0, 0]));
        let rest = Timed { count: 1, sum: 2 };
        assert_eq!(between.stages[Stage::Rest as usize], rest);
        assert_eq!((between.poll_time, between.routes), Default::default());
        assert_eq!(earlier.plus(&between), later);
    }

    #[test]
    fn what_one_of_them_does_not_know_the_sum_does_not_know() {
        let known = Figures {
            cpu: Some(CpuTime::default()),
            allocations: Some([1; Stage::COUNT]),
            ..Figures::default()
        };
        let sum = known.plus(&known);
        assert_eq!(sum.allocations, Some([2; Stage::COUNT]));
        assert_eq!(sum.cpu, Some(CpuTime::default()));
        let sum = known.plus(&Figures::default());
        assert_eq!((sum.cpu, sum.allocations), (None, None));
    }
}
