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
use crate::accounts::Refusal;
use crate::config::bounds;
use crate::http::FilePart;

mod owed;

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
    /// It is sent behind them.
    part: Option<FilePart>,
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

    /// One send of all answers that have been written. `more`: a part of a file follows at once.
    #[inline(always)]
    pub fn flush<H>(&mut self, more: bool, core: &mut Core<H, K>) -> Flow {
        if core.output.is_empty() {
            return Continue(());
        }
        if self.owed.is_some() || !core.kernel.techniques().write_at_once {
            return self.send_later(core);
        }
        let bytes = core.output.len();
        core.meter.note(Step::Sending(bytes), &mut core.kernel);
        let result = core.kernel.send(&mut self.socket, &core.output, more);
        core.meter
            .note(Step::Sent(bytes, &result), &mut core.kernel);
        if !matches!(result, Ok(sent) if sent == bytes) {
            return self.owe_rest(result, core);
        }
        core.output.clear();
        if core.output.capacity() > bounds::OUTPUT_KEPT {
            core.output.shrink_to(bounds::SEGMENT_BYTES);
        }
        if !core.kernel.techniques().register_once {
            self.watch_again(core)?;
        }
        Continue(())
    }

    /// The same in the middle of a batch; whether the peer has not taken it all.
    #[cold]
    pub fn flush_early<H>(&mut self, core: &mut Core<H, K>) -> Flow<bool> {
        self.flush(false, core)?;
        Continue(self.owed.is_some())
    }

    /// How much a send has taken, if the connection has not failed.
    fn sent<H>(&self, result: io::Result<usize>, core: &Core<H, K>) -> Flow<usize> {
        match result {
            Ok(sent) => Continue(sent),
            Err(error) if may_be_tried_again(&error) => Continue(0),
            Err(error) => Break(self.failed(&error, core)),
        }
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

impl Owed {
    fn new(now: Time) -> Self {
        Self {
            bytes: Input::new(BytesMut::new()),
            part: None,
            pace: Pace::new(now),
            sample: Sample::Nothing,
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
