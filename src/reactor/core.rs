//! What the connections of one reactor have in common, and use in turn. What it does with their
//! bytes is in `serve`, `bodies` and `waits`.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::jobs::{Address, JobPool, Message, mailbox};
use super::timers::{Time, Timers};
use super::{kernel::Kernel, kernel::Wake, meter::Meter, pool::Pool};
use crate::config::{Config, Drain, Limits, Timeouts, bounds};
use crate::{accounts::ReactorAccount, http::date::Date, http::parse::Parser};

/// All that a reactor has once.
pub struct Core<H, K> {
    /// The seam.
    pub kernel: K,
    /// Is told each step.
    pub meter: Meter,
    /// Who answers.
    pub handler: Arc<H>,
    /// Number of this reactor, from 0.
    pub worker: usize,
    /// Makes requests of bytes.
    pub parser: Parser,
    /// The common output: where whoever answers next writes; empty between two advances.
    pub output: Vec<u8>,
    /// Buffers for what must outlive a connection's turn.
    pub pool: Pool,
    /// Numbers drawn so far, to choose somebody who makes room.
    pub draws: u64,
    /// The deadlines.
    pub timers: Timers,
    /// Blocking work.
    pub jobs: Jobs,
    /// What time it is.
    pub clock: Clock,
    /// How much a peer may make us hold.
    pub limits: Limits,
    /// How long it may keep us waiting.
    pub timeouts: Timeouts,
    /// How long it may say nothing between two requests, in nanoseconds: each request adds it to
    /// the time.
    pub idle_ns: u64,
    /// How we leave.
    pub drain: Drain,
    /// When draining began.
    pub draining: Option<Time>,
}

/// Blocking work that is done for a reactor.
pub struct Jobs {
    /// The threads; all reactors share them.
    pub pool: JobPool,
    /// Where they send their answers.
    pub address: Address,
    /// How many have not answered.
    pub outstanding: usize,
}

impl Jobs {
    /// None is under way. Where the answers come, too: among all that other threads tell the
    /// reactor that polls with `wake`.
    pub fn new(pool: JobPool, wake: Wake) -> (Self, Receiver<Message>) {
        let (address, mailbox) = mailbox(wake);
        let jobs = Self {
            pool,
            address,
            outstanding: 0,
        };
        (jobs, mailbox)
    }
}

/// The clock as last read, and what hangs on it.
pub struct Clock {
    /// As read at the beginning of the turn, and after every few advances.
    pub now: Time,
    /// The Date field.
    pub date: Date,
    /// When the date is to be looked at again.
    pub date_due: Time,
    /// Until then the reactor polls without sleeping: some time after an event.
    pub awake_until: Time,
    /// It is to be looked at before more is served: an answer was computed, and nobody knows how
    /// long that took; or the time was found to be up.
    pub is_doubtful: bool,
}

impl<H, K: Kernel> Core<H, K> {
    /// What a reactor begins with.
    pub fn new(
        kernel: K,
        handler: Arc<H>,
        jobs: Jobs,
        account: Arc<ReactorAccount>,
        config: &Config,
        worker: usize,
    ) -> Self {
        let address = jobs.address.clone();
        Self {
            pool: Pool::new(config, Arc::clone(&account), move || {
                address.send(Message::Short);
            }),
            draws: 0,
            kernel,
            meter: Meter::new(account, config.sample, config.server_timing),
            handler,
            worker,
            parser: Parser::new(&config.limits),
            output: Vec::with_capacity(bounds::SEGMENT_BYTES),
            timers: Timers::default(),
            jobs,
            clock: Clock {
                now: Time::ZERO,
                date: Date::at(0),
                date_due: Time::ZERO,
                awake_until: Time::ZERO,
                is_doubtful: false,
            },
            limits: config.limits,
            timeouts: config.timeouts,
            idle_ns: Time::ZERO.after(config.timeouts.idle).0,
            drain: config.drain,
            draining: None,
        }
    }

    /// Whether the connection that is being advanced may go on serving.
    #[inline(always)]
    pub fn has_time(&mut self) -> bool {
        !self.clock.is_doubtful || self.look_for_time()
    }

    /// The same by the clock. Others wait: so its time begins with the last reading between two
    /// advances.
    #[cold]
    pub fn look_for_time(&mut self) -> bool {
        let took = self.kernel.now().nanos_since(self.clock.now);
        self.clock.is_doubtful = took >= bounds::ADVANCE_NS_MAX;
        !self.clock.is_doubtful
    }

    /// Sets the date. The wall clock is read anew each second, so that a clock that is set shows
    /// within a second.
    #[cold]
    pub fn set_date(&mut self) {
        let wall = self.kernel.wall_clock();
        self.clock.date = Date::at(wall.as_secs());
        let rest_ns = 1_000_000_000 - u64::from(wall.subsec_nanos());
        self.clock.date_due = self.clock.now.after(Duration::from_nanos(rest_ns));
    }
}
