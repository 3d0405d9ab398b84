//! From the bytes of a connection's input to the bytes of its answers. No socket is touched.
//!
//! Every complete request in the input is served before anything is sent, so sixteen pipelined
//! requests are one recv and one send. Answers made at once and answers made later meet in
//! `produce` before a byte is written, so HEAD, `Connection: close`, HTTP/1.0 and the order of
//! pipelined answers hold for both.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffers::Input;
use super::core::Core;
use super::deferral::Pending;
use super::kernel::Kernel;
use super::state::{Session, State};
use super::step::Step;
use super::upload::Pace;
use crate::http::body::Decoder;
use crate::http::date::Date;
use crate::http::parse::{self, Controls, Expectation, Framing, Head, Slots};
use crate::http::response::Written;
use crate::http::{Exchange, Handler, Later, Method, Reply, Response, Status, Stream, Upload};

/// What came of a handler.
pub(super) enum Produced {
    /// The answer is in the output, and the connection stays open or does not.
    Written { keep_alive: bool },
    /// It will be.
    Later(Later),
    /// It will be, piece by piece.
    Stream(Box<Stream>),
    /// Its body is wanted first.
    Upload(Box<Upload>),
}

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Takes what comes next out of the input: a request head with what follows from it, or a piece
    /// of a body. False if nothing can be taken now.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    pub fn serve(&mut self, session: &mut Session, input: &mut Input) -> bool {
        match session.state {
            State::Head { .. } => self.serve_head(session, input),
            State::Body(_) | State::Discard { .. } | State::Taking(_) => {
                self.serve_piece(session, input)
            }
            _ => false,
        }
    }

    /// Takes a request head. False if it is not complete, or refused.
    #[inline(never)]
    fn serve_head(&mut self, session: &mut Session, input: &mut Input) -> bool {
        let State::Head { partial, since } = &mut session.state else {
            return false;
        };
        let (before, mut slots) = (partial.judged, Slots::default());
        let (bytes, techniques) = (input.as_slice(), self.kernel.techniques());
        match self.parser.head(bytes, partial, &mut slots, techniques) {
            Ok(Some(head)) => {
                head.request.worker = self.worker;
                let mut taken = head.bytes + self.answer(head, session, input);
                if taken < input.len() && self.kernel.techniques().same_request {
                    taken = self.answer_same(head, taken, session, input);
                }
                input.consume(taken, self.kernel.techniques());
                return true;
            }
            // The head's time runs from the turn that brought its first byte.
            Ok(None) if !parse::has_begun(&input.as_slice()[..before]) => *since = self.clock.now,
            Ok(None) => {}
            Err(rejection) => self.reject(rejection, input.as_slice(), session),
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
            && self.has_time()
        {
            taken += head.request.head.len() + self.answer(head, session, input);
        }
        taken
    }

    /// Answers a request, or begins to read its body. Returns how many of the bytes that follow the
    /// head it took: none, unless the body lay behind it whole.
    #[inline(always)]
    fn answer(&mut self, head: &Head<'_>, session: &mut Session, input: &Input) -> usize {
        let (request, controls) = (&head.request, &head.controls);
        let parsed = Step::Parsed(&session.peer, request);
        self.meter.note(parsed, &mut self.kernel);
        let pending = Pending {
            exchange: Exchange {
                keep_alive: controls.keep_alive,
                head_only: matches!(request.method, Method::Head),
                version: request.version,
            },
            undrained: Framing::None,
            awaits_100: false,
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
    pub(super) fn produce(
        &mut self,
        exchange: Exchange,
        make: impl FnOnce(&H) -> Reply,
    ) -> Produced {
        let (mark, techniques) = (self.output.len(), self.kernel.techniques());
        let is_plain = self.draining.is_none() && !self.meter.stopwatch.tells;
        let is_copied = is_plain && techniques.head_template && techniques.cached_date;
        let attempt = catch_unwind(AssertUnwindSafe(|| match make(&self.handler) {
            reply @ Reply::Fixed(answer) if is_copied && exchange == Exchange::USUAL => {
                // It owns nothing: the compiler would look for that at the end, by a call.
                mem::forget(reply);
                self.meter.note(Step::Handled, &mut self.kernel);
                let copied = answer.push(&self.clock.date, &mut self.output);
                let keep_alive = true;
                self.written(Status::OK, Written { keep_alive, copied }, mark)
            }
            reply => self.produce_other(exchange, reply),
        }));
        attempt.unwrap_or_else(|_| {
            self.output.truncate(mark);
            self.meter.panicked();
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
            Reply::Stream(stream) => return Produced::Stream(stream),
            Reply::Upload(upload) => return Produced::Upload(upload),
            Reply::Fixed(answer) => answer.response(),
            Reply::Now(answer) => answer,
        };
        self.clock.is_doubtful = true;
        self.meter.note(Step::Handled, &mut self.kernel);
        let answer = match self.meter.stopwatch.timing() {
            Some(timing) => answer.field("Server-Timing", timing),
            None => answer,
        };
        self.write(exchange, answer)
    }

    /// Writes an answer that is known. While draining it is the connection's last, however its
    /// request was put.
    pub(super) fn write(&mut self, mut exchange: Exchange, answer: Response) -> Produced {
        let (status, mark) = (answer.status_code(), self.output.len());
        exchange.keep_alive &= self.draining.is_none();
        self.renew_date();
        let (date, techniques) = (&self.clock.date, self.kernel.techniques());
        let written = answer.write(exchange, date, techniques, &mut self.output);
        self.written(status, written, mark)
    }

    /// Without a cached date each answer has its own.
    #[inline(always)]
    pub(super) fn renew_date(&mut self) {
        if !self.kernel.techniques().cached_date {
            self.clock.date = Date::at(self.kernel.wall_clock().as_secs());
        }
    }

    pub(super) fn written(&mut self, status: Status, written: Written, mark: usize) -> Produced {
        if !self.kernel.techniques().own_counters {
            let totals = &self.meter.account.totals;
            totals.add(status.0, written.copied as u64);
        }
        let answered = Step::Answered(status, self.output.len() - mark, written.copied);
        self.meter.note(answered, &mut self.kernel);
        let keep_alive = written.keep_alive;
        Produced::Written { keep_alive }
    }

    /// What comes after a handler: the next request, a body that nobody wants, or the wait for the
    /// answer.
    pub(super) fn finish(&mut self, produced: Produced, pending: Pending, session: &mut Session) {
        let stays = matches!(produced, Produced::Written { keep_alive: true });
        match &mut session.state {
            State::Head { partial, since } if stays && pending.undrained == Framing::None => {
                // As above: it owns nothing.
                mem::forget(produced);
                (partial.judged, *since) = (0, self.clock.now);
            }
            _ => self.finish_other(produced, pending, session),
        }
    }

    #[inline(never)]
    fn finish_other(&mut self, produced: Produced, pending: Pending, session: &mut Session) {
        let now = self.clock.now;
        let next = match produced {
            Produced::Later(later) => return self.defer(later, pending, session),
            Produced::Stream(stream) => return self.begin_stream(stream, pending, session),
            Produced::Upload(upload) => return self.begin_taking(upload, pending, session),
            Produced::Written { keep_alive: false } => State::Closing,
            Produced::Written { .. } if pending.undrained.is_bodiless() => State::next_head(now),
            Produced::Written { .. } => State::Discard {
                body: Decoder::new(pending.undrained),
                pace: Pace::new(now),
            },
        };
        session.state.change(next, &mut self.pool);
    }
}

pub(super) fn handler_panicked() -> Response {
    Response::error(
        Status::INTERNAL_SERVER_ERROR,
        "the handler of this route failed in the server; the connection and the server go on",
    )
}
