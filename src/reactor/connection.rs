//! A connection: the only state machine of the server.
//!
//! Everything outside of it is a wakeup, and wakeups are hints. [`Connection::advance`] carries the
//! connection as far as it can go: fill the input, serve what is complete in it, flush the answers,
//! again. What it needs to know between two wakeups is its [`Phase`], the bytes it could not finish
//! with (`inbox`, `outbox`), and the edges it has seen and not acted on.
//!
//! Invariants: between two advances the reactor's common input and output are empty. A connection
//! that owes bytes, or waits for an answer, reads nothing. recv is called only after an edge said
//! so, and not again after a short read, unless the end of the stream has been announced.

use std::mem;
use std::net::SocketAddr;

use super::buffers::Input;
use super::connections::ConnectionId;
use super::deferral::Deferred;
use super::kernel::{Kernel, Readiness};
use super::owing::Owed;
use super::shared::Shared;
use super::timers::Time;
use super::transfer::{Fill, OUTPUT_KEPT};
use super::upload::{Pace, Upload};
use super::wakeup::{Cause, Progress};
use crate::config::bounds;
use crate::http::body::Decoder;
use crate::http::{Handler, parse};

/// A connection and all that is known of it.
// Each of the bools is a fact of its own, and holds in every phase.
#[allow(clippy::struct_excessive_bools)]
pub struct Connection<K: Kernel> {
    pub(super) id: ConnectionId,
    pub(super) socket: K::Socket,
    pub(super) peer: SocketAddr,
    pub(super) phase: Phase,
    /// Received, and not served yet.
    pub(super) inbox: Option<Input>,
    /// It reads into a buffer of its own, and keeps that when it is empty.
    pub(super) holds_input: bool,
    /// Owed to the peer.
    pub(super) outbox: Option<Owed>,
    /// There may be something to read.
    pub(super) unread: bool,
    /// The peer has announced the end: a short read is not the last.
    pub(super) read_closed: bool,
    /// Events of the write side have been asked for.
    pub(super) writable_watched: bool,
    /// The moment of the soonest timer entry that counts.
    pub(super) armed: Time,
    /// It stands among those that go on in the next turn.
    yielded: bool,
}

/// What a connection is at.
#[derive(Debug)]
pub(super) enum Phase {
    /// Before a request head, or inside one. `since` is the last answer, or the head's first byte.
    Head { scanned: usize, since: Time },
    /// Inside a body that the handler wants.
    Body(Box<Upload>),
    /// The answer is being made.
    Deferred(Box<Deferred>),
    /// Inside a body that nobody wants.
    Discard { body: Decoder, pace: Pace },
    /// The last answer has been written: send it, and shut down.
    Closing,
    /// Shut down: reading to the peer's end, so that no reset overtakes our answer (RFC 9112
    /// section 9.6).
    Lingering { since: Time, heard: Time },
}

/// The connection is of no more use: the peer reset it, or we gave it up.
#[derive(Debug)]
pub(super) struct Gone;

/// What a round of an advance found.
pub(super) enum Step {
    Again,
    Blocked,
    Finished,
}

impl<K: Kernel> Connection<K> {
    /// A connection that was just accepted; without an input of its own it reads into the common
    /// one.
    pub fn new(
        id: ConnectionId,
        socket: K::Socket,
        peer: SocketAddr,
        now: Time,
        own_input: Option<Input>,
    ) -> Self {
        Self {
            id,
            socket,
            peer,
            phase: Phase::Head {
                scanned: 0,
                since: now,
            },
            holds_input: own_input.is_some(),
            inbox: own_input,
            outbox: None,
            unread: false,
            read_closed: false,
            writable_watched: false,
            armed: Time::NEVER,
            yielded: false,
        }
    }

    /// Whether the timer entry for this moment counts, or is a left-over.
    pub fn is_armed_for(&self, at: Time) -> bool {
        self.armed == at
    }

    /// Goes as far as it can, for a bounded number of rounds. `common` is the input that all
    /// connections of the reactor read into; it is empty before and after.
    #[cfg_attr(map, inline(never))]
    pub fn advance<H: Handler>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Progress {
        shared
            .kernel
            .observe("advance", || format!("{cause}; {}", self.describe()));
        // Nearly all wakeups are readiness: no call for those.
        let heeded = match cause {
            Cause::Ready(ready) => Ok(self.heed_edges(ready)),
            other => self.heed(other, common, shared),
        };
        match heeded {
            Ok(true) => {}
            Ok(false) => return Progress::Blocked,
            Err(Gone) => return Progress::Finished,
        }
        for _ in 0..bounds::ROUNDS_PER_ADVANCE {
            match self.round(common, shared) {
                Ok(Step::Again) => {}
                Ok(Step::Blocked) => {
                    self.arm(shared);
                    return Progress::Blocked;
                }
                Ok(Step::Finished) | Err(Gone) => return Progress::Finished,
            }
        }
        // One place is enough: were there one for each wakeup that comes meanwhile, a peer that
        // floods us would take more rounds with every turn.
        if mem::replace(&mut self.yielded, true) {
            Progress::Blocked
        } else {
            Progress::Yielded
        }
    }

    /// Takes note of what epoll said. False if there is nothing to be done about it now.
    #[inline]
    fn heed_edges(&mut self, ready: Readiness) -> bool {
        self.unread |= ready.readable || ready.read_closed;
        self.read_closed |= ready.read_closed;
        // Who owes bytes reads nothing, and a send before there is room would be in vain.
        !self.yielded && (self.outbox.is_none() || ready.writable)
    }

    /// Takes note of a wakeup. False if there is nothing to be done about it now.
    #[inline(never)]
    fn heed<H: Handler>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<bool, Gone> {
        match cause {
            Cause::Ready(ready) => Ok(self.heed_edges(ready)),
            Cause::Timer(at) if self.armed != at => Ok(false),
            Cause::Timer(_) => {
                self.armed = Time::NEVER;
                if shared.now >= self.deadline(shared) {
                    self.expire(common, shared)?;
                }
                Ok(true)
            }
            Cause::Answer => {
                self.take_up_answer(shared);
                Ok(true)
            }
            Cause::Resume => {
                self.yielded = false;
                Ok(true)
            }
            Cause::Drain => Ok(true),
        }
    }

    fn round<H: Handler>(
        &mut self,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        if self.outbox.is_some() || !shared.output.is_empty() {
            self.pay(shared)?;
            self.flush(shared)?;
            if self.outbox.is_some() {
                return Ok(Step::Blocked);
            }
        }
        match self.phase {
            Phase::Head { .. } | Phase::Body(_) | Phase::Discard { .. } => {
                self.converse(common, shared)
            }
            Phase::Deferred(_) => Ok(Step::Blocked),
            Phase::Closing => self.shut_down(shared),
            Phase::Lingering { .. } => self.drop_input(common, shared),
        }
    }

    /// Fill, serve, flush.
    #[cfg_attr(map, inline(never))]
    pub(super) fn converse<H: Handler>(
        &mut self,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        let is_fresh = self.has_fresh_input();
        if !is_fresh && !self.unread {
            return Ok(Step::Blocked);
        }
        shared
            .stopwatch
            .start(shared.turn_began, &mut shared.kernel);
        let step = if self.inbox.is_some() {
            self.fill_and_serve_own(is_fresh, shared)
        } else if self.reads_into_segments() {
            self.fill_body(shared)
        } else {
            let step = self.fill_and_serve(common, false, shared);
            if !common.is_empty() {
                self.keep_rest(common, shared);
            }
            step
        }?;
        self.flush(shared)?;
        // The round that would find out that nothing is left is spared.
        let is_idle = !self.unread
            && self.inbox.as_ref().is_none_or(Input::is_empty)
            && matches!(self.phase, Phase::Head { .. });
        Ok(if is_idle || self.outbox.is_some() {
            Step::Blocked
        } else {
            step
        })
    }

    /// The same with the input of our own.
    #[inline(never)]
    fn fill_and_serve_own<H: Handler>(
        &mut self,
        is_fresh: bool,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        let Some(mut own) = self.inbox.take() else {
            return Ok(Step::Again);
        };
        let step = self.fill_and_serve(&mut own, is_fresh, shared);
        self.keep_own(own, shared);
        step
    }

    /// One read, unless something waits to be served, and all that is complete then.
    #[inline]
    fn fill_and_serve<H: Handler>(
        &mut self,
        input: &mut Input,
        is_fresh: bool,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        let filled = if is_fresh {
            Fill::Bytes
        } else {
            self.fill(input, shared)?
        };
        if filled == Fill::Bytes {
            self.serve(input, shared)?;
        } else if filled == Fill::End {
            return Ok(self.meet_end(parse::has_begun(input.unread()), shared));
        }
        Ok(Step::Again)
    }

    /// Whether bytes wait that have not been looked at: those behind a request whose answer took
    /// its time.
    #[inline]
    fn has_fresh_input(&self) -> bool {
        match (&self.inbox, &self.phase) {
            (None, _) => false,
            (Some(inbox), Phase::Head { scanned, .. }) => inbox.len() > *scanned,
            (Some(inbox), _) => !inbox.is_empty(),
        }
    }

    /// The state in a few words, for whoever observes.
    pub(super) fn describe(&self) -> String {
        let phase = match &self.phase {
            Phase::Head { .. } => "Head",
            Phase::Body(_) => "Body",
            Phase::Deferred(_) => "Deferred",
            Phase::Discard { .. } => "Discard",
            Phase::Closing => "Closing",
            Phase::Lingering { .. } => "Lingering",
        };
        let held = |input: Option<&Input>| input.map_or(0, Input::len);
        let inbox = held(self.inbox.as_ref());
        let outbox = held(self.outbox.as_ref().map(|owed| &owed.bytes));
        format!("phase {phase}, inbox {inbox}, outbox {outbox}")
    }

    /// Gives back what it holds; it is gone afterwards.
    pub fn dismiss<H: Handler>(mut self, shared: &mut Shared<H, K>) {
        self.end_phase(shared);
        // What it had written when it failed must not go to the next one.
        shared.output.clear(OUTPUT_KEPT);
        let kept = [self.inbox, self.outbox.map(|owed| owed.bytes)];
        for input in kept.into_iter().flatten() {
            shared.pool.give_back(input.into_bytes());
        }
    }
}
