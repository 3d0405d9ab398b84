//! Buffers, lent by a pool and given back: the memory that connections hold, counted.
//!
//! An [`Input`] is read from its start and filled at its end; when it is empty both go back to 0.
//! Nothing is split off, frozen or shared: those are atomic operations on a reference count, and
//! leave the memory in pieces that cannot be filled again.
//!
//! This file has the reactor's only `unsafe`: [`receive`].

use std::io::{self, Read};
use std::sync::Arc;

use bytes::BytesMut;
use mio::net::TcpStream;
use rustix::net::{RecvFlags, recv};

use crate::accounts::{Copied, ReactorAccount};
use crate::config::{Config, Techniques, bounds};
use crate::http::{Rejection, Status};

/// Receives at most `max` bytes behind what `into` holds, without clearing the memory first.
///
/// # Errors
///
/// As recv(2).
#[inline]
pub fn receive(from: &TcpStream, into: &mut BytesMut, max: usize) -> io::Result<usize> {
    let held = into.len();
    let spare = into.spare_capacity_mut();
    let room = spare.len().min(max);
    let (_, received) = recv(from, &mut spare[..room], RecvFlags::empty())?;
    // SAFETY: recv(2) was given the `room` bytes that follow the first `held`, and returned that it
    // has written the first `received` of them. So all bytes up to the new length are initialised,
    // and it is within the capacity, whatever the peer sent.
    unsafe { into.set_len(held + received.min(room)) };
    Ok(received)
}

/// The same into memory that is cleared first: what is written without `unsafe`.
///
/// # Errors
///
/// As recv(2).
#[cold]
pub fn receive_zeroed(mut from: &TcpStream, into: &mut BytesMut, max: usize) -> io::Result<usize> {
    let held = into.len();
    let room = (into.capacity() - held).min(max);
    into.resize(held + room, 0);
    let received = from.read(&mut into[held..]);
    into.truncate(held + received.as_ref().map_or(0, |bytes| *bytes));
    received
}

/// Bytes that are taken from the front and added at the back: received, or still to be sent.
#[derive(Debug)]
pub struct Input {
    bytes: BytesMut,
    start: usize,
    /// The bytes before this place were copied here from another buffer; those behind it received.
    copied: usize,
    /// The buffer's whole room: what is split off is lost to it.
    room: usize,
}

impl Input {
    /// An input over a buffer. What it holds already was copied there.
    #[must_use]
    pub fn new(bytes: BytesMut) -> Self {
        Self {
            room: bytes.capacity(),
            copied: bytes.len(),
            bytes,
            start: 0,
        }
    }

    /// What has not been consumed.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How many bytes have not been consumed.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether all has been consumed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// How many of the `bytes` that follow the first `skipped` unconsumed ones were copied here,
    /// and not received.
    pub fn copied(&self, skipped: usize, bytes: usize) -> usize {
        let place = self.start + skipped;
        self.copied.saturating_sub(place).min(bytes)
    }

    /// Moves the start; both cursors go back to 0 when nothing is left.
    #[inline]
    pub fn consume(&mut self, bytes: usize, techniques: &Techniques) {
        if !techniques.cursors {
            return self.split_off(bytes);
        }
        self.start += bytes;
        if self.start >= self.bytes.len() {
            self.rewind();
        }
    }

    /// Forgets everything, and has its whole room again.
    pub fn clear(&mut self) {
        self.rewind();
        if self.bytes.capacity() < self.room {
            self.bytes = BytesMut::with_capacity(self.room);
        }
    }

    /// Has its whole room again, if pieces were split off: moves to another buffer of the pool, or
    /// stays as it is if there is none.
    pub fn mend(&mut self, pool: &mut Pool) {
        if self.bytes.capacity() >= self.room {
            return;
        }
        let Some(mut whole) = pool.take(self.room) else {
            return;
        };
        whole.extend_from_slice(self.as_slice());
        pool.account.bytes_copied[Copied::Input as usize].add(whole.len() as u64);
        let pieces = std::mem::replace(self, Self::new(whole));
        pool.give_back(pieces.into_bytes());
    }

    #[inline]
    fn rewind(&mut self) {
        self.bytes.clear();
        self.start = 0;
        self.copied = 0;
    }

    /// What parsers do that hand their bytes on: the buffer is shared from now on, and its front is
    /// lost to it until all who share it have let go.
    #[cold]
    fn split_off(&mut self, bytes: usize) {
        let bytes = (self.start + bytes).min(self.bytes.len());
        drop(self.bytes.split_to(bytes).freeze());
        self.start = 0;
        self.copied = self.copied.saturating_sub(bytes);
        if self.bytes.is_empty() {
            self.bytes.reserve(self.room);
        }
    }

    /// Bytes that can be received without moving anything.
    #[inline]
    pub fn spare(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// The buffer to receive into, behind its length.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Gives the buffer up, as large as it was.
    #[must_use]
    pub fn into_bytes(self) -> BytesMut {
        match self.bytes.capacity() {
            room if room == self.room => self.bytes,
            _ => BytesMut::with_capacity(self.room),
        }
    }
}

/// Answers whoever needs a buffer when the reactor has lent them all.
pub const NO_BUFFER: Rejection = Rejection {
    status: Status::SERVICE_UNAVAILABLE,
    reason: "the server's buffers are all in use; try again in a second",
};

/// The buffers of one reactor that are not in use, and the sum of those that are.
#[derive(Debug)]
pub struct Pool {
    /// Those that are not in use, with their size: that of an input, then that of a segment.
    idle: [(usize, Vec<BytesMut>); 2],
    bytes_max: usize,
    /// So many of each size are kept.
    idle_max: usize,
    account: Arc<ReactorAccount>,
}

impl Pool {
    /// An empty pool that lends at most `limits.buffers` bytes in all, in sizes of
    /// `socket.buffer_size` and [`bounds::SEGMENT_BYTES`].
    #[must_use]
    pub fn new(config: &Config, account: Arc<ReactorAccount>) -> Self {
        let sizes = [config.socket.buffer_size, bounds::SEGMENT_BYTES];
        let mut pool = Self {
            idle: sizes.map(|size| (size, Vec::new())),
            bytes_max: config.limits.buffers,
            idle_max: 0,
            account,
        };
        pool.keep(&config.techniques);
        pool
    }

    /// Keeps as many idle buffers of each size as the techniques say, and drops the others.
    pub fn keep(&mut self, techniques: &Techniques) {
        self.idle_max = techniques.idle_buffers;
        for (_, idle) in &mut self.idle {
            idle.truncate(self.idle_max);
        }
    }

    /// An empty buffer with room for `bytes` at least; `None` if that would exceed the limit.
    pub fn take(&mut self, bytes: usize) -> Option<BytesMut> {
        let mut sizes = self.idle.iter_mut();
        let (capacity, idle) = match sizes.find(|(size, _)| bytes <= *size) {
            Some((size, idle)) => (*size, Some(idle)),
            // The rest of one long answer: too rare, and too different in size, to be kept.
            None => (bytes, None),
        };
        if self.account.buffer_bytes.get() + capacity as u64 > self.bytes_max as u64 {
            return None;
        }
        let buffer = if let Some(buffer) = idle.and_then(Vec::pop) {
            self.account.pool_hits.add(1);
            buffer
        } else {
            self.account.pool_misses.add(1);
            BytesMut::with_capacity(capacity)
        };
        self.account.buffer_bytes.add(buffer.capacity() as u64);
        Some(buffer)
    }

    /// Counts bytes that are held elsewhere for a connection; false if that would exceed the limit.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let fits = self.account.buffer_bytes.get() + bytes as u64 <= self.bytes_max as u64;
        if fits {
            self.account.buffer_bytes.add(bytes as u64);
        }
        fits
    }

    /// They are held no more.
    pub fn release(&mut self, bytes: usize) {
        self.account.buffer_bytes.sub(bytes as u64);
    }

    /// A buffer that holds a copy of two pieces, one after the other; counted as `place`.
    pub fn copy_of(&mut self, place: Copied, first: &[u8], second: &[u8]) -> Option<BytesMut> {
        let mut buffer = self.take(first.len() + second.len())?;
        buffer.extend_from_slice(first);
        buffer.extend_from_slice(second);
        self.account.bytes_copied[place as usize].add(buffer.len() as u64);
        Some(buffer)
    }

    /// Makes room in an input that is full up to its end: what has not been consumed moves to the
    /// front of another buffer, with room for as much again. False if that would exceed the limit.
    #[cold]
    pub fn enlarge(&mut self, input: &mut Input) -> bool {
        let Some(mut larger) = self.take(2 * input.len().max(1)) else {
            return false;
        };
        larger.extend_from_slice(input.as_slice());
        self.account.bytes_copied[Copied::Input as usize].add(input.len() as u64);
        let full = std::mem::replace(input, Input::new(larger));
        self.give_back(full.into_bytes());
        true
    }

    /// Takes a buffer back.
    pub fn give_back(&mut self, mut buffer: BytesMut) {
        self.account.buffer_bytes.sub(buffer.capacity() as u64);
        let mut sizes = self.idle.iter_mut();
        if let Some((_, idle)) = sizes.find(|(size, _)| buffer.capacity() == *size)
            && idle.len() < self.idle_max
        {
            buffer.clear();
            idle.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(bytes_max: usize) -> (Pool, Arc<ReactorAccount>) {
        pool_with(bytes_max, Techniques::default())
    }

    fn pool_with(bytes_max: usize, techniques: Techniques) -> (Pool, Arc<ReactorAccount>) {
        let account = Arc::<ReactorAccount>::default();
        let mut config = Config {
            techniques,
            ..Config::default()
        };
        (config.socket.buffer_size, config.limits.buffers) = (8192, bytes_max);
        let pool = Pool::new(&config, Arc::clone(&account));
        (pool, account)
    }

    #[test]
    fn buffers_come_back_and_are_lent_again() {
        let (mut pool, account) = pool(1 << 20);
        for bytes in [1, 8192, 8193, bounds::SEGMENT_BYTES] {
            let buffer = pool.take(bytes).unwrap();
            assert!(buffer.capacity() >= bytes && buffer.is_empty());
            assert_eq!(account.buffer_bytes.get(), buffer.capacity() as u64);
            pool.give_back(buffer);
            assert_eq!(account.buffer_bytes.get(), 0);
        }
        assert_eq!((account.pool_hits.get(), account.pool_misses.get()), (2, 2));
    }

    #[test]
    fn a_buffer_forgets_its_last_tenant() {
        let (mut pool, _) = pool(1 << 20);
        let buffer = pool.copy_of(Copied::Input, b"sec", b"ret").unwrap();
        assert_eq!(&buffer[..], b"secret");
        pool.give_back(buffer);
        assert_eq!(&pool.take(1).unwrap()[..], b"");
    }

    #[test]
    fn the_limit_holds_and_is_lifted_again() {
        let (mut pool, account) = pool(2 * 8192);
        let one = pool.take(1).unwrap();
        let two = pool.take(1).unwrap();
        assert!(pool.take(1).is_none());
        pool.give_back(one);
        assert!(pool.take(bounds::SEGMENT_BYTES).is_none());
        assert!(pool.take(1).is_some());
        drop(two);
        assert_eq!(
            account.buffer_bytes.get(),
            2 * 8192,
            "who does not give back still owes"
        );
    }

    #[test]
    fn an_odd_size_is_not_kept() {
        let (mut pool, account) = pool(1 << 20);
        let long = pool.take(100_000).unwrap();
        pool.give_back(long);
        assert_eq!(account.buffer_bytes.get(), 0);
        pool.take(100_000).unwrap();
        assert_eq!(account.pool_misses.get(), 2);
    }

    #[test]
    fn without_idle_buffers_each_is_allocated_anew() {
        let techniques = Techniques {
            idle_buffers: 0,
            ..Techniques::default()
        };
        let (mut pool, account) = pool_with(1 << 20, techniques);
        for _ in 0..3 {
            let buffer = pool.take(1).unwrap();
            pool.give_back(buffer);
        }
        assert_eq!((account.pool_hits.get(), account.pool_misses.get()), (0, 3));
        assert_eq!(account.buffer_bytes.get(), 0);
    }

    #[test]
    fn an_empty_input_starts_again_at_the_front() {
        for cursors in [true, false] {
            let techniques = Techniques {
                cursors,
                ..Techniques::default()
            };
            let mut input = Input::new(BytesMut::with_capacity(16));
            input.bytes_mut().extend_from_slice(b"abcdef");
            input.consume(2, &techniques);
            assert_eq!((input.as_slice(), input.spare()), (&b"cdef"[..], 10));
            input.consume(4, &techniques);
            assert!(input.is_empty());
            assert_eq!(input.spare(), 16);
            input.bytes_mut().extend_from_slice(b"ghi");
            input.consume(1, &techniques);
            assert_eq!((input.as_slice(), input.len()), (&b"hi"[..], 2));
            input.clear();
            assert_eq!(input.into_bytes().capacity(), 16);
        }
    }
}
