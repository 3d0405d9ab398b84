//! A connection: the state machine of the server, and the socket that it speaks through.
//!
//! Everything outside of it is a wakeup, and wakeups are hints. [`Connection::advance`] carries the
//! connection as far as it can go: fill the input, serve what is complete in it, flush the answers,
//! again. What it needs to know between two wakeups is its [`State`], the bytes it could not finish
//! with, and the edges it has seen and not acted on.
//!
//! Between two advances the reactor's common input and output are empty. An idle connection holds
//! no buffer.

use std::fmt;
use std::mem;
use std::ops::ControlFlow::{self, Break, Continue};

use super::buffers::{Input, NO_BUFFER};
use super::core::Core;
use super::deferral::Wait;
use super::kernel::Kernel;
use super::meter::Step;
use super::state::{Client, State};
use super::timers::Time;
use super::transport::{Received, Transport};
use super::wakeup::{Cause, Progress};
use crate::accounts::Copied;
use crate::config::bounds;
use crate::http::{Handler, Reply, parse};

/// A connection and all that is known of it.
pub struct Connection<S> {
    pub(super) client: Client,
    pub(super) transport: Transport<S>,
    pub(super) state: State,
    /// Received, and not served yet; without one of its own, it reads into the common input.
    pub(super) input: Option<Input>,
    /// It stands among those that go on in the next turn.
    has_yielded: bool,
}

impl<S> Connection<S> {
    /// A connection that was just accepted, and is watched for reading.
    pub fn new(client: Client, socket: S, now: Time) -> Self {
        Self {
            client,
            transport: Transport::new(client, socket),
            state: State::next_head(now),
            input: None,
            has_yielded: false,
        }
    }

    /// Goes as far as it can, for a bounded number of rounds. `common` is the input that all
    /// connections of the reactor read into; it is empty before and after.
    #[cfg_attr(map, inline(never))]
    pub fn advance<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Progress {
        core.meter
            .note(Step::Advance(cause, self), &mut core.kernel);
        let progress = match self.take_note(cause, common, core) {
            Continue(()) => self.go_round(common, core),
            Break(progress) => progress,
        };
        if !matches!(progress, Progress::Finished) {
            self.arm(core);
        }
        progress
    }

    fn go_round<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Progress {
        for _ in 0..bounds::ROUNDS_PER_ADVANCE {
            if let Break(progress) = self.round(common, core) {
                return progress;
            }
        }
        // One place is enough: were there one for each wakeup that comes meanwhile, a peer that
        // floods us would take more rounds with every turn.
        if mem::replace(&mut self.has_yielded, true) {
            Progress::Blocked
        } else {
            Progress::Yielded
        }
    }

    /// Takes note of a wakeup. It breaks if there is nothing to be done about it now.
    fn take_note<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        cause: Cause,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        match cause {
            Cause::Ready(ready) => {
                self.transport.edges.note(ready);
                // With unsent output, wait until the socket is writable.
                if self.has_yielded || (self.transport.owed.is_some() && !ready.writable) {
                    return Break(Progress::Blocked);
                }
            }
            Cause::Timer(at) if self.is_armed_for(at) => {
                self.transport.edges.armed = Time::NEVER;
                if core.clock.now >= self.deadline(core) {
                    self.expire(common, core)?;
                }
            }
            Cause::Timer(_) => return Break(Progress::Blocked),
            Cause::Answer => self.state.resume(&self.client, core),
            Cause::Resume => self.has_yielded = false,
            Cause::Drain => {}
        }
        Continue(())
    }

    /// Does the next thing that its state asks for.
    fn round<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        if self.transport.owed.is_some() && self.transport.send_owed(core)? {
            self.state.forgive_silence(core.clock.now);
        }
        self.transport.flush(core)?;
        if self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        match &mut self.state {
            State::Head { .. } | State::Body(_) | State::Discard { .. } => {
                self.fill_and_serve(common, core)
            }
            State::Deferred(_) => Break(Progress::Blocked),
            State::Closing => {
                self.transport.shut_down(core)?;
                let (since, heard) = (core.clock.now, core.clock.now);
                self.state = State::Lingering { since, heard };
                Continue(())
            }
            State::Lingering { heard, .. } => {
                if !self.transport.edges.readable {
                    return Break(Progress::Blocked);
                }
                let room = common.spare();
                let received = self.transport.read(common.bytes_mut(), room, core);
                common.clear();
                match received? {
                    Received::Bytes(_) => *heard = core.clock.now,
                    Received::Nothing => {}
                    Received::End => return Break(Progress::Finished),
                }
                Continue(())
            }
        }
    }

    /// One read, unless something waits to be served; all that is complete then; one send.
    #[cfg_attr(map, inline(never))]
    pub(super) fn fill_and_serve<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        let received = if self.has_fresh_input() {
            Received::Bytes(0)
        } else if self.transport.edges.readable {
            self.fill(common, core)?
        } else {
            return Break(Progress::Blocked);
        };
        let input = self.input.as_mut().unwrap_or(common);
        if let Received::End = received {
            let has_begun = parse::has_begun(input.as_slice());
            if !self.state.end(has_begun, &self.client, core) {
                return Break(Progress::Finished);
            }
        }
        let has_come = matches!(received, Received::Bytes(_));
        while has_come && !input.is_empty() && self.state.serve(&self.client, input, core) {
            let is_full = core.output.len() >= core.limits.owed;
            if is_full || !core.kernel.techniques().batched_writes {
                self.transport.flush(core)?;
                if self.transport.owed.is_some() {
                    break;
                }
            }
        }
        if self.input.is_some() || !common.is_empty() {
            self.keep_input(common, core);
        }
        self.transport.flush(core)?;
        // The round that would find out that nothing is left is spared.
        let is_idle = matches!(self.state, State::Head { .. })
            && !self.transport.edges.readable
            && self.input.as_ref().is_none_or(Input::is_empty);
        if is_idle || self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }

    /// One recv into the input; or straight into the segment of a body, past the input, when it is
    /// known how much is still to come.
    fn fill<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress, Received> {
        if self.input.is_none() && !core.kernel.techniques().shared_input {
            self.input = core.pool.take_input();
        }
        if let State::Body(upload) = &mut self.state
            && self.input.as_ref().is_none_or(Input::is_empty)
            && let Some(receivable) = upload.receivable()
        {
            let Some(segment) = upload.room(&mut core.pool) else {
                self.state.reject(NO_BUFFER, &self.client, core);
                return Continue(Received::Nothing);
            };
            let room = receivable.min(segment.capacity() - segment.len());
            let received = self.transport.read(segment, room, core)?;
            if let Received::Bytes(bytes) = received {
                upload.received(bytes, core.clock.now);
                self.state.serve_body(&self.client, core);
            }
            return Continue(received);
        }
        let input = self.input.as_mut().unwrap_or(common);
        if input.spare() == 0 && !core.pool.enlarge(input) {
            self.state.reject(NO_BUFFER, &self.client, core);
            return Continue(Received::Nothing);
        }
        let room = input.spare();
        self.transport.read(input.bytes_mut(), room, core)
    }

    /// What was received and not served is kept in a buffer of its own, as long as there is
    /// something in it.
    #[cold]
    fn keep_input<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) {
        let is_wanted = !matches!(self.state, State::Closing);
        match self.input.take() {
            Some(own) => {
                let is_held = !own.is_empty() || !core.kernel.techniques().shared_input;
                if is_held && is_wanted {
                    self.input = Some(own);
                } else {
                    core.pool.give_back(own.into_bytes());
                }
            }
            None if is_wanted => match core.pool.copy_of(Copied::Input, common.as_slice(), &[]) {
                Some(rest) => self.input = Some(Input::new(rest, core.kernel.techniques())),
                None => self.state.reject(NO_BUFFER, &self.client, core),
            },
            None => {}
        }
        common.clear();
    }

    /// Whether bytes wait that have not been looked at: those behind a request whose answer took
    /// its time.
    fn has_fresh_input(&self) -> bool {
        match (&self.input, &self.state) {
            (None, _) => false,
            (Some(input), State::Head { scanned, .. }) => input.len() > *scanned,
            (Some(input), _) => !input.is_empty(),
        }
    }

    /// Sees to it that a timer entry comes due no later than the deadline. One that comes too early
    /// does no harm, so a deadline that moves out, as it does with every request, costs nothing
    /// here.
    pub(super) fn arm<H: Handler, K: Kernel<Socket = S>>(&mut self, core: &mut Core<H, K>) {
        let deadline = self.deadline(core);
        let armed = &mut self.transport.edges.armed;
        // Loops that know one timer for each connection set it anew whenever it moves.
        let moves = !core.kernel.techniques().lazy_deadlines
            && deadline != *armed
            && deadline != Time::NEVER;
        let is_set = deadline < *armed || moves;
        if is_set {
            *armed = deadline;
            core.timers.set(deadline, self.client.id);
        }
        core.meter
            .note(Step::Blocked(is_set, self), &mut core.kernel);
    }

    /// The moment at which something must be done even if nothing happens.
    pub(super) fn deadline<H, K: Kernel>(&self, core: &Core<H, K>) -> Time {
        match self.state {
            // The usual case, which every answer leaves behind.
            State::Head { since, .. }
                if self.input.is_none()
                    && self.transport.owed.is_none()
                    && core.draining.is_none() =>
            {
                Time(since.0.saturating_add(core.idle_ns))
            }
            _ => self.other_deadline(core),
        }
    }

    /// Whether the timer entry for this moment counts, or is a left-over.
    pub fn is_armed_for(&self, at: Time) -> bool {
        self.transport.edges.armed == at
    }

    /// A job has finished: its answer is kept until the connection is advanced.
    pub fn keep_answer(&mut self, reply: Box<Reply>) {
        // A refusal may have ended the wait: there was no buffer for what came behind the request.
        if let State::Deferred(deferred) = &mut self.state
            && matches!(deferred.wait, Wait::Job)
        {
            deferred.wait = Wait::Answered(reply);
        }
    }

    /// Gives back what it holds; it is gone afterwards.
    pub fn dismiss<H, K: Kernel>(mut self, core: &mut Core<H, K>) {
        self.state.change(State::Closing, &mut core.pool);
        self.transport.give_back(core);
        if let Some(input) = self.input {
            core.pool.give_back(input.into_bytes());
        }
    }
}

/// For whoever observes.
impl<S> fmt::Display for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.name();
        let input = self.input.as_ref().map_or(0, Input::len);
        let owed = self.transport.owed.as_ref().map_or(0, |owed| owed.len());
        write!(f, "state {state}, input {input}, owed {owed}")
    }
}
