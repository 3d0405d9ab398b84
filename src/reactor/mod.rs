//! The event loop: one thread, one epoll, one listener, one slab of connections.
//!
//! Read [`Reactor::turn`] first. Events, expired timers and finished jobs each become a [`Wakeup`],
//! and [`Connection::advance`] carries its connection as far as it can go. No route is known here.
//!
//! The files, in reading order: [`wakeup`], [`connection`], [`state`], [`transport`] and [`serve`]
//! are the way of a request; [`core`] to [`linux`] is what they stand on. The rest is for what is
//! rare: [`bodies`], deferred answers ([`waits`]), streams ([`streaming`]), bodies taken as they
//! come ([`taking`]), messages (`mail`),
//! accepting ([`acceptor`]), making room (`victims`), the log ([`journal`]).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub mod wakeup;

pub mod connection;

pub mod state;

pub mod transport;

pub mod serve;

pub mod core;

pub mod step;

pub mod meter;

pub mod buffers;

pub mod pool;

pub mod connections;

pub mod timers;

pub mod kernel;

pub mod linux;

pub mod bodies;

pub mod upload;

pub mod waits;

pub mod streaming;

pub mod taking;

pub mod deferral;

pub mod jobs;

mod mail;

pub mod acceptor;

mod victims;

pub mod source;

pub mod socket;

pub mod stopwatch;

pub mod journal;

pub mod follower;

use bytes::BytesMut;
use crossbeam_channel::Receiver;

use self::acceptor::Acceptor;
use self::buffers::Input;
use self::connection::Connection;
use self::connections::{ConnectionId, Connections};
use self::core::{Core, Jobs};
use self::follower::Follower;
use self::jobs::{Address, JobPool, Message};
use self::kernel::{Kernel, Occasion};
use self::step::Step;
use self::timers::Time;
use self::wakeup::{Cause, Progress, Wakeup};
use crate::accounts::ReactorAccount;
use crate::config::{Config, bounds};
use crate::duel::Live;
use crate::http::Handler;

/// An event loop with its connections.
pub struct Reactor<H, K: Kernel> {
    connections: Connections<Connection<K>>,
    wakeups: Vec<Wakeup>,
    /// Connections that could have gone on when they were last advanced, in that order.
    yielded: VecDeque<ConnectionId>,
    acceptor: Acceptor,
    mailbox: Receiver<Message>,
    has_mail: bool,
    is_leaving: bool,
    /// The common input: where whoever reads next receives; empty between two advances.
    input: Input,
    core: Core<H, K>,
    /// With `--live`: changes the techniques.
    follower: Follower,
}

impl<H: Handler, K: Kernel> Reactor<H, K> {
    /// One turn of the loop.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[cfg_attr(map, inline(never))]
    pub fn turn(&mut self) -> io::Result<()> {
        if K::CHANGES {
            self.follower.follow(&mut self.connections, &mut self.core);
        }
        // Wait. What happened becomes wakeups; nothing is acted on yet.
        let until = self.wait_until();
        let Core { meter, kernel, .. } = &mut self.core;
        meter.note(Step::Polling, kernel);
        let events = kernel.poll(until, |occasion| match occasion {
            Occasion::Connection(id, ready) => self.wakeups.push((id, Cause::Ready(ready))),
            Occasion::Listener => self.acceptor.is_waiting = true,
            Occasion::Messages => self.has_mail = true,
        })?;
        meter.note(Step::Polled(events), kernel);

        // One clock reading for all that came together.
        self.begin_turn(events);
        if self.acceptor.is_waiting {
            self.accept();
        }
        if self.has_mail {
            self.read_messages();
        }

        // Carry each connection as far as it can go. 100 us are short beside a full turn, so the
        // timers are looked at in between.
        if self.wakeups.is_empty() {
            self.expire_timers(bounds::TIMERS_PER_TURN);
        }
        let yielded = self.yielded.len();
        for number in 0..self.wakeups.len() {
            let (id, cause) = self.wakeups[number];
            if self.is_clock_due(number + 1) {
                self.core.clock.now = self.core.kernel.now();
                self.expire_timers(bounds::TIMERS_PER_ADVANCE);
            }
            self.advance(id, cause);
        }
        self.wakeups.clear();
        if yielded > 0 {
            self.resume(yielded);
        }
        Ok(())
    }

    /// Goes on with those who had yielded before this turn, in order, for a bounded time. The rest
    /// stay in front of those who have yielded since.
    #[inline(never)]
    fn resume(&mut self, yielded: usize) {
        self.core.clock.now = self.core.kernel.now();
        let until = Time(self.core.clock.now.0 + bounds::RESUMED_NS_MAX);
        for _ in 0..yielded {
            let Some(id) = self.yielded.pop_front() else {
                break;
            };
            self.advance(id, Cause::Resume);
            self.core.clock.now = self.core.kernel.now();
            self.expire_timers(bounds::TIMERS_PER_ADVANCE);
            if self.core.clock.now >= until {
                break;
            }
        }
    }

    /// When the poll must end, even without an event.
    fn wait_until(&mut self) -> Time {
        if self.core.jobs.outstanding > 0 {
            self.note_held_up();
        }
        if !self.yielded.is_empty() || self.core.clock.now < self.core.clock.awake_until {
            return Time::ZERO;
        }
        let mut until = self.core.timers.soonest;
        if self.acceptor.is_waiting {
            until = until.min(self.acceptor.due());
        }
        until
    }

    /// Reads the clock, and sets the date if a second has passed.
    fn begin_turn(&mut self, events: usize) {
        let now = self.core.kernel.now();
        (self.core.clock.now, self.core.meter.turn_began) = (now, now);
        if now >= self.core.clock.date_due {
            self.core.set_date();
        }
        let spin_us = self.core.kernel.techniques().spin_us as u64;
        if events > 0 && spin_us > 0 {
            self.core.clock.awake_until = now.after(Duration::from_micros(spin_us));
        }
    }

    /// Whether the clock is to be read before this advance of a turn, counted from 1: before every
    /// so many of them, and before each while a timer could come due in the middle of the turn.
    fn is_clock_due(&self, advance: usize) -> bool {
        let near = self.core.clock.now.0 + bounds::TIMER_NEAR_NS;
        let every = self.core.kernel.techniques().advances_per_clock;
        self.core.timers.soonest.0 <= near || advance.is_multiple_of(every)
    }

    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    fn advance(&mut self, id: ConnectionId, cause: Cause) {
        let Some(connection) = self.connections.get_mut(id, self.core.kernel.techniques()) else {
            return self.core.meter.account.stale_wakeups.add(1);
        };
        match connection.advance(cause, &mut self.input, &mut self.core) {
            Progress::Blocked => {}
            Progress::Yielded => self.yields(id),
            Progress::Finished => self.dismiss(id),
        }
    }

    /// Advances the connections of timers that are due, a few at a time: see
    /// [`bounds::TIMERS_PER_ADVANCE`]. Drops the entries that no longer count, once they outnumber
    /// those that do.
    #[inline(never)]
    fn expire_timers(&mut self, most: usize) {
        for _ in 0..most {
            let Some((at, id)) = self.core.timers.pop_due(self.core.clock.now) else {
                break;
            };
            self.core.meter.account.timers_fired.add(1);
            self.advance(id, Cause::Timer(at));
        }
        if self.core.timers.is_crowded() {
            let found = |id| self.connections.get(id);
            let counts = |at, id| found(id).is_some_and(|connection| connection.is_armed_for(at));
            self.core.timers.sweep(counts);
        }
    }

    /// The time of the next one begins now.
    #[cold]
    fn yields(&mut self, id: ConnectionId) {
        self.yielded.push_back(id);
        self.core.clock.now = self.core.kernel.now();
    }

    #[cold]
    fn dismiss(&mut self, id: ConnectionId) {
        let core = &mut self.core;
        core.kernel.observe(&Step::Dismissed(id));
        // What it had received and written when it failed must not go to the next one.
        self.input.clear();
        core.output.clear();
        if let Some(connection) = self.connections.remove(id) {
            connection.dismiss(core);
            core.meter.account.connections.sub(1);
            self.acceptor.released();
        }
    }

    /// Accounts for how long the turn held the others up, while jobs are under way for someone who
    /// will ask.
    #[cold]
    fn note_held_up(&mut self) {
        let began = self.core.meter.turn_began;
        let took = self.core.kernel.now().nanos_since(began);
        self.core.meter.account.held_up.record(took);
    }

    /// A reactor over a kernel that listens; `worker` is its number, `connections_max` its share of
    /// them.
    pub fn new(
        kernel: K,
        handler: Arc<H>,
        jobs: JobPool,
        account: Arc<ReactorAccount>,
        config: &Config,
        worker: usize,
        connections_max: usize,
    ) -> Self {
        let (jobs, mailbox) = Jobs::new(jobs, kernel.wake());
        Self {
            connections: Connections::new(&config.techniques),
            wakeups: Vec::new(),
            yielded: VecDeque::new(),
            acceptor: Acceptor::new(connections_max),
            mailbox,
            has_mail: false,
            is_leaving: false,
            input: Input::new(BytesMut::with_capacity(config.socket.buffer_size)),
            core: Core::new(kernel, handler, jobs, account, config, worker),
            follower: Follower::default(),
        }
    }

    /// Its techniques can change while it runs.
    pub fn follow(&mut self, live: Arc<Live>) {
        self.connections.keep_places();
        self.follower = Follower::new(live);
    }

    /// Turns until told to leave, or until it has drained.
    ///
    /// # Errors
    ///
    /// If the kernel refuses to poll, which no peer can cause.
    pub fn run(mut self) -> io::Result<()> {
        self.core.meter.take_over();
        while !self.is_over() {
            self.turn()?;
        }
        Ok(())
    }

    /// Whether there is nothing left to do, ever.
    pub fn is_over(&self) -> bool {
        self.is_leaving || (self.core.draining.is_some() && self.connections.is_empty())
    }

    /// Where other threads reach this reactor.
    pub fn address(&self) -> Address {
        self.core.jobs.address.clone()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many timer entries are set.
    pub fn timers(&self) -> usize {
        self.core.timers.count()
    }

    /// The kernel that it was given.
    pub fn kernel_mut(&mut self) -> &mut K {
        &mut self.core.kernel
    }
}
