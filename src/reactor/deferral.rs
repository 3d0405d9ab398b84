//! A request whose answer takes its time: what is kept of it, and how it goes on.
//!
//! Until the answer is there its connection reads nothing and serves nothing, so answers keep the
//! order of their requests. There is no way to give up a wait or a job that has begun.

use std::mem;

use super::connection::{Connection, Phase};
use super::journal::AccessLine;
use super::kernel::Kernel;
use super::shared::{Produced, Shared};
use super::stopwatch::Stopwatch;
use super::timers::Time;
use crate::accounts::Refusal;
use crate::http::parse::Framing;
use crate::http::{Continuation, Exchange, Handler, Later, Reply, Response};

/// A request whose answer is being made.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) pending: Pending,
    pub(super) wait: Wait,
}

/// What of a request survives until its answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) exchange: Exchange,
    /// The framing of a body that is still to come and that its handler did not want.
    pub(super) unread: Framing,
    /// When the turn began that read it.
    pub(super) asked: Time,
    pub(super) access: AccessLine,
}

/// What an answer waits for.
pub(super) enum Wait {
    /// The clock.
    Timer {
        began: Time,
        until: Time,
        then: Continuation,
    },
    /// A thread of the pool.
    Job,
    /// The next advance: the thread has answered.
    Answered(Box<Reply>),
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Timer { .. } => "Timer",
            Self::Job => "Job",
            Self::Answered(_) => "Answered",
        })
    }
}

impl<K: Kernel> Connection<K> {
    /// Begins the wait, or gives the work to the job pool.
    pub(super) fn defer<H: Handler>(
        &mut self,
        later: Later,
        pending: Pending,
        shared: &mut Shared<H, K>,
    ) {
        let queued = match later {
            Later::After(span, then) => {
                let began = shared.kernel.now();
                let wait = Wait::Timer {
                    began,
                    until: began.after(span),
                    then,
                };
                self.phase = Phase::Deferred(Box::new(Deferred { pending, wait }));
                return;
            }
            Later::Run(job) => shared.jobs.run(job, self.id, &shared.address).map(|()| 1),
            Later::RunAll(tasks, job) => {
                let jobs = tasks.len() as u64 + 1;
                shared
                    .jobs
                    .run_all(tasks, job, self.id, &shared.address)
                    .map(|()| jobs)
            }
        };
        if let Ok(jobs) = queued {
            shared.kernel.account.jobs.add(jobs);
            shared.jobs_outstanding += 1;
            self.phase = Phase::Deferred(Box::new(Deferred {
                pending,
                wait: Wait::Job,
            }));
        } else {
            shared.refused(Refusal::Jobs, self.peer, "the job queue is full");
            shared.access = pending.access;
            let answer = shared.answer(pending.exchange, Response::busy(QUEUE_FULL, 1));
            self.settle(answer, pending.exchange, pending.unread, shared);
        }
    }

    /// A job has finished: its answer is kept until the connection is advanced.
    pub(super) fn keep_answer(&mut self, reply: Box<Reply>) {
        // A refusal may have ended the wait: there was no buffer for what came behind the request.
        if let Phase::Deferred(deferred) = &mut self.phase
            && matches!(deferred.wait, Wait::Job)
        {
            deferred.wait = Wait::Answered(reply);
        }
    }

    /// Goes on with the answer that was kept.
    pub(super) fn take_up_answer<H: Handler>(&mut self, shared: &mut Shared<H, K>) {
        let Phase::Deferred(deferred) = &mut self.phase else {
            return;
        };
        match mem::replace(&mut deferred.wait, Wait::Job) {
            Wait::Answered(reply) => self.resume(|_| *reply, shared),
            other => deferred.wait = other,
        }
    }

    /// Goes on with a request whose wait is over.
    pub(super) fn resume<H: Handler>(
        &mut self,
        make: impl FnOnce(&H) -> Reply,
        shared: &mut Shared<H, K>,
    ) {
        let Phase::Deferred(deferred) = mem::replace(&mut self.phase, Phase::Closing) else {
            return;
        };
        let mut pending = deferred.pending;
        shared.access = mem::take(&mut pending.access);
        Stopwatch::handler_resumes();
        match shared.produce(pending.exchange, make) {
            Produced::Later(later) => {
                pending.access = mem::take(&mut shared.access);
                self.defer(later, pending, shared);
            }
            written @ Produced::Written { .. } => {
                shared.stopwatch.deferred(pending.asked);
                self.settle(written, pending.exchange, pending.unread, shared);
            }
        }
    }
}

const QUEUE_FULL: &str = "the queue for blocking work is full; try again in a second";
