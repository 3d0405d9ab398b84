//! What the connections of one reactor share; and how an answer is made with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::buffers::Pool;
use super::jobs::{Address, JobPool};
use super::journal::{AccessLine, FAULT, REFUSED};
use super::kernel::{Counted, Kernel};
use super::stopwatch::Stopwatch;
use super::timers::{Time, Timers};
use crate::accounts::{Copied, Refusal, Stage};
use crate::config::{Config, Drain, Limits, Techniques, Timeouts, bounds};
use crate::http::date::Date;
use crate::http::output::Output;
use crate::http::response::Written;
use crate::http::{Exchange, Handler, Later, Reply, Response, Status};

/// All that a reactor has once and its connections use in turn.
pub struct Shared<H, K: Kernel> {
    /// The seam.
    pub kernel: Counted<K>,
    /// Who answers.
    pub handler: Arc<H>,
    /// The common output: where whoever answers next writes; empty between two advances.
    pub output: Output,
    /// Buffers for what must outlive a connection's turn.
    pub pool: Pool,
    /// The deadlines.
    pub timers: Timers,
    /// Threads for blocking work; all reactors share them.
    pub jobs: JobPool,
    /// Where the jobs send their answers.
    pub address: Address,
    /// Jobs of this reactor that have not answered.
    pub jobs_outstanding: usize,
    /// The Date field.
    pub date: Date,
    /// When the date is to be looked at again.
    pub date_due: Time,
    /// Clock readings inside requests.
    pub stopwatch: Stopwatch,
    /// The access line of the request that is being answered.
    pub access: AccessLine,
    /// How much a peer may make us hold.
    pub limits: Limits,
    /// How long it may keep us waiting.
    pub timeouts: Timeouts,
    /// How we leave.
    pub drain: Drain,
    /// When draining began.
    pub draining: Option<Time>,
    /// The clock, as last read: at the beginning of the turn, and after every few advances.
    pub now: Time,
    /// When the turn's poll returned.
    pub turn_began: Time,
    /// Until then it polls without sleeping: some time after an event.
    pub awake_until: Time,
    /// Number of this reactor, from 0.
    pub worker: usize,
}

/// What came of a handler.
#[derive(Debug)]
pub enum Produced {
    /// The answer is in the output, and the connection stays open or does not.
    Written {
        /// It stays.
        keep_alive: bool,
    },
    /// It will be.
    Later(Later),
}

impl<H: Handler, K: Kernel> Shared<H, K> {
    /// What a reactor begins with.
    pub(super) fn new(
        kernel: Counted<K>,
        handler: Arc<H>,
        jobs: JobPool,
        address: Address,
        config: &Config,
        worker: usize,
    ) -> Self {
        let techniques = config.techniques;
        let pool = Pool::new(
            config.socket.buffer_size,
            config.limits.buffers,
            &techniques,
            Arc::clone(&kernel.account),
        );
        Self {
            kernel,
            handler,
            output: Output::new(bounds::SEGMENT_BYTES, &techniques),
            pool,
            timers: Timers::new(),
            jobs,
            address,
            jobs_outstanding: 0,
            date: Date::at(0),
            date_due: Time::ZERO,
            stopwatch: Stopwatch::new(config.sample, config.server_timing),
            access: AccessLine::default(),
            limits: config.limits,
            timeouts: config.timeouts,
            drain: config.drain,
            draining: None,
            now: Time::ZERO,
            turn_began: Time::ZERO,
            awake_until: Time::ZERO,
            worker,
        }
    }

    /// Runs a handler, or its continuation, and writes what it answers.
    ///
    /// If it panics, before or while its answer is written, the output is cut back to where it was
    /// and says 500: other answers in it, and other connections, are not touched.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline)]
    pub fn produce(&mut self, exchange: Exchange, make: impl FnOnce(&H) -> Reply) -> Produced {
        let exchange = self.settle_exchange(exchange);
        let mark = self.output.len();
        let attempt = catch_unwind(AssertUnwindSafe(|| match make(&self.handler) {
            Reply::Fixed(answer) => {
                self.stopwatch.lap(Stage::Handle, &mut self.kernel);
                let written = if self.stopwatch.tells() {
                    self.write_told(answer.response(), exchange)
                } else {
                    answer.write(exchange, &self.date, &mut self.output)
                };
                self.note_answer(Status::OK, written, mark)
            }
            Reply::Now(answer) => {
                self.stopwatch.lap(Stage::Handle, &mut self.kernel);
                let status = answer.status_code();
                let written = if self.stopwatch.tells() {
                    self.write_told(answer, exchange)
                } else {
                    answer.write(exchange, &self.date, &mut self.output)
                };
                self.note_answer(status, written, mark)
            }
            Reply::Later(later) => {
                self.note_delay(&later, mark);
                Produced::Later(later)
            }
        }));
        attempt.unwrap_or_else(|_| self.answer_panic(exchange, mark))
    }

    /// Writes an answer with what its stages took (W3C Server Timing).
    #[cold]
    fn write_told(&mut self, answer: Response, exchange: Exchange) -> Written {
        let answer = match self.stopwatch.timing() {
            Some(timing) => answer.field("Server-Timing", timing),
            None => answer,
        };
        answer.write(exchange, &self.date, &mut self.output)
    }

    /// What makes it fast.
    #[inline]
    pub fn techniques(&self) -> &Techniques {
        self.kernel.kernel.techniques()
    }

    /// Asks the handler something that is no answer yet; `None` if it panicked.
    pub fn guard<T>(&mut self, ask: impl FnOnce(&H, &Limits) -> T) -> Option<T> {
        let asked = catch_unwind(AssertUnwindSafe(|| ask(&self.handler, &self.limits)));
        if asked.is_err() {
            self.note_panic();
        }
        asked.ok()
    }

    /// Writes an answer that is known.
    pub fn answer(&mut self, exchange: Exchange, response: Response) -> Produced {
        let exchange = self.settle_exchange(exchange);
        let status = response.status_code();
        let written = response.write(exchange, &self.date, &mut self.output);
        self.count_answer(status, written)
    }

    /// Counts a refusal, and says why if somebody listens.
    pub fn refused(&self, refusal: Refusal, peer: impl std::fmt::Display, reason: &str) {
        self.kernel.account.refusals[refusal as usize].add(1);
        let name = Refusal::ALL[refusal as usize].1;
        log::warn!(target: REFUSED, "{peer}: {name}: {reason}");
    }

    /// Reads the clock for a turn, and sets the date if a second has passed.
    #[inline]
    pub fn begin_turn(&mut self, events: usize) {
        self.read_clock();
        self.turn_began = self.now;
        if events > 0 {
            let spin = Duration::from_micros(self.techniques().spin_us as u64);
            self.awake_until = self.now.after(spin);
        }
        self.tick();
    }

    /// Reads the clock.
    #[inline]
    pub fn read_clock(&mut self) {
        self.now = self.kernel.now();
    }

    /// Whether the clock is to be read before this advance of a turn, counted from 1. It is before
    /// every so many of them, and before each one while a timer is so near that it could come due
    /// in the middle of the turn.
    #[inline]
    pub fn is_clock_due(&self, advance: usize) -> bool {
        advance.is_multiple_of(self.techniques().advances_per_clock)
            || self.timers.next() <= self.now.after(bounds::TIMER_NEAR)
    }

    /// Accounts for how long the turn held the others up, while jobs are under way for someone who
    /// will ask.
    #[inline]
    pub fn note_turn_ended(&mut self) {
        if self.jobs_outstanding > 0 {
            let held_up = self.kernel.now().since(self.turn_began);
            self.kernel
                .account
                .held_up
                .record(u64::try_from(held_up.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Sets the date if a second has passed. The wall clock is read anew each time, so a clock that
    /// is stepped shows within a second.
    fn tick(&mut self) {
        if self.now >= self.date_due {
            let wall = self.kernel.kernel.wall_clock();
            self.date.set(wall.as_secs());
            let rest_of_second =
                Duration::from_nanos(1_000_000_000 - u64::from(wall.subsec_nanos()));
            self.date_due = self.now.after(rest_of_second);
        }
    }

    /// What is settled just before an answer is made. While draining, it is the connection's last,
    /// however its request was put; and without a cached date it gets one of its own.
    #[inline]
    fn settle_exchange(&mut self, exchange: Exchange) -> Exchange {
        if !self.techniques().cached_date {
            self.date = Date::at(self.kernel.kernel.wall_clock().as_secs());
        }
        Exchange {
            keep_alive: exchange.keep_alive && self.draining.is_none(),
            ..exchange
        }
    }

    #[inline]
    fn note_answer(&mut self, status: Status, written: Written, mark: usize) -> Produced {
        self.stopwatch.lap(Stage::Serialise, &mut self.kernel);
        let bytes = self.output.len() - mark;
        self.kernel.observe("produce", || {
            format!(
                "answer {} of {bytes} bytes written into the output",
                status.0
            )
        });
        self.count_answer(status, written)
    }

    #[inline(never)]
    fn note_delay(&mut self, later: &Later, mark: usize) {
        self.kernel
            .observe("produce", || format!("no answer yet: {later:?}"));
        if mark == 0 {
            // Nothing is sent in this round: the wait would be charged to a stage.
            self.stopwatch.abandon();
        }
    }

    #[cold]
    fn answer_panic(&mut self, exchange: Exchange, mark: usize) -> Produced {
        self.output.truncate(mark);
        self.note_panic();
        self.answer(exchange, handler_panicked())
    }

    fn note_panic(&self) {
        self.kernel.account.panics.add(1);
        log::error!(target: FAULT, "a handler panicked; its request is answered with 500");
    }

    #[inline]
    fn count_answer(&mut self, status: Status, written: Written) -> Produced {
        let account = &self.kernel.account;
        account.requests.add(1);
        account.bytes_copied[Copied::Answer as usize].add(written.copied as u64);
        if let Some(class) = account
            .status_classes
            .get(usize::from(status.0 / 100).wrapping_sub(1))
        {
            class.add(1);
        }
        if !self.techniques().own_counters {
            account.totals.add(status.0, written.copied as u64);
        }
        self.access.answered(status);
        self.stopwatch.request_served();
        Produced::Written {
            keep_alive: written.keep_alive,
        }
    }
}

/// The answer to a request whose handler panicked.
pub(super) fn handler_panicked() -> Response {
    Response::error(
        Status::INTERNAL_SERVER_ERROR,
        "the handler of this route failed in the server; the connection and the server go on",
    )
}
