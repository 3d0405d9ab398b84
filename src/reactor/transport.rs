//! The socket's side of a connection: one recv, one send, and what the peer has not taken yet.
//!
//! What epoll and the timer heap know of the socket is in [`Edges`]. recv is called only after an
//! edge said so, and not again after a short read, unless the end of the stream has been announced.
//! With bytes owed, nothing is read: the peer's own window is what holds it back, and how long it
//! may take is bounded by its [`Pace`].

use std::io::{self, ErrorKind};
use std::ops::ControlFlow::{self, Break, Continue};

use bytes::BytesMut;

use super::buffers::Input;
use super::core::Core;
use super::journal;
use super::kernel::{Kernel, Readiness};
use super::meter::Step;
use super::state::Client;
use super::stopwatch::Sample;
use super::timers::Time;
use super::upload::Pace;
use super::wakeup::Progress;
use crate::accounts::{Copied, Refusal};
use crate::config::bounds;

/// A socket, and what is owed to its peer.
pub struct Transport<S> {
    client: Client,
    socket: S,
    /// What epoll and the timer heap know.
    pub edges: Edges,
    /// Answers that the peer has not taken yet.
    pub owed: Option<Box<Owed>>,
}

/// What epoll has said of a socket, and what it and the timer heap were asked to say.
#[derive(Debug)]
pub struct Edges {
    /// There may be something to read: an edge came, and no read has found the socket empty since.
    pub readable: bool,
    /// The peer has announced the end: a short read is not the last.
    pub read_closed: bool,
    /// epoll tells when the socket becomes writable.
    pub watches_writable: bool,
    /// The moment of the soonest timer entry that counts.
    pub armed: Time,
}

/// Bytes of answers that the peer has not taken yet.
#[derive(Debug)]
pub struct Owed {
    bytes: Input,
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

impl Edges {
    /// Takes note of what epoll said.
    pub fn note(&mut self, ready: Readiness) {
        self.readable |= ready.readable || ready.read_closed;
        self.read_closed |= ready.read_closed;
    }
}

impl<S> Transport<S> {
    /// A socket that is watched for reading.
    pub fn new(client: Client, socket: S) -> Self {
        Self {
            client,
            socket,
            edges: Edges {
                readable: false,
                read_closed: false,
                watches_writable: false,
                armed: Time::NEVER,
            },
            owed: None,
        }
    }

    /// One recv of at most `room` bytes, behind what `into` holds. A short one has drained the
    /// socket, so no second one follows that would only return EAGAIN; but if the end was
    /// announced, it is still to be read.
    pub fn read<H, K: Kernel<Socket = S>>(
        &mut self,
        into: &mut BytesMut,
        room: usize,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress, Received> {
        let result = core.kernel.recv(&mut self.socket, into, room);
        core.meter.note(Step::Read(room, &result), &mut core.kernel);
        match result {
            Ok(0) => {
                self.edges.read_closed = true;
                Continue(Received::End)
            }
            Ok(bytes) => {
                let edges = &mut self.edges;
                edges.readable =
                    bytes == room || edges.read_closed || !core.kernel.techniques().short_read;
                Continue(Received::Bytes(bytes))
            }
            Err(error) => self.read_failed(&error, core),
        }
    }

    #[cold]
    fn read_failed<H, K: Kernel>(
        &mut self,
        error: &io::Error,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress, Received> {
        match error.kind() {
            ErrorKind::WouldBlock => self.edges.readable = false,
            ErrorKind::Interrupted => {}
            _ => return Break(self.failed(error, core)),
        }
        Continue(Received::Nothing)
    }

    /// One send of all answers that have been written.
    pub fn flush<H, K: Kernel<Socket = S>>(
        &mut self,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
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
            core.shrink_output();
        }
        if !core.kernel.techniques().register_once {
            return self.watch_again(core);
        }
        Continue(())
    }

    /// Sends what is owed, as far as the peer takes it; whether that was all.
    #[inline(never)]
    pub fn send_owed<H, K: Kernel<Socket = S>>(
        &mut self,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress, bool> {
        let Some(owed) = &mut self.owed else {
            return Continue(true);
        };
        let bytes = owed.bytes.len();
        core.meter.stopwatch.sample = std::mem::take(&mut owed.sample);
        core.meter.note(Step::Sending(bytes), &mut core.kernel);
        let result = core.kernel.send(&mut self.socket, owed.bytes.as_slice());
        core.meter
            .note(Step::Sent(bytes, &result), &mut core.kernel);
        let sent = match result {
            Ok(sent) => sent,
            Err(error) if is_passing(&error) => 0,
            Err(error) => return Break(self.failed(&error, core)),
        };
        if sent < bytes {
            if sent > 0 {
                owed.pace.moved(sent, core.clock.now);
                owed.bytes.consume(sent);
            }
            return Continue(false);
        }
        if let Some(paid) = self.owed.take() {
            core.pool.give_back(paid.bytes.into_bytes());
        }
        Continue(true)
    }

    /// All is owed: what is owed already goes first. And so do loops that send only when they are
    /// told to: whether there is room is asked anew, since a socket with room gives no edge by
    /// itself.
    #[cold]
    fn send_later<H, K: Kernel<Socket = S>>(
        &mut self,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        let sample = core.meter.stopwatch.pause();
        let is_first = self.owed.is_none();
        self.owe(0, core)?;
        if let Some(owed) = &mut self.owed
            && is_first
        {
            owed.sample = sample;
            self.edges.watches_writable = true;
            return self.watch_again(core);
        }
        Continue(())
    }

    /// Keeps what a send did not take, and sees to it that we are told when there is room.
    #[cold]
    fn owe_rest<H, K: Kernel<Socket = S>>(
        &mut self,
        result: io::Result<usize>,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        let sent = match result {
            Ok(sent) => sent,
            Err(error) if is_passing(&error) => 0,
            Err(error) => {
                core.output.clear();
                return Break(self.failed(&error, core));
            }
        };
        self.owe(sent, core)?;
        if !self.edges.watches_writable {
            self.edges.watches_writable = true;
            return self.watch_again(core);
        }
        Continue(())
    }

    /// Moves what was not sent to a buffer of our own, behind what is owed already.
    fn owe<H, K: Kernel>(&mut self, sent: usize, core: &mut Core<H, K>) -> ControlFlow<Progress> {
        let earlier = self.owed.take();
        let first = earlier
            .as_ref()
            .map_or(&[][..], |owed| owed.bytes.as_slice());
        let rest = &core.output[sent..];
        let kept = core.pool.copy_of(Copied::Output, first, rest);
        core.output.clear();
        let pace = earlier.as_ref().map(|owed| owed.pace);
        if let Some(owed) = earlier {
            core.pool.give_back(owed.bytes.into_bytes());
        }
        let Some(bytes) = kept else {
            let reason = "no buffer left for an answer that it does not take";
            let (account, peer) = (&core.meter.account, &self.client.peer);
            journal::refused(account, Refusal::Buffers, peer, reason);
            return Break(Progress::Finished);
        };
        self.owed = Some(Box::new(Owed {
            bytes: Input::new(bytes, core.kernel.techniques()),
            pace: pace.unwrap_or_else(|| Pace::new(core.clock.now)),
            sample: Sample::Nothing,
        }));
        Continue(())
    }

    /// Asks once more to be told of edges; what is ready now is told at once.
    #[cold]
    fn watch_again<H, K: Kernel<Socket = S>>(
        &mut self,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        core.meter.account.registrations.add(1);
        let (id, writable) = (self.client.id, self.edges.watches_writable);
        match core.kernel.watch_again(&mut self.socket, id, writable) {
            Ok(()) => Continue(()),
            Err(_) => Break(Progress::Finished),
        }
    }

    /// Tells the peer that nothing more will come.
    pub fn shut_down<H, K: Kernel<Socket = S>>(
        &mut self,
        core: &mut Core<H, K>,
    ) -> ControlFlow<Progress> {
        match core.kernel.shutdown(&mut self.socket) {
            Ok(()) => Continue(()),
            Err(_) => Break(Progress::Finished),
        }
    }

    /// The connection has failed: the peer reset it, or the kernel gave up a peer that acknowledged
    /// nothing for as long as we wait for it ourselves (tcp(7), TCP_USER_TIMEOUT).
    #[cold]
    fn failed<H, K: Kernel>(&self, error: &io::Error, core: &Core<H, K>) -> Progress {
        if error.kind() == ErrorKind::TimedOut {
            return self.too_slow(core);
        }
        core.meter.account.resets.add(1);
        Progress::Finished
    }

    /// The peer does not take its answer.
    pub fn too_slow<H, K: Kernel>(&self, core: &Core<H, K>) -> Progress {
        let (account, peer) = (&core.meter.account, &self.client.peer);
        journal::refused(
            account,
            Refusal::SlowReader,
            peer,
            "does not take its answer",
        );
        Progress::Finished
    }

    /// When it will have been too slow; never, if nothing is owed.
    pub fn deadline<H, K: Kernel>(&self, core: &Core<H, K>) -> Time {
        let write = core.timeouts.write;
        let owed = self.owed.as_ref();
        owed.map_or(Time::NEVER, |owed| owed.pace.deadline(write, write))
    }

    /// Gives back what is owed.
    pub fn give_back<H, K: Kernel>(&mut self, core: &mut Core<H, K>) {
        if let Some(owed) = self.owed.take() {
            core.pool.give_back(owed.bytes.into_bytes());
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Owed {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}
