//! What each reactor did, counted where it happens and read in place by whoever asks.
//!
//! Every counter has one writer, the reactor's own thread, so adding is a load, an addition and a
//! store, all relaxed: no lock prefix, no cache line that two threads write. Readers see each value
//! at most a moment late, and two values possibly from different moments. There is no publication
//! and no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

mod kinds;

mod histogram;

mod owner;

mod figures;

mod history;

mod process;
mod totals;

mod verdicts;

pub use figures::{COUNTS, Count, Figure, Figures, ReactorAccount, Timed};
pub use histogram::{Histogram, Snapshot};
pub use history::{History, Moment, Window};
pub use kinds::{Copied, Refusal, Stage, Woken, WouldBlock};
pub use owner::{CpuTime, Owner};
pub(crate) use process::cpu_time as process_cpu_time;
pub use process::{Process, descriptors_max, memory_row, open_descriptors, thread_cpu_time};
pub use totals::{SharedTotals, Totals};
pub use verdicts::{Verdict, Verdicts};

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

impl ReactorAccount {
    /// Counts an answer, by its status, with the bytes of its body that were copied.
    #[inline]
    pub fn count_answer(&self, status: u16, copied: u64) {
        self.requests.add(1);
        self.bytes_copied[Copied::Answer as usize].add(copied);
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(class) = self.status_classes.get(class) {
            class.add(1);
        }
    }
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
    /// When the process began.
    pub process: Process,
    /// What the reactors did, second by second.
    pub history: History,
    /// What duels have said, with `--live`.
    pub verdicts: Verdicts,
    /// The server is leaving: set when draining begins, never cleared.
    pub draining: AtomicBool,
    /// Threads that did not end when the server left, and were left behind.
    pub stuck: AtomicU64,
    /// Lines of the log, and panics, that were dropped because nobody read those before them.
    pub lines_dropped: Arc<AtomicU64>,
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
            verdicts: Verdicts::default(),
            draining: AtomicBool::new(false),
            stuck: AtomicU64::new(0),
            lines_dropped: Arc::default(),
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
        Snapshot::merged(self.reactors.iter().map(|reactor| histogram(reactor)))
    }

    /// What happened since the start.
    pub fn since_start(&self) -> Window {
        Window {
            span: self.process.uptime(),
            cpu: process_cpu_time(),
            reactors: self.figures(),
        }
    }

    /// Keeps a moment of the process and its reactors; called once a second by the thread that
    /// waits for signals.
    pub fn tick(&self) {
        self.history.keep(self.moment());
    }

    /// What the process and its reactors have done until now.
    pub fn moment(&self) -> Moment {
        Moment {
            at: Instant::now(),
            cpu: process_cpu_time(),
            reactors: self.figures(),
        }
    }

    fn figures(&self) -> Vec<Figures> {
        let reactors = self.reactors.iter();
        reactors.map(|reactor| Figures::of(reactor)).collect()
    }
}
