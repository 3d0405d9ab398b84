//! When a connection's time is up, and what is done then.

use super::{
    Break, Connection, Continue, Core, Flow, Handler, Input, Kernel, Progress, State, Time,
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

    /// The deadline has passed.
    #[cold]
    pub(super) fn expire<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        if self.transport.deadline(core) <= core.clock.now {
            return Break(self.transport.too_slow(core));
        }
        let (input, session) = (held(self.input.as_ref()), &mut self.session);
        let reason = match session.state {
            State::Head { .. } if parse::has_begun(input) => HEAD_TOO_SLOW,
            State::Head { .. } => return self.leave_silent_peer(common, core),
            State::Body(_) => BODY_TOO_SLOW,
            State::Lingering { .. } => return Break(Progress::Finished),
            State::Closing => return Continue(()),
            State::Deferred(_) => {
                core.end_wait(session);
                return Continue(());
            }
            State::Discard { .. } => {
                session.state = State::Closing;
                return Continue(());
            }
        };
        let rejection = Rejection::new(Status::REQUEST_TIMEOUT, reason);
        core.reject(rejection, input, session);
        Continue(())
    }

    /// Leaves a peer that has said nothing for too long; but not before a last look, the one recv
    /// that no event asked for. A request may have come with this very turn, and its event be still
    /// on its way: after the shutdown its bytes would be dropped with those of a lingering close.
    fn leave_silent_peer<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        self.transport.edges.readable = true;
        if let Break(Progress::Finished) = self.fill_and_serve(common, core) {
            return Break(Progress::Finished);
        }
        let is_idle = matches!(self.session.state, State::Head { .. });
        if is_idle && self.deadline(core) <= core.clock.now {
            if core.draining.is_none() {
                let (meter, peer) = (&core.meter, &self.session.peer);
                meter.refused(Refusal::Idle, peer, "silent for too long");
            }
            self.session.state = State::Closing;
        }
        Continue(())
    }
}

/// What has been received and not been served.
fn held(input: Option<&Input>) -> &[u8] {
    input.map_or(&[], Input::as_slice)
}

const HEAD_TOO_SLOW: &str = "the request head took too long; send it whole, at once";
const BODY_TOO_SLOW: &str = "the body came too slowly; send at least 500 bytes a second";
