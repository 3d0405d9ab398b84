//! A body that is being read for a handler: collected in pooled segments, with the head of its
//! request; or handed over as it comes, and not kept.
//!
//! Bytes that come after the head are received straight into a segment when Content-Length tells
//! how many there are, and are never moved again. What came in the same read as the head is copied
//! once; chunked bodies are copied whole, since their framing must be cut out.

use std::time::Duration;

use bytes::BytesMut;

use super::pool::{NO_BUFFER, Pool};
use super::{deferral::Pending, timers::Time};
use crate::accounts::{Copied, ReactorAccount};
use crate::config::{Limits, Timeouts, bounds};
use crate::http::body::Decoder;
use crate::http::{Body, Rejection, Upload, Waker};

/// A body that its handler takes as it comes.
pub struct Taking {
    /// What is kept of the request.
    pub pending: Pending,
    /// Who takes it.
    pub upload: Box<Upload>,
    /// Finds the end.
    pub decoder: Decoder,
    /// How fast it comes.
    pub pace: Pace,
    /// Nothing is read before; [`Time::ZERO`] while it is read.
    pub due: Time,
    /// Ends the wait.
    pub waker: Waker,
    /// The beginning of the access line.
    pub access: Option<Box<str>>,
}

impl Taking {
    /// Whether more is to be read now: else the handler waits, or has all of it.
    pub fn reads(&self) -> bool {
        self.due == Time::ZERO && !self.decoder.is_done()
    }
}

/// A body that is collected until it is whole.
#[derive(Debug)]
pub struct Collected {
    /// The bytes of the request head; parsed again when the body is complete.
    pub head: BytesMut,
    /// What else is kept of the request.
    pub pending: Pending,
    /// Finds the end.
    pub decoder: Decoder,
    /// How fast it comes.
    pub pace: Pace,
    segments: Vec<BytesMut>,
    copied: usize,
}

impl Collected {
    /// Nothing of the body has been stored yet.
    pub fn new(head: BytesMut, pending: Pending, decoder: Decoder, now: Time) -> Self {
        Self {
            head,
            pending,
            decoder,
            pace: Pace::new(now),
            segments: Vec::new(),
            copied: 0,
        }
    }

    /// Copies what belongs to the body out of what was received; returns how much was its own.
    ///
    /// # Errors
    ///
    /// What the decoder refuses; 503 if the pool is exhausted.
    pub fn take(
        &mut self,
        input: &[u8],
        limits: &Limits,
        pool: &mut Pool,
        account: &ReactorAccount,
        now: Time,
        span: Duration,
    ) -> Result<usize, Rejection> {
        let piece = self.decoder.next(input, limits)?;
        self.pace.moved(piece.consumed, now, span);
        self.copied += piece.data.len();
        account.bytes_copied[Copied::Body as usize].add(piece.data.len() as u64);
        let mut data = piece.data;
        while !data.is_empty() {
            let segment = self.room(data.len(), pool).ok_or(NO_BUFFER)?;
            let (here, rest) = data.split_at(data.len().min(segment.capacity() - segment.len()));
            segment.extend_from_slice(here);
            data = rest;
        }
        Ok(piece.consumed)
    }

    /// A segment with room; `None` if the pool is exhausted. For `wanted` bytes that are here
    /// already, or to be received into.
    ///
    /// The first is small, and the others are at most twice as large as all before them together: a
    /// peer that announces a megabyte and sends a byte holds no more than it would with a head.
    #[must_use]
    pub fn room(&mut self, wanted: usize, pool: &mut Pool) -> Option<&mut BytesMut> {
        let is_full = |last: &BytesMut| last.len() == last.capacity();
        if self.segments.last().is_none_or(is_full) {
            let bytes = wanted.max(2 * self.held()).clamp(1, bounds::SEGMENT_BYTES);
            self.segments.push(pool.take(bytes)?);
        }
        self.segments.last_mut()
    }

    /// Bytes of the pool that its body takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.segments.iter().map(BytesMut::capacity).sum()
    }

    /// The body as far as it is here.
    pub fn body(&self) -> Body<'_> {
        Body {
            first: &[],
            segments: &self.segments,
            copied: self.copied,
        }
    }

    /// Returns all buffers.
    pub fn give_back(self, pool: &mut Pool) {
        pool.give_back(self.head);
        for segment in self.segments {
            pool.give_back(segment);
        }
    }
}

/// How fast bytes go one way, against a peer that sends or takes them one by one. Judged is the
/// span that runs: what went fast before it buys no slowness afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the span began.
    began: Time,
    last: Time,
    /// Bytes that have moved in it.
    bytes: u64,
}

impl Pace {
    /// Starts now.
    pub fn new(now: Time) -> Self {
        let (began, last, bytes) = (now, now, 0);
        Self { began, last, bytes }
    }

    /// When the span that runs began.
    pub fn began(&self) -> Time {
        self.began
    }

    /// Bytes have moved. A new span begins after each that brought enough.
    pub fn moved(&mut self, bytes: usize, now: Time, span: Duration) {
        self.last = now;
        self.renew(now, span);
        self.bytes += bytes as u64;
        self.renew(now, span);
    }

    fn renew(&mut self, now: Time, span: Duration) {
        if now >= self.began.after(span) && self.is_paid(span) {
            (self.began, self.bytes) = (now, 0);
        }
    }

    /// When a peer that moves nothing more is given up: after `silence`; or when a `span` is over
    /// in which fewer than [`bounds::RATE_MIN`] bytes a second have moved.
    pub fn deadline(&self, silence: Duration, span: Duration) -> Time {
        let spans = if self.is_paid(span) { 2 } else { 1 };
        let too_slow = self.began.after(span.saturating_mul(spans));
        self.last.after(silence).min(too_slow)
    }

    fn is_paid(&self, span: Duration) -> bool {
        u128::from(self.bytes) * 1000 >= span.as_millis() * u128::from(bounds::RATE_MIN)
    }

    /// [`deadline`](Self::deadline) for a body.
    pub fn body_deadline(&self, timeouts: &Timeouts) -> Time {
        self.deadline(timeouts.body, timeouts.body_rate_span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const TEN: Duration = Duration::from_secs(10);

    fn deadline(pace: &Pace) -> u64 {
        pace.deadline(TEN, TEN).0 / SECOND
    }

    #[test]
    fn silence_and_slowness_both_end() {
        let mut pace = Pace::new(Time(0));
        assert_eq!(deadline(&pace), 10);
        pace.moved(4_999, Time(9 * SECOND), TEN);
        assert_eq!(deadline(&pace), 10, "a byte too few for ten seconds");
        pace.moved(1, Time(9 * SECOND), TEN);
        assert_eq!(
            deadline(&pace),
            19,
            "fast enough, but silent since the ninth"
        );
    }

    #[test]
    fn what_comes_with_the_deadline_counts_if_it_is_enough() {
        for (bytes, later) in [(5_000, 20), (4_999, 10)] {
            let mut pace = Pace::new(Time(0));
            pace.moved(bytes, Time(10 * SECOND), TEN);
            assert_eq!(deadline(&pace), later, "{bytes}");
        }
    }

    #[test]
    fn a_fast_beginning_buys_no_silence() {
        let mut pace = Pace::new(Time(0));
        pace.moved(1 << 20, Time(SECOND), TEN);
        for second in [8, 15] {
            pace.moved(1, Time(second * SECOND), TEN);
        }
        assert_eq!(deadline(&pace), 25, "one byte since the fifteenth second");
    }
}
