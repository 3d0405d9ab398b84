//! What each reactor did, counted where it happens and read in place by whoever asks.
//!
//! Every counter has one writer, the reactor's own thread, so adding is a load, an addition and a
//! store, all relaxed: no lock prefix, no cache line that two threads write. Readers see each value
//! at most a moment late, and two values possibly from different moments. There is no publication
//! and no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

mod histogram;
mod process;
mod totals;

pub use histogram::{Histogram, Snapshot};
pub use process::{Process, Sample, memory_row};
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

/// The stages of a request, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// recv(2).
    Read,
    /// Bytes to `Request`.
    Parse,
    /// `Request` to `Reply`.
    Handle,
    /// `Response` to bytes.
    Serialise,
    /// send(2).
    Write,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All, in their order, with their names.
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::Read, "read"),
        (Self::Parse, "parse"),
        (Self::Handle, "handle"),
        (Self::Serialise, "serialise"),
        (Self::Write, "write"),
    ];
}

/// The account of one reactor.
///
/// Aligned to two cache lines (the prefetcher's pairs), so that no two reactors write to one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ReactorAccount {
    /// Turns of the loop: polls.
    pub turns: Counter,
    /// Events that the polls returned.
    pub events: Counter,
    /// Wakeups that met their connection.
    pub wakeups: Counter,
    /// Wakeups whose connection was gone.
    pub stale_wakeups: Counter,
    /// Requests answered, refusals included.
    pub requests: Counter,
    /// Requests by the class of their answer's status: 1xx (never counted) to 5xx.
    pub status_classes: [Counter; 5],
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
    /// Calls of any kind that returned EAGAIN.
    pub eagains: Counter,
    /// Sends that took less than they were given.
    pub short_writes: Counter,
    /// Bytes received.
    pub bytes_in: Counter,
    /// Bytes sent.
    pub bytes_out: Counter,
    /// Bytes copied in user space: rests of input and output, bodies, and answers into the output.
    pub bytes_copied: Counter,
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
    /// Connections that the peer reset, or that failed otherwise.
    pub resets: Counter,
    /// Refusals by kind, indexed by [`Refusal`].
    pub refusals: [Counter; Refusal::COUNT],
    /// From poll's return to send's return, in nanoseconds: of sampled requests, and of every
    /// deferred one.
    pub response_time: Histogram,
    /// Nanoseconds of the stages of sampled requests, indexed by [`Stage`].
    pub stages: [Histogram; Stage::COUNT],
    /// From poll's return to the next poll, in nanoseconds, of the turns while the job pool worked
    /// for this reactor: how long the others were held up meanwhile.
    pub held_up: Histogram,
    /// Where the answers are counted once more, for all reactors, with the technique
    /// `own-counters` off.
    pub totals: Arc<SharedTotals>,
}

/// The accounts of a server: what its handlers may show.
#[derive(Debug)]
pub struct Accounts {
    /// One for each reactor.
    pub reactors: Box<[Arc<ReactorAccount>]>,
    /// What the process used, sampled once a second.
    pub process: Process,
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

    /// Counts a sample of the process; called once a second by the thread that waits for signals.
    pub fn tick(&self) {
        self.process.tick(self.sum(|reactor| &reactor.requests));
    }
}
