//! Clock readings inside a request, for one request in `--sample`.
//!
//! A reading costs 20 to 30 ns where the request itself costs 4,000, and 400 when it is pipelined:
//! seven of them in every request would be a stage of their own. So nothing here is called between
//! two samples.

use std::mem;
use std::time::Duration;

use super::{kernel::Kernel, timers::Time, wakeup::Cause};
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

/// What is being timed.
#[derive(Debug, Default)]
pub enum Sample {
    /// Nothing.
    #[default]
    Nothing,
    /// The stages of a round's first request.
    Stages(Laps),
    /// The same of one whose answer is written; `began` is the beginning of its send.
    Written(Laps),
    /// The response time alone, of an answer that was deferred.
    Deferred {
        /// When the turn began that read the request.
        asked: Time,
    },
}

/// The clock readings of one request.
#[derive(Clone, Copy, Debug)]
pub struct Laps {
    /// When its turn began.
    turn: Time,
    /// When the stage began that is under way.
    began: Time,
    /// Nanoseconds of each stage that has ended.
    nanos: [u64; Stage::COUNT],
    /// No other answer is sent with it; `None` if that is not known yet.
    is_alone: Option<bool>,
}

impl Laps {
    /// A stage has ended, and the next begins.
    fn end<K: Kernel>(&mut self, ended: Stage, account: &ReactorAccount, kernel: &mut K) {
        let now = kernel.now();
        let took = now.nanos_since(self.began);
        self.nanos[ended as usize] += took;
        account.stages[ended as usize].record(took);
        self.began = now;
    }
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
        self.resume(Sample::Nothing);
        if self.countdown <= 0 && matches!(cause, Cause::Ready(ready) if ready.readable) {
            let mut laps = Laps {
                turn,
                began: turn,
                nanos: [0; Stage::COUNT],
                is_alone: None,
            };
            // The wait since the turn began is over.
            laps.end(Stage::Wait, account, kernel);
            self.countdown = self.every;
            self.sample = Sample::Stages(laps);
        }
    }

    /// Goes on with another sample, or with none. One that found no request, or one that is not
    /// complete yet, or is deferred, is taken again at the next read. To wait for the usual number
    /// could hit the same spot each time: without `short-read` every second read finds nothing.
    pub fn resume(&mut self, sample: Sample) {
        if matches!(self.sample, Sample::Stages(_)) {
            self.countdown = 0;
        }
        self.sample = sample;
    }

    /// A stage has ended, and the next begins.
    #[cold]
    pub fn lap<K: Kernel>(&mut self, ended: Stage, account: &ReactorAccount, kernel: &mut K) {
        // Of a batch the others are not timed, and would all be in what is left.
        let is_alone = self.countdown == self.every - 1;
        match (&mut self.sample, ended) {
            (Sample::Stages(laps), _) => {
                laps.end(ended, account, kernel);
                if matches!(ended, Stage::Serialise) {
                    self.sample = Sample::Written(*laps);
                }
            }
            (Sample::Written(laps), Stage::Rest) => {
                laps.began = kernel.now();
                laps.is_alone = laps.is_alone.or(Some(is_alone));
            }
            (Sample::Written(laps), Stage::Write) => {
                laps.end(ended, account, kernel);
                let all = laps.began.nanos_since(laps.turn);
                account.response_time.record(all);
                if laps.is_alone == Some(true) {
                    let known: u64 = laps.nanos.iter().sum();
                    account.stages[Stage::Rest as usize].record(all.saturating_sub(known));
                }
                self.sample = Sample::Nothing;
            }
            (Sample::Deferred { asked }, Stage::Write) => {
                account
                    .response_time
                    .record(kernel.now().nanos_since(*asked));
                self.sample = Sample::Nothing;
            }
            // Of a batch the first request is timed.
            _ => {}
        }
    }

    /// Stops, if an answer is written: it is sent in a later round.
    #[cold]
    pub fn pause(&mut self) -> Sample {
        let is_alone = self.countdown == self.every - 1;
        match &mut self.sample {
            Sample::Written(laps) => laps.is_alone = laps.is_alone.or(Some(is_alone)),
            Sample::Deferred { .. } => {}
            Sample::Nothing | Sample::Stages(_) => return Sample::Nothing,
        }
        mem::take(&mut self.sample)
    }

    /// What an answer is told: the stages that are known when its head is written (W3C Server
    /// Timing); `None` if this one is not timed.
    pub fn timing(&self) -> Option<String> {
        let laps = match &self.sample {
            Sample::Stages(laps) if self.tells => laps,
            _ => return None,
        };
        let told = Stage::ALL[..=Stage::Handle as usize]
            .iter()
            .map(|(stage, name)| {
                let took = Duration::from_nanos(laps.nanos[*stage as usize]);
                format!("{name};dur={:.3}", took.as_secs_f64() * 1000.0)
            });
        Some(told.collect::<Vec<_>>().join(", "))
    }
}
