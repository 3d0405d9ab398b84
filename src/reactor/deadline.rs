//! When a connection's time is up, and what is done then.

use std::ops::ControlFlow::{self, Break, Continue};

use super::buffers::Input;
use super::connection::Connection;
use super::core::Core;
use super::journal;
use super::kernel::Kernel;
use super::state::State;
use super::timers::Time;
use super::wakeup::Progress;
use crate::accounts::Refusal;
use crate::http::{Handler, Rejection, Status, parse};

impl<S> Connection<S> {
    /// The moment at which something must be done even if nothing happens; computed, never stored,
    /// so that it cannot disagree with the state.
    #[inline(never)]
    pub(super) fn other_deadline<H, K: Kernel>(&self, core: &Core<H, K>) -> Time {
        let of_state = match &self.state {
            // With bytes owed nothing is read: the peer's silence is of our making.
            state if self.transport.owed.is_some() && !matches!(state, State::Deferred(_)) => {
                Time::NEVER
            }
            state => {
                let silence = match core.draining {
                    Some(since) => (core.drain.idle, since),
                    None => (core.timeouts.idle, Time::ZERO),
                };
                state.deadline(self.has_begun(), silence, &core.timeouts)
            }
        };
        of_state.min(self.transport.deadline(core))
    }

    /// The deadline has passed.
    #[cold]
    pub(super) fn expire<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        if self.transport.deadline(core) <= core.clock.now {
            return Break(self.transport.too_slow(core));
        }
        let (client, has_begun) = (&self.client, self.has_begun());
        match &mut self.state {
            State::Head { .. } if has_begun => {
                self.state
                    .refuse(Refusal::HeadTimeout, HEAD_TOO_SLOW, false, client, core);
            }
            State::Head { .. } => return self.leave_silent_peer(common, core),
            State::Body(upload) => {
                let head_only = upload.exchange.head_only;
                self.state
                    .refuse(Refusal::BodyTimeout, BODY_TOO_SLOW, head_only, client, core);
            }
            State::Discard { .. } => self.state = State::Closing,
            State::Deferred(_) => self.state.resume(client, core),
            State::Closing => {}
            State::Lingering { .. } => return Break(Progress::Finished),
        }
        Continue(())
    }

    /// Leaves a peer that has said nothing for too long; but not before a last look, the one recv
    /// that no event asked for. A request may have come with this very turn, and its event be still
    /// on its way: after the shutdown its bytes would be dropped with those of a lingering close.
    fn leave_silent_peer<H: Handler, K: Kernel<Socket = S>>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        self.transport.edges.readable = true;
        if let Break(Progress::Finished) = self.fill_and_serve(common, core) {
            return Break(Progress::Finished);
        }
        let is_idle = matches!(self.state, State::Head { .. });
        if is_idle && self.deadline(core) <= core.clock.now {
            if core.draining.is_none() {
                let (account, peer) = (&core.meter.account, &self.client.peer);
                journal::refused(account, Refusal::Idle, peer, "silent for too long");
            }
            self.state = State::Closing;
        }
        Continue(())
    }

    /// Whether bytes of a request head are here.
    fn has_begun(&self) -> bool {
        let input = self.input.as_ref();
        input.is_some_and(|input| parse::has_begun(input.as_slice()))
    }
}

const HEAD_TOO_SLOW: Rejection = Rejection {
    status: Status::REQUEST_TIMEOUT,
    reason: "the request head took too long; send it whole, at once",
};

const BODY_TOO_SLOW: Rejection = Rejection {
    status: Status::REQUEST_TIMEOUT,
    reason: "the body came too slowly; send at least 500 bytes a second",
};
