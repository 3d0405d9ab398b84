//! The seam between the loop and the kernel.
//!
//! The reactor sees the kernel only through [`Kernel`]. [`Linux`] is the real one. The tests bring
//! a scripted one, which makes every split, short send, reset and delay exact, without sockets and
//! without waiting. The reactor is generic over it, so the release build calls [`Linux`] directly.
//!
//! [`Counted`] stands between the two and keeps the account of system calls, the same for either
//! kernel.

// Every method here passes on the errors of the system call that it names.
#![allow(clippy::missing_errors_doc)]

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

use super::buffers;
use super::connections::ConnectionId;
use super::timers::Time;
use crate::accounts::ReactorAccount;
use crate::config::bounds;

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

/// Rouses a reactor from its poll, from any thread.
pub type Rouse = Arc<dyn Fn() + Send + Sync>;

/// What a reactor asks of the system. Calls never block, but for `poll`; `WouldBlock` says that
/// they would have.
pub trait Kernel {
    /// A connected socket; closed when dropped.
    type Socket;

    /// The monotonic clock.
    fn now(&mut self) -> Time;

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

    /// Reports from now on also when it becomes writable.
    fn watch_writable(&mut self, socket: &mut Self::Socket, id: ConnectionId) -> io::Result<()>;

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

/// The real kernel: epoll through mio, a timerfd beside it.
#[derive(Debug)]
pub struct Linux {
    poll: Poll,
    events: Events,
    listener: Option<TcpListener>,
    waker: Arc<Waker>,
    timer: OwnedFd,
    /// When the timerfd will end a poll; [`Time::NEVER`] if it is not set.
    timer_at: Time,
}

const LISTENER: Token = Token(usize::MAX);
const MESSAGES: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);

impl Linux {
    /// Watches a listener, which must not block.
    ///
    /// # Errors
    ///
    /// What epoll_create1(2), eventfd(2), timerfd_create(2) and epoll_ctl(2) refuse; mostly for
    /// want of descriptors.
    pub fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), MESSAGES)?);
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        poll.registry()
            .register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let events = Events::with_capacity(bounds::EVENTS_PER_POLL);
        Ok(Self {
            poll,
            events,
            listener: Some(listener),
            waker,
            timer,
            timer_at: Time::NEVER,
        })
    }

    /// Sets the timerfd for `until`, if it would not end the poll by then already.
    ///
    /// epoll_wait's own timeout is in whole milliseconds, and a wait of 100 us would become 1 ms.
    /// The timerfd is set to a point, not a span, so no clock is read; and since it is left alone
    /// while it is early enough, a reactor whose soonest deadline stands still makes no system call
    /// for it. (Idle, for a wait of 100 us: timerfd 144 us, epoll_pwait2 192 us.)
    fn set_timer(&mut self, until: Time) -> io::Result<()> {
        if until >= self.timer_at {
            return Ok(());
        }
        let point = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: i64::try_from(until.0 / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(until.0 % 1_000_000_000).unwrap_or(0),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &point)?;
        self.timer_at = until;
        Ok(())
    }
}

impl Kernel for Linux {
    type Socket = TcpStream;

    #[inline]
    fn now(&mut self) -> Time {
        let time = clock_gettime(ClockId::Monotonic);
        // The monotonic clock begins at boot: neither part is negative.
        Time(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
    }

    fn wall_clock(&mut self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn poll(&mut self, until: Time, mut report: impl FnMut(Occasion)) -> io::Result<usize> {
        let timeout = if until == Time::ZERO {
            Some(Duration::ZERO)
        } else {
            self.set_timer(until)?;
            None
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            result => result?,
        }
        let mut events = 0;
        for event in &self.events {
            events += 1;
            match event.token() {
                LISTENER => report(Occasion::Listener),
                MESSAGES => report(Occasion::Messages),
                // Edge-triggered and set anew for the next deadline: its count need not be read.
                TIMER => self.timer_at = Time::NEVER,
                Token(token) => report(Occasion::Connection(
                    ConnectionId::from_token(token),
                    readiness(event),
                )),
            }
        }
        Ok(events)
    }

    fn rouse(&self) -> Rouse {
        let waker = Arc::clone(&self.waker);
        // It fails only if the eventfd's count is full: then the poll ends anyway.
        Arc::new(move || drop(waker.wake()))
    }

    fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener
            .as_ref()
            .ok_or(ErrorKind::WouldBlock)?
            .accept()
    }

    fn stop_listening(&mut self) {
        self.listener = None;
    }

    fn watch(&mut self, socket: &mut TcpStream, id: ConnectionId) -> io::Result<()> {
        self.poll
            .registry()
            .register(socket, id.token(), Interest::READABLE)
    }

    fn watch_writable(&mut self, socket: &mut TcpStream, id: ConnectionId) -> io::Result<()> {
        self.poll
            .registry()
            .reregister(socket, id.token(), Interest::READABLE | Interest::WRITABLE)
    }

    #[inline]
    fn recv(
        &mut self,
        socket: &mut TcpStream,
        into: &mut BytesMut,
        max: usize,
    ) -> io::Result<usize> {
        buffers::receive(socket, into, max)
    }

    #[inline]
    fn send(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(socket, bytes)
    }

    fn shutdown(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        socket.shutdown(std::net::Shutdown::Write)
    }
}

/// An error counts as readable: recv(2) will tell which.
fn readiness(event: &Event) -> Readiness {
    Readiness {
        readable: event.is_readable() || event.is_error(),
        read_closed: event.is_read_closed(),
        writable: event.is_writable(),
    }
}

/// A kernel whose calls are counted.
#[derive(Debug)]
pub struct Counted<K> {
    /// The kernel itself, for what is not a system call.
    pub kernel: K,
    /// Where the counts go.
    pub account: Arc<ReactorAccount>,
}

impl<K: Kernel> Counted<K> {
    /// See [`Kernel::poll`].
    #[inline]
    pub fn poll(&mut self, until: Time, report: impl FnMut(Occasion)) -> io::Result<()> {
        self.account.turns.add(1);
        let events = self.kernel.poll(until, report)?;
        self.account.events.add(events as u64);
        Ok(())
    }

    /// See [`Kernel::accept`].
    pub fn accept(&mut self) -> io::Result<(K::Socket, SocketAddr)> {
        self.account.accepts.add(1);
        let result = self.kernel.accept();
        self.note(&result);
        result
    }

    /// See [`Kernel::watch`].
    pub fn watch(&mut self, socket: &mut K::Socket, id: ConnectionId) -> io::Result<()> {
        self.account.registrations.add(1);
        self.kernel.watch(socket, id)
    }

    /// See [`Kernel::watch_writable`].
    pub fn watch_writable(&mut self, socket: &mut K::Socket, id: ConnectionId) -> io::Result<()> {
        self.account.registrations.add(1);
        self.kernel.watch_writable(socket, id)
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
            Err(_) => self.note(&result),
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
            Err(_) => self.note(&result),
        }
        if !matches!(&result, Ok(sent) if *sent == bytes.len()) {
            self.account.short_writes.add(1);
        }
        result
    }

    fn note<T>(&self, result: &io::Result<T>) {
        if matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.account.eagains.add(1);
        }
    }
}
