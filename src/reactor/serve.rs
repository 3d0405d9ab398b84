//! From the bytes of a connection's input to the bytes of its answers. No socket is touched.
//!
//! Every complete request in the input is served before anything is sent, so sixteen pipelined
//! requests are one recv and one send. Answers made at once and answers made later meet in
//! [`produce`] before a byte is written, so HEAD, `Connection: close`, HTTP/1.0 and the order of
//! pipelined answers hold for both.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffers::{Input, NO_BUFFER};
use super::core::Core;
use super::deferral::{Deferred, Pending, Wait};
use super::journal;
use super::kernel::Kernel;
use super::meter::Step;
use super::state::{Client, State};
use super::stopwatch::Sample;
use super::upload::{Pace, Upload};
use crate::accounts::{Copied, Refusal};
use crate::http::admission::{Verdict, judge};
use crate::http::body::Decoder;
use crate::http::date::Date;
use crate::http::parse::{self, Expectation, Framing, Head, Slots};
use crate::http::response::Written;
use crate::http::{
    Body, Exchange, Handler, Later, Method, Rejection, Reply, Response, Status, Version,
};

/// What came of a handler.
enum Produced {
    /// The answer is in the output, and the connection stays open or does not.
    Written { keep_alive: bool },
    /// It will be.
    Later(Later),
}

impl State {
    /// Takes what comes next out of the input: a request head with what follows from it, or a piece
    /// of a body. False if nothing can be taken now.
    #[cfg_attr(map, inline(never))]
    pub fn serve<H: Handler, K: Kernel>(
        &mut self,
        client: &Client,
        input: &mut Input,
        core: &mut Core<H, K>,
    ) -> bool {
        match self {
            Self::Head { .. } => return self.serve_head(client, input, core),
            Self::Body(upload) => {
                let (account, now) = (&core.meter.account, core.clock.now);
                match upload.take(input, &core.limits, &mut core.pool, account, now) {
                    Ok(()) => self.serve_body(client, core),
                    Err(rejection) => self.reject(rejection, client, core),
                }
            }
            Self::Discard { body, pace } => match body.next(input.as_slice(), &core.limits) {
                Ok(piece) => {
                    pace.moved(piece.consumed, core.clock.now);
                    let consumed = piece.consumed;
                    if body.is_done() {
                        *self = Self::next_head(core.clock.now);
                    }
                    input.consume(consumed);
                }
                // Where the next request begins is not known any more.
                Err(_) => *self = Self::Closing,
            },
            Self::Deferred(_) | Self::Closing | Self::Lingering { .. } => return false,
        }
        self.converses()
    }

    /// Takes a request head, and those behind it that are the same to the last byte. False if no
    /// head is complete, or it was refused.
    #[cfg_attr(map, inline(never))]
    fn serve_head<H: Handler, K: Kernel>(
        &mut self,
        client: &Client,
        input: &mut Input,
        core: &mut Core<H, K>,
    ) -> bool {
        let Self::Head { scanned, since } = self else {
            return false;
        };
        let before = *scanned;
        let mut slots = Slots::new();
        // Matched by reference: the head is a page of pointers, and moving it is a call of memcpy.
        let mut parsed = core.parser.head(input.as_slice(), scanned, &mut slots);
        match &mut parsed {
            Ok(Some(head)) => {
                head.request.worker = core.worker;
                let taken = head.bytes + self.answer(head, client, input, core);
                input.consume(taken);
                true
            }
            Ok(None) => {
                // The head's time runs from the turn that brought its first byte.
                let known = input.as_slice().get(..before).unwrap_or_default();
                if !parse::has_begun(known) {
                    *since = core.clock.now;
                }
                false
            }
            Err(rejection) => {
                let head_only = parse::asks_for_the_head(input.as_slice());
                let refusal = Refusal::of_status(rejection.status.0);
                self.refuse(refusal, *rejection, head_only, client, core);
                false
            }
        }
    }

    /// Answers a request, or begins to read its body. Returns how many of the bytes that follow the
    /// head it took.
    fn answer<H: Handler, K: Kernel>(
        &mut self,
        head: &Head<'_>,
        client: &Client,
        input: &Input,
        core: &mut Core<H, K>,
    ) -> usize {
        let parsed = Step::Parsed(&client.peer, &head.request);
        core.meter.note(parsed, &mut core.kernel);
        let is_plain = matches!(head.framing, Framing::None)
            && matches!(head.expectation, Expectation::None)
            && !matches!(head.request.method, Method::Connect | Method::Unknown);
        if !is_plain {
            return self.answer_with_body(head, client, input, core);
        }
        let pending = Pending {
            exchange: head.exchange,
            undrained: Framing::None,
            asked: core.meter.turn_began,
        };
        let produced = produce(core, head.exchange, |handler| handler.handle(&head.request));
        self.finish(produced, pending, client, core);
        0
    }

    /// What comes after a handler: the next request, a body that nobody wants, or the wait for the
    /// answer.
    fn finish<H: Handler, K: Kernel>(
        &mut self,
        produced: Produced,
        pending: Pending,
        client: &Client,
        core: &mut Core<H, K>,
    ) {
        let now = core.clock.now;
        match (produced, self) {
            (Produced::Written { keep_alive: true }, Self::Head { scanned, since })
                if matches!(pending.undrained, Framing::None) =>
            {
                (*scanned, *since) = (0, now);
            }
            (Produced::Written { keep_alive }, state) => {
                let next = match keep_alive {
                    true if pending.undrained.is_bodiless() => Self::next_head(now),
                    true => Self::Discard {
                        body: Decoder::new(pending.undrained),
                        pace: Pace::new(now),
                    },
                    false => Self::Closing,
                };
                state.change(next, &mut core.pool);
            }
            (Produced::Later(later), state) => state.defer(later, pending, client, core),
        }
    }

    #[inline(never)]
    fn defer<H: Handler, K: Kernel>(
        &mut self,
        later: Later,
        pending: Pending,
        client: &Client,
        core: &mut Core<H, K>,
    ) {
        let begins = (client.id, core.kernel.now());
        let account = &core.meter.account;
        if let Some(mut deferred) = Deferred::begin(later, pending, begins, &mut core.jobs, account)
        {
            deferred.access = core.meter.access.take();
            self.change(Self::Deferred(Box::new(deferred)), &mut core.pool);
        } else {
            journal::refused(
                account,
                Refusal::Jobs,
                &client.peer,
                "the job queue is full",
            );
            let refused = write(core, pending.exchange, Response::busy(QUEUE_FULL, 1));
            self.finish(refused, pending, client, core);
        }
    }

    /// Goes on with a request whose wait is over.
    pub fn resume<H: Handler, K: Kernel>(&mut self, client: &Client, core: &mut Core<H, K>) {
        if !matches!(self, Self::Deferred(deferred) if !matches!(deferred.wait, Wait::Job)) {
            return;
        }
        // The handler may yet decide otherwise.
        let next = Self::next_head(core.clock.now);
        let Self::Deferred(deferred) = mem::replace(self, next) else {
            return;
        };
        let pending = deferred.pending;
        core.meter.access = deferred.access;
        core.meter.note(Step::Resumed, &mut core.kernel);
        let produced = match deferred.wait {
            Wait::Timer { began, then, .. } => {
                let waited = core.kernel.now().since(began);
                produce(core, pending.exchange, |_| then(waited))
            }
            Wait::Answered(reply) => produce(core, pending.exchange, |_| *reply),
            Wait::Job => return,
        };
        self.finish_late(produced, pending, client, core);
    }

    /// The same for an answer that took its time: its response time is always measured.
    fn finish_late<H: Handler, K: Kernel>(
        &mut self,
        produced: Produced,
        pending: Pending,
        client: &Client,
        core: &mut Core<H, K>,
    ) {
        if matches!(produced, Produced::Written { .. }) {
            let asked = pending.asked;
            core.meter.stopwatch.sample = Sample::Deferred { asked };
        }
        self.finish(produced, pending, client, core);
    }

    /// Does with a request that brings a body or an expectation what [`judge`] says.
    #[inline(never)]
    fn answer_with_body<H: Handler, K: Kernel>(
        &mut self,
        head: &Head<'_>,
        client: &Client,
        input: &Input,
        core: &mut Core<H, K>,
    ) -> usize {
        let mut exchange = head.exchange;
        let has_begun = input.len() > head.bytes;
        let produced = match core.guard(|handler, limits| judge(handler, head, has_begun, limits)) {
            None => {
                exchange.keep_alive = false;
                write(core, exchange, handler_panicked())
            }
            Some(Verdict::Reject { rejection, close }) => {
                exchange.keep_alive &= !close;
                let refusal = Refusal::of_status(rejection.status.0);
                journal::refused(&core.meter.account, refusal, &client.peer, rejection.reason);
                write(
                    core,
                    exchange,
                    Response::error(rejection.status, rejection.reason),
                )
            }
            Some(Verdict::Refuse(response)) => write(core, exchange, response),
            Some(Verdict::Handle { close }) => {
                exchange.keep_alive &= !close;
                produce(core, exchange, |handler| handler.handle(&head.request))
            }
            Some(Verdict::Collect) => return self.begin_body(head, client, input, core),
        };
        let pending = Pending {
            exchange,
            undrained: head.framing,
            asked: core.meter.turn_began,
        };
        self.finish(produced, pending, client, core);
        0
    }

    /// A body that came whole with its head is looked at where it lies; any other is collected.
    fn begin_body<H: Handler, K: Kernel>(
        &mut self,
        head: &Head<'_>,
        client: &Client,
        input: &Input,
        core: &mut Core<H, K>,
    ) -> usize {
        let asked = core.meter.turn_began;
        let after = &input.as_slice()[head.bytes..];
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
            let pending = Pending {
                exchange: head.exchange,
                undrained: Framing::None,
                asked,
            };
            let produced = produce(core, head.exchange, |handler| handler.handle(&request));
            self.finish(produced, pending, client, core);
            return first.len();
        }
        let Some(copy) = core.pool.copy_of(Copied::Head, head.request.head, &[]) else {
            self.reject(NO_BUFFER, client, core);
            return 0;
        };
        if head.expectation == Expectation::Continue && after.is_empty() {
            core.output
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let decoder = Decoder::new(head.framing);
        let upload = Upload::new(copy, head.exchange, decoder, asked, core.clock.now);
        *self = Self::Body(Box::new(upload));
        0
    }

    /// Hands a body to its handler, if it is complete.
    pub fn serve_body<H: Handler, K: Kernel>(&mut self, client: &Client, core: &mut Core<H, K>) {
        let Self::Body(upload) = self else { return };
        if !upload.decoder.is_done() {
            return;
        }
        let (exchange, asked) = (upload.exchange, upload.asked);
        let mut slots = Slots::new();
        let Ok(Some(mut head)) = core.parser.head(&upload.head, &mut 0, &mut slots) else {
            // The same bytes were sound before.
            return self.change(Self::Closing, &mut core.pool);
        };
        head.request.worker = core.worker;
        head.request.body = upload.body();
        core.meter
            .note(Step::Parsed(&client.peer, &head.request), &mut core.kernel);
        let produced = produce(core, exchange, |handler| handler.handle(&head.request));
        let pending = Pending {
            exchange,
            undrained: Framing::None,
            asked,
        };
        self.finish_late(produced, pending, client, core);
    }

    /// The peer will send nothing more. `has_begun`: bytes of a head are here. False if nothing is
    /// owed to it.
    pub fn end<H: Handler, K: Kernel>(
        &mut self,
        has_begun: bool,
        client: &Client,
        core: &mut Core<H, K>,
    ) -> bool {
        match self {
            Self::Head { .. } if has_begun => self.reject(ENDED_IN_HEAD, client, core),
            Self::Body(_) => self.reject(ENDED_IN_BODY, client, core),
            _ => return false,
        }
        true
    }

    /// Refuses the request, and all that may follow it.
    pub fn reject<H: Handler, K: Kernel>(
        &mut self,
        rejection: Rejection,
        client: &Client,
        core: &mut Core<H, K>,
    ) {
        let refusal = Refusal::of_status(rejection.status.0);
        self.refuse(refusal, rejection, self.is_head_only(), client, core);
    }

    /// The same, where the status does not tell the kind; without content, if the request was HEAD
    /// (RFC 9110 section 9.3.2).
    #[cold]
    pub fn refuse<H: Handler, K: Kernel>(
        &mut self,
        refusal: Refusal,
        rejection: Rejection,
        head_only: bool,
        client: &Client,
        core: &mut Core<H, K>,
    ) {
        journal::refused(&core.meter.account, refusal, &client.peer, rejection.reason);
        core.meter.access = journal::asked_something(&client.peer);
        let exchange = Exchange {
            keep_alive: false,
            head_only,
            version: Version::Http11,
        };
        write(core, exchange, rejection.into());
        self.change(Self::Closing, &mut core.pool);
    }
}

/// Runs a handler, or its continuation, and writes what it answers.
///
/// If it panics, before or while its answer is written, the output is cut back to where it was and
/// says 500: other answers in it, and other connections, are not touched.
#[cfg_attr(map, inline(never))]
fn produce<H: Handler, K: Kernel>(
    core: &mut Core<H, K>,
    exchange: Exchange,
    make: impl FnOnce(&H) -> Reply,
) -> Produced {
    let mark = core.output.len();
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let answer = match make(&core.handler) {
            Reply::Later(later) => {
                core.meter.note(Step::Deferred(&later), &mut core.kernel);
                return Produced::Later(later);
            }
            Reply::Fixed(answer) if !core.meter.stopwatch.tells => {
                core.meter.note(Step::Handled, &mut core.kernel);
                let exchange = last_word(core, exchange);
                let techniques = core.kernel.techniques();
                let written =
                    answer.write(exchange, &core.clock.date, techniques, &mut core.output);
                return note_answer(core, Status::OK, written, mark);
            }
            Reply::Fixed(answer) => answer.response(),
            Reply::Now(answer) => answer,
        };
        core.meter.note(Step::Handled, &mut core.kernel);
        let answer = match core.meter.stopwatch.timing() {
            Some(timing) => answer.field("Server-Timing", timing),
            None => answer,
        };
        write(core, exchange, answer)
    }));
    attempt.unwrap_or_else(|_| {
        core.output.truncate(mark);
        journal::panicked(&core.meter.account);
        write(core, exchange, handler_panicked())
    })
}

/// Writes an answer that is known.
fn write<H, K: Kernel>(core: &mut Core<H, K>, exchange: Exchange, answer: Response) -> Produced {
    let (status, mark) = (answer.status_code(), core.output.len());
    let exchange = last_word(core, exchange);
    let techniques = core.kernel.techniques();
    let written = answer.write(exchange, &core.clock.date, techniques, &mut core.output);
    note_answer(core, status, written, mark)
}

/// What is known only just before an answer is written. While draining it is the connection's last,
/// however its request was put; and without a cached date it gets one of its own.
fn last_word<H, K: Kernel>(core: &mut Core<H, K>, exchange: Exchange) -> Exchange {
    if !core.kernel.techniques().cached_date {
        core.clock.date = Date::at(core.kernel.wall_clock().as_secs());
    }
    Exchange {
        keep_alive: exchange.keep_alive && core.draining.is_none(),
        ..exchange
    }
}

fn note_answer<H, K: Kernel>(
    core: &mut Core<H, K>,
    status: Status,
    written: Written,
    mark: usize,
) -> Produced {
    if !core.kernel.techniques().own_counters {
        core.meter
            .account
            .totals
            .add(status.0, written.copied as u64);
    }
    let bytes = core.output.len() - mark;
    core.meter.note(
        Step::Answered(status, bytes, written.copied),
        &mut core.kernel,
    );
    Produced::Written {
        keep_alive: written.keep_alive,
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
