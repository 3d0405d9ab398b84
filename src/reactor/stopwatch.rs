//! Clock readings inside a request, for one request in `--sample`.
//!
//! A reading costs 20 to 30 ns where the request itself costs 4,000, and 400 when it is pipelined:
//! seven of them in every request would be a stage of their own. So nothing here is called between
//! two samples.

use std::fmt::Write;

use super::kernel::Kernel;
use super::timers::Time;
use super::wakeup::Cause;
use crate::accounts::{ReactorAccount, Stage};

/// Times the stages of sampled requests, and the response time of those and of deferred ones.
#[derive(Debug)]
pub struct Stopwatch {
    /// What is being timed.
    pub sample: Sample,
    /// Requests until the next sample; none or fewer if one is due.
    pub countdown: i64,
    every: i64,
    /// Whether answers are told their times.
    pub tells: bool,
}

/// Nanoseconds of each stage.
type Laps = [u64; Stage::COUNT];

/// What is being timed.
#[derive(Debug, Default)]
pub enum Sample {
    /// Nothing.
    #[default]
    Nothing,
    /// The stages of a round's first request.
    Stages {
        /// When its turn began.
        turn: Time,
        /// When the stage began that is under way.
        began: Time,
        /// The stages that have ended.
        laps: Laps,
    },
    /// Its answer is written.
    Written {
        /// When its turn began.
        turn: Time,
        /// The stages that have ended.
        laps: Laps,
        /// No other answer will be sent with it; `None` if that is not known yet.
        alone: Option<bool>,
    },
    /// Its answer is being sent.
    Sending {
        /// When its turn began.
        turn: Time,
        /// When the send began.
        began: Time,
        /// The stages that have ended.
        laps: Laps,
        /// No other answer is sent with it.
        alone: bool,
    },
    /// The response time alone, of an answer that was deferred.
    Deferred {
        /// When the turn began that read the request.
        asked: Time,
    },
}

impl Stopwatch {
    /// Times one request in `every`, none if that is 0; or every one, if the answers are told.
    #[must_use]
    pub fn new(every: u32, tells: bool) -> Self {
        let every = match every {
            _ if tells => 1,
            // Never is after a request in every nanosecond for 292 years.
            0 => i64::MAX,
            every => i64::from(every),
        };
        Self {
            sample: Sample::Nothing,
            countdown: if tells { 0 } else { every },
            every,
            tells,
        }
    }

    /// A connection is about to be advanced: nothing is left of the sample before, and another
    /// begins if it is time, and if this one is going to be read.
    #[cold]
    pub fn advance<K: Kernel>(
        &mut self,
        cause: Cause,
        turn: Time,
        account: &ReactorAccount,
        kernel: &mut K,
    ) {
        self.abandon();
        if self.countdown <= 0 && matches!(cause, Cause::Ready(_)) {
            self.begin(turn, account, kernel);
        }
    }

    /// Begins a sample: a connection is about to be read. The wait since the turn began is over.
    fn begin<K: Kernel>(&mut self, turn: Time, account: &ReactorAccount, kernel: &mut K) {
        let began = kernel.now();
        let mut laps = [0; Stage::COUNT];
        laps[Stage::Wait as usize] = nanos(turn, began);
        account.stages[Stage::Wait as usize].record(nanos(turn, began));
        self.countdown = self.every;
        self.sample = Sample::Stages { turn, began, laps };
    }

    /// The round that was sampled came to no send of its own: its request is not complete yet, or
    /// deferred, or its answer waits behind bytes that are owed.
    fn abandon(&mut self) {
        // A sample that found no request is taken again at the next read. To wait for the usual
        // number could hit the same spot each time: without `short-read` every second read finds
        // nothing.
        if matches!(self.sample, Sample::Stages { .. }) {
            self.countdown = 0;
        }
        self.sample = Sample::Nothing;
    }

    /// A stage has ended, and the next begins.
    #[cold]
    pub fn lap<K: Kernel>(&mut self, ended: Stage, account: &ReactorAccount, kernel: &mut K) {
        let mut time = |began: &mut Time, laps: &mut Laps| {
            let now = kernel.now();
            let took = nanos(*began, now);
            laps[ended as usize] += took;
            account.stages[ended as usize].record(took);
            *began = now;
        };
        match (&mut self.sample, ended) {
            (Sample::Stages { began, laps, turn }, Stage::Serialise) => {
                time(began, laps);
                self.sample = Sample::Written {
                    turn: *turn,
                    laps: *laps,
                    alone: None,
                };
            }
            (Sample::Stages { began, laps, .. }, _) => time(began, laps),
            (Sample::Written { turn, laps, alone }, Stage::Rest) => {
                self.sample = Sample::Sending {
                    turn: *turn,
                    began: kernel.now(),
                    laps: *laps,
                    // Of a batch the others were not timed, and would all be in what is left.
                    alone: alone.unwrap_or(self.countdown == self.every - 1),
                };
            }
            (
                Sample::Sending {
                    turn,
                    began,
                    laps,
                    alone,
                },
                Stage::Write,
            ) => {
                time(began, laps);
                let all = nanos(*turn, *began);
                account.response_time.record(all);
                if *alone {
                    let known: u64 = laps.iter().sum();
                    account.stages[Stage::Rest as usize].record(all.saturating_sub(known));
                }
                self.sample = Sample::Nothing;
            }
            (Sample::Deferred { asked }, Stage::Write) => {
                account.response_time.record(nanos(*asked, kernel.now()));
                self.sample = Sample::Nothing;
            }
            _ => {}
        }
    }

    /// Stops, if an answer is written: it is sent in a later round.
    #[cold]
    pub fn pause(&mut self) -> Sample {
        if let Sample::Written { alone, .. } = &mut self.sample {
            alone.get_or_insert(self.countdown == self.every - 1);
        }
        match self.sample {
            Sample::Written { .. } | Sample::Deferred { .. } => std::mem::take(&mut self.sample),
            _ => Sample::Nothing,
        }
    }

    /// What an answer is told: the stages that are known when its head is written (W3C Server
    /// Timing); `None` if this one is not timed.
    pub fn timing(&self) -> Option<String> {
        let Sample::Stages { laps, .. } = &self.sample else {
            return None;
        };
        if !self.tells {
            return None;
        }
        let mut text = String::new();
        for (stage, name) in &Stage::ALL[..=Stage::Handle as usize] {
            let us = laps[*stage as usize] / 1000;
            let (whole, thousandths) = (us / 1000, us % 1000);
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{name};dur={whole}.{thousandths:03}");
        }
        Some(text)
    }
}

fn nanos(began: Time, now: Time) -> u64 {
    now.0.saturating_sub(began.0)
}
