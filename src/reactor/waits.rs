//! A request that waits for its answer: how the wait begins, and how it goes on.

use std::mem;

use super::core::Core;
use super::deferral::{Deferred, Pending, Wait};
use super::journal;
use super::kernel::Kernel;
use super::serve::Produced;
use super::state::{Session, State};
use super::stopwatch::Sample;
use crate::accounts::Refusal;
use crate::http::{Handler, Later, Response};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Begins the wait for an answer.
    pub(super) fn defer(&mut self, later: Later, pending: Pending, session: &mut Session) {
        let (account, begins) = (&self.meter.account, (session.id, self.kernel.now()));
        if let Some(mut deferred) = Deferred::begin(later, pending, begins, &mut self.jobs, account)
        {
            deferred.access = self.meter.access.take();
            let next = State::Deferred(Box::new(deferred));
            session.state.change(next, &mut self.pool);
        } else {
            journal::refused(
                account,
                Refusal::Jobs,
                &session.peer,
                "the job queue is full",
            );
            let refused = self.write(pending.exchange, Response::busy(QUEUE_FULL, 1));
            self.finish(refused, pending, session);
        }
    }

    /// Goes on with a request whose wait is over.
    pub fn resume(&mut self, session: &mut Session) {
        let is_over = |state: &State| match state {
            State::Deferred(deferred) => !matches!(deferred.wait, Wait::Job),
            _ => false,
        };
        if !is_over(&session.state) {
            return;
        }
        // The usual next state; the handler may yet decide otherwise.
        let next = State::next_head(self.clock.now);
        let State::Deferred(deferred) = mem::replace(&mut session.state, next) else {
            return;
        };
        let pending = deferred.pending;
        self.meter.access = deferred.access;
        self.meter.handler_resumes();
        let produced = match deferred.wait {
            Wait::Timer { began, then, .. } => {
                let waited = self.kernel.now().since(began);
                self.produce(pending.exchange, |_| then(waited))
            }
            Wait::Answered(reply) => self.produce(pending.exchange, |_| *reply),
            Wait::Job => return,
        };
        self.finish_late(produced, pending, session);
    }

    /// The same as [`finish`](Self::finish) for an answer that took its time: its response time is
    /// always measured.
    pub(super) fn finish_late(
        &mut self,
        produced: Produced,
        pending: Pending,
        session: &mut Session,
    ) {
        if matches!(produced, Produced::Written { .. }) {
            let asked = pending.asked;
            self.meter.stopwatch.sample = Sample::Deferred { asked };
        }
        self.finish(produced, pending, session);
    }
}

const QUEUE_FULL: &str = "the queue for blocking work is full; try again in a second";
