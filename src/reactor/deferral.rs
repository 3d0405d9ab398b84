//! A request whose answer takes its time, or is sent in pieces: what is kept of it, and what it
//! waits for.
//!
//! Until the answer is there its connection reads nothing and serves nothing, so answers keep the
//! order of their requests. A connection that closes meanwhile drops this, and with it the claim to
//! the job: what of it has not begun does not begin.

use super::{jobs::Claim, pool::Pool, timers::Time};
use crate::http::{Continuation, Exchange, Reply, Stream, Waker, parse::Framing};

/// A request whose answer is being made.
pub struct Deferred {
    /// What is kept of it.
    pub pending: Pending,
    /// The beginning of its access line.
    pub access: Option<Box<str>>,
    /// When the wait began.
    pub began: Time,
    /// What its answer waits for.
    pub wait: Wait,
}

/// A request whose answer is sent while it is made.
pub struct Streaming {
    /// What is kept of the request.
    pub pending: Pending,
    /// When the source is to be asked again; before that only if it is woken.
    pub due: Time,
    /// The answer.
    pub stream: Box<Stream>,
    /// Has the source asked.
    pub waker: Waker,
    /// That we wait for what it has done by the job pool.
    pub claim: Option<Claim>,
    /// The beginning of its access line, until the head is written.
    pub access: Option<Box<str>>,
}

/// What of a request survives until its answer.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// How it is to be answered.
    pub exchange: Exchange,
    /// The framing of a body that is still to come and that its handler did not want.
    pub undrained: Framing,
    /// The peer waits for 100 before it sends its body (RFC 9110 section 10.1.1).
    pub awaits_100: bool,
    /// When the turn began that read it.
    pub asked: Time,
}

/// What an answer waits for.
pub enum Wait {
    /// The clock.
    Timer {
        /// When it ends.
        until: Time,
        /// What makes the answer.
        then: Continuation,
    },
    /// A thread of the pool.
    Job {
        /// What it has answered; then the next advance.
        reply: Option<Box<Reply>>,
        /// That we wait for it.
        claim: Claim,
        /// Bytes that the work holds, counted among the reactor's buffers.
        held: usize,
    },
}

impl Deferred {
    /// The bytes that the work held count no more.
    pub fn give_back(&self, pool: &mut Pool) {
        if let Wait::Job { held, .. } = self.wait {
            pool.release(held);
        }
    }
}
