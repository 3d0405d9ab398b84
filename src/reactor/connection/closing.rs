//! How a connection ends: the last answer, then the peer's end, then nothing.

use super::{
    Break, Connection, Continue, Core, Flow, Handler, Input, Kernel, Progress, Received, State,
};

impl<K: Kernel> Connection<K> {
    /// Tells the peer that nothing more will come.
    pub(super) fn shut_down<H: Handler>(&mut self, core: &mut Core<H, K>) -> Flow {
        core.meter.account.shutdowns.add(1);
        if core.kernel.shutdown(&mut self.transport.socket).is_err() {
            return Break(Progress::Finished);
        }
        let (since, heard) = (core.clock.now, core.clock.now);
        self.session.state = State::Lingering { since, heard };
        Continue(())
    }

    /// Reads and drops.
    pub(super) fn linger<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        if !self.transport.edges.readable {
            return Break(Progress::Blocked);
        }
        let room = common.spare();
        let received = self.transport.read(common.bytes_mut(), room, core);
        common.clear();
        match (received?, &mut self.session.state) {
            (Received::End, _) => return Break(Progress::Finished),
            (Received::Bytes(_), State::Lingering { heard, .. }) => *heard = core.clock.now,
            _ => {}
        }
        Continue(())
    }

    /// Gives back what it holds; it is gone afterwards, and its socket closed.
    pub fn dismiss<H>(mut self, core: &mut Core<H, K>) {
        core.meter.account.closes.add(1);
        // Only to give back what the state holds.
        self.session.state.change(State::Closing, &mut core.pool);
        self.transport.give_back(core);
        if let Some(input) = self.input {
            core.pool.give_back(input.into_bytes());
        }
    }
}
