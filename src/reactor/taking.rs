//! A body that its handler takes as it comes: handed over where it was received, and not kept.
//!
//! So its size costs no memory. A handler that is not ready for more has nothing read: what comes
//! stays in the kernel, whose window holds the peer back. The answer may come before the end; what
//! is left of the body then is dropped, or the connection closes.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffers::Input;
use super::core::Core;
use super::deferral::Pending;
use super::jobs::waker;
use super::kernel::Kernel;
use super::serve::{Produced, handler_panicked};
use super::state::{Session, State};
use super::stopwatch::Sample;
use super::timers::Time;
use super::upload::{Pace, Taking};
use crate::config::Limits;
use crate::http::body::{Decoder, TOO_LARGE};
use crate::http::parse::Framing;
use crate::http::{Handler, Part, Reply, Response, Status, Taken, Upload};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Begins to hand a body over, and tells a peer that waits for it to send it.
    pub(super) fn begin_taking(
        &mut self,
        upload: Box<Upload>,
        mut pending: Pending,
        session: &mut Session,
    ) {
        let framing = mem::replace(&mut pending.undrained, Framing::None);
        let limit = upload.limit.unwrap_or(self.limits.body);
        if matches!(framing, Framing::Length(bytes) if bytes > limit as u64) {
            return self.reject(TOO_LARGE, &[], session);
        }
        if pending.awaits_100 && !framing.is_bodiless() {
            let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.output.extend_from_slice(go_on);
        }
        let taking = Taking {
            pending,
            upload,
            decoder: Decoder::new(framing),
            pace: Pace::new(self.clock.now),
            due: Time::ZERO,
            waker: waker(session.id, &self.jobs.address),
            access: self.meter.access.take(),
        };
        let is_done = taking.decoder.is_done();
        let next = State::Taking(Box::new(taking));
        session.state.change(next, &mut self.pool);
        if is_done {
            self.take_last(session);
        }
    }

    /// Hands over what comes next. False if the handler waits.
    pub(super) fn take_part(&mut self, session: &mut Session, input: &mut Input) -> bool {
        let taking = match &mut session.state {
            State::Taking(taking) if taking.reads() => taking,
            _ => return false,
        };
        let body = taking.upload.limit.unwrap_or(self.limits.body);
        let limits = Limits {
            body,
            ..self.limits
        };
        let bytes = input.as_slice();
        let piece = match taking.decoder.next(bytes, &limits) {
            Ok(piece) => piece,
            Err(rejection) => {
                self.reject(rejection, bytes, session);
                return true;
            }
        };
        let span = self.timeouts.body_rate_span;
        taking.pace.moved(piece.consumed, self.clock.now, span);
        let consumed = piece.consumed;
        let mut taken = Taken::More;
        if !piece.data.is_empty() || taking.decoder.is_done() {
            let skipped = piece.data.as_ptr().addr() - bytes.as_ptr().addr();
            let copied = input.copied(skipped, piece.data.len());
            taken = self.hand_over(taking, piece.data, copied);
        }
        input.consume(consumed, self.kernel.techniques());
        self.follow_taken(taken, session);
        true
    }

    /// The body is here, and its answer is due, or awaited.
    pub(super) fn take_last(&mut self, session: &mut Session) {
        if let State::Taking(taking) = &mut session.state {
            let taken = self.hand_over(taking, &[], 0);
            self.follow_taken(taken, session);
        }
    }

    /// Hands a part to the handler; what it says. If it panics, that is its answer.
    fn hand_over(&mut self, taking: &mut Taking, bytes: &[u8], copied: usize) -> Taken {
        self.clock.is_doubtful = true;
        self.meter.handler_resumes();
        let part = Part {
            bytes,
            copied,
            is_last: taking.decoder.is_done(),
            waker: &taking.waker,
        };
        match catch_unwind(AssertUnwindSafe(|| (taking.upload.take)(&part))) {
            Ok(Taken::More) if part.is_last => Taken::Answer(no_answer().into()),
            Ok(taken) => taken,
            Err(_) => {
                self.meter.panicked();
                Taken::Answer(handler_panicked().into())
            }
        }
    }

    /// Does what the handler says.
    fn follow_taken(&mut self, taken: Taken, session: &mut Session) {
        let due = match taken {
            Taken::More => return,
            Taken::Later(span) => self.kernel.now().after(span),
            Taken::Woken => Time::NEVER,
            Taken::Answer(reply) => return self.answer_taken(reply, session),
        };
        if let State::Taking(taking) = &mut session.state {
            taking.due = due;
        }
    }

    /// Writes the answer, or begins to make it. A body that has not ended is dropped behind an
    /// answer that is there, if it may be within the limit; else the connection closes.
    fn answer_taken(&mut self, reply: Reply, session: &mut Session) {
        let now = self.clock.now;
        let taking = match mem::replace(&mut session.state, State::next_head(now)) {
            State::Taking(taking) => taking,
            other => return session.state = other,
        };
        let (mut pending, body) = (taking.pending, taking.decoder);
        let is_here = matches!(reply, Reply::Now(_) | Reply::Fixed(_));
        pending.exchange.keep_alive &= body.is_done() || (is_here && body.fits(&self.limits));
        self.meter.access = taking.access;
        match self.produce(pending.exchange, |_| reply) {
            Produced::Written { keep_alive: true } if !body.is_done() => {
                let (asked, pace) = (pending.asked, Pace::new(now));
                self.meter.stopwatch.sample = Sample::Deferred { asked };
                session.state = State::Discard { body, pace };
            }
            produced => self.finish_late(produced, pending, session),
        }
    }
}

fn no_answer() -> Response {
    const NO_ANSWER: &str = "the handler of this route has taken the whole body and not answered; \
        the connection and the server go on";
    Response::error(Status::INTERNAL_SERVER_ERROR, NO_ANSWER)
}
