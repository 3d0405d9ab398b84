//! A connection whose request's body is taken as it comes.

use super::{
    Break, Connection, Continue, Core, Flow, Handler, Input, Kernel, Progress, State, Time,
};
use crate::reactor::upload::Pace;

impl<K: Kernel> Connection<K> {
    /// Reads on, unless its handler has it wait: then the peer's window fills, and holds the peer
    /// back. A wait behind the whole body is one for the answer.
    #[inline(never)]
    pub(super) fn take<H: Handler>(&mut self, common: &mut Input, core: &mut Core<H, K>) -> Flow {
        let State::Taking(taking) = &mut self.session.state else {
            return Continue(());
        };
        if taking.due > core.clock.now {
            let has_gone = self.transport.has_gone(core);
            return Break([Progress::Blocked, Progress::Finished][usize::from(has_gone)]);
        }
        if taking.due > Time::ZERO {
            // The silence was of our making.
            (taking.due, taking.pace) = (Time::ZERO, Pace::new(core.clock.now));
        }
        if !taking.decoder.is_done() {
            return self.fill_and_serve(common, core);
        }
        core.take_last(&mut self.session);
        self.transport.flush(false, core)?;
        if self.transport.owed.is_some() {
            return Break(Progress::Blocked);
        }
        Continue(())
    }
}
