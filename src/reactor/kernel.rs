//! The seam between the loop and the kernel.
//!
//! The reactor sees the kernel only through [`Kernel`]. [`Linux`](super::linux::Linux) is the real
//! one. The tests bring a scripted one, which makes every split, short send, reset and delay exact,
//! without sockets and without waiting. The reactor is generic over it, so the release build calls
//! `Linux` directly.

// Every method here passes on the errors of the system call that it names.
#![allow(clippy::missing_errors_doc)]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

pub use super::wakeup::Readiness;
use super::{connections::ConnectionId, step::Step, timers::Time};
use crate::config::Techniques;
use crate::http::FilePart;

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

/// What the kernel is told to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most [`bounds::RECEIVED_KEPT`](crate::config::bounds::RECEIVED_KEPT) bytes are kept from
    /// now on of what the peer sends and nobody reads.
    Received,
    /// What close(2) leaves behind is given up after so long without an acknowledgement.
    LeftBehind(Duration),
    /// What close(2) leaves behind is dropped, and the peer is sent a reset (socket(7),
    /// `SO_LINGER` of 0, with which close(2) never waits).
    Reset,
}

/// Wakes a reactor from its poll, from any thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a reactor asks of the system. Calls never block, but for `poll`; `WouldBlock` says that
/// they would have.
pub trait Kernel {
    /// A connected socket; closed when dropped.
    type Socket;

    /// Whether the techniques can change while it runs.
    const CHANGES: bool;

    /// The techniques that are in force: constants, if they are part of the kernel's type.
    fn techniques(&self) -> &Techniques;

    /// Puts others into force; between two turns, and only if [`CHANGES`](Self::CHANGES).
    fn change(&mut self, techniques: &Techniques);

    /// `TCP_NODELAY` of a socket, as the technique says.
    fn set_nodelay(&mut self, socket: &mut Self::Socket) -> io::Result<()>;

    /// Whether the connection has failed: the peer has reset it, or is not reached any more
    /// (getsockopt(2), `SO_ERROR`).
    fn has_failed(&mut self, socket: &mut Self::Socket) -> bool;

    /// Bounds what the kernel does for a connection by itself.
    fn bound(&mut self, socket: &mut Self::Socket, bound: Bound);

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
    fn wake(&self) -> Wake;

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
        from: &mut Self::Socket,
        into: &mut BytesMut,
        max: usize,
    ) -> io::Result<usize>;

    /// send(2). If `more` follows at once, a packet that is not full may wait for it (`MSG_MORE`).
    fn send(&mut self, socket: &mut Self::Socket, bytes: &[u8], more: bool) -> io::Result<usize>;

    /// sendfile(2), of a part that is not empty; 0 if the file has ended before it.
    fn send_file(&mut self, socket: &mut Self::Socket, part: &FilePart) -> io::Result<usize>;

    /// shutdown(2) of the write side: the peer reads to the end.
    fn shutdown(&mut self, socket: &mut Self::Socket) -> io::Result<()>;

    /// Is told each step of the reactor. Only `barewire trace` listens; Linux does nothing, and the
    /// compiler leaves nothing of the call.
    fn observe(&mut self, step: &Step<'_>);
}
