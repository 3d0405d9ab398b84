//! Clock readings inside a request, for one request in `--sample`; and what the thread is at.
//!
//! A reading costs 20 to 30 ns where the request itself costs 4,000, and 400 when it is pipelined:
//! seven of them in every request would be a stage of their own. Between samples, a lap is one
//! comparison, and one store that tells the allocator which stage begins.

use std::fmt::Write;

use super::kernel::{Counted, Kernel};
use super::timers::Time;
use crate::accounts::Stage;
use crate::allocator;

/// Times the stages of sampled requests, and the response time of those and of deferred ones.
#[derive(Debug)]
pub struct Stopwatch {
    every: i64,
    /// Requests until the next sample; less than none if more of them came together.
    countdown: i64,
    /// When the stage that is being timed began.
    running: Option<Time>,
    /// The round's send is to be timed; its turn began then.
    round: Option<Time>,
    /// When the request whose response time is due at the next send reached us.
    asked: Option<Time>,
    /// Nanoseconds of the sample's stages until now.
    laps: [u64; Stage::COUNT],
    /// Whether answers are told their times.
    tells: bool,
    /// The sample is one that was paused, and no request of a batch.
    is_resumed: bool,
}

/// A sample whose answer is written and not sent yet.
#[derive(Debug)]
pub struct Paused {
    asked: Time,
    /// When its turn began; `None` if only its response time is wanted.
    turn: Option<Time>,
    laps: [u64; Stage::COUNT],
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
            every,
            countdown: if tells { 0 } else { every },
            running: None,
            round: None,
            asked: None,
            laps: [0; Stage::COUNT],
            tells,
            is_resumed: false,
        }
    }

    /// Starts before a read, if a sample is due; `turn` is when the turn began.
    #[inline]
    pub fn start<K: Kernel>(&mut self, turn: Time, kernel: &mut Counted<K>) {
        allocator::enter(Stage::Read as u8);
        if self.round.is_some() {
            self.abandon();
        }
        if self.countdown <= 0 {
            self.begin(turn, kernel);
        }
    }

    #[cold]
    fn begin<K: Kernel>(&mut self, turn: Time, kernel: &mut Counted<K>) {
        self.countdown = self.every;
        self.laps = [0; Stage::COUNT];
        self.round = Some(turn);
        self.asked = Some(turn);
        self.record(Stage::Wait, turn, kernel);
    }

    /// The round that was sampled came to no send: its request is not complete yet, or deferred.
    /// What comes next is somebody else's.
    #[cold]
    pub fn abandon(&mut self) {
        // A sample that found no request is taken again at the next read. To wait for the usual
        // number could hit the same spot each time: without `short-read` every second read finds
        // nothing.
        if self.round.is_some() && self.countdown == self.every {
            self.countdown = 0;
        }
        (self.running, self.round, self.asked) = (None, None, None);
    }

    /// Stops: the answers of this round are sent later. `None` if nobody is timed.
    #[cold]
    pub fn pause(&mut self) -> Option<Box<Paused>> {
        let paused = self.asked.map(|asked| Paused {
            asked,
            // Of a batch, the others were not timed.
            turn: self.round.filter(|_| self.countdown == self.every - 1),
            laps: self.laps,
        });
        self.abandon();
        paused.map(Box::new)
    }

    /// Goes on just before they are sent.
    #[cold]
    pub fn resume(&mut self, paused: &Paused) {
        self.asked = Some(paused.asked);
        self.round = paused.turn;
        self.laps = paused.laps;
        self.is_resumed = true;
    }

    /// Ends a stage, and begins the next.
    #[inline]
    pub fn lap<K: Kernel>(&mut self, stage: Stage, kernel: &mut Counted<K>) {
        allocator::enter(match stage {
            Stage::Wait => Stage::Read,
            // Behind an answer comes the next request of the batch, if anything.
            Stage::Read | Stage::Serialise => Stage::Parse,
            Stage::Parse => Stage::Handle,
            Stage::Handle => Stage::Serialise,
            Stage::Write | Stage::Rest => Stage::Rest,
        } as u8);
        if let Some(began) = self.running {
            self.record(stage, began, kernel);
        }
    }

    /// A handler goes on after a wait.
    pub fn handler_resumes() {
        allocator::enter(Stage::Handle as u8);
    }

    /// A request has been served. Only the first of a batch is timed: sixteen pipelined ones would
    /// be fifty readings.
    #[inline]
    pub fn request_served(&mut self) {
        self.countdown -= 1;
        self.running = None;
    }

    /// Whether answers are told what their stages took.
    #[inline]
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// What an answer is told: the stages that are known when its head is written; `None` if this
    /// one is not timed.
    pub fn timing(&self) -> Option<String> {
        self.running?;
        let mut text = String::new();
        for (stage, name) in &Stage::ALL[..=Stage::Handle as usize] {
            let us = self.laps[*stage as usize] / 1000;
            let (whole, thousandths) = (us / 1000, us % 1000);
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{name};dur={whole}.{thousandths:03}");
        }
        Some(text)
    }

    /// A deferred answer is about to be sent; its response time counts from `asked`.
    pub fn deferred(&mut self, asked: Time) {
        self.asked = Some(asked);
    }

    /// Just before a send.
    #[inline]
    pub fn before_send<K: Kernel>(&mut self, kernel: &mut Counted<K>) {
        allocator::enter(Stage::Write as u8);
        if self.round.is_some() {
            self.running = Some(kernel.now());
        }
    }

    /// Just after it.
    #[inline]
    pub fn after_send<K: Kernel>(&mut self, kernel: &mut Counted<K>) {
        allocator::enter(Stage::Rest as u8);
        if let Some(asked) = self.asked {
            self.asked = None;
            self.finish(asked, kernel);
        }
    }

    #[cold]
    fn finish<K: Kernel>(&mut self, asked: Time, kernel: &mut Counted<K>) {
        let turn = self.round.take();
        if turn.is_some() {
            self.lap(Stage::Write, kernel);
            self.running = None;
        }
        let now = kernel.now();
        kernel.account.response_time.record(nanos(now, asked));
        // The others of a batch were not timed, and would all be in what is left.
        if let Some(turn) = turn
            && (self.is_resumed || self.countdown == self.every - 1)
        {
            let known: u64 = self.laps.iter().sum();
            let rest = nanos(now, turn).saturating_sub(known);
            kernel.account.stages[Stage::Rest as usize].record(rest);
        }
        self.is_resumed = false;
    }

    /// Reads the clock and records a stage that began earlier. Cold, so that what is left of it
    /// between samples is the comparison alone.
    #[cold]
    fn record<K: Kernel>(&mut self, stage: Stage, began: Time, kernel: &mut Counted<K>) {
        let now = kernel.now();
        let took = nanos(now, began);
        self.laps[stage as usize] += took;
        kernel.account.stages[stage as usize].record(took);
        self.running = Some(now);
    }
}

fn nanos(now: Time, began: Time) -> u64 {
    now.0.saturating_sub(began.0)
}
