//! Making room for others.

use super::deadline::held;
use super::{Break, Connection, Continue, Core, Flow, Handler, Input, Kernel, State};
use crate::http::{Rejection, Status, parse};
use crate::reactor::state::Stake;

impl<K: Kernel> Connection<K> {
    /// What it takes, if it can be told to go: it does not wait for an answer of ours, and is not
    /// on its way out.
    pub fn stake(&self) -> Option<Stake> {
        let input = self.input.as_ref();
        let (bytes, since) = match (&self.session.state, &self.transport.owed) {
            (State::Deferred(_), _) => return None,
            (_, Some(owed)) => (owed.bytes.room(), owed.pace.began()),
            (State::Head { since, .. }, None) => (0, *since),
            (State::Body(upload), None) => {
                (upload.head.capacity() + upload.held(), upload.pending.asked)
            }
            (State::Taking(taking), None) if taking.reads() => (0, taking.pending.asked),
            _ => return None,
        };
        let is_idle = self.transport.owed.is_none()
            && matches!(self.session.state, State::Head { .. })
            && !parse::has_begun(held(input));
        let bytes = bytes + input.map_or(0, Input::room);
        Some(Stake {
            is_idle,
            bytes,
            since,
        })
    }

    /// Others need its place, or its buffers: it goes, unless what it wants has come by now.
    #[cold]
    pub(super) fn make_room<H: Handler>(
        &mut self,
        common: &mut Input,
        core: &mut Core<H, K>,
    ) -> Flow {
        let before = self.stake().map(|stake| stake.since);
        self.look_once_more(common, core)?;
        let Some(stake) = self.stake().filter(|stake| before == Some(stake.since)) else {
            return Continue(());
        };
        core.meter.account.evictions.add(1);
        if self.transport.owed.is_some() {
            return Break(self.transport.leave(core));
        }
        if stake.is_idle {
            self.session.state = State::Closing;
        } else {
            let rejection = Rejection::new(Status::REQUEST_TIMEOUT, MAKES_ROOM);
            core.reject(rejection, held(self.input.as_ref()), &mut self.session);
        }
        Continue(())
    }
}

const MAKES_ROOM: &str =
    "the server is short of room, and this request took long; send it whole, at once";
