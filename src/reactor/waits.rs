//! A request that waits for its answer: how the wait begins, and how it goes on.

use std::mem;

use super::connections::ConnectionId;
use super::core::Core;
use super::deferral::{Deferred, Pending, Wait};
use super::jobs::Claim;
use super::kernel::Kernel;
use super::pool::NO_BUFFER;
use super::serve::Produced;
use super::state::{Session, State};
use super::stopwatch::Sample;
use super::timers::Time;
use crate::accounts::Refusal;
use crate::http::{Handler, Later, Response, Work};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Begins the wait for an answer, or answers that there is no room for the work.
    pub(super) fn defer(&mut self, later: Later, pending: Pending, session: &mut Session) {
        let now = self.kernel.now();
        // The handler has seen the body: its buffers are free before the work counts as held.
        let next = State::next_head(self.clock.now);
        session.state.change(next, &mut self.pool);
        let wait = match later {
            Later::After(span, then) => Ok(Wait::Timer {
                until: now.after(span),
                then,
            }),
            Later::Run(work) => {
                let (reply, held) = (None, work.bytes);
                let queued = self.queue(work, session.id);
                queued.map(|claim| Wait::Job { reply, claim, held })
            }
        };
        let wait = match wait {
            Ok(wait) => wait,
            Err((refusal, reason)) => {
                self.meter.refused(refusal, &session.peer, reason);
                let refused = self.write(pending.exchange, Response::busy(reason, 1));
                return self.finish(refused, pending, session);
            }
        };
        session.state = State::Deferred(Box::new(Deferred {
            pending,
            access: self.meter.access.take(),
            began: now,
            wait,
        }));
    }

    /// Gives work to the job pool; or why it has no room.
    pub(super) fn queue(
        &mut self,
        work: Work,
        id: ConnectionId,
    ) -> Result<Claim, (Refusal, &'static str)> {
        let (count, held) = (work.tasks as u64 + 1, work.bytes);
        if !self.pool.hold(held) {
            return Err((Refusal::Buffers, NO_BUFFER.reason));
        }
        let Ok(claim) = self.jobs.pool.run(work, id, &self.jobs.address) else {
            self.pool.release(held);
            return Err((Refusal::Jobs, QUEUE_FULL));
        };
        self.meter.account.jobs.add(count);
        self.jobs.outstanding += 1;
        Ok(claim)
    }

    /// Goes on with a request whose wait is over.
    pub fn end_wait(&mut self, session: &mut Session) {
        // The usual next state; the handler may yet decide otherwise.
        let next = State::next_head(self.clock.now);
        let deferred = match mem::replace(&mut session.state, next) {
            State::Deferred(deferred)
                if !matches!(deferred.wait, Wait::Job { reply: None, .. }) =>
            {
                deferred
            }
            State::Streaming(mut streaming) if streaming.claim.is_some() => {
                (streaming.claim, streaming.due) = (None, Time::ZERO);
                return session.state = State::Streaming(streaming);
            }
            other => return session.state = other,
        };
        deferred.give_back(&mut self.pool);
        let pending = deferred.pending;
        let waited = self.kernel.now().since(deferred.began);
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.meter.account.deferred.record(nanos);
        self.meter.access = deferred.access;
        self.meter.handler_resumes();
        let produced = match deferred.wait {
            Wait::Timer { then, .. } => self.produce(pending.exchange, |_| then(waited)),
            Wait::Job { reply, .. } => match reply {
                Some(reply) => self.produce(pending.exchange, |_| *reply),
                None => return,
            },
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
