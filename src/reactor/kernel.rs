//! The seam between the loop and the kernel.
//!
//! The reactor sees the kernel only through [`Kernel`]. [`Linux`](super::linux::Linux) is the real
//! one. The tests bring a scripted one, which makes every split, short send, reset and delay exact,
//! without sockets and without waiting. The reactor is generic over it, so the release build calls
//! `Linux` directly.
//!
//! [`Counted`] stands between the two and keeps the account of system calls, the same for either
//! kernel.

// Every method here passes on the errors of the system call that it names.
#![allow(clippy::missing_errors_doc)]

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::connections::ConnectionId;
use super::timers::Time;
use crate::accounts::{Again, ReactorAccount};
use crate::config::Techniques;

/// What a socket is ready for, as epoll said it. A hint: it may be late, and it may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There may be bytes, an end, or an error to be read.
    pub readable: bool,
    /// The peer has shut down its side: after what is there comes the end.
    pub read_closed: bool,
    /// There may be room to send.
    pub writable: bool,
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = [
            (self.readable, "readable"),
            (self.read_closed, "read-closed"),
            (self.writable, "writable"),
        ];
        let set: Vec<&str> = words
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| *word)
            .collect();
        f.write_str(&set.join(" "))
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Connections may wait to be accepted.
    Listener,
    /// There are messages for the reactor.
    Messages,
    /// A connection is ready.
    Connection(ConnectionId, Readiness),
}

impl std::fmt::Display for Occasion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listener => f.write_str("listener"),
            Self::Messages => f.write_str("messages"),
            Self::Connection(id, ready) => write!(f, "connection {id}: {ready}"),
        }
    }
}

/// With `--sample N` one request in N is timed, and one poll in this many times N: a poll is timed
/// by the thread's CPU clock, which is a system call, where the clock of the stages is none. The
/// product is rounded up to a power of two.
const POLLS_PER_SAMPLE: u64 = 16;

/// Rouses a reactor from its poll, from any thread.
pub type Rouse = Arc<dyn Fn() + Send + Sync>;

/// What a reactor asks of the system. Calls never block, but for `poll`; `WouldBlock` says that
/// they would have.
pub trait Kernel {
    /// A connected socket; closed when dropped.
    type Socket;

    /// The techniques that are in force: constants, if they are part of the kernel's type.
    fn techniques(&self) -> &Techniques;

    /// The monotonic clock.
    fn now(&mut self) -> Time;

    /// The CPU clock of the calling thread, which stands still while it sleeps (clock_gettime(2),
    /// `CLOCK_THREAD_CPUTIME_ID`).
    fn cpu_time(&mut self) -> Time;

    /// The wall clock, since 1970.
    fn wall_clock(&mut self) -> Duration;

    /// Waits until something is ready, but not past `until`; reports it and returns how many events
    /// there were.
    fn poll(&mut self, until: Time, report: impl FnMut(Occasion)) -> io::Result<usize>;

    /// A function that ends `poll` with [`Occasion::Messages`].
    fn rouse(&self) -> Rouse;

    /// accept4(2).
    fn accept(&mut self) -> io::Result<(Self::Socket, SocketAddr)>;

    /// Closes the listener.
    fn stop_listening(&mut self);

    /// Reports from now on when the socket becomes readable (epoll_ctl(2), edge-triggered).
    fn watch(&mut self, socket: &mut Self::Socket, id: ConnectionId) -> io::Result<()>;

    /// The same again, of a socket that is watched already; `writable`: also when it becomes
    /// writable. What is ready at this moment is reported once more.
    fn watch_again(
        &mut self,
        socket: &mut Self::Socket,
        id: ConnectionId,
        writable: bool,
    ) -> io::Result<()>;

    /// recv(2), of at most `max` bytes, behind what `into` holds.
    fn recv(
        &mut self,
        socket: &mut Self::Socket,
        into: &mut BytesMut,
        max: usize,
    ) -> io::Result<usize>;

    /// send(2).
    fn send(&mut self, socket: &mut Self::Socket, bytes: &[u8]) -> io::Result<usize>;

    /// shutdown(2) of the write side: the peer reads to the end.
    fn shutdown(&mut self, socket: &mut Self::Socket) -> io::Result<()>;

    /// Is told each step of the reactor. Only `barewire trace` listens; otherwise the call, and the
    /// making of its text, are compiled away.
    #[inline]
    fn observe(&mut self, _step: &'static str, _detail: impl FnOnce() -> String) {}
}

/// A kernel whose calls are counted.
#[derive(Debug)]
pub struct Counted<K> {
    /// The kernel itself: those of its calls that are not counted are made on it directly.
    pub kernel: K,
    /// Where the counts go.
    pub account: Arc<ReactorAccount>,
    /// A turn whose number has none of these bits has its poll timed.
    untimed: u64,
    /// The thread's CPU time before the poll that is being timed.
    poll_began: Option<Time>,
}

impl<K: Kernel> Counted<K> {
    /// Counts into `account`; polls are timed if one request in `sample` is, none if that is 0.
    pub fn new(kernel: K, account: Arc<ReactorAccount>, sample: u32) -> Self {
        let untimed = match u64::from(sample) {
            // No turn has number 0.
            0 => u64::MAX,
            sample => (sample * POLLS_PER_SAMPLE).next_power_of_two() - 1,
        };
        Self {
            kernel,
            account,
            untimed,
            poll_began: None,
        }
    }

    /// See [`Kernel::observe`].
    #[inline]
    pub fn observe(&mut self, step: &'static str, detail: impl FnOnce() -> String) {
        self.kernel.observe(step, detail);
    }

    /// See [`Kernel::now`]; on Linux no system call.
    #[inline]
    pub fn now(&mut self) -> Time {
        self.kernel.now()
    }

    /// See [`Kernel::poll`].
    #[inline]
    pub fn poll(&mut self, until: Time, report: impl FnMut(Occasion)) -> io::Result<usize> {
        self.account.turns.add(1);
        if self.account.turns.get() & self.untimed == 0 {
            self.poll_began = Some(self.kernel.cpu_time());
        }
        // One call of it, for both cases: it is long, and is made part of its caller.
        let result = self.kernel.poll(until, report);
        if let Some(began) = self.poll_began {
            self.end_timed_poll(began);
        }
        let events = result?;
        self.account.events.add(events as u64);
        Ok(events)
    }

    /// A poll is timed by the thread's CPU clock. By the wall clock, one that returned at once
    /// cannot be told from one that slept; this clock is the one that schedstat adds up, so the two
    /// can be compared. It is a system call, so far fewer polls are timed than requests.
    #[cold]
    fn end_timed_poll(&mut self, began: Time) {
        self.poll_began = None;
        let took = self.kernel.cpu_time().0.saturating_sub(began.0);
        self.account.poll_time.record(took);
    }

    /// See [`Kernel::accept`].
    pub fn accept(&mut self) -> io::Result<(K::Socket, SocketAddr)> {
        self.account.accepts.add(1);
        let result = self.kernel.accept();
        self.note(Again::Accept, &result);
        result
    }

    /// See [`Kernel::watch`].
    pub fn watch(&mut self, socket: &mut K::Socket, id: ConnectionId) -> io::Result<()> {
        self.account.registrations.add(1);
        self.kernel.watch(socket, id)
    }

    /// See [`Kernel::watch_again`].
    pub fn watch_again(
        &mut self,
        socket: &mut K::Socket,
        id: ConnectionId,
        writable: bool,
    ) -> io::Result<()> {
        self.account.registrations.add(1);
        self.kernel.watch_again(socket, id, writable)
    }

    /// See [`Kernel::recv`].
    #[inline]
    pub fn recv(
        &mut self,
        socket: &mut K::Socket,
        into: &mut BytesMut,
        max: usize,
    ) -> io::Result<usize> {
        self.account.reads.add(1);
        let result = self.kernel.recv(socket, into, max);
        match &result {
            Ok(bytes) => self.account.bytes_in.add(*bytes as u64),
            Err(error) => self.note_error(Again::Recv, error),
        }
        result
    }

    /// See [`Kernel::send`].
    #[inline]
    pub fn send(&mut self, socket: &mut K::Socket, bytes: &[u8]) -> io::Result<usize> {
        self.account.writes.add(1);
        let result = self.kernel.send(socket, bytes);
        match &result {
            Ok(sent) => self.account.bytes_out.add(*sent as u64),
            Err(error) => self.note_error(Again::Send, error),
        }
        if !matches!(&result, Ok(sent) if *sent == bytes.len()) {
            self.account.short_writes.add(1);
        }
        result
    }

    fn note<T>(&self, call: Again, result: &io::Result<T>) {
        if let Err(error) = result {
            self.note_error(call, error);
        }
    }

    #[cold]
    fn note_error(&self, call: Again, error: &io::Error) {
        if error.kind() == ErrorKind::WouldBlock {
            self.account.eagains[call as usize].add(1);
        }
    }
}
