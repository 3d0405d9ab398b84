//! The socket's side of a connection: one recv, one send, and what the peer has not taken yet.
//!
//! What epoll and the timer heap know of the socket is in [`Edges`]. recv is called only after an
//! edge said so, and not again after a short read, unless the end of the stream has been announced.
//! With bytes owed, nothing is read: the peer's own window is what holds it back, and how long it
//! may take is bounded by its [`Pace`].

use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;
use std::ops::ControlFlow::{Break, Continue};

use bytes::BytesMut;

use super::buffers::Input;
use super::connections::ConnectionId;
use super::core::Core;
use super::kernel::{Bound, Kernel, Readiness};
use super::step::Step;
use super::stopwatch::Sample;
use super::timers::Time;
use super::upload::Pace;
use super::wakeup::{Flow, Progress};
use crate::accounts::{Copied, Refusal};
use crate::config::bounds;

/// A socket, and what is owed to its peer.
pub struct Transport<K: Kernel> {
    pub(super) socket: K::Socket,
    id: ConnectionId,
    peer: SocketAddr,
    /// What epoll and the timer heap know.
    pub edges: Edges,
    /// Answers that the peer has not taken yet.
    pub owed: Option<Box<Owed>>,
}

/// What epoll has said of a socket, and what it and the timer heap were asked to say.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub struct Edges {
    /// There may be something to read: an edge came, and no read has found the socket empty since.
    pub readable: bool,
    /// A short read is not the last: the peer has announced the end, or has sent urgent data.
    pub more_follows: bool,
    /// The room for what the peer sends has been bounded.
    pub is_bounded: bool,
    /// epoll tells when the socket becomes writable.
    pub watches_writable: bool,
    /// The moment of the soonest timer entry that counts.
    pub armed: Time,
}

/// Bytes of answers that the peer has not taken yet.
#[derive(Debug)]
pub struct Owed {
    /// They are sent before any other.
    pub bytes: Input,
    /// How fast it takes them.
    pub pace: Pace,
    /// What is timed until they are sent.
    sample: Sample,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// None, for now.
    Nothing,
    /// The peer has shut down its side.
    End,
}

impl<K: Kernel> Transport<K> {
    /// One recv of at most `room` bytes, behind what `into` holds. A short one has drained the
    /// socket, so no second one follows that would only return EAGAIN; but if the end was
    /// announced, it is still to be read.
    #[inline(always)]
    pub fn read<H>(
        &mut self,
        into: &mut BytesMut,
        room: usize,
        core: &mut Core<H, K>,
    ) -> Flow<Received> {
        let result = core.kernel.recv(&mut self.socket, into, room);
        core.meter.note(Step::Read(room, &result), &mut core.kernel);
        let Ok(bytes @ 1..) = result else {
            return self.read_nothing(result, core);
        };
        let reads_on = self.edges.more_follows || !core.kernel.techniques().short_read;
        self.edges.readable = bytes == room || reads_on;
        Continue(Received::Bytes(bytes))
    }

    #[cold]
    fn read_nothing<H>(&mut self, result: io::Result<usize>, core: &Core<H, K>) -> Flow<Received> {
        match result {
            Ok(_) => {
                self.edges.more_follows = true;
                return Continue(Received::End);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                (self.edges.readable, self.edges.more_follows) = (false, false);
            }
            Err(error) if may_be_tried_again(&error) => {}
            Err(error) => return Break(self.failed(&error, core)),
        }
        Continue(Received::Nothing)
    }

    /// One send of all answers that have been written.
    #[inline(always)]
    pub fn flush<H>(&mut self, core: &mut Core<H, K>) -> Flow {
        if core.output.is_empty() {
            return Continue(());
        }
        if self.owed.is_some() || !core.kernel.techniques().write_at_once {
            return self.send_later(core);
        }
        let bytes = core.output.len();
        core.meter.note(Step::Sending(bytes), &mut core.kernel);
        let result = core.kernel.send(&mut self.socket, &core.output);
        core.meter
            .note(Step::Sent(bytes, &result), &mut core.kernel);
        if !matches!(result, Ok(sent) if sent == bytes) {
            return self.owe_rest(result, core);
        }
        core.output.clear();
        if core.output.capacity() > bounds::OUTPUT_KEPT {
            core.output.shrink_to(bounds::SEGMENT_BYTES);
        }
        if core.kernel.techniques().register_once {
            Continue(())
        } else {
            self.watch_again(core)
        }
    }

    /// The same in the middle of a batch; whether the peer has not taken it all.
    #[cold]
    pub fn flush_early<H>(&mut self, core: &mut Core<H, K>) -> Flow<bool> {
        self.flush(core)?;
        Continue(self.owed.is_some())
    }

    /// Sends what is owed, as far as the peer takes it; whether that was all.
    #[inline(never)]
    pub fn send_owed<H>(&mut self, core: &mut Core<H, K>) -> Flow<bool> {
        let Some(owed) = &mut self.owed else {
            return Continue(true);
        };
        let bytes = owed.bytes.len();
        core.meter.stopwatch.resume(mem::take(&mut owed.sample));
        core.meter.note(Step::Sending(bytes), &mut core.kernel);
        let result = core.kernel.send(&mut self.socket, owed.bytes.as_slice());
        core.meter
            .note(Step::Sent(bytes, &result), &mut core.kernel);
        let sent = self.sent(result, core)?;
        if sent == bytes {
            self.give_back(core);
        } else if let Some(owed) = self.owed.as_mut().filter(|_| sent > 0) {
            owed.pace.moved(sent, core.clock.now, core.timeouts.write);
            owed.bytes.consume(sent, core.kernel.techniques());
        }
        Continue(sent == bytes)
    }

    /// Owes all, behind what is owed already. So do loops that send only when they are told to:
    /// whether there is room is asked anew, since a socket with room gives no edge by itself.
    #[cold]
    fn send_later<H>(&mut self, core: &mut Core<H, K>) -> Flow {
        let sample = core.meter.stopwatch.pause();
        let is_first = self.owed.is_none();
        self.owe(0, core)?;
        if let Some(owed) = self.owed.as_mut().filter(|_| is_first) {
            owed.sample = sample;
            self.edges.watches_writable = true;
            return self.watch_again(core);
        }
        Continue(())
    }

    /// Keeps what a send did not take, and sees to it that we are told when there is room.
    #[cold]
    fn owe_rest<H>(&mut self, result: io::Result<usize>, core: &mut Core<H, K>) -> Flow {
        let sent = self.sent(result, core)?;
        self.owe(sent, core)?;
        if mem::replace(&mut self.edges.watches_writable, true) {
            return Continue(());
        }
        self.watch_again(core)
    }

    /// How much a send has taken, if the connection has not failed.
    fn sent<H>(&self, result: io::Result<usize>, core: &Core<H, K>) -> Flow<usize> {
        match result {
            Ok(sent) => Continue(sent),
            Err(error) if may_be_tried_again(&error) => Continue(0),
            Err(error) => Break(self.failed(&error, core)),
        }
    }

    /// Moves what was not sent to a buffer of our own, behind what is owed already.
    fn owe<H>(&mut self, sent: usize, core: &mut Core<H, K>) -> Flow {
        let earlier = self.owed.as_ref();
        let first = earlier.map_or(&[][..], |owed| owed.bytes.as_slice());
        let kept = core
            .pool
            .copy_of(Copied::Output, first, &core.output[sent..]);
        let pace = earlier.map_or_else(|| Pace::new(core.clock.now), |owed| owed.pace);
        core.output.clear();
        self.give_back(core);
        let Some(bytes) = kept else {
            let reason = "no buffer left for an answer that it does not take";
            core.meter.refused(Refusal::Buffers, &self.peer, reason);
            return Break(self.leave(core));
        };
        self.owed = Some(Box::new(Owed {
            bytes: Input::new(bytes),
            pace,
            sample: Sample::Nothing,
        }));
        Continue(())
    }

    /// Asks once more to be told of edges; what is ready now is told at once.
    #[cold]
    fn watch_again<H>(&mut self, core: &mut Core<H, K>) -> Flow {
        core.meter.account.registrations.add(1);
        let (socket, writable) = (&mut self.socket, self.edges.watches_writable);
        let watched = core.kernel.watch_again(socket, self.id, writable);
        watched.map_or(Break(Progress::Finished), Continue)
    }

    /// The connection has failed: the peer reset it, or the kernel gave up a peer that acknowledged
    /// nothing for a quarter of an hour (tcp(7), `tcp_retries2`).
    fn failed<H>(&self, error: &io::Error, core: &Core<H, K>) -> Progress {
        if error.kind() == ErrorKind::TimedOut {
            let reason = "acknowledges nothing";
            core.meter.refused(Refusal::SlowReader, &self.peer, reason);
            return Progress::Finished;
        }
        core.meter.account.resets.add(1);
        Progress::Finished
    }

    /// A request waits for its answer, and its peer for nothing else. If it has gone, so is the
    /// wait for it; and if it sends more meanwhile, that stays in the kernel, which would keep
    /// megabytes (tcp(7), `tcp_rmem`): from now on it keeps little for this connection.
    #[cold]
    pub fn wait<H>(&mut self, core: &mut Core<H, K>) -> Progress {
        if self.has_gone(core) {
            return Progress::Finished;
        }
        if self.edges.readable && !mem::replace(&mut self.edges.is_bounded, true) {
            core.kernel.bound(&mut self.socket, Bound::Received);
        }
        Progress::Blocked
    }

    /// Whether the peer has gone while nothing was read.
    #[cold]
    pub fn has_gone<H>(&mut self, core: &mut Core<H, K>) -> bool {
        let has_gone = self.edges.more_follows && core.kernel.has_failed(&mut self.socket);
        core.meter.account.resets.add(u64::from(has_gone));
        has_gone
    }

    /// The peer does not take its answer.
    #[cold]
    pub fn too_slow<H>(&mut self, core: &mut Core<H, K>) -> Progress {
        let reason = "does not take its answer";
        core.meter.refused(Refusal::SlowReader, &self.peer, reason);
        self.leave(core)
    }

    /// The connection is closed whatever is still on its way; the kernel sees to that, and not for
    /// longer than we would.
    #[cold]
    pub fn leave<H>(&mut self, core: &mut Core<H, K>) -> Progress {
        let bound = Bound::LeftBehind(core.timeouts.write);
        core.kernel.bound(&mut self.socket, bound);
        Progress::Finished
    }

    /// What was sent is not all of an answer, and the peer could not tell: so it is not told that
    /// the connection ends, but that it fails.
    #[cold]
    pub fn reset<H>(&mut self, core: &mut Core<H, K>) -> Progress {
        core.kernel.bound(&mut self.socket, Bound::Reset);
        Progress::Finished
    }

    /// When it will have been too slow; never, if nothing is owed.
    pub fn deadline<H>(&self, core: &Core<H, K>) -> Time {
        let (write, owed) = (core.timeouts.write, self.owed.as_ref());
        owed.map_or(Time::NEVER, |owed| owed.pace.deadline(write, write))
    }

    /// Gives back what is owed.
    pub fn give_back<H>(&mut self, core: &mut Core<H, K>) {
        if let Some(owed) = self.owed.take() {
            core.pool.give_back(owed.bytes.into_bytes());
        }
    }

    /// A socket that is watched for reading.
    pub fn new(socket: K::Socket, id: ConnectionId, peer: SocketAddr) -> Self {
        Self {
            socket,
            id,
            peer,
            edges: Edges {
                armed: Time::NEVER,
                ..Edges::default()
            },
            owed: None,
        }
    }
}

impl Edges {
    /// Takes note of what epoll said.
    pub fn note(&mut self, ready: Readiness) {
        self.readable |= ready.readable || ready.more_follows;
        self.more_follows |= ready.more_follows;
    }
}

fn may_be_tried_again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
