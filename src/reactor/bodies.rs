//! Requests that bring a body, or an expectation: refused, looked at in place, collected, or
//! dropped; and what is said to a peer that breaks the rules, or ends in the middle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffers::Input;
use super::core::Core;
use super::deferral::Pending;
use super::journal;
use super::kernel::Kernel;
use super::pool::NO_BUFFER;
use super::serve::{Produced, handler_panicked};
use super::state::{Session, State};
use super::step::Step;
use super::upload::Collected;
use crate::accounts::{Copied, Refusal};
use crate::http::admission::judge;
use crate::http::body::Decoder;
use crate::http::parse::{self, Expectation, Framing, Head, Partial, Slots};
use crate::http::{Admission, Exchange, Handler, Rejection, Response, Status, Version};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Does with a request that brings a body or an expectation what [`judge`] says.
    #[inline(never)]
    pub(super) fn answer_with_body(
        &mut self,
        head: &Head<'_>,
        mut pending: Pending,
        session: &mut Session,
        input: &Input,
    ) -> usize {
        let body_here = input.len() > head.bytes;
        let asked = AssertUnwindSafe(|| judge(&*self.handler, head, body_here, &self.limits));
        let Ok((verdict, closes)) = catch_unwind(asked) else {
            self.meter.panicked();
            pending.exchange.keep_alive = false;
            let produced = self.write(pending.exchange, handler_panicked());
            self.finish(produced, pending, session);
            return 0;
        };
        // A body that is read is not to be drained, whatever becomes of one that is not.
        let collected = pending;
        pending.undrained = head.controls.framing;
        pending.awaits_100 = head.controls.expectation == Expectation::Continue && !body_here;
        let taken = pending;
        pending.exchange.keep_alive &= !closes;
        let produced = match verdict {
            Ok(Admission::ReadBody) => return self.begin_body(head, collected, session, input),
            Ok(Admission::TakeBody) => {
                let wants = |handler: &H| handler.handle(&head.request);
                match self.produce(pending.exchange, wants) {
                    // What is read need not close the connection.
                    Produced::Upload(upload) => {
                        self.begin_taking(upload, taken, session);
                        return 0;
                    }
                    other => other,
                }
            }
            Ok(Admission::Refuse(response)) => self.write(pending.exchange, response),
            Ok(Admission::IgnoreBody) => {
                self.produce(pending.exchange, |handler| handler.handle(&head.request))
            }
            Err(rejection) => {
                let refusal = Refusal::of_status(rejection.status.0);
                self.meter.refused(refusal, &session.peer, rejection.reason);
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
        pending: Pending,
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
            let mut request = head.request;
            request.body.first = first;
            request.body.copied = input.copied(head.bytes, first.len());
            let produced = self.produce(pending.exchange, |handler| handler.handle(&request));
            self.finish(produced, pending, session);
            return first.len();
        }
        let Some(copy) = self.pool.copy_of(Copied::Head, head.request.head, &[]) else {
            self.reject(NO_BUFFER, input.as_slice(), session);
            return 0;
        };
        if head.controls.expectation == Expectation::Continue && after.is_empty() {
            self.output
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let decoder = Decoder::new(head.controls.framing);
        let upload = Collected::new(copy, pending, decoder, self.clock.now);
        session.state = State::Body(Box::new(upload));
        0
    }

    /// Takes a piece of a body. False if nothing can be taken now.
    #[inline(never)]
    pub(super) fn serve_piece(&mut self, session: &mut Session, input: &mut Input) -> bool {
        let now = self.clock.now;
        match &mut session.state {
            State::Body(upload) => {
                let (bytes, pool, span) = (
                    input.as_slice(),
                    &mut self.pool,
                    self.timeouts.body_rate_span,
                );
                match upload.take(bytes, &self.limits, pool, &self.meter.account, now, span) {
                    Ok(taken) => {
                        input.consume(taken, self.kernel.techniques());
                        self.serve_body(session);
                    }
                    Err(rejection) => self.reject(rejection, input.as_slice(), session),
                }
            }
            State::Discard { body, pace } => match body.next(input.as_slice(), &self.limits) {
                Ok(piece) => {
                    pace.moved(piece.consumed, now, self.timeouts.body_rate_span);
                    let consumed = piece.consumed;
                    if body.is_done() {
                        session.state = State::next_head(now);
                    }
                    input.consume(consumed, self.kernel.techniques());
                }
                // Where the next request begins is not known any more.
                Err(_) => session.state = State::Closing,
            },
            _ => return self.take_part(session, input),
        }
        true
    }

    /// Hands a body to its handler, if it is complete.
    pub fn serve_body(&mut self, session: &mut Session) {
        let upload = match &session.state {
            State::Body(upload) if upload.decoder.is_done() => upload,
            _ => return,
        };
        let mut slots = Slots::default();
        let techniques = self.kernel.techniques();
        let parsed = self.parser.head(
            &upload.head,
            &mut Partial::default(),
            &mut slots,
            techniques,
        );
        let Ok(Some(head)) = parsed else {
            // The same bytes were sound before.
            return session.state.change(State::Closing, &mut self.pool);
        };
        head.request.worker = self.worker;
        head.request.body = upload.body();
        let (pending, request) = (upload.pending, &head.request);
        self.meter
            .note(Step::Parsed(&session.peer, request), &mut self.kernel);
        let produced = self.produce(pending.exchange, |handler| handler.handle(request));
        self.finish_late(produced, pending, session);
    }

    /// The peer will send nothing more; `input` is what is left. False if no answer is due.
    pub fn end(&mut self, input: &[u8], session: &mut Session) -> bool {
        let reason = match session.state {
            State::Head { .. } if parse::has_begun(input) => ENDED_IN_HEAD,
            State::Body(_) | State::Taking(_) => ENDED_IN_BODY,
            _ => return false,
        };
        self.reject(Rejection::new(Status::BAD_REQUEST, reason), input, session);
        true
    }

    /// Rejects a request, and all that may follow it in the `input`. Whatever is wrong, the answer
    /// to HEAD has no content (RFC 9110 section 9.3.2); and one that has its answer gets no second.
    #[cold]
    pub fn reject(&mut self, rejection: Rejection, input: &[u8], session: &mut Session) {
        let (refusal, head_only) = match &session.state {
            State::Head { .. } => (Refusal::HeadTimeout, parse::asks_for_the_head(input)),
            state => (Refusal::BodyTimeout, state.is_head_only()),
        };
        let refusal = match rejection.status {
            Status::REQUEST_TIMEOUT => refusal,
            status => Refusal::of_status(status.0),
        };
        self.meter.refused(refusal, &session.peer, rejection.reason);
        if matches!(session.state, State::Discard { .. }) {
            session.state = State::Closing;
            return;
        }
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

const ENDED_IN_HEAD: &str =
    "the connection ended inside a request head; a head ends with an empty line";
const ENDED_IN_BODY: &str =
    "the connection ended inside a body; send it whole, up to the last chunk if chunked";
