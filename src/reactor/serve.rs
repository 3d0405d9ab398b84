//! From the bytes of a connection's input to the bytes of its answers.
//!
//! Every complete request in the input is served before anything is sent, so sixteen pipelined
//! requests are one recv and one send.

use std::mem;

use super::buffers::Input;
use super::connection::{Connection, Deferred, Gone, Pending, Phase, Step, Wait};
use super::kernel::Kernel;
use super::shared::{Produced, Shared};
use super::upload::Pace;
use crate::accounts::{Refusal, Stage};
use crate::http::body::Decoder;
use crate::http::parse::{self, Expectation, Framing, Head, Slots};
use crate::http::{Exchange, Handler, Later, Method, Rejection, Reply, Response, Status, Version};

impl<K: Kernel> Connection<K> {
    /// Serves what is complete in the input, as long as the answers are taken.
    #[cfg_attr(map, inline(never))]
    pub(super) fn serve<H: Handler>(
        &mut self,
        input: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        while !input.is_empty() {
            let goes_on = if let Phase::Head { .. } = self.phase {
                self.serve_head(input, shared)
            } else {
                self.serve_rest(input, shared)
            };
            if !goes_on {
                break;
            }
            let is_due = shared.output.len() >= shared.limits.owed;
            if is_due || !shared.techniques.batched_writes {
                self.flush(shared)?;
                if self.outbox.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes what belongs to a request whose head has been taken. False if nothing can be taken
    /// now.
    #[inline(never)]
    fn serve_rest<H: Handler>(&mut self, input: &mut Input, shared: &mut Shared<H, K>) -> bool {
        match self.phase {
            Phase::Body(_) => self.collect(input, shared),
            Phase::Discard { .. } => self.discard(input, shared),
            Phase::Head { .. } | Phase::Deferred(_) | Phase::Closing | Phase::Lingering { .. } => {
                false
            }
        }
    }

    /// Takes a request head, and what follows from it. False if the head is not complete, or
    /// refused.
    #[cfg_attr(map, inline(never))]
    fn serve_head<H: Handler>(&mut self, input: &mut Input, shared: &mut Shared<H, K>) -> bool {
        let Phase::Head { scanned, since } = &mut self.phase else {
            return false;
        };
        let is_new = *scanned == 0;
        let mut slots = Slots::new();
        // Matched by reference: the head is a page of pointers, and moving it is a call of memcpy.
        let mut parsed = parse::head(input.unread(), scanned, &mut slots, &shared.limits);
        match &mut parsed {
            Ok(Some(head)) => {
                shared.stopwatch.lap(Stage::Parse, &mut shared.kernel);
                head.request.worker = shared.worker;
                shared.access.begin(&self.peer, &head.request);
                shared.kernel.observe("serve_head", || {
                    let (bytes, fields) = (head.bytes, head.request.fields.len());
                    format!("a request head of {bytes} bytes with {fields} fields, seen in place")
                });
                let after = &input.unread()[head.bytes..];
                let taken = head.bytes + self.begin(head, after, shared);
                input.consume(taken);
                true
            }
            Ok(None) => {
                if is_new {
                    *since = shared.now;
                }
                false
            }
            Err(rejection) => {
                self.reject(*rejection, shared);
                false
            }
        }
    }

    /// Answers a request, or begins to read its body. Returns how many of the bytes that follow the
    /// head it took.
    #[inline]
    fn begin<H: Handler>(
        &mut self,
        head: &Head<'_>,
        after: &[u8],
        shared: &mut Shared<H, K>,
    ) -> usize {
        let is_plain = head.framing == Framing::None
            && head.expectation == Expectation::None
            && !matches!(head.request.method, Method::Connect | Method::Unknown);
        if !is_plain {
            return self.begin_with_body(head, after, shared);
        }
        let exchange = exchange_of(head);
        let produced = shared.produce(exchange, |handler| handler.handle(&head.request));
        self.settle(produced, exchange, Framing::None, shared);
        0
    }

    /// The peer will send nothing more.
    pub(super) fn meet_end<H: Handler>(
        &mut self,
        partial: bool,
        shared: &mut Shared<H, K>,
    ) -> Step {
        match self.phase {
            Phase::Head { .. } if partial => self.reject(ENDED_IN_HEAD, shared),
            Phase::Body(_) => self.reject(ENDED_IN_BODY, shared),
            _ => return Step::Finished,
        }
        Step::Again
    }

    /// Refuses the request, and all that may follow it.
    pub(super) fn reject<H: Handler>(&mut self, rejection: Rejection, shared: &mut Shared<H, K>) {
        self.reject_as(Refusal::of_status(rejection.status.0), rejection, shared);
    }

    /// The same, where the status does not tell the kind.
    #[cold]
    pub(super) fn reject_as<H: Handler>(
        &mut self,
        refusal: Refusal,
        rejection: Rejection,
        shared: &mut Shared<H, K>,
    ) {
        shared.refused(refusal, self.peer, rejection.reason);
        shared.access.begin_unknown(&self.peer);
        let exchange = Exchange {
            keep_alive: false,
            head_only: false,
            version: Version::Http11,
        };
        shared.answer(exchange, rejection.into());
        self.drop_upload(shared);
        self.phase = Phase::Closing;
    }

    /// What comes after a handler: the next request, or the wait for its answer. `unread` is the
    /// framing of the body that is still to come and that nobody wants.
    #[inline]
    pub(super) fn settle<H: Handler>(
        &mut self,
        produced: Produced,
        exchange: Exchange,
        unread: Framing,
        shared: &mut Shared<H, K>,
    ) {
        let goes_on =
            matches!(produced, Produced::Written { keep_alive: true }) && unread.is_bodiless();
        if goes_on && let Phase::Head { scanned, since } = &mut self.phase {
            // The usual case changes two numbers, where an assignment would first drop the old
            // phase.
            (*scanned, *since) = (0, shared.now);
        } else {
            self.settle_any(produced, exchange, unread, shared);
        }
    }

    #[inline(never)]
    fn settle_any<H: Handler>(
        &mut self,
        produced: Produced,
        exchange: Exchange,
        unread: Framing,
        shared: &mut Shared<H, K>,
    ) {
        self.phase = match produced {
            Produced::Later(later) => {
                return self.defer(
                    later,
                    Pending {
                        exchange,
                        unread,
                        asked: shared.turn_began,
                        access: mem::take(&mut shared.access),
                    },
                    shared,
                );
            }
            Produced::Written { keep_alive: false } => Phase::Closing,
            Produced::Written { .. } if unread.is_bodiless() => Phase::Head {
                scanned: 0,
                since: shared.now,
            },
            Produced::Written { .. } => Phase::Discard {
                body: Decoder::new(unread),
                pace: Pace::new(shared.now),
            },
        };
    }

    fn defer<H: Handler>(&mut self, later: Later, pending: Pending, shared: &mut Shared<H, K>) {
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

const ENDED_IN_HEAD: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a request head; a head ends with an empty line",
};

const ENDED_IN_BODY: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a body; send it whole, up to the last chunk if chunked",
};

const QUEUE_FULL: &str = "the queue for blocking work is full; try again in a second";

pub(super) fn exchange_of(head: &Head<'_>) -> Exchange {
    Exchange {
        keep_alive: head.keep_alive,
        head_only: head.request.method == Method::Head,
        version: head.request.version,
    }
}
