//! A request that waits for its answer: how the wait begins, and how it goes on.

use std::mem;

use super::connections::ConnectionId;
use super::core::Core;
use super::deferral::{Deferred, Pending, Wait};
use super::kernel::Kernel;
use super::serve::Produced;
use super::state::{Session, State};
use super::stopwatch::Sample;
use crate::accounts::Refusal;
use crate::http::{Handler, Job, Later, Response, Task};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Begins the wait for an answer, or answers that there is no room for the work.
    pub(super) fn defer(&mut self, later: Later, pending: Pending, session: &mut Session) {
        let now = self.kernel.now();
        let wait = match later {
            Later::After(span, then) => Some(Wait::Timer {
                until: now.after(span),
                then,
            }),
            Later::Run(job) => self.queue(Vec::new(), job, session.id),
            Later::RunAll(tasks, job) => self.queue(tasks, job, session.id),
        };
        let Some(wait) = wait else {
            self.meter
                .refused(Refusal::Jobs, &session.peer, "the job queue is full");
            let refused = self.write(pending.exchange, Response::busy(QUEUE_FULL, 1));
            return self.finish(refused, pending, session);
        };
        let access = self.meter.access.take();
        let next = State::Deferred(Box::new(Deferred {
            pending,
            access,
            began: now,
            wait,
        }));
        session.state.change(next, &mut self.pool);
    }

    /// Gives work to the job pool; `None` if its queue has no room.
    fn queue(&mut self, tasks: Vec<Task>, job: Job, id: ConnectionId) -> Option<Wait> {
        let (count, address) = (tasks.len() as u64 + 1, &self.jobs.address);
        self.jobs.pool.run(tasks, job, id, address).ok()?;
        self.meter.account.jobs.add(count);
        self.jobs.outstanding += 1;
        Some(Wait::Job(None))
    }

    /// Goes on with a request whose wait is over.
    pub fn end_wait(&mut self, session: &mut Session) {
        // The usual next state; the handler may yet decide otherwise.
        let next = State::next_head(self.clock.now);
        let deferred = match mem::replace(&mut session.state, next) {
            State::Deferred(deferred) if !matches!(deferred.wait, Wait::Job(None)) => deferred,
            other => return session.state = other,
        };
        let pending = deferred.pending;
        let waited = self.kernel.now().since(deferred.began);
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.meter.account.deferred.record(nanos);
        self.meter.access = deferred.access;
        self.meter.handler_resumes();
        let produced = match deferred.wait {
            Wait::Timer { then, .. } => self.produce(pending.exchange, |_| then(waited)),
            Wait::Job(Some(reply)) => self.produce(pending.exchange, |_| *reply),
            Wait::Job(None) => return,
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
