//! Bytes between a connection's socket and its buffers: fill and flush.
//!
//! The usual case touches neither pool nor state: one recv into the common input, one send of
//! the common output. Only what could not be finished moves into a buffer of the connection's
//! own.

use std::io::{self, ErrorKind};

use super::buffers::Input;
use super::connection::{Connection, Gone, Owed, Phase, Step};
use super::kernel::Kernel;
use super::shared::Shared;
use super::upload::Pace;
use crate::accounts::{Copied, Refusal, Stage};
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
    #[cfg_attr(not(map), inline)]
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
                self.unread = bytes == room || self.read_closed;
                Ok(Fill::Bytes)
            }
            Err(error) => self.note_read_failure(&error, shared),
        }
    }

    #[cold]
    fn note_read_failure<H: Handler>(
        &mut self,
        error: &io::Error,
        shared: &mut Shared<H, K>,
    ) -> Result<Fill, Gone> {
        match error.kind() {
            ErrorKind::WouldBlock => {
                self.unread = false;
                Ok(Fill::Nothing)
            }
            ErrorKind::Interrupted => Ok(Fill::Nothing),
            _ => {
                shared.kernel.account.resets.add(1);
                Err(Gone)
            }
        }
    }

    /// What is left in the common input moves to a buffer of our own.
    #[cold]
    pub(super) fn keep_rest<H: Handler>(&mut self, common: &mut Input, shared: &mut Shared<H, K>) {
        if !matches!(self.phase, Phase::Closing) {
            match shared.pool.copy_of(Copied::Input, common.unread(), &[]) {
                Some(rest) => self.inbox = Some(Input::new(rest, &shared.techniques)),
                None => self.reject(NO_BUFFER, shared),
            }
        }
        common.clear();
    }

    /// An input of our own is kept as long as there is something in it.
    pub(super) fn keep_own<H: Handler>(&mut self, own: Input, shared: &mut Shared<H, K>) {
        if own.is_empty() || matches!(self.phase, Phase::Closing) {
            shared.pool.give_back(own.into_bytes());
        } else {
            self.inbox = Some(own);
        }
    }

    /// One send of all answers that have been written.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline)]
    pub(super) fn flush<H: Handler>(&mut self, shared: &mut Shared<H, K>) -> Result<(), Gone> {
        if shared.output.is_empty() {
            return Ok(());
        }
        if self.outbox.is_some() {
            // It is timed no further: whoever sends next would be charged with it.
            shared.stopwatch.abandon();
            return self.owe_rest(Ok(0), shared);
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
                Ok(())
            }
            sent => self.owe_rest(sent, shared),
        }
    }

    #[cold]
    fn owe_rest<H: Handler>(
        &mut self,
        sent: io::Result<usize>,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        let sent =
            Self::note_send(sent, shared).inspect_err(|_| shared.output.clear(OUTPUT_KEPT))?;
        self.owe(sent, shared)
    }

    /// Moves what was not sent to a buffer of our own, and asks to be told when there is room.
    fn owe<H: Handler>(&mut self, sent: usize, shared: &mut Shared<H, K>) -> Result<(), Gone> {
        let rest = &shared.output.as_slice()[sent..];
        let earlier = self.outbox.take();
        let kept = shared.pool.copy_of(
            Copied::Output,
            earlier.as_ref().map_or(&[], |owed| owed.bytes.unread()),
            rest,
        );
        shared.output.clear(OUTPUT_KEPT);
        let pace = earlier
            .as_ref()
            .map_or_else(|| Pace::new(shared.now), |owed| owed.pace);
        if let Some(owed) = earlier {
            shared.pool.give_back(owed.bytes.into_bytes());
        }
        let Some(bytes) = kept else {
            shared.refused(
                Refusal::Buffers,
                self.peer,
                "no buffer left for an answer that it does not take",
            );
            return Err(Gone);
        };
        self.outbox = Some(Owed {
            bytes: Input::new(bytes, &shared.techniques),
            pace,
        });
        if !self.writable_watched {
            shared
                .kernel
                .watch_writable(&mut self.socket, self.id)
                .map_err(|_| Gone)?;
            self.writable_watched = true;
        }
        Ok(())
    }

    /// Sends what is owed, as far as the peer takes it.
    pub(super) fn pay<H: Handler>(&mut self, shared: &mut Shared<H, K>) -> Result<(), Gone> {
        while let Some(owed) = &mut self.outbox {
            let result = shared.kernel.send(&mut self.socket, owed.bytes.unread());
            let short = !matches!(result, Ok(sent) if sent == owed.bytes.len());
            let sent = Self::note_send(result, shared)?;
            let Some(owed) = &mut self.outbox else {
                return Ok(());
            };
            if sent > 0 {
                owed.pace.moved(sent, shared.now);
                owed.bytes.consume(sent);
            }
            if short {
                return Ok(());
            }
            if let Some(paid) = self.outbox.take() {
                shared.pool.give_back(paid.bytes.into_bytes());
                self.restart_patience(shared.now);
            }
        }
        Ok(())
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

    /// How many bytes a send took; none if it would have blocked.
    fn note_send<H: Handler>(
        sent: io::Result<usize>,
        shared: &mut Shared<H, K>,
    ) -> Result<usize, Gone> {
        match sent {
            Ok(sent) => Ok(sent),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(0)
            }
            Err(_) => {
                shared.kernel.account.resets.add(1);
                Err(Gone)
            }
        }
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
    let full = std::mem::replace(input, Input::new(larger, &shared.techniques));
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
