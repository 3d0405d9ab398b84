//! The client's side of the connections of one thread, and the closed loop on it: each connection
//! sends a batch, waits for all its answers, and sends the next.
//!
//! The invariant: a phase begins and ends with nothing under way, so that requests, answers and the
//! server's CPU time belong together exactly; and no batch is waited for long beyond the silence
//! limit, so that every phase ends. A connection that fails is counted and given up. The loop
//! allocates nothing.

use std::io::{self, ErrorKind};
use std::net::TcpStream as StdStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll, Token};

use crate::answer::{Fault, Kind};
use crate::connection::Connection;
use crate::manner::Manner;
use crate::script::Script;
use crate::tally::Tally;

/// Bytes of one recv: far more than the answers to a usual batch, so that a short read is the rule.
const INPUT_BYTES: usize = 64 * 1024;
/// Answers of which one at least is parsed.
const ANSWERS_PER_CHECK: usize = 1000;
/// Looks for silent connections within the silence limit.
const LOOKS: u32 = 4;
/// Events of one poll; what does not fit comes with the next.
pub(crate) const EVENTS_MAX: usize = 1024;

/// When a closed loop stops to send.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// When so much time has passed.
    After(Duration),
    /// After so many requests.
    Requests(usize),
    /// When this says so.
    Until(&'a AtomicBool),
}

/// What became of a connection at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its batch is still under way.
    Waiting,
    /// Its batch was answered; it may send again.
    Free,
    /// It failed and is gone.
    Lost,
}

/// The connections of one thread.
pub struct Client {
    pub(crate) manner: Manner,
    pub(crate) poll: Poll,
    /// By token; `None` if it is given up or, with a connection for each batch, not open.
    connections: Vec<Option<Connection>>,
    script: Script,
    input: Vec<u8>,
    pub(crate) tally: Tally,
    /// Connections with a batch under way.
    pub waiting: usize,
    /// Answers since the last that were parsed.
    unchecked: usize,
    next_sweep: Instant,
}

impl Client {
    /// Without a connection yet.
    ///
    /// # Errors
    ///
    /// As epoll_create1(2).
    pub fn new(manner: Manner, script: Script) -> io::Result<Self> {
        Ok(Self {
            manner,
            poll: Poll::new()?,
            connections: Vec::new(),
            script,
            input: vec![0; INPUT_BYTES],
            tally: Tally::new(manner.timed),
            waiting: 0,
            unchecked: 0,
            next_sweep: Instant::now(),
        })
    }

    /// Adds a place for a connection, with that connection if it is kept from batch to batch. One
    /// that cannot be made is counted and given up like any other.
    pub fn join(&mut self, open: Option<StdStream>) {
        let id = self.connections.len();
        self.connections.push(None);
        if !self.manner.reconnect
            && let Err(fault) = self.keep(id, open)
        {
            self.give_up(id, &fault);
        }
    }

    fn keep(&mut self, id: usize, open: Option<StdStream>) -> Result<(), Fault> {
        let unusable = |error| Fault::new(Kind::Connect, error);
        let stream = match open {
            Some(stream) => stream,
            None => self.manner.connect()?,
        };
        stream.set_nodelay(true).map_err(unusable)?;
        stream.set_nonblocking(true).map_err(unusable)?;
        let mut connection = Connection::kept(TcpStream::from_std(stream));
        connection.register(self.poll.registry(), Token(id))?;
        self.connections[id] = Some(connection);
        Ok(())
    }

    /// Opens anew what the server has closed while nothing was under way: many close what is idle
    /// for some seconds. One that cannot be made is counted as any other.
    ///
    /// # Errors
    ///
    /// As epoll_wait(2).
    pub fn renew(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            if events.is_empty() {
                return Ok(());
            }
            let closed = events.iter().filter(|event| event.is_read_closed());
            for id in closed.map(|event| event.token().0) {
                if let Err(fault) = self.keep(id, None) {
                    self.give_up(id, &fault);
                }
            }
        }
    }

    /// The figures since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::replace(&mut self.tally, Tally::new(self.manner.timed))
    }

    /// Tokens of all places.
    pub fn places(&self) -> std::ops::Range<usize> {
        0..self.connections.len()
    }

    /// Sends until the goal is reached, and waits for all answers.
    ///
    /// # Errors
    ///
    /// As epoll_wait(2).
    pub fn closed_loop(&mut self, start: Instant, goal: Goal<'_>) -> io::Result<()> {
        let mut to_send = match goal {
            Goal::After(_) | Goal::Until(_) => usize::MAX,
            Goal::Requests(requests) => requests,
        };
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = Instant::now();
        for id in self.places() {
            self.ask(id, &mut to_send, now);
        }
        while self.waiting > 0 {
            now = self.wait(&mut events)?;
            let is_over = match goal {
                Goal::After(span) => now.duration_since(start) >= span,
                Goal::Until(ends) => ends.load(Relaxed),
                Goal::Requests(_) => false,
            };
            if is_over {
                to_send = 0;
            }
            for event in &events {
                let id = event.token().0;
                if self.receive(id, event.is_read_closed()) == Turn::Free {
                    self.ask(id, &mut to_send, now);
                }
            }
        }
        Ok(())
    }

    /// Sends the next batch, if one may still be sent.
    fn ask(&mut self, id: usize, to_send: &mut usize, now: Instant) {
        let requests = self.manner.pipeline.min(*to_send);
        if requests == 0 {
            return;
        }
        *to_send -= requests;
        // The clock is read for each batch only if somebody wants to know.
        let intended = if self.manner.timed {
            Instant::now()
        } else {
            now
        };
        self.begin(id, requests, intended);
    }

    /// Sends a batch on a connection without one, which is opened if each batch has its own.
    /// `false` if there is no such connection (any more).
    pub(crate) fn begin(&mut self, id: usize, requests: usize, intended: Instant) -> bool {
        let batch = self.script.batch(requests);
        let parse = self.manner.varying || self.unchecked >= ANSWERS_PER_CHECK;
        if parse {
            self.unchecked = 0;
        }
        let begun = match &mut self.connections[id] {
            Some(connection) => {
                let pieces = self.manner.pieces;
                connection.send(batch, &self.script, parse, pieces, intended)
            }
            None if self.manner.reconnect => {
                let opened = Connection::open(self.manner.address, batch, &self.script, intended);
                opened.and_then(|mut connection| {
                    connection.register(self.poll.registry(), Token(id))?;
                    self.connections[id] = Some(connection);
                    Ok(())
                })
            }
            None => return false,
        };
        match begun {
            Ok(()) => self.waiting += 1,
            Err(fault) => self.give_up(id, &fault),
        }
        self.connections[id].is_some()
    }

    /// Takes what has come for a connection, and counts its batch if that is answered.
    pub fn receive(&mut self, id: usize, closing: bool) -> Turn {
        let Some(connection) = &mut self.connections[id] else {
            return Turn::Lost;
        };
        let was_waiting = !connection.is_done();
        if self.manner.read_every > 1 && !closing && connection.leave_unread(self.manner.read_every)
        {
            self.count(id);
            return Turn::Free;
        }
        let received = connection.receive(&mut self.input, &self.script, closing);
        match received {
            Ok(false) => Turn::Waiting,
            // An event without a batch: nothing came, or the connection would have failed.
            Ok(true) if !was_waiting => Turn::Waiting,
            Ok(true) => {
                self.count(id);
                Turn::Free
            }
            Err(fault) => {
                self.waiting -= usize::from(was_waiting);
                self.give_up(id, &fault);
                Turn::Lost
            }
        }
    }

    /// Polls, no longer than until the next look for silent connections, and tells the time.
    pub(crate) fn wait(&mut self, events: &mut Events) -> io::Result<Instant> {
        let pause = self.manner.silence / LOOKS;
        let timeout = if self.manner.spin {
            Duration::ZERO
        } else {
            pause
        };
        let mut now;
        loop {
            match self.poll.poll(events, Some(timeout)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                polled => polled?,
            }
            now = Instant::now();
            if !events.is_empty() || !self.manner.spin || now >= self.next_sweep {
                break;
            }
        }
        if now >= self.next_sweep {
            self.next_sweep = now + pause;
            self.sweep();
        }
        Ok(now)
    }

    fn count(&mut self, id: usize) {
        let Some(connection) = &self.connections[id] else {
            return;
        };
        let requests = connection.batch.requests;
        self.tally.answered += requests;
        self.unchecked += requests;
        self.waiting -= 1;
        if self.manner.timed {
            self.tally.record(connection.intended.elapsed(), requests);
        }
        if self.manner.reconnect {
            self.connections[id] = None;
        }
    }

    /// Gives up the connections that have waited for too long.
    fn sweep(&mut self) {
        for id in self.places() {
            let place = self.connections[id].as_mut();
            if let Some(fault) = place.and_then(|one| one.overdue(&self.script, LOOKS)) {
                self.waiting -= 1;
                self.give_up(id, &fault);
            }
        }
    }

    fn give_up(&mut self, id: usize, fault: &Fault) {
        self.connections[id] = None;
        self.tally.fail(fault);
    }
}
