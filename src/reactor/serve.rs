//! From the bytes of a connection's input to the bytes of its answers. No socket is touched.
//!
//! Every complete request in the input is served before anything is sent, so sixteen pipelined
//! requests are one recv and one send. Answers made at once and answers made later meet in
//! `produce` before a byte is written, so HEAD, `Connection: close`, HTTP/1.0 and the order of
//! pipelined answers hold for both.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffers::{Input, NO_BUFFER};
use super::core::Core;
use super::deferral::{Deferred, Pending, Wait};
use super::journal;
use super::kernel::Kernel;
use super::meter::Step;
use super::state::{Session, State};
use super::stopwatch::Sample;
use super::upload::{Pace, Upload};
use crate::accounts::{Copied, Refusal};
use crate::http::admission::{Verdict, judge};
use crate::http::body::Decoder;
use crate::http::date::Date;
use crate::http::parse::{self, Controls, Expectation, Framing, Head, Slots};
use crate::http::response::Written;
use crate::http::{Body, Exchange, Handler, Later, Method, Rejection, Reply, Response, Status};
use crate::http::{Request, Version};

/// What came of a handler.
enum Produced {
    /// The answer is in the output, and the connection stays open or does not.
    Written { keep_alive: bool },
    /// It will be.
    Later(Later),
}

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Takes what comes next out of the input: a request head with what follows from it, or a piece
    /// of a body. False if nothing can be taken now.
    #[cfg_attr(map, inline(never))]
    pub fn serve(&mut self, session: &mut Session, input: &mut Input) -> bool {
        match session.state {
            State::Head { .. } => self.serve_head(session, input),
            State::Body(_) | State::Discard { .. } => self.serve_piece(session, input),
            State::Deferred(_) | State::Closing | State::Lingering { .. } => false,
        }
    }

    /// Takes a request head. False if it is not complete, or refused.
    #[cfg_attr(map, inline(never))]
    fn serve_head(&mut self, session: &mut Session, input: &mut Input) -> bool {
        let State::Head { scanned, since } = &mut session.state else {
            return false;
        };
        let before = *scanned;
        let mut slots = Slots::new();
        let techniques = self.kernel.techniques();
        match self
            .parser
            .head(input.as_slice(), scanned, &mut slots, techniques)
        {
            Ok(Some(head)) => {
                head.request.worker = self.worker;
                let mut taken = head.bytes + self.answer(head, session, input);
                if taken < input.len() && self.kernel.techniques().same_request {
                    taken = self.answer_same(head, taken, session, input);
                }
                input.consume(taken);
                return true;
            }
            // The head's time runs from the turn that brought its first byte.
            Ok(None) if !parse::has_begun(&input.as_slice()[..before]) => *since = self.clock.now,
            Ok(None) => {}
            Err(rejection) => self.refuse_head(rejection, session, input),
        }
        false
    }

    /// Answers what follows in the input behind the first `taken` bytes, as long as it is the same
    /// request once more, to the last byte, and nothing is to be sent first. Equal bytes mean equal
    /// requests: they are not parsed again. Returns how many bytes are taken then.
    #[inline(never)]
    fn answer_same(
        &mut self,
        head: &Head<'_>,
        mut taken: usize,
        session: &mut Session,
        input: &Input,
    ) -> usize {
        let is_plain = head.controls == Controls::PLAIN;
        let batches = self.kernel.techniques().batched_writes;
        while is_plain
            && batches
            && input.as_slice()[taken..].starts_with(head.request.head)
            && matches!(session.state, State::Head { .. })
            && self.output.len() < self.limits.owed
        {
            taken += head.request.head.len() + self.answer(head, session, input);
        }
        taken
    }

    /// Answers a request, or begins to read its body. Returns how many of the bytes that follow the
    /// head it took.
    #[inline(always)]
    fn answer(&mut self, head: &Head<'_>, session: &mut Session, input: &Input) -> usize {
        let Head {
            request, controls, ..
        } = head;
        self.meter
            .note(Step::Parsed(&session.peer, request), &mut self.kernel);
        let pending = Pending {
            exchange: Exchange {
                keep_alive: controls.keep_alive,
                head_only: matches!(request.method, Method::Head),
                version: request.version,
            },
            undrained: Framing::None,
            asked: self.meter.turn_began,
        };
        let is_plain = matches!(controls.framing, Framing::None)
            && matches!(controls.expectation, Expectation::None)
            && !matches!(request.method, Method::Connect | Method::Unknown);
        if !is_plain {
            return self.answer_with_body(head, pending, session, input);
        }
        let produced = self.produce(pending.exchange, |handler| handler.handle(request));
        self.finish(produced, pending, session);
        0
    }

    /// Runs a handler, or its continuation, and writes what it answers.
    ///
    /// If it panics, before or while its answer is written, the output is cut back to where it was
    /// and says 500: other answers in it, and other connections, are not touched.
    #[cfg_attr(map, inline(never))]
    fn produce(&mut self, exchange: Exchange, make: impl FnOnce(&H) -> Reply) -> Produced {
        let mark = self.output.len();
        let attempt = catch_unwind(AssertUnwindSafe(|| match make(&self.handler) {
            Reply::Fixed(answer) if !self.meter.stopwatch.tells => {
                self.meter.note(Step::Handled, &mut self.kernel);
                let exchange = self.last_word(exchange);
                let (date, techniques) = (&self.clock.date, self.kernel.techniques());
                let written = answer.write(exchange, date, techniques, &mut self.output);
                self.written(Status::OK, written, mark)
            }
            reply => self.produce_other(exchange, reply),
        }));
        attempt.unwrap_or_else(|_| {
            self.output.truncate(mark);
            journal::panicked(&self.meter.account);
            self.write(exchange, handler_panicked())
        })
    }

    /// The same of an answer that is no constant.
    #[inline(never)]
    fn produce_other(&mut self, exchange: Exchange, reply: Reply) -> Produced {
        let answer = match reply {
            Reply::Later(later) => {
                self.kernel.observe(&Step::Deferred(&later));
                return Produced::Later(later);
            }
            Reply::Fixed(answer) => answer.response(),
            Reply::Now(answer) => answer,
        };
        self.meter.note(Step::Handled, &mut self.kernel);
        let answer = match self.meter.stopwatch.timing() {
            Some(timing) => answer.field("Server-Timing", timing),
            None => answer,
        };
        self.write(exchange, answer)
    }

    /// Writes an answer that is known.
    fn write(&mut self, exchange: Exchange, answer: Response) -> Produced {
        let (status, mark) = (answer.status_code(), self.output.len());
        let exchange = self.last_word(exchange);
        let (date, techniques) = (&self.clock.date, self.kernel.techniques());
        let written = answer.write(exchange, date, techniques, &mut self.output);
        self.written(status, written, mark)
    }

    /// What is known only just before an answer is written. While draining it is the connection's
    /// last, however its request was put; and without a cached date it gets one of its own.
    fn last_word(&mut self, mut exchange: Exchange) -> Exchange {
        exchange.keep_alive &= self.draining.is_none();
        if !self.kernel.techniques().cached_date {
            self.clock.date = Date::at(self.kernel.wall_clock().as_secs());
        }
        exchange
    }

    fn written(&mut self, status: Status, written: Written, mark: usize) -> Produced {
        let Written { keep_alive, copied } = written;
        if !self.kernel.techniques().own_counters {
            self.meter.account.totals.add(status.0, copied as u64);
        }
        let answered = Step::Answered(status, self.output.len() - mark, copied);
        self.meter.note(answered, &mut self.kernel);
        Produced::Written { keep_alive }
    }

    /// What comes after a handler: the next request, a body that nobody wants, or the wait for the
    /// answer.
    fn finish(&mut self, produced: Produced, pending: Pending, session: &mut Session) {
        match (produced, pending.undrained, &mut session.state) {
            (
                Produced::Written { keep_alive: true },
                Framing::None,
                State::Head { scanned, since },
            ) => {
                (*scanned, *since) = (0, self.clock.now);
            }
            (produced, ..) => self.finish_other(produced, pending, session),
        }
    }

    #[inline(never)]
    fn finish_other(&mut self, produced: Produced, pending: Pending, session: &mut Session) {
        let now = self.clock.now;
        let next = match produced {
            Produced::Later(later) => return self.defer(later, pending, session),
            Produced::Written { keep_alive: false } => State::Closing,
            Produced::Written { .. } if pending.undrained.is_bodiless() => State::next_head(now),
            Produced::Written { .. } => State::Discard {
                body: Decoder::new(pending.undrained),
                pace: Pace::new(now),
            },
        };
        session.state.change(next, &mut self.pool);
    }

    fn defer(&mut self, later: Later, pending: Pending, session: &mut Session) {
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
    fn finish_late(&mut self, produced: Produced, pending: Pending, session: &mut Session) {
        if matches!(produced, Produced::Written { .. }) {
            let asked = pending.asked;
            self.meter.stopwatch.sample = Sample::Deferred { asked };
        }
        self.finish(produced, pending, session);
    }

    /// Does with a request that brings a body or an expectation what [`judge`] says.
    #[inline(never)]
    fn answer_with_body(
        &mut self,
        head: &Head<'_>,
        mut pending: Pending,
        session: &mut Session,
        input: &Input,
    ) -> usize {
        let has_begun = input.len() > head.bytes;
        let asked = AssertUnwindSafe(|| judge(&*self.handler, head, has_begun, &self.limits));
        let Ok(verdict) = catch_unwind(asked) else {
            journal::panicked(&self.meter.account);
            pending.exchange.keep_alive = false;
            let produced = self.write(pending.exchange, handler_panicked());
            self.finish(produced, pending, session);
            return 0;
        };
        pending.undrained = head.controls.framing;
        let produced = match verdict {
            Verdict::Collect => return self.begin_body(head, pending, session, input),
            Verdict::Refuse(response) => self.write(pending.exchange, response),
            Verdict::Handle { close } => {
                pending.exchange.keep_alive &= !close;
                self.produce(pending.exchange, |handler| handler.handle(&head.request))
            }
            Verdict::Reject { rejection, close } => {
                pending.exchange.keep_alive &= !close;
                let refusal = Refusal::of_status(rejection.status.0);
                journal::refused(
                    &self.meter.account,
                    refusal,
                    &session.peer,
                    rejection.reason,
                );
                let response = Response::error(rejection.status, rejection.reason);
                self.write(pending.exchange, response)
            }
        };
        self.finish(produced, pending, session);
        0
    }

    /// A body that came whole with its head is looked at where it lies; any other is collected.
    fn begin_body(
        &mut self,
        head: &Head<'_>,
        mut pending: Pending,
        session: &mut Session,
        input: &Input,
    ) -> usize {
        let after = &input.as_slice()[head.bytes..];
        let whole = match head.controls.framing {
            // An expectation without a body: there is nothing to wait for, nor to continue with.
            Framing::None => Some(&after[..0]),
            Framing::Length(bytes) => usize::try_from(bytes)
                .ok()
                .and_then(|bytes| after.get(..bytes)),
            Framing::Chunked => None,
        };
        if let Some(first) = whole {
            let copied = input.copied(head.bytes, first.len());
            let body = Body {
                first,
                copied,
                ..Body::default()
            };
            let request = Request {
                body,
                ..head.request
            };
            pending.undrained = Framing::None;
            let produced = self.produce(pending.exchange, |handler| handler.handle(&request));
            self.finish(produced, pending, session);
            return first.len();
        }
        let Some(copy) = self.pool.copy_of(Copied::Head, head.request.head, &[]) else {
            self.reject(NO_BUFFER, session);
            return 0;
        };
        if head.controls.expectation == Expectation::Continue && after.is_empty() {
            self.output
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let decoder = Decoder::new(head.controls.framing);
        let upload = Upload::new(
            copy,
            pending.exchange,
            decoder,
            pending.asked,
            self.clock.now,
        );
        session.state = State::Body(Box::new(upload));
        0
    }

    /// Takes a piece of a body. False if no more of this connection can be served.
    #[inline(never)]
    fn serve_piece(&mut self, session: &mut Session, input: &mut Input) -> bool {
        let now = self.clock.now;
        match &mut session.state {
            State::Body(upload) => {
                match upload.take(
                    input,
                    &self.limits,
                    &mut self.pool,
                    &self.meter.account,
                    now,
                ) {
                    Ok(()) => self.serve_body(session),
                    Err(rejection) => self.reject(rejection, session),
                }
            }
            State::Discard { body, pace } => match body.next(input.as_slice(), &self.limits) {
                Ok(piece) => {
                    pace.moved(piece.consumed, now);
                    let consumed = piece.consumed;
                    if body.is_done() {
                        session.state = State::next_head(now);
                    }
                    input.consume(consumed);
                }
                // Where the next request begins is not known any more.
                Err(_) => session.state = State::Closing,
            },
            _ => {}
        }
        matches!(
            session.state,
            State::Head { .. } | State::Body(_) | State::Discard { .. }
        )
    }

    /// Hands a body to its handler, if it is complete.
    pub fn serve_body(&mut self, session: &mut Session) {
        let State::Body(upload) = &session.state else {
            return;
        };
        if !upload.decoder.is_done() {
            return;
        }
        let mut slots = Slots::new();
        let techniques = self.kernel.techniques();
        let parsed = self
            .parser
            .head(&upload.head, &mut 0, &mut slots, techniques);
        let Ok(Some(head)) = parsed else {
            // The same bytes were sound before.
            return session.state.change(State::Closing, &mut self.pool);
        };
        head.request.worker = self.worker;
        head.request.body = upload.body();
        let pending = Pending {
            exchange: upload.exchange,
            undrained: Framing::None,
            asked: upload.asked,
        };
        let request = &head.request;
        self.meter
            .note(Step::Parsed(&session.peer, request), &mut self.kernel);
        let produced = self.produce(pending.exchange, |handler| handler.handle(request));
        self.finish_late(produced, pending, session);
    }

    /// The peer will send nothing more. `has_begun`: bytes of a head are here. False if nothing is
    /// owed to it.
    pub fn end(&mut self, has_begun: bool, session: &mut Session) -> bool {
        match session.state {
            State::Head { .. } if has_begun => self.reject(ENDED_IN_HEAD, session),
            State::Body(_) => self.reject(ENDED_IN_BODY, session),
            _ => return false,
        }
        true
    }

    #[cold]
    fn refuse_head(&mut self, rejection: Rejection, session: &mut Session, input: &Input) {
        let head_only = parse::asks_for_the_head(input.as_slice());
        let refusal = Refusal::of_status(rejection.status.0);
        self.refuse_as(refusal, rejection, head_only, session);
    }

    /// Refuses the request, and all that may follow it.
    pub fn reject(&mut self, rejection: Rejection, session: &mut Session) {
        self.refuse(Refusal::of_status(rejection.status.0), rejection, session);
    }

    /// The same, where the status does not tell the kind.
    #[cold]
    pub fn refuse(&mut self, refusal: Refusal, rejection: Rejection, session: &mut Session) {
        let head_only = session.state.is_head_only();
        self.refuse_as(refusal, rejection, head_only, session);
    }

    /// The same; without content, if the request was HEAD (RFC 9110 section 9.3.2).
    fn refuse_as(
        &mut self,
        refusal: Refusal,
        rejection: Rejection,
        head_only: bool,
        session: &mut Session,
    ) {
        journal::refused(
            &self.meter.account,
            refusal,
            &session.peer,
            rejection.reason,
        );
        self.meter.access = journal::asked_something(&session.peer);
        let exchange = Exchange {
            keep_alive: false,
            head_only,
            version: Version::Http11,
        };
        self.write(exchange, rejection.into());
        session.state.change(State::Closing, &mut self.pool);
    }
}

fn handler_panicked() -> Response {
    Response::error(
        Status::INTERNAL_SERVER_ERROR,
        "the handler of this route failed in the server; the connection and the server go on",
    )
}

const QUEUE_FULL: &str = "the queue for blocking work is full; try again in a second";

const ENDED_IN_HEAD: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a request head; a head ends with an empty line",
};

const ENDED_IN_BODY: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a body; send it whole, up to the last chunk if chunked",
};
