//! What a connection does when a technique changes while the server runs.

use super::{Connection, Core, Kernel};

impl<K: Kernel> Connection<K> {
    /// The technique `cursors` changes.
    pub fn mend_input<H>(&mut self, core: &mut Core<H, K>) {
        let owed = self.transport.owed.as_mut().map(|owed| &mut owed.bytes);
        for input in self.input.iter_mut().chain(owed) {
            core.pool.mend(input);
        }
    }

    /// The technique `nodelay` changes. A socket that refuses has failed, and will say so itself.
    pub fn set_nodelay<H>(&mut self, core: &mut Core<H, K>) {
        let _ = core.kernel.set_nodelay(&mut self.transport.socket);
    }
}
