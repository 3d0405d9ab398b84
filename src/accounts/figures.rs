//! What a reactor counts, said once: `accounts!` makes of one list the account that the reactor
//! writes, the plain numbers that are read from it, and the names under which they are shown.
//!
//! The counters are read one after the other while they go on, so two of them may be a request
//! apart. Absent from [`Figures`] are the buckets of the histograms: a look back needs counts and
//! sums only, and one is kept for each second.

use std::sync::Arc;

use super::{
    Copied, Counter, CpuTime, Histogram, Owner, Refusal, SharedTotals, Stage, Woken, WouldBlock,
};
use crate::config::bounds::ROUTES_MAX;

/// A number of [`Figures`] that stands by itself, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Its name in the account.
    pub name: &'static str,
    /// Its name in Prometheus' rules; what only goes up ends in `_total`.
    pub metric: &'static str,
    /// What it counts, in a sentence.
    pub help: &'static str,
    /// The number.
    pub of: fn(&Figures) -> u64,
}

macro_rules! accounts {
    (
        counts { $($(#[doc = $help:literal])+ $count:ident: $metric:literal,)* }
        groups { $($(#[doc = $doc:literal])+ $group:ident: $type:ty,)* }
    ) => {
        /// The account of one reactor.
        ///
        /// Aligned to two cache lines (the prefetcher's pairs), so that no two reactors write to
        /// one.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct ReactorAccount {
            /// The thread that writes it.
            pub owner: Owner,
            $($(#[doc = $help])+ pub $count: Counter,)*
            $($(#[doc = $doc])+ pub $group: <$type as Figure>::Counter,)*
            /// From poll's return to send's return, in nanoseconds: of sampled requests, and of
            /// every deferred one.
            pub response_time: Histogram,
            /// From poll's return to the next poll, in nanoseconds, of the turns while the job pool
            /// worked for this reactor: how long the others were held up meanwhile.
            pub held_up: Histogram,
            /// Where the answers are counted once more, for all reactors, with the technique
            /// `own-counters` off.
            pub totals: Arc<SharedTotals>,
        }

        /// The figures of one reactor, or of several together.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Figures {
            $($(#[doc = $help])+ pub $count: u64,)*
            $($(#[doc = $doc])+ pub $group: $type,)*
            /// CPU time; `None` if one of the threads has none that could be read.
            pub cpu: Option<CpuTime>,
            /// Allocations by stage; `None` if the counting allocator is not installed.
            pub allocations: Option<[u64; Stage::COUNT]>,
        }

        /// The figures that are single numbers.
        pub const COUNTS: &[Count] = &[$(Count {
            name: stringify!($count),
            metric: $metric,
            help: concat!($($help),+).trim_ascii_start(),
            of: |figures| figures.$count,
        }),*];

        impl Figures {
            /// Reads an account.
            pub fn of(account: &ReactorAccount) -> Self {
                Self {
                    cpu: account.owner.cpu_time(),
                    ..Self::counted(account)
                }
            }

            /// The same without the CPU time, which is read from a file.
            pub fn counted(account: &ReactorAccount) -> Self {
                Self {
                    $($count: account.$count.get(),)*
                    $($group: Figure::read(&account.$group),)*
                    cpu: None,
                    allocations: account.owner.allocations(),
                }
            }

            /// Figure by figure, without the CPU time.
            fn combined(&self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
                Self {
                    $($count: with(self.$count, other.$count),)*
                    $($group: self.$group.combined(other.$group, with),)*
                    cpu: None,
                    allocations: both(self.allocations, other.allocations, |mine, theirs| {
                        mine.combined(theirs, with)
                    }),
                }
            }
        }
    };
}

accounts! {
    counts {
        /// Requests answered, refusals included.
        requests: "barewire_requests_total",
        /// Connections accepted.
        accepted: "barewire_accepted_connections_total",
        /// Connections that are open now.
        connections: "barewire_open_connections",
        /// Bytes received.
        bytes_in: "barewire_received_bytes_total",
        /// Bytes sent.
        bytes_out: "barewire_sent_bytes_total",
        /// Calls of recv(2).
        reads: "barewire_reads_total",
        /// Calls of send(2) and sendfile(2).
        writes: "barewire_writes_total",
        /// Calls of sendfile(2) among them.
        file_sends: "barewire_file_sends_total",
        /// Calls of accept4(2).
        accepts: "barewire_accepts_total",
        /// Calls of epoll_ctl(2).
        registrations: "barewire_registrations_total",
        /// Calls of shutdown(2).
        shutdowns: "barewire_shutdowns_total",
        /// Calls of close(2): connections, and the listener when the server leaves.
        closes: "barewire_closes_total",
        /// Calls of getsockopt(2) on connections.
        options_read: "barewire_options_read_total",
        /// Calls of setsockopt(2) on connections.
        options_set: "barewire_options_set_total",
        /// Calls of timerfd_settime(2).
        alarms_set: "barewire_alarms_set_total",
        /// Calls of clock_gettime(2) for the thread's CPU clock; the other clocks need no system
        /// call (vdso(7)).
        cpu_clock_readings: "barewire_cpu_clock_readings_total",
        /// Sends that took less than they were given.
        short_writes: "barewire_short_writes_total",
        /// Turns of the loop, each of which begins with one epoll_wait(2).
        turns: "barewire_turns_total",
        /// Events that epoll_wait(2) returned.
        events: "barewire_events_total",
        /// Wakeups whose connection was gone.
        stale_wakeups: "barewire_stale_wakeups_total",
        /// Timer entries that were set.
        timers_set: "barewire_timers_set_total",
        /// Timer entries that came due.
        timers_fired: "barewire_timers_fired_total",
        /// Jobs and tasks that were given to the pool of threads.
        jobs: "barewire_jobs_total",
        /// Buffers that were taken from the pool.
        pool_hits: "barewire_pool_hits_total",
        /// Buffers that had to be allocated.
        pool_misses: "barewire_pool_misses_total",
        /// Bytes of buffers that connections hold now.
        buffer_bytes: "barewire_buffer_bytes",
        /// Handlers and jobs that panicked; their requests were answered with 500.
        panics: "barewire_panics_total",
        /// Pieces that the sources of streams were asked for.
        pieces: "barewire_stream_pieces_total",
        /// Streams whose source failed, or panicked: the peer sees that the end is missing.
        broken_streams: "barewire_broken_streams_total",
        /// Connections that the peer reset, or that failed otherwise; those of slow readers are
        /// refusals.
        resets: "barewire_resets_total",
        /// Times that most of the buffers were lent, so that somebody had to make room.
        shortages: "barewire_buffer_shortages_total",
        /// Connections that had to make room for others: places or buffers were short.
        evictions: "barewire_evictions_total",
        /// Times that accepting paused because there were no descriptors (EMFILE, ENFILE).
        accept_pauses: "barewire_accept_pauses_total",
    }
    groups {
        /// Wakeups that met their connection, by cause, indexed by [`Woken`].
        wakeups: [u64; Woken::COUNT],
        /// Requests by the class of their answer's status: 1xx (never counted) to 5xx.
        status_classes: [u64; 5],
        /// Requests by their route, in the order in which the handler numbers its routes. Those
        /// that were refused before have none.
        routes: [u64; ROUTES_MAX],
        /// Calls that returned EAGAIN, indexed by [`WouldBlock`].
        eagains: [u64; WouldBlock::COUNT],
        /// Bytes copied in user space, by place, indexed by [`Copied`].
        bytes_copied: [u64; Copied::COUNT],
        /// Refusals by kind, indexed by [`Refusal`].
        refusals: [u64; Refusal::COUNT],
        /// Nanoseconds of the stages of sampled requests, indexed by [`Stage`].
        stages: [Timed; Stage::COUNT],
        /// Nanoseconds that answers waited for a timer or a job of the server.
        deferred: Timed,
        /// CPU nanoseconds of sampled polls, by the thread's own clock: the time asleep is not in
        /// it.
        poll_time: Timed,
    }
}

/// How often something was timed, and what it took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// How often.
    pub count: u64,
    /// Nanoseconds.
    pub sum: u64,
}

impl Figures {
    /// The two together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            cpu: both(self.cpu, other.cpu, CpuTime::plus),
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
}

/// A plain number, or several, and what they are read from.
pub trait Figure: Copy {
    /// What the reactor writes.
    type Counter;
    /// The number as it is now.
    fn read(counter: &Self::Counter) -> Self;
    /// The two, number by number.
    #[must_use]
    fn combined(self, other: Self, with: fn(u64, u64) -> u64) -> Self;
}

impl Figure for u64 {
    type Counter = Counter;

    fn read(counter: &Counter) -> Self {
        counter.get()
    }

    fn combined(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        with(self, other)
    }
}

impl Figure for Timed {
    type Counter = Histogram;

    fn read(histogram: &Histogram) -> Self {
        let (count, sum) = histogram.count_and_sum();
        Self { count, sum }
    }

    fn combined(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            count: with(self.count, other.count),
            sum: with(self.sum, other.sum),
        }
    }
}

impl<F: Figure, const N: usize> Figure for [F; N] {
    type Counter = [F::Counter; N];

    fn read(counters: &Self::Counter) -> Self {
        counters.each_ref().map(F::read)
    }

    fn combined(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        std::array::from_fn(|at| self[at].combined(other[at], with))
    }
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
        assert_eq!((between.turns, between.wakeups), (5, [0, 1, 0, 0, 0, 0, 0]));
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
