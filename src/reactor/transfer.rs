//! Bytes between a connection's socket and its buffers: fill and flush.
//!
//! The usual case touches neither pool nor state: one recv into the common input, one send of
//! the common output. Only what could not be finished moves into a buffer of the connection's
//! own.

use std::io::{self, ErrorKind};

use super::buffers::Input;
use super::connection::{Connection, Gone, Phase, Step};
use super::kernel::Kernel;
use super::shared::Shared;
use crate::accounts::{Copied, Stage};
use crate::config::bounds;
use crate::http::{Handler, Rejection, Status};

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Bytes,
    Nothing,
    /// The peer has shut down its side.
    End,
}

impl<K: Kernel> Connection<K> {
    /// One recv into an input.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    #[allow(clippy::inline_always)] // The compiler would keep it a call, of 20 instructions.
    pub(super) fn fill<H: Handler>(
        &mut self,
        input: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<Fill, Gone> {
        if input.spare() == 0 && !make_room(input, shared) {
            self.reject(NO_BUFFER, shared);
            return Ok(Fill::Nothing);
        }
        let room = input.spare();
        shared
            .kernel
            .observe("fill", || format!("room for {room} bytes in the input"));
        let received = shared
            .kernel
            .recv(&mut self.socket, input.bytes_mut(), room);
        shared.stopwatch.lap(Stage::Read, &mut shared.kernel);
        self.note_read(received, room, shared)
    }

    /// One recv straight into the segment of a body.
    pub(super) fn fill_body<H: Handler>(
        &mut self,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        let Phase::Body(upload) = &mut self.phase else {
            return Ok(Step::Again);
        };
        let remaining = upload.decoder.remaining().unwrap_or(0);
        let Some(segment) = upload.room(&mut shared.pool) else {
            self.reject(NO_BUFFER, shared);
            return Ok(Step::Again);
        };
        let spare = segment.capacity() - segment.len();
        let room = usize::try_from(remaining).unwrap_or(spare).min(spare);
        let received = shared.kernel.recv(&mut self.socket, segment, room);
        shared.stopwatch.lap(Stage::Read, &mut shared.kernel);
        if let Ok(bytes @ 1..) = received {
            upload.decoder.skip(bytes as u64);
            upload.pace.moved(bytes, shared.now);
        }
        let is_done = upload.decoder.is_done();
        match self.note_read(received, room, shared)? {
            Fill::End => return Ok(self.meet_end(true, shared)),
            _ if is_done => self.finish_body(shared),
            _ => {}
        }
        Ok(Step::Again)
    }

    /// Whether what comes next can skip the common input: bytes of a body whose number is known.
    pub(super) fn reads_into_segments(&self) -> bool {
        matches!(&self.phase, Phase::Body(upload) if upload.decoder.remaining().is_some())
    }

    /// What a read of at most `room` bytes says of the socket. A short one has drained it, so no
    /// second one follows that would only return EAGAIN; but if the end was announced, it is still
    /// to be read.
    #[inline]
    fn note_read<H: Handler>(
        &mut self,
        received: io::Result<usize>,
        room: usize,
        shared: &mut Shared<H, K>,
    ) -> Result<Fill, Gone> {
        match received {
            Ok(0) => {
                self.read_closed = true;
                Ok(Fill::End)
            }
            Ok(bytes) => {
                self.unread = bytes == room || self.read_closed || !shared.techniques().short_read;
                Ok(Fill::Bytes)
            }
            Err(error) => self.note_read_failure(error, shared),
        }
    }

    /// It takes the error, and so its drop, out of the usual way.
    #[cold]
    #[allow(clippy::needless_pass_by_value)]
    fn note_read_failure<H: Handler>(
        &mut self,
        error: io::Error,
        shared: &mut Shared<H, K>,
    ) -> Result<Fill, Gone> {
        match error.kind() {
            ErrorKind::WouldBlock => {
                self.unread = false;
                Ok(Fill::Nothing)
            }
            ErrorKind::Interrupted => Ok(Fill::Nothing),
            _ => Err(self.note_failure(&error, shared)),
        }
    }

    /// What is left in the common input moves to a buffer of our own.
    #[cold]
    pub(super) fn keep_rest<H: Handler>(&mut self, common: &mut Input, shared: &mut Shared<H, K>) {
        if !matches!(self.phase, Phase::Closing) {
            match shared.pool.copy_of(Copied::Input, common.unread(), &[]) {
                Some(rest) => self.inbox = Some(Input::new(rest, shared.techniques())),
                None => self.reject(NO_BUFFER, shared),
            }
        }
        common.clear();
    }

    /// An input of our own is kept as long as there is something in it.
    pub(super) fn keep_own<H: Handler>(&mut self, own: Input, shared: &mut Shared<H, K>) {
        let is_kept = !own.is_empty() || self.holds_input;
        if is_kept && !matches!(self.phase, Phase::Closing) {
            self.inbox = Some(own);
        } else {
            shared.pool.give_back(own.into_bytes());
        }
    }

    /// One send of all answers that have been written.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    #[allow(clippy::inline_always)] // The compiler would keep it a call, of 20 instructions.
    pub(super) fn flush<H: Handler>(&mut self, shared: &mut Shared<H, K>) -> Result<(), Gone> {
        if shared.output.is_empty() {
            return Ok(());
        }
        if self.outbox.is_some() {
            // It is timed no further: whoever sends next would be charged with it.
            shared.stopwatch.abandon();
            return self.owe_rest(Ok(0), shared);
        }
        if !shared.techniques().write_at_once {
            return self.write_later(shared);
        }
        let owed = shared.output.len();
        shared
            .kernel
            .observe("flush", || format!("{owed} bytes in the output"));
        shared.stopwatch.before_send(&mut shared.kernel);
        let sent = shared
            .kernel
            .send(&mut self.socket, shared.output.as_slice());
        shared.stopwatch.after_send(&mut shared.kernel);
        match sent {
            Ok(sent) if sent == shared.output.len() => {
                shared.output.clear(OUTPUT_KEPT);
                if !shared.techniques().register_once {
                    self.watch_again(shared)?;
                }
                Ok(())
            }
            sent => self.owe_rest(sent, shared),
        }
    }

    /// Tells the peer that nothing more will come; what it still sends is read and dropped.
    pub(super) fn shut_down<H: Handler>(
        &mut self,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        shared
            .kernel
            .kernel
            .shutdown(&mut self.socket)
            .map_err(|_| Gone)?;
        self.phase = Phase::Lingering {
            since: shared.now,
            heard: shared.now,
        };
        Ok(Step::Again)
    }

    pub(super) fn drop_input<H: Handler>(
        &mut self,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<Step, Gone> {
        if !self.unread {
            return Ok(Step::Blocked);
        }
        let filled = self.fill(common, shared);
        common.clear();
        match (filled?, &mut self.phase) {
            (Fill::End, _) => return Ok(Step::Finished),
            (Fill::Bytes, Phase::Lingering { heard, .. }) => *heard = shared.now,
            _ => {}
        }
        Ok(Step::Again)
    }
}

/// Makes room in an input that is full up to its end: what is unread moves to the front of another
/// buffer, with room for as much again. False if the pool is exhausted.
#[cold]
fn make_room<H: Handler, K: Kernel>(input: &mut Input, shared: &mut Shared<H, K>) -> bool {
    let wanted = 2 * input.len().max(1);
    let Some(mut larger) = shared.pool.take(wanted) else {
        return false;
    };
    larger.extend_from_slice(input.unread());
    shared.kernel.account.bytes_copied[Copied::Input as usize].add(input.len() as u64);
    let full = std::mem::replace(input, Input::new(larger, shared.techniques()));
    shared.pool.give_back(full.into_bytes());
    true
}

/// Bytes of the common output that are kept; an answer beyond makes it grow for once.
pub(super) const OUTPUT_KEPT: usize = 2 * bounds::SEGMENT_BYTES;

/// Answers whoever needs a buffer when the reactor has lent them all.
pub(super) const NO_BUFFER: Rejection = Rejection {
    status: Status::SERVICE_UNAVAILABLE,
    reason: "the server's buffers are all in use; try again in a second",
};
