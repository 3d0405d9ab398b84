//! Buffers, lent by a pool and given back: the memory that connections hold, counted and bounded.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use super::buffers::Input;
use crate::accounts::{Copied, ReactorAccount};
use crate::config::{Config, Techniques, bounds};
use crate::http::{Rejection, Status};

/// Answers whoever needs a buffer when the reactor has lent them all.
pub const NO_BUFFER: Rejection = Rejection {
    status: Status::SERVICE_UNAVAILABLE,
    reason: "the server's buffers are all in use; try again in a second",
};

/// The buffers of one reactor that are not in use, and the sum of those that are.
pub struct Pool {
    /// Those that are not in use, with their size: that of a rest, of an input, and of a segment.
    idle: [(usize, Vec<BytesMut>); 3],
    bytes_max: usize,
    /// More than most of them are lent.
    is_short: bool,
    /// Tells the reactor so, once.
    tell: Box<dyn Fn() + Send>,
    /// So many of each size are kept.
    idle_max: usize,
    account: Arc<ReactorAccount>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lent = self.account.buffer_bytes.get();
        write!(f, "{lent} of {} bytes lent", self.bytes_max)
    }
}

impl Pool {
    /// An empty pool that lends at most `limits.buffers` bytes in all, in sizes of
    /// [`bounds::REST_BYTES`], `socket.buffer_size` and [`bounds::SEGMENT_BYTES`]. It tells when
    /// most of them are lent.
    #[must_use]
    pub fn new(
        config: &Config,
        account: Arc<ReactorAccount>,
        tell: impl Fn() + Send + 'static,
    ) -> Self {
        let sizes = [
            bounds::REST_BYTES,
            config.socket.buffer_size,
            bounds::SEGMENT_BYTES,
        ];
        let mut pool = Self {
            idle: sizes.map(|size| (size, Vec::new())),
            bytes_max: config.limits.buffers,
            is_short: false,
            tell: Box::new(tell),
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
        let size = self
            .idle
            .iter()
            .map(|(size, _)| *size)
            .find(|size| bytes <= *size);
        // The rest of one long answer: too rare, and too different in size, to be kept.
        self.lend(size.unwrap_or(bytes))
    }

    /// An empty buffer of this size.
    fn lend(&mut self, capacity: usize) -> Option<BytesMut> {
        if !self.hold(capacity) {
            return None;
        }
        let mut sizes = self.idle.iter_mut();
        let idle = sizes.find(|(size, _)| *size == capacity);
        if let Some(buffer) = idle.and_then(|(_, idle)| idle.pop()) {
            self.account.pool_hits.add(1);
            return Some(buffer);
        }
        self.account.pool_misses.add(1);
        Some(BytesMut::with_capacity(capacity))
    }

    /// Counts bytes that are held for a connection, by a buffer or elsewhere; false if that would
    /// exceed the limit.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let held = self.account.buffer_bytes.get() + bytes as u64;
        if held > self.bytes_max as u64 {
            return false;
        }
        self.account.buffer_bytes.add(bytes as u64);
        if held > self.plenty() && !self.is_short {
            self.is_short = true;
            self.account.shortages.add(1);
            (self.tell)();
        }
        true
    }

    /// They are held no more.
    pub fn release(&mut self, bytes: usize) {
        self.account.buffer_bytes.sub(bytes as u64);
    }

    /// An empty buffer that takes one whole read.
    pub fn take_input(&mut self) -> Option<BytesMut> {
        let [_, (input, _), _] = self.idle;
        self.take(input)
    }

    /// Bytes up to which nobody has to give any back.
    fn plenty(&self) -> u64 {
        self.bytes_max as u64 / 8 * 7
    }

    /// How many bytes would have to come back for [`plenty`](Self::plenty); it tells anew when they
    /// have been missed again.
    pub fn missing(&mut self) -> u64 {
        self.is_short = false;
        self.account
            .buffer_bytes
            .get()
            .saturating_sub(self.plenty())
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
    /// front of another buffer, with room for as much again and no more: a head that does not end
    /// holds what has come of it, and at most as much. False if that would exceed the limit.
    #[cold]
    pub fn enlarge(&mut self, input: &mut Input) -> bool {
        let room = 2 * input.len().max(1);
        let [_, (one_read, _), _] = self.idle;
        let larger = if room > one_read {
            self.lend(room)
        } else {
            self.take(room)
        };
        let Some(larger) = larger else {
            return false;
        };
        self.move_to(larger, input);
        true
    }

    /// Gives an input its whole room again, if pieces were split off: it moves to another buffer,
    /// or stays as it is if there is none.
    pub fn mend(&mut self, input: &mut Input) {
        if input.is_whole() {
            return;
        }
        if let Some(whole) = self.take(input.room()) {
            self.move_to(whole, input);
        }
    }

    /// Moves what has not been consumed of an input to another buffer.
    fn move_to(&mut self, mut buffer: BytesMut, input: &mut Input) {
        buffer.extend_from_slice(input.as_slice());
        self.account.bytes_copied[Copied::Input as usize].add(buffer.len() as u64);
        let former = std::mem::replace(input, Input::new(buffer));
        self.give_back(former.into_bytes());
    }

    /// Takes a buffer back.
    pub fn give_back(&mut self, mut buffer: BytesMut) {
        self.release(buffer.capacity());
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
        let pool = Pool::new(&config, Arc::clone(&account), || ());
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
        // Three sizes: the last two are one.
        assert_eq!((account.pool_hits.get(), account.pool_misses.get()), (1, 3));
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
        let one = pool.take(8192).unwrap();
        let two = pool.take(8192).unwrap();
        assert!(pool.take(8192).is_none());
        pool.give_back(one);
        assert!(pool.take(bounds::SEGMENT_BYTES).is_none());
        assert!(pool.take(8192).is_some());
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
}
