//! What each reactor did, counted where it happens and read in place by whoever asks.
//!
//! Every counter has one writer, the reactor's own thread, so adding is a load, an addition and a
//! store, all relaxed: no lock prefix, no cache line that two threads write. Readers see each value
//! at most a moment late, and two values possibly from different moments. There is no publication
//! and no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::config::bounds::ROUTES_MAX;

mod kinds;

mod histogram;

mod owner;

mod figures;

mod history;

mod process;
mod totals;

pub use figures::{Figures, Timed};
pub use histogram::{Histogram, Snapshot};
pub use history::{History, Moment, Window};
pub use kinds::{Again, Copied, Stage, Woken};
pub use owner::{CpuTime, Owner, thread_cpu_time};
pub use process::{
    Process, Sample, cpu_time as process_cpu_time, descriptors_max, memory_row, open_descriptors,
};
pub use totals::{SharedTotals, Totals};

/// A count with one writer.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Raises the value to `n` if it is lower; by the owning thread only.
    #[inline]
    pub fn raise_to(&self, n: u64) {
        if n > self.get() {
            self.0.store(n, Relaxed);
        }
    }

    /// Adds; by the owning thread only. (Two writers could lose a count, nothing worse.)
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Takes away, for what goes up and down; by the owning thread only.
    #[inline]
    pub fn sub(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(n), Relaxed);
    }

    /// The count, by anybody.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Why a request or a connection was refused or ended by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400.
    BadRequest,
    /// 408 for a head that took too long.
    HeadTimeout,
    /// 408 for a body that took too long, or came too slowly.
    BodyTimeout,
    /// 413.
    BodyTooLarge,
    /// 414.
    TargetTooLong,
    /// 417.
    Expectation,
    /// 431.
    FieldsTooLarge,
    /// 501, for a method or a coding.
    NotImplemented,
    /// 503, the reactor's buffers are exhausted.
    Buffers,
    /// 503, the job queue is full.
    Jobs,
    /// 505.
    Version,
    /// Closed silently, nothing had come.
    Idle,
    /// Closed, the peer did not take its answer.
    SlowReader,
}

impl Refusal {
    /// The kind that a rejection's status stands for; 408 is told apart by the caller.
    pub fn of_status(status: u16) -> Self {
        match status {
            413 => Self::BodyTooLarge,
            414 => Self::TargetTooLong,
            417 => Self::Expectation,
            431 => Self::FieldsTooLarge,
            501 => Self::NotImplemented,
            503 => Self::Buffers,
            505 => Self::Version,
            _ => Self::BadRequest,
        }
    }

    /// How many there are.
    pub const COUNT: usize = 13;
    /// All, in the order of their declaration, with the names used in `/stats`.
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::BadRequest, "bad_request"),
        (Self::HeadTimeout, "head_timeout"),
        (Self::BodyTimeout, "body_timeout"),
        (Self::BodyTooLarge, "body_too_large"),
        (Self::TargetTooLong, "target_too_long"),
        (Self::Expectation, "expectation"),
        (Self::FieldsTooLarge, "fields_too_large"),
        (Self::NotImplemented, "not_implemented"),
        (Self::Buffers, "buffers"),
        (Self::Jobs, "jobs"),
        (Self::Version, "version"),
        (Self::Idle, "idle"),
        (Self::SlowReader, "slow_reader"),
    ];
}

/// The account of one reactor.
///
/// Aligned to two cache lines (the prefetcher's pairs), so that no two reactors write to one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ReactorAccount {
    /// The thread that writes it.
    pub owner: Owner,
    /// Turns of the loop, each of which begins with one epoll_wait(2).
    pub turns: Counter,
    /// Events that the polls returned.
    pub events: Counter,
    /// Wakeups that met their connection, by cause, indexed by [`Woken`].
    pub wakeups: [Counter; Woken::COUNT],
    /// Wakeups whose connection was gone.
    pub stale_wakeups: Counter,
    /// Requests answered, refusals included.
    pub requests: Counter,
    /// Requests by the class of their answer's status: 1xx (never counted) to 5xx.
    pub status_classes: [Counter; 5],
    /// Requests by their route, in the order in which the handler numbers its routes. Those that
    /// were refused before have none.
    pub routes: [Counter; ROUTES_MAX],
    /// Connections accepted since start.
    pub accepted: Counter,
    /// Connections open now.
    pub connections: Counter,
    /// accept4(2) calls.
    pub accepts: Counter,
    /// recv(2) calls.
    pub reads: Counter,
    /// send(2) calls.
    pub writes: Counter,
    /// epoll_ctl(2) calls.
    pub registrations: Counter,
    /// Calls that returned EAGAIN, indexed by [`Again`].
    pub eagains: [Counter; Again::COUNT],
    /// Sends that took less than they were given.
    pub short_writes: Counter,
    /// Bytes received.
    pub bytes_in: Counter,
    /// Bytes sent.
    pub bytes_out: Counter,
    /// Bytes copied in user space, by place, indexed by [`Copied`].
    pub bytes_copied: [Counter; Copied::COUNT],
    /// Buffers taken from the pool.
    pub pool_hits: Counter,
    /// Buffers that had to be allocated.
    pub pool_misses: Counter,
    /// Bytes of buffers held by connections now.
    pub buffer_bytes: Counter,
    /// Timer entries set.
    pub timers_set: Counter,
    /// Timer entries that came due.
    pub timers_fired: Counter,
    /// Jobs and tasks given to the pool.
    pub jobs: Counter,
    /// Handlers and jobs that panicked.
    pub panics: Counter,
    /// Times that accept was refused a descriptor (EMFILE, ENFILE).
    pub accept_pauses: Counter,
    /// Connections that the peer reset, or that failed otherwise; but for those of slow readers.
    pub resets: Counter,
    /// Refusals by kind, indexed by [`Refusal`].
    pub refusals: [Counter; Refusal::COUNT],
    /// From poll's return to send's return, in nanoseconds: of sampled requests, and of every
    /// deferred one.
    pub response_time: Histogram,
    /// Nanoseconds of the stages of sampled requests, indexed by [`Stage`].
    pub stages: [Histogram; Stage::COUNT],
    /// CPU nanoseconds of sampled polls, by the thread's own clock: the time asleep is not in it.
    pub poll_time: Histogram,
    /// From poll's return to the next poll, in nanoseconds, of the turns while the job pool worked
    /// for this reactor: how long the others were held up meanwhile.
    pub held_up: Histogram,
    /// Where the answers are counted once more, for all reactors, with the technique
    /// `own-counters` off.
    pub totals: Arc<SharedTotals>,
}

/// The sum of counters that keep kinds of one thing apart.
pub fn total(counters: &[Counter]) -> u64 {
    counters.iter().map(Counter::get).sum()
}

/// The accounts of a server: what its handlers may show.
#[derive(Debug)]
pub struct Accounts {
    /// One for each reactor.
    pub reactors: Box<[Arc<ReactorAccount>]>,
    /// What the process used, sampled once a second.
    pub process: Process,
    /// What the reactors did, second by second.
    pub history: History,
    /// The server is leaving: set when draining begins, never cleared.
    pub draining: AtomicBool,
}

impl Accounts {
    /// Empty accounts for so many reactors.
    #[must_use]
    pub fn new(reactors: usize) -> Arc<Self> {
        let totals = Arc::<SharedTotals>::default();
        let account = |_| {
            Arc::new(ReactorAccount {
                totals: Arc::clone(&totals),
                ..ReactorAccount::default()
            })
        };
        Arc::new(Self {
            reactors: (0..reactors).map(account).collect(),
            process: Process::default(),
            history: History::default(),
            draining: AtomicBool::new(false),
        })
    }

    /// The sum of one counter over all reactors.
    pub fn sum(&self, counter: impl Fn(&ReactorAccount) -> &Counter) -> u64 {
        self.reactors
            .iter()
            .map(|reactor| counter(reactor).get())
            .sum()
    }

    /// One histogram of all reactors, read once.
    pub fn merged(&self, histogram: impl Fn(&ReactorAccount) -> &Histogram) -> Snapshot {
        let read = self.reactors.iter();
        let read = read.map(|reactor| histogram(reactor).snapshot());
        read.fold(Snapshot::empty(), |sum, one| sum.merge(&one))
    }

    /// What happened since the start.
    pub fn since_start(&self) -> Window {
        Window {
            span: self.process.uptime(),
            reactors: self.figures(),
        }
    }

    /// Counts a sample of the process and its reactors; called once a second by the thread that
    /// waits for signals.
    pub fn tick(&self) {
        self.process.tick(self.sum(|reactor| &reactor.requests));
        self.history.keep(Moment {
            at: Instant::now(),
            reactors: self.figures(),
        });
    }

    fn figures(&self) -> Vec<Figures> {
        let reactors = self.reactors.iter();
        reactors.map(|reactor| Figures::of(reactor)).collect()
    }
}
