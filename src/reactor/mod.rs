//! The event loop: one thread, one epoll, one listener, one slab of connections.
//!
//! Read [`Reactor::turn`] first; everything else hangs on it. Readiness from the kernel, an expired
//! timer and a finished job each become a [`Wakeup`], and [`Connection::advance`] carries the
//! connection that it names as far as it can go. The files, in the order in which they explain each
//! other:
//!
//! - [`connections`]: the slab, and ids that outlive nobody;
//! - [`timers`]: time, and deadlines without a cancel;
//! - [`kernel`]: the seam to the system;
//! - [`socket`], [`source`] and [`buffers`]: what the real system needs; [`linux`]: that system;
//! - [`jobs`]: threads for blocking work;
//! - [`stopwatch`], [`journal`], [`upload`] and [`shared`]: what connections measure by, tell,
//!   collect in, and have in common;
//! - [`wakeup`]: what is said to a connection, and [`connection`]: what it makes of it;
//! - `transfer`, `owing`, `serve`, `bodies`, `deferral` and `deadline`: the parts of a connection;
//! - [`acceptor`]: how new ones are let in.
//!
//! Nothing in here knows a route.

use std::io;
use std::sync::Arc;

pub mod connections;
pub mod timers;

pub mod kernel;

pub mod socket;
pub mod source;

pub mod buffers;

pub mod linux;

pub mod jobs;

pub mod stopwatch;

pub mod journal;

pub mod upload;

pub mod shared;

pub mod wakeup;

pub mod connection;

mod transfer;

mod owing;
mod serve;

mod bodies;
mod deferral;

mod deadline;

pub mod acceptor;

use bytes::BytesMut;

use self::acceptor::Acceptor;
use self::buffers::Input;
use self::connection::Connection;
use self::connections::{ConnectionId, Connections};
use self::jobs::{Address, JobPool, Mailbox, Message, mailbox};
use self::journal::FAULT;
use self::kernel::{Counted, Kernel, Occasion};
use self::shared::Shared;
use self::timers::Time;
use self::wakeup::{Cause, Progress, Wakeup};
use crate::accounts::ReactorAccount;
use crate::config::{Config, bounds};
use crate::http::Handler;

/// An event loop with its connections.
pub struct Reactor<H, K: Kernel> {
    connections: Connections<Connection<K>>,
    wakeups: Vec<Wakeup>,
    /// Connections that could have gone on in the last turn.
    yielded: Vec<ConnectionId>,
    acceptor: Acceptor,
    mailbox: Mailbox,
    has_mail: bool,
    leaving: bool,
    /// The common input: where whoever reads next receives; empty between two advances.
    input: Input,
    shared: Shared<H, K>,
}

impl<H: Handler, K: Kernel> Reactor<H, K> {
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
        let (address, mailbox) = mailbox(kernel.rouse());
        let kernel = Counted::new(kernel, account, config.sample);
        let shared = Shared::new(kernel, handler, jobs, address, config, worker);
        Self {
            connections: Connections::new(&config.techniques),
            wakeups: Vec::new(),
            yielded: Vec::new(),
            acceptor: Acceptor::new(connections_max),
            mailbox,
            has_mail: false,
            leaving: false,
            input: Input::new(
                BytesMut::with_capacity(config.socket.buffer_size),
                &config.techniques,
            ),
            shared,
        }
    }

    /// Where other threads reach this reactor.
    pub fn address(&self) -> Address {
        self.shared.address.clone()
    }

    /// Turns until told to leave, or until it has drained.
    ///
    /// # Errors
    ///
    /// If the kernel refuses to poll, which no peer can cause.
    pub fn run(mut self) -> io::Result<()> {
        self.shared.kernel.account.owner.take_over();
        while !self.is_over() {
            self.turn()?;
        }
        Ok(())
    }

    /// One turn of the loop.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[cfg_attr(map, inline(never))]
    pub fn turn(&mut self) -> io::Result<()> {
        // Wait. What happened becomes wakeups; nothing is acted on yet.
        self.shared.note_turn_ended();
        let until = self.wait_until();
        let events = self.shared.kernel.poll(until, |occasion| match occasion {
            Occasion::Connection(id, ready) => self.wakeups.push(Wakeup::ready(id, ready)),
            Occasion::Listener => self.acceptor.ready(),
            Occasion::Messages => self.has_mail = true,
        })?;
        self.shared
            .kernel
            .observe("turn", || format!("{} wakeups", self.wakeups.len()));

        // One clock reading for all that came together.
        self.shared.begin_turn(events);

        self.accept();
        self.read_mail();
        self.resume_yielded();

        // Carry each connection as far as it can go. 100 us are short beside a full turn, so the
        // timers are looked at in between.
        if self.wakeups.is_empty() {
            self.expire_timers(bounds::TIMERS_PER_TURN);
        }
        let mut number = 0;
        while let Some(&wakeup) = self.wakeups.get(number) {
            number += 1;
            if self.shared.is_clock_due(number) {
                self.shared.read_clock();
                self.expire_timers(bounds::TIMERS_PER_ADVANCE);
            }
            self.advance(wakeup);
        }
        self.wakeups.clear();
        self.sweep_timers();
        Ok(())
    }

    /// Whether there is nothing left to do, ever.
    pub fn is_over(&self) -> bool {
        self.leaving || (self.shared.draining.is_some() && self.connections.is_empty())
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many timer entries are set.
    pub fn timers(&self) -> usize {
        self.shared.timers.len()
    }

    /// The kernel that it was given.
    pub fn kernel_mut(&mut self) -> &mut K {
        &mut self.shared.kernel.kernel
    }

    /// When the next turn must begin, whatever happens.
    fn wait_until(&self) -> Time {
        let is_asleep = self.shared.now >= self.shared.awake_until;
        if self.yielded.is_empty() && is_asleep {
            self.shared
                .timers
                .next()
                .min(self.acceptor.due(self.connections.len()))
        } else {
            Time::ZERO
        }
    }

    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline)]
    fn advance(&mut self, wakeup: Wakeup) {
        let Some(connection) = self.connections.get_mut(wakeup.id) else {
            self.shared.kernel.account.stale_wakeups.add(1);
            return;
        };
        self.shared.kernel.account.wakeups[wakeup.cause.kind() as usize].add(1);
        match connection.advance(wakeup.cause, &mut self.input, &mut self.shared) {
            Progress::Blocked => {}
            Progress::Yielded => self.yielded.push(wakeup.id),
            Progress::Finished => self.dismiss(wakeup.id),
        }
    }

    #[cold]
    fn dismiss(&mut self, id: ConnectionId) {
        self.shared
            .kernel
            .observe("dismiss", || format!("connection {id}"));
        if let Some(connection) = self.connections.remove(id) {
            connection.dismiss(&mut self.shared);
            self.shared.kernel.account.connections.sub(1);
            self.acceptor.released();
        }
    }

    /// Advances the connections of timers that are due, a few at a time: see
    /// [`bounds::TIMERS_PER_ADVANCE`].
    #[inline(never)]
    fn expire_timers(&mut self, most: usize) {
        for _ in 0..most {
            let Some((at, id)) = self.shared.timers.pop_due(self.shared.now) else {
                break;
            };
            self.shared.kernel.account.timers_fired.add(1);
            self.advance(Wakeup {
                id,
                cause: Cause::Timer(at),
            });
        }
    }

    /// Drops timer entries that no longer count, once they outnumber those that do.
    fn sweep_timers(&mut self) {
        if self.shared.timers.is_crowded() {
            let connections = &self.connections;
            self.shared.timers.sweep(|at, id| {
                connections
                    .get(id)
                    .is_some_and(|connection| connection.is_armed_for(at))
            });
        }
    }

    fn resume_yielded(&mut self) {
        if self.yielded.is_empty() {
            return;
        }
        let resume = |id| Wakeup {
            id,
            cause: Cause::Resume,
        };
        self.wakeups.extend(self.yielded.drain(..).map(resume));
    }

    fn read_mail(&mut self) {
        if self.has_mail {
            self.has_mail = false;
            self.read_messages();
        }
    }

    #[inline(never)]
    fn read_messages(&mut self) {
        while let Some(message) = self.mailbox.take() {
            match message {
                Message::Answer(id, reply) => self.take_answer(id, reply),
                Message::Panicked(id, reply) => {
                    self.shared.kernel.account.panics.add(1);
                    log::error!(target: FAULT, "a job panicked; its request is answered with 500");
                    self.take_answer(id, reply);
                }
                Message::Drain => self.drain(),
                Message::Leave => self.leaving = true,
            }
        }
    }

    fn take_answer(&mut self, id: ConnectionId, reply: Box<crate::http::Reply>) {
        self.shared.jobs_outstanding -= 1;
        if let Some(connection) = self.connections.get_mut(id) {
            connection.keep_answer(reply);
        }
        self.wakeups.push(Wakeup {
            id,
            cause: Cause::Answer,
        });
    }
}
