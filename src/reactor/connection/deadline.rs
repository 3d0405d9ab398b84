//! When a connection's time is up, and what is done then.

use super::{
    Break, Connection, Continue, Core, Flow, Handler, Input, Kernel, Progress, State, Step, Time,
    bounds,
};
use crate::accounts::Refusal;
use crate::http::{Rejection, Status, parse};

impl<K: Kernel> Connection<K> {
    /// The deadline of a connection that holds something, or while draining.
    #[inline(never)]
    pub(super) fn other_deadline<H>(&self, core: &Core<H, K>) -> Time {
        let state = &self.session.state;
        let of_owed = self.transport.deadline(core);
        // With bytes owed nothing is read: the peer's silence is of our making.
        if self.transport.owed.is_some() && !matches!(state, State::Deferred(_)) {
            return of_owed;
        }
        let (idle, silent_since) = match core.draining {
            Some(since) => (core.drain.idle, since),
            None => (core.timeouts.idle, Time::ZERO),
        };
        let has_begun = parse::has_begun(held(self.input.as_ref()));
        let of_state = state.deadline(has_begun, idle, silent_since, &core.timeouts);
        of_state.min(of_owed)
    }

    /// The deadline has passed. What a wait was for is done; but before anything is held against
    /// the peer the socket is looked at once more, by a call that no event asked for. What has come
    /// by now counts: its event may be still on its way, and who was stopped for a while
    /// (signal(7), SIGSTOP) finds its timers due before all that came meanwhile.
    #[cold]
    pub(super) fn end_time<H: Handler>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Flow {
        let state = &self.session.state;
        let is_wait = match state {
            State::Deferred(_) | State::Streaming(_) => true,
            State::Taking(taking) => taking.due > Time::ZERO,
            _ => false,
        };
        if is_wait && self.transport.deadline(core) > core.clock.now {
            core.end_wait(&mut self.session);
            return Continue(());
        }
        self.look_once_more(common, core)?;
        if self.deadline(core) <= core.clock.now {
            self.expire(core)?;
        }
        Continue(())
    }

    /// Looks at the socket without being told, before something is held against the peer.
    pub(super) fn look_once_more<H: Handler>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Flow {
        core.kernel.observe(&Step::LastLook(self.session.id));
        self.transport.edges.readable |= self.transport.owed.is_none();
        for _ in 0..bounds::ROUNDS_PER_ADVANCE {
            match self.round(common, core) {
                Break(Progress::Finished) => return Break(Progress::Finished),
                Break(_) => break,
                Continue(()) => {}
            }
        }
        Continue(())
    }

    /// Gives a peer up whose time has passed.
    fn expire<H: Handler>(&mut self, core: &mut Core<H, K>) -> Flow {
        if self.transport.deadline(core) <= core.clock.now {
            return Break(self.transport.too_slow(core));
        }
        let (input, session) = (held(self.input.as_ref()), &mut self.session);
        let reason = match session.state {
            State::Head { .. } if parse::has_begun(input) => HEAD_TOO_SLOW,
            State::Head { .. } => {
                if core.draining.is_none() {
                    let reason = "silent for too long";
                    core.meter.refused(Refusal::Idle, &session.peer, reason);
                }
                session.state = State::Closing;
                return Continue(());
            }
            State::Body(_) | State::Taking(_) => BODY_TOO_SLOW,
            State::Lingering { .. } => return Break(self.transport.leave(core)),
            State::Discard { .. } => {
                session.state = State::Closing;
                return Continue(());
            }
            State::Closing | State::Broken | State::Deferred(_) | State::Streaming(_) => {
                return Continue(());
            }
        };
        let rejection = Rejection::new(Status::REQUEST_TIMEOUT, reason);
        core.reject(rejection, input, session);
        Continue(())
    }
}

/// What has been received and not been served.
pub(super) fn held(input: Option<&Input>) -> &[u8] {
    input.map_or(&[], Input::as_slice)
}

const HEAD_TOO_SLOW: &str = "the request head took too long; send it whole, at once";
const BODY_TOO_SLOW: &str = "the body came too slowly; send at least 500 bytes a second";
