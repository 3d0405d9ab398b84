//! Bytes that are taken from the front and filled at the back; and how they are received.
//!
//! An [`Input`] is read from its start and filled at its end; when it is empty both go back to 0.
//! Nothing is split off, frozen or shared: those are atomic operations on a reference count, and
//! leave the memory in pieces that cannot be filled again.
//!
//! This file has the reactor's only `unsafe`: [`receive`].

use std::io;
use std::mem::MaybeUninit;

use bytes::BytesMut;

use crate::config::Techniques;

/// Memory that may never have been written.
pub type Room = [MaybeUninit<u8>];
/// How many bytes a call brought.
pub type Count = io::Result<usize>;

/// Fills the room behind what `into` holds by `call`, with at most `max` bytes.
///
/// # Errors
///
/// Those of `call`, which is a recv(2) into that room, and returns how many bytes it brought.
#[inline]
pub fn receive(into: &mut BytesMut, max: usize, call: impl FnOnce(&mut Room) -> Count) -> Count {
    let held = into.len();
    let room = (into.capacity() - held).min(max);
    let received = call(&mut into.spare_capacity_mut()[..room])?;
    // SAFETY: recv(2) was given the `room` bytes that follow the first `held`, and returned that it
    // has written the first `received` of them. So all bytes up to the new length are initialised,
    // and it is within the capacity, whatever the peer sent.
    unsafe { into.set_len(held + received.min(room)) };
    Ok(received)
}

/// Clears the room that the next `max` bytes will be received into.
#[cold]
pub fn clear(into: &mut BytesMut, max: usize) {
    let spare = into.spare_capacity_mut();
    let room = spare.len().min(max);
    spare[..room].fill(MaybeUninit::new(0));
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

    /// How many bytes it takes of the pool.
    pub fn room(&self) -> usize {
        self.room
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

    /// Whether it has its whole room, and no pieces were split off.
    pub fn is_whole(&self) -> bool {
        self.bytes.capacity() >= self.room
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

#[cfg(test)]
mod tests {
    use super::*;

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
