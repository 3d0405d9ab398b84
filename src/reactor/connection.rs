//! A connection: a session, the socket that it speaks through, and what lies between them.
//!
//! Everything outside of it is a wakeup, and wakeups are hints. [`Connection::advance`] carries the
//! connection as far as it can go: fill the input, serve what is complete in it, flush the answers,
//! again. What it needs to know between two wakeups is the session's [`State`], the bytes it could
//! not finish with, and the edges it has seen and not acted on.
//!
//! Between two advances the reactor's common input and output are empty. An idle connection holds
//! no buffer.

use std::mem;
use std::net::SocketAddr;
use std::ops::ControlFlow::{Break, Continue};

use super::buffers::Input;
use super::connections::ConnectionId;
use super::core::Core;
use super::deferral::Wait;
use super::kernel::Kernel;
use super::pool::NO_BUFFER;
use super::state::{Session, State};
use super::step::Step;
use super::timers::Time;
use super::transport::{Received, Transport};
use super::wakeup::{Cause, Flow, Progress};
use crate::accounts::Copied;
use crate::config::bounds;
use crate::http::{Handler, Reply};

mod closing;

mod deadline;

mod streaming;

mod taking;

mod room;

mod changes;

mod shown;

/// A connection and all that is known of it.
pub struct Connection<K: Kernel> {
    session: Session,
    transport: Transport<K>,
    /// Received, and not served yet; without one of its own, it reads into the common input.
    input: Option<Input>,
    /// It stands among those that go on in the next turn.
    has_yielded: bool,
}

impl<K: Kernel> Connection<K> {
    /// Goes as far as it can, for a bounded number of rounds and a bounded time. `common` is the
    /// input that all connections of the reactor read into; it is empty before and after.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    pub fn advance<H: Handler>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Progress {
        core.meter
            .note(Step::Advance(cause, self), &mut core.kernel);
        let progress = match self.go(cause, common, core) {
            Break(progress) => progress,
            // One place among the yielded is enough: were there one for each wakeup that comes
            // meanwhile, a peer that floods us would take more rounds with every turn.
            Continue(()) if mem::replace(&mut self.has_yielded, true) => Progress::Blocked,
            Continue(()) => Progress::Yielded,
        };
        if !matches!(progress, Progress::Finished) {
            self.arm(core);
        }
        progress
    }

    #[inline(always)]
    fn go<H: Handler>(&mut self, cause: Cause, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        if let Cause::Ready(ready) = cause {
            self.transport.edges.note(ready);
            // With unsent output, wait until the socket is writable.
            if self.has_yielded || (self.transport.owed.is_some() && !ready.writable) {
                return Break(Progress::Blocked);
            }
        } else {
            self.act_on(cause, common, core)?;
        }
        self.round(common, core)?;
        self.go_on(common, core)
    }

    /// The other rounds, as long as there is time.
    #[cold]
    fn go_on<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        for _ in 1..bounds::ROUNDS_PER_ADVANCE {
            if !core.look_for_time() {
                break;
            }
            self.round(common, core)?;
        }
        Continue(())
    }

    /// Does the next thing that the state asks for.
    #[inline(always)]
    fn round<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        if self.transport.owed.is_some() || !core.output.is_empty() {
            self.send_first(core)?;
        }
        match self.session.state {
            State::Deferred(_) => Break(self.transport.wait(core)),
            State::Streaming(_) => self.stream(core),
            State::Taking(_) => self.take(common, core),
            State::Broken => Break(self.transport.reset(core)),
            State::Closing => self.shut_down(core),
            State::Lingering { .. } => self.linger(common, core),
            _ => self.fill_and_serve(common, core),
        }
    }

    /// One read, unless something waits to be served; all that is complete then; one send.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    fn fill_and_serve<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        let input = self.input.as_ref();
        if input.is_some_and(|input| self.is_fresh(input)) || self.fill(common, core)? {
            let input = self.input.as_mut().unwrap_or(common);
            let mut goes_on = !input.is_empty();
            while goes_on && core.serve(&mut self.session, input) {
                let is_full = core.output.len() >= core.limits.owed;
                let is_due = is_full || !core.kernel.techniques().batched_writes;
                let owes = is_due && self.transport.flush_early(core)?;
                goes_on = !owes && !input.is_empty() && core.has_time();
            }
        }
        if self.input.is_some() || !common.is_empty() {
            self.keep_input(common, core);
        }
        self.transport.flush(false, core)?;
        // The round that would find out that nothing is left is spared.
        let is_idle = matches!(self.session.state, State::Head { .. })
            && !self.transport.edges.readable
            && self.input.is_none();
        if is_idle || self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }

    /// Whether bytes wait that have not been looked at: those behind a request whose answer took
    /// its time, or was more than the peer would take.
    fn is_fresh(&self, input: &Input) -> bool {
        match self.session.state {
            State::Head { ref partial, .. } => input.len() > partial.judged,
            _ => !input.is_empty(),
        }
    }

    /// One recv; whether there is something to serve. If not, nothing has come for now, or the
    /// request has been rejected. The bytes go into the common input, if nothing else is known of
    /// what will come.
    #[inline(always)]
    fn fill<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow<bool> {
        if !self.transport.edges.readable {
            return Break(Progress::Blocked);
        }
        if !core.kernel.techniques().shared_input && self.input.is_none() {
            self.input = core.pool.take_input().map(Input::new);
        }
        let is_empty = self.input.as_ref().is_none_or(Input::is_empty);
        if !is_empty || !matches!(self.session.state, State::Head { .. }) {
            return self.fill_own(common, core);
        }
        let input = self.input.as_mut().unwrap_or(common);
        let room = input.spare();
        match self.transport.read(input.bytes_mut(), room, core)? {
            Received::Bytes(_) => Continue(true),
            other => self.filled(other, common, core),
        }
    }

    /// One recv into an input of its own; or straight into the segment of a body, past the input,
    /// when it is known how much is still to come.
    #[inline(never)]
    fn fill_own<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow<bool> {
        if self.input.as_ref().is_none_or(Input::is_empty)
            && let State::Body(upload) = &mut self.session.state
            && let Some(remaining) = upload.decoder.remaining()
        {
            let Some(segment) = upload.room(0, &mut core.pool) else {
                core.reject(NO_BUFFER, &[], &mut self.session);
                return Continue(false);
            };
            let spare = segment.capacity() - segment.len();
            let room = usize::try_from(remaining).unwrap_or(spare).min(spare);
            let received = self.transport.read(segment, room, core)?;
            if let Received::Bytes(bytes) = received {
                upload.decoder.skip(bytes as u64);
                let span = core.timeouts.body_rate_span;
                upload.pace.moved(bytes, core.clock.now, span);
                core.serve_body(&mut self.session);
            }
            return self.filled(received, common, core);
        }
        let input = self.input.as_mut().unwrap_or(common);
        if input.spare() == 0 && !core.pool.enlarge(input) {
            core.reject(NO_BUFFER, input.as_slice(), &mut self.session);
            return Continue(false);
        }
        let room = input.spare();
        let received = self.transport.read(input.bytes_mut(), room, core)?;
        self.filled(received, common, core)
    }

    /// What a read means: there is something to serve, nothing for now, or nothing ever again.
    fn filled<H: Handler>(
        &mut self,
        received: Received,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Flow<bool> {
        let input = self.input.as_ref().unwrap_or(common);
        match received {
            Received::Bytes(_) => Continue(true),
            Received::Nothing => Continue(false),
            Received::End if core.end(input.as_slice(), &mut self.session) => Continue(false),
            Received::End => Break(Progress::Finished),
        }
    }

    /// What was received and not served is kept in a buffer of its own, as long as there is
    /// something in it.
    #[cold]
    fn keep_input<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) {
        let is_wanted = !matches!(self.session.state, State::Closing);
        if let Some(own) = self.input.take() {
            let is_held = !own.is_empty() || !core.kernel.techniques().shared_input;
            if is_held && is_wanted {
                self.input = Some(own);
            } else {
                core.pool.give_back(own.into_bytes());
            }
        } else if is_wanted {
            match core.pool.copy_of(Copied::Input, common.as_slice(), &[]) {
                Some(rest) => self.input = Some(Input::new(rest)),
                None => core.reject(NO_BUFFER, common.as_slice(), &mut self.session),
            }
        }
        common.clear();
    }

    /// What a wakeup asks for that is no readiness; breaks if there is nothing to be done now.
    #[inline(never)]
    fn act_on<H: Handler>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Flow {
        match cause {
            Cause::Timer(at) if self.is_armed_for(at) => {
                self.transport.edges.armed = Time::NEVER;
                if core.clock.now >= self.deadline(core) {
                    self.end_time(common, core)?;
                }
            }
            Cause::Timer(_) => return Break(Progress::Blocked),
            Cause::Answer => core.end_wait(&mut self.session),
            Cause::Resume => self.has_yielded = false,
            Cause::Evict => self.make_room(common, core)?,
            Cause::Drain | Cause::Wake => self.wake(cause, core.clock.now)?,
            Cause::Ready(_) => {}
        }
        Continue(())
    }

    /// What is owed goes before anything else, and what an answer that took its time has written.
    #[inline(never)]
    fn send_first<H: Handler>(&mut self, core: &mut Core<H, K>) -> Flow {
        if self.transport.owed.is_some() && self.transport.send_owed(core)? {
            self.session.state.forgive_silence(core.clock.now);
        }
        self.transport.flush(false, core)?;
        if self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }

    /// Sees to it that a timer entry comes due no later than the deadline. One that comes too early
    /// does no harm, so a deadline that moves out, as it does with every request, costs nothing
    /// here.
    #[inline(always)]
    pub fn arm<H>(&mut self, core: &mut Core<H, K>) {
        let deadline = self.deadline(core);
        let armed = self.transport.edges.armed;
        // Loops that know one timer for each connection set it anew whenever it moves.
        let moves = !core.kernel.techniques().lazy_deadlines && deadline != Time::NEVER;
        let is_set = deadline < armed || (moves && deadline != armed);
        if is_set {
            self.transport.edges.armed = deadline;
            core.timers.set(deadline, self.session.id);
        }
        core.meter
            .note(Step::Blocked(is_set, self), &mut core.kernel);
    }

    /// The moment at which something must be done even if nothing happens.
    fn deadline<H>(&self, core: &Core<H, K>) -> Time {
        let plain =
            self.input.is_none() && self.transport.owed.is_none() && core.draining.is_none();
        match self.session.state {
            // The usual case, which every answer leaves behind.
            State::Head { since, .. } if plain => Time(since.0.saturating_add(core.idle_ns)),
            _ => self.other_deadline(core),
        }
    }

    /// A connection that was just accepted, and is watched for reading.
    pub fn new(id: ConnectionId, peer: SocketAddr, socket: K::Socket, now: Time) -> Self {
        let state = State::next_head(now);
        Self {
            session: Session { id, peer, state },
            transport: Transport::new(socket, id, peer),
            input: None,
            has_yielded: false,
        }
    }

    /// Whether the timer entry for this moment counts, or is a left-over.
    pub fn is_armed_for(&self, at: Time) -> bool {
        self.transport.edges.armed == at
    }

    /// A job has finished: its answer is kept until the connection is advanced.
    pub fn keep_answer(&mut self, reply: Box<Reply>) {
        // A refusal may have ended the wait: there was no buffer for what came behind the request.
        if let State::Deferred(deferred) = &mut self.session.state
            && let Wait::Job { reply: kept, .. } = &mut deferred.wait
        {
            *kept = Some(reply);
        }
    }
}
