//! A connection that sends a stream: one piece and one send a round.

use super::{
    Break, Cause, Connection, Continue, Core, Flow, Handler, Kernel, Progress, State, Time,
};

impl<K: Kernel> Connection<K> {
    /// Has a piece written, if one is due, and sends it. Nothing is owed here, so there is room.
    #[inline(never)]
    pub(super) fn stream<H: Handler>(&mut self, core: &mut Core<H, K>) -> Flow {
        if let State::Streaming(streaming) = &self.session.state
            && streaming.due > core.clock.now
        {
            return Break(self.transport.wait(core));
        }
        let part = core.write_piece(&mut self.session);
        self.transport.flush_with(part, core)?;
        if self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }

    /// The stream is to be asked now, or the body read on, if there is one.
    /// While it owes, that has to wait for room.
    pub(super) fn wake(&mut self, cause: Cause, now: Time) -> Flow {
        match (&mut self.session.state, cause) {
            (State::Streaming(streaming), _) => streaming.due = Time::ZERO,
            (State::Taking(taking), Cause::Wake) => taking.due = taking.due.min(now),
            _ => {}
        }
        if self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }
}
