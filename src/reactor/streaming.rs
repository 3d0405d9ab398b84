//! An answer that is sent while it is made: its source is asked for a piece when there is room.
//!
//! There is room when nothing is owed: the kernel has taken the last piece whole. So a stream never
//! has more than one piece in memory: in the common output, or, as far as the peer does not take
//! it, in one pooled buffer. Between two pieces it holds no buffer at all. Until its end nothing
//! more of its connection is read.
//!
//! The head leaves with the first piece. A source that fails before is a request that fails: 500.
//! One that fails later must not look complete: its last chunk, or the rest of its length, never
//! comes; and where only the end of the connection is the end, the connection is reset.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use super::deferral::{Pending, Streaming};
use super::jobs::waker;
use super::kernel::Kernel;
use super::serve::{Produced, handler_panicked};
use super::state::{Session, State};
use super::stopwatch::Sample;
use super::timers::Time;
use crate::accounts::Copied;
use crate::config::bounds;
use crate::http::response::Written;
use crate::http::{FilePart, Handler, Next, Outlet, Response, Status, Stream, Work};

impl<H: Handler, K: Kernel> Core<H, K> {
    /// Begins a stream: its source will be asked as soon as there is room.
    pub(super) fn begin_stream(
        &mut self,
        stream: Box<Stream>,
        pending: Pending,
        session: &mut Session,
    ) {
        let streaming = Streaming {
            pending,
            due: Time::ZERO,
            stream,
            waker: waker(session.id, &self.jobs.address),
            claim: None,
            access: self.meter.access.take(),
        };
        let next = State::Streaming(Box::new(streaming));
        session.state.change(next, &mut self.pool);
    }

    /// Writes the next piece of a stream, and what goes before the first. Returns the part of a
    /// file that is to be sent behind it.
    pub(super) fn write_piece(&mut self, session: &mut Session) -> Option<FilePart> {
        // The usual next state, once it has ended.
        let next = State::next_head(self.clock.now);
        let mut streaming = match mem::replace(&mut session.state, next) {
            State::Streaming(streaming) => streaming,
            other => {
                session.state = other;
                return None;
            }
        };
        self.clock.is_doubtful = true;
        if streaming.stream.has_begun() {
            match self.ask(&mut streaming) {
                Ok((next, copied)) => {
                    let place = Copied::Answer as usize;
                    self.meter.account.bytes_copied[place].add(copied as u64);
                    return self.follow(next, streaming, session);
                }
                Err(_) if streaming.stream.ends_by_close() => session.state = State::Broken,
                Err(_) => session.state = State::Closing,
            }
            return None;
        }
        self.write_first(streaming, session)
    }

    /// The head, and the first piece behind it; or why there is none.
    fn write_first(
        &mut self,
        mut streaming: Box<Streaming>,
        session: &mut Session,
    ) -> Option<FilePart> {
        self.meter.access = streaming.access.take();
        let (mark, pending) = (self.output.len(), &mut streaming.pending);
        let exchange = pending.exchange;
        pending.exchange.keep_alive &= self.draining.is_none();
        self.renew_date();
        let (stream, date) = (&mut streaming.stream, &self.clock.date);
        let (keep_alive, has_body) = stream.begin(pending.exchange, date, &mut self.output);
        pending.exchange.keep_alive = keep_alive;
        let status = stream.status();
        let first = if has_body {
            self.ask(&mut streaming)
        } else {
            Ok((Next::End, 0))
        };
        match first {
            Ok((next, copied)) => {
                let written = Written { keep_alive, copied };
                self.written(status, written, mark);
                let asked = streaming.pending.asked;
                self.meter.stopwatch.sample = Sample::Deferred { asked };
                self.follow(next, streaming, session)
            }
            Err(failure) => {
                self.output.truncate(mark);
                let failed = self.write(exchange, failure);
                self.finish_late(failed, streaming.pending, session);
                None
            }
        }
    }

    /// Asks the source for a piece; what it says, and how long the piece is. If it fails or panics,
    /// the output is cut back to where it was.
    fn ask(&mut self, streaming: &mut Streaming) -> Result<(Next, usize), Response> {
        self.meter.account.pieces.add(1);
        self.meter.handler_resumes();
        let mark = self.output.len();
        let mut outlet = Outlet {
            out: &mut self.output,
            waker: &streaming.waker,
            is_leaving: self.draining.is_some(),
        };
        let asked = AssertUnwindSafe(|| streaming.stream.ask(&mut outlet));
        let failure = match catch_unwind(asked) {
            Ok((Next::Failed, _)) => Response::error(Status::INTERNAL_SERVER_ERROR, SOURCE_FAILED),
            Ok(asked) => return Ok(asked),
            Err(_) => {
                self.meter.panicked();
                handler_panicked()
            }
        };
        self.output.truncate(mark);
        self.meter.account.broken_streams.add(1);
        Err(failure)
    }

    /// Does what the source says.
    fn follow(
        &mut self,
        next: Next,
        mut streaming: Box<Streaming>,
        session: &mut Session,
    ) -> Option<FilePart> {
        let mut part = None;
        streaming.due = match next {
            Next::More => Time::ZERO,
            Next::Send(file) => {
                part = Some(file).filter(|file| file.bytes > 0);
                Time::ZERO
            }
            Next::Later(span) => self.kernel.now().after(span),
            Next::Run(task) => {
                let work = Work::new(|_| {
                    task();
                    Response::empty(Status::NO_CONTENT).into()
                });
                match self.queue(work, session.id) {
                    Ok(claim) => {
                        streaming.claim = Some(claim);
                        Time::NEVER
                    }
                    // Nobody can be told any more that the queue is full.
                    Err(_) => self.kernel.now().after(bounds::QUEUE_FULL_WAIT),
                }
            }
            Next::Woken => Time::NEVER,
            Next::End | Next::EndWith(_) | Next::Failed => {
                let pending = streaming.pending;
                let keep_alive = pending.exchange.keep_alive;
                self.finish(Produced::Written { keep_alive }, pending, session);
                return None;
            }
        };
        session.state = State::Streaming(streaming);
        part
    }
}

const SOURCE_FAILED: &str =
    "the source of this answer failed before its first byte; the connection and the server go on";
