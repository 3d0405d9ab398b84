//! Clock readings inside a request, for one request in `--sample`.
//!
//! A reading costs 20 to 30 ns where the request itself costs 4,000, and 400 when it is pipelined:
//! five of them in every request would be a stage of their own. Between samples, a lap is one
//! comparison.

use super::kernel::{Counted, Kernel};
use super::timers::Time;
use crate::accounts::Stage;

/// Times the stages of sampled requests, and the response time of those and of deferred ones.
#[derive(Debug)]
pub struct Stopwatch {
    every: u64,
    countdown: u64,
    /// When the stage that is being timed began.
    running: Option<Time>,
    /// The round's send is to be timed.
    round: bool,
    /// When the request whose response time is due at the next send reached us.
    asked: Option<Time>,
}

impl Stopwatch {
    /// Times one request in `every`; none if that is 0.
    #[must_use]
    pub fn new(every: u32) -> Self {
        // Never is after a request in every nanosecond for 584 years.
        let every = if every == 0 {
            u64::MAX
        } else {
            u64::from(every)
        };
        Self {
            every,
            countdown: every,
            running: None,
            round: false,
            asked: None,
        }
    }

    /// Starts before a read, if a sample is due; `turn` is when the turn began.
    #[inline]
    pub fn start<K: Kernel>(&mut self, turn: Time, kernel: &mut Counted<K>) {
        if self.round {
            self.abandon();
        }
        if self.countdown == 0 {
            self.countdown = self.every;
            self.round = true;
            self.asked = Some(turn);
            self.running = Some(kernel.now());
        }
    }

    /// The round that was sampled came to no send: its request is not complete yet, or deferred.
    /// What comes next is somebody else's.
    #[cold]
    pub fn abandon(&mut self) {
        (self.running, self.round, self.asked) = (None, false, None);
    }

    /// Ends a stage, and begins the next.
    #[inline]
    pub fn lap<K: Kernel>(&mut self, stage: Stage, kernel: &mut Counted<K>) {
        if let Some(began) = self.running {
            self.running = Some(record(stage, began, kernel));
        }
    }

    /// A request has been served. Only the first of a batch is timed: sixteen pipelined ones would
    /// be fifty readings.
    #[inline]
    pub fn request_served(&mut self) {
        self.countdown = self.countdown.saturating_sub(1);
        self.running = None;
    }

    /// A deferred answer is about to be sent; its response time counts from `asked`.
    pub fn deferred(&mut self, asked: Time) {
        self.asked = Some(asked);
    }

    /// Just before a send.
    #[inline]
    pub fn before_send<K: Kernel>(&mut self, kernel: &mut Counted<K>) {
        if self.round {
            self.running = Some(kernel.now());
        }
    }

    /// Just after it.
    #[inline]
    pub fn after_send<K: Kernel>(&mut self, kernel: &mut Counted<K>) {
        if let Some(asked) = self.asked {
            self.asked = None;
            self.finish(asked, kernel);
        }
    }

    #[cold]
    fn finish<K: Kernel>(&mut self, asked: Time, kernel: &mut Counted<K>) {
        if self.round {
            self.lap(Stage::Write, kernel);
            self.round = false;
            self.running = None;
        }
        let now = kernel.now();
        kernel.account.response_time.record(nanos(now, asked));
    }
}

/// Reads the clock and records a stage that began earlier. Cold, so that what is left of it between
/// samples is the comparison alone.
#[cold]
fn record<K: Kernel>(stage: Stage, began: Time, kernel: &mut Counted<K>) -> Time {
    let now = kernel.now();
    kernel.account.stages[stage as usize].record(nanos(now, began));
    now
}

fn nanos(now: Time, began: Time) -> u64 {
    now.0.saturating_sub(began.0)
}
