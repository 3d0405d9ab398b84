//! What a connection is at: one enum, and what holds in some states only lives in the variant.
//!
//! ```text
//! from       to         when
//! ---------- ---------- ---------------------------------------------------------------------
//! (accepted) Head
//! Head       Head       a request is answered, and nothing of it is left to be read
//!            Body       its handler wants a body that is chunked, or not all here
//!            Taking     its handler takes the body as it comes
//!            Discard    it is answered, and has a body that nobody wants
//!            Deferred   its answer takes time
//!            Streaming  its answer is a stream
//!            Closing    its answer is the connection's last; or the head is refused, too slow or
//!                       cut off, or finds no buffer; or the peer has been silent for too long,
//!                       and gets no answer
//!            (gone)     the peer has ended, before a head
//! Body       Head       it is complete, and its request is answered
//!            Deferred   it is complete, and the answer takes time
//!            Streaming  it is complete, and the answer is a stream
//!            Closing    that answer is the last; or the body is refused, too slow or cut off, or
//!                       finds no buffer
//! Taking     Head       the handler has answered, and the body is at its end
//!            Discard    it has answered before
//!            Deferred, Streaming, Closing: as Body, at the end of the body or before
//! Discard    Head       the end of the body is found
//!            Closing    the body breaks a rule or a limit, is too slow, or finds no buffer: its
//!                       answer has been given, and no other follows
//!            (gone)     the peer has ended
//! Deferred   Head       the answer is there
//!            Discard    the same, and the request has a body that nobody wants
//!            Deferred   the wait is over, and another follows
//!            Streaming  the wait is over, and the answer is a stream
//!            Taking     the wait is over, and the handler takes the body as it comes
//!            Closing    the answer is the last; or what came behind the head finds no buffer
//! Streaming  Head       the stream has ended; or its source failed before the first byte: 500
//!            Discard    the same, and the request has a body that nobody wants
//!            Closing    the stream was the last answer; or its source has failed, which the
//!                       framing shows; or what came behind the head finds no buffer
//!            Broken     its source has failed, and the end of the connection would be its own
//! Broken     (gone)     at once, by a reset
//! Closing    Lingering  all that was written is sent, and our side is shut down
//! Lingering  (gone)     the peer has ended, or its time is up
//! any        (gone)     a system call fails; or the peer does not take its answers, or no buffer
//!                       is left to keep them; or the server leaves without waiting
//! ```
//!
//! In between a connection stays where it is. Unsent answers are no state: until the peer has taken
//! them nothing is read and nothing served. Only a deferred answer still joins them.

use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use super::deferral::{Deferred, Streaming, Wait};
use super::upload::{Collected, Pace, Taking};
use super::{connections::ConnectionId, pool::Pool, timers::Time};
use crate::config::Timeouts;
use crate::http::{body::Decoder, parse::Partial};

/// A connection without its socket: who speaks, and what it is at.
pub struct Session {
    /// The connection, as the loop speaks of it.
    pub id: ConnectionId,
    /// The peer, as the log speaks of it.
    pub peer: SocketAddr,
    /// What it is at.
    pub state: State,
}

/// What a connection is at.
///
/// With a tag of its own, a `match` is one comparison; the compiler would hide the tag in the
/// values of a variant, and take six instructions to find it.
#[repr(u8)]
pub enum State {
    /// Before a request head, or inside one.
    Head {
        /// How far what has come of the head has been judged.
        partial: Partial,
        /// When it was accepted; or the last answer, or the end of a body that nobody wanted; or
        /// the head's first byte; or when the peer took what it was owed.
        since: Time,
    },
    /// Inside a body that the handler wants.
    Body(Box<Collected>),
    /// Inside a body that the handler takes as it comes; or its answer is awaited.
    Taking(Box<Taking>),
    /// Inside a body that nobody wants: its answer has been given.
    Discard {
        /// Finds the end.
        body: Decoder,
        /// How fast it comes.
        pace: Pace,
    },
    /// The answer is being made.
    Deferred(Box<Deferred>),
    /// The answer is made while it is sent.
    Streaming(Box<Streaming>),
    /// The answer has broken off: reset.
    Broken,
    /// No more is served: send what is left, and shut down.
    Closing,
    /// Shut down: reading to the peer's end, so that no reset overtakes our answer (RFC 9112
    /// section 9.6).
    Lingering {
        /// The shutdown.
        since: Time,
        /// The last read that brought something.
        heard: Time,
    },
}

impl State {
    /// Before the next head.
    pub fn next_head(now: Time) -> Self {
        Self::Head {
            partial: Partial::default(),
            since: now,
        }
    }

    /// Goes over to another state, and gives back what this one holds.
    pub fn change(&mut self, next: Self, pool: &mut Pool) {
        match mem::replace(self, next) {
            Self::Body(upload) => upload.give_back(pool),
            Self::Deferred(deferred) => deferred.give_back(pool),
            _ => {}
        }
    }

    /// Whether the request whose answer is due was HEAD, as far as that is known by the state.
    pub fn is_head_only(&self) -> bool {
        match self {
            Self::Body(upload) => upload.pending.exchange.head_only,
            Self::Deferred(deferred) => deferred.pending.exchange.head_only,
            Self::Streaming(streaming) => streaming.pending.exchange.head_only,
            Self::Taking(taking) => taking.pending.exchange.head_only,
            _ => false,
        }
    }

    /// The moment at which something must be done even if nothing happens. Computed, never stored:
    /// so it cannot disagree with the state. `has_begun`: bytes of a head are here; before that a
    /// peer may be silent for the time `idle`, counted from `silent_since` at the earliest.
    pub fn deadline(
        &self,
        has_begun: bool,
        idle: Duration,
        silent_since: Time,
        times: &Timeouts,
    ) -> Time {
        match self {
            Self::Head { since, .. } if has_begun => since.after(times.head),
            Self::Head { since, .. } => (*since).max(silent_since).after(idle),
            Self::Body(upload) => upload.pace.body_deadline(times),
            Self::Taking(taking) if taking.due == Time::ZERO => taking.pace.body_deadline(times),
            Self::Taking(taking) => taking.due,
            Self::Discard { pace, .. } => pace.body_deadline(times),
            Self::Deferred(deferred) => match deferred.wait {
                Wait::Timer { until, .. } => until,
                Wait::Job { .. } => Time::NEVER,
            },
            // One that could go on has yielded, and needs no timer for it.
            Self::Streaming(streaming) if streaming.due == Time::ZERO => Time::NEVER,
            Self::Streaming(streaming) => streaming.due,
            Self::Closing | Self::Broken => Time::NEVER,
            Self::Lingering { since, heard } => heard
                .after(times.linger_silence)
                .min(since.after(times.linger)),
        }
    }

    /// The peer was not read for a while, so that its silence was of our making: its time begins
    /// anew.
    pub fn forgive_silence(&mut self, now: Time) {
        match self {
            Self::Head { since, .. } => *since = now,
            Self::Body(upload) => upload.pace = Pace::new(now),
            Self::Discard { pace, .. } => *pace = Pace::new(now),
            Self::Taking(taking) => taking.pace = Pace::new(now),
            _ => {}
        }
    }

    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Head { .. } => "Head",
            Self::Body(_) => "Body",
            Self::Taking(_) => "Taking",
            Self::Discard { .. } => "Discard",
            Self::Deferred(_) => "Deferred",
            Self::Streaming(_) => "Streaming",
            Self::Broken => "Broken",
            Self::Closing => "Closing",
            Self::Lingering { .. } => "Lingering",
        }
    }
}

/// What a connection takes that others could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// It waits for a request, and nothing of one has come.
    pub is_idle: bool,
    /// Bytes of buffers that it holds.
    pub bytes: usize,
    /// Since when: the last answer, if it is idle; else when it began to hold them.
    pub since: Time,
}
