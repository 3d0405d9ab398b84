//! Requests that bring a body, or an expectation: refused, looked at in place, collected, or
//! dropped.

use std::mem;

use super::buffers::Input;
use super::connection::{Connection, Phase};
use super::kernel::Kernel;
use super::serve::exchange_of;
use super::shared::{Produced, Shared, handler_panicked};
use super::transfer::NO_BUFFER;
use super::upload::Upload;
use crate::accounts::{Copied, Refusal, Stage};
use crate::http::admission::{Verdict, judge};
use crate::http::body::Decoder;
use crate::http::parse::{self, Expectation, Framing, Head, Slots};
use crate::http::{Body, Exchange, Handler, Response};

impl<K: Kernel> Connection<K> {
    /// Does with a request what [`judge`] says.
    pub(super) fn begin_with_body<H: Handler>(
        &mut self,
        head: &Head<'_>,
        input: &Input,
        shared: &mut Shared<H, K>,
    ) -> usize {
        let mut exchange = exchange_of(head);
        let has_begun = input.len() > head.bytes;
        let verdict = shared.guard(|handler, limits| judge(handler, head, has_begun, limits));
        let produced = match verdict {
            None => {
                exchange.keep_alive = false;
                shared.answer(exchange, handler_panicked())
            }
            Some(Verdict::Reject { rejection, close }) => {
                exchange.keep_alive &= !close;
                shared.refused(
                    Refusal::of_status(rejection.status.0),
                    self.peer,
                    rejection.reason,
                );
                shared.answer(
                    exchange,
                    Response::error(rejection.status, rejection.reason),
                )
            }
            Some(Verdict::Refuse(response)) => shared.answer(exchange, response),
            Some(Verdict::Handle { close }) => {
                exchange.keep_alive &= !close;
                shared.produce(exchange, |handler| handler.handle(&head.request))
            }
            Some(Verdict::Collect) => return self.begin_upload(head, input, exchange, shared),
        };
        self.settle(produced, exchange, head.framing, shared);
        0
    }

    /// A body that came whole with its head is looked at where it lies; any other is collected.
    fn begin_upload<H: Handler>(
        &mut self,
        head: &Head<'_>,
        input: &Input,
        exchange: Exchange,
        shared: &mut Shared<H, K>,
    ) -> usize {
        let after = &input.unread()[head.bytes..];
        let whole = match head.framing {
            // An expectation without a body: there is nothing to wait for, nor to continue with.
            Framing::None => Some(&after[..0]),
            Framing::Length(bytes) => usize::try_from(bytes)
                .ok()
                .and_then(|bytes| after.get(..bytes)),
            Framing::Chunked => None,
        };
        if let Some(first) = whole {
            let mut request = head.request;
            request.body = Body {
                first,
                copied: input.copied(head.bytes, first.len()),
                ..Body::default()
            };
            let produced = shared.produce(exchange, |handler| handler.handle(&request));
            self.settle(produced, exchange, Framing::None, shared);
            return first.len();
        }
        let Some(copy) = shared.pool.copy_of(Copied::Head, head.request.head, &[]) else {
            self.reject(NO_BUFFER, shared);
            return 0;
        };
        if head.expectation == Expectation::Continue && after.is_empty() {
            shared.output.push(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let decoder = Decoder::new(head.framing);
        self.phase = Phase::Body(Box::new(Upload::new(
            copy,
            exchange,
            decoder,
            shared.turn_began,
            shared.now,
        )));
        0
    }

    /// Copies a piece of a body out of the input.
    pub(super) fn collect<H: Handler>(
        &mut self,
        input: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> bool {
        let Phase::Body(upload) = &mut self.phase else {
            return false;
        };
        let piece = match upload.decoder.next(input.unread(), &shared.limits) {
            Ok(piece) => piece,
            Err(rejection) => {
                self.reject(rejection, shared);
                return false;
            }
        };
        upload.pace.moved(piece.consumed, shared.now);
        shared.kernel.account.bytes_copied[Copied::Body as usize].add(piece.data.len() as u64);
        if upload.store(piece.data, &mut shared.pool).is_none() {
            self.reject(NO_BUFFER, shared);
            return false;
        }
        let consumed = piece.consumed;
        input.consume(consumed);
        if upload.decoder.is_done() {
            self.finish_body(shared);
        }
        true
    }

    /// Hands a complete body to its handler.
    pub(super) fn finish_body<H: Handler>(&mut self, shared: &mut Shared<H, K>) {
        let Phase::Body(upload) = mem::replace(&mut self.phase, Phase::Closing) else {
            return;
        };
        let mut slots = Slots::new(shared.techniques());
        // The same bytes were sound before; if they were not now, the connection would be closed.
        if let Ok(Some(mut head)) = parse::head(&upload.head, &mut 0, &mut slots, &shared.limits) {
            head.request.worker = shared.worker;
            head.request.body = upload.body();
            shared.access.begin(&self.peer, &head.request);
            shared.stopwatch.lap(Stage::Parse, &mut shared.kernel);
            let produced = shared.produce(upload.exchange, |handler| handler.handle(&head.request));
            if matches!(produced, Produced::Written { .. }) {
                shared.stopwatch.deferred(upload.asked);
            }
            self.settle(produced, upload.exchange, Framing::None, shared);
        }
        upload.give_back(&mut shared.pool);
    }

    /// Drops a piece of a body that nobody wants.
    pub(super) fn discard<H: Handler>(
        &mut self,
        input: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> bool {
        let Phase::Discard { body, pace } = &mut self.phase else {
            return false;
        };
        // A broken body after its answer: where the next request begins is not known any more.
        let Ok(piece) = body.next(input.unread(), &shared.limits) else {
            self.phase = Phase::Closing;
            return false;
        };
        pace.moved(piece.consumed, shared.now);
        let consumed = piece.consumed;
        input.consume(consumed);
        if body.is_done() {
            self.phase = Phase::Head {
                scanned: 0,
                since: shared.now,
            };
        }
        true
    }

    /// Whatever it was about is over, and it will close; the buffers of a body that will not be
    /// completed go back.
    pub(super) fn end_phase<H: Handler>(&mut self, shared: &mut Shared<H, K>) {
        if let Phase::Body(upload) = mem::replace(&mut self.phase, Phase::Closing) {
            upload.give_back(&mut shared.pool);
        }
    }
}
