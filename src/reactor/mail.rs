//! What other threads have told a reactor: that a job is done, that a stream goes on, and
//! that the server leaves.

use super::Reactor;
use super::connections::ConnectionId;
use super::jobs::Message;
use super::kernel::Kernel;
use super::serve::handler_panicked;
use super::wakeup::Cause;
use crate::http::{Handler, Reply};

impl<H: Handler, K: Kernel> Reactor<H, K> {
    #[inline(never)]
    pub(super) fn read_messages(&mut self) {
        self.has_mail = false;
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                Message::Answer(id, reply) => self.take_answer(id, reply),
                Message::Abandoned => self.core.jobs.outstanding -= 1,
                Message::Wake(bell) => self.wakeups.push((bell.answer(), Cause::Wake)),
                Message::Short => self.free_buffers(),
                Message::Drain => self.drain(),
                Message::Look => {}
                Message::Leave => self.is_leaving = true,
            }
        }
    }

    fn take_answer(&mut self, id: ConnectionId, reply: Option<Box<Reply>>) {
        self.core.jobs.outstanding -= 1;
        let reply = reply.unwrap_or_else(|| {
            self.core.meter.panicked();
            Box::new(handler_panicked().into())
        });
        let techniques = self.core.kernel.techniques();
        if let Some(connection) = self.connections.get_mut(id, techniques) {
            connection.keep_answer(reply);
        }
        self.wakeups.push((id, Cause::Answer));
    }

    /// Accepts no more, and has every connection look at its deadline.
    fn drain(&mut self) {
        if self.core.draining.is_some() {
            return;
        }
        self.core.draining = Some(self.core.clock.now);
        self.acceptor.drain(&mut self.connections, &mut self.core);
        let ids = self.connections.ids().into_iter();
        self.wakeups.extend(ids.map(|id| (id, Cause::Drain)));
    }
}
