//! The real kernel: epoll through mio, and a timerfd beside it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::BytesMut;
use mio::{Events, Interest, Poll, Token, Waker, event::Event, net::TcpStream, unix::SourceFd};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::time::{
    ClockId, TimerfdClockId, TimerfdFlags, Timespec, clock_gettime, timerfd_create,
};

use super::kernel::{Bound, Kernel, Occasion, Readiness, Wake};
use super::socket::{self, Told};
use super::{buffers, connections::ConnectionId, source::Source, step::Step, timers::Time};
use crate::accounts::ReactorAccount;
use crate::config::Techniques;
use crate::http::FilePart;

const NO_FLAGS: RecvFlags = RecvFlags::empty();

mod alarm;

mod calls;

/// One epoll instance, with a source of connections, a waker and a timer in it.
#[derive(Debug)]
pub struct Linux<D> {
    poll: Poll,
    events: Events,
    source: Source,
    waker: Arc<Waker>,
    timer: OwnedFd,
    decisions: D,
    /// `TCP_NODELAY` of the listener, which accepted sockets inherit.
    nodelay: bool,
    /// When the timerfd will end a poll; [`Time::NEVER`] if it is not set.
    timer_at: Time,
    /// What of a file is sent by way of our memory, without the technique `sendfile`.
    copied: Vec<u8>,
    /// Counts the calls that only show in here, inside of others.
    account: Arc<ReactorAccount>,
}

const LISTENER: Token = Token(usize::MAX);
const MESSAGES: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);

/// Urgent data has to be told: a read stops at it, and would be taken for the last.
const TO_READ: Interest = Interest::READABLE.add(Interest::PRIORITY);

/// What a reactor decides by. The decisions of a running server never change, so they can be part
/// of its type.
pub trait Decisions: Copy + Send + 'static {
    /// Whether they can change.
    const CHANGE: bool;
    /// The techniques that are in force.
    fn techniques(&self) -> &Techniques;
    /// Decides otherwise from now on, if they can change.
    fn change(&mut self, techniques: &Techniques);
}

/// All techniques as they are by default: constants, of which the compiler leaves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Constants;

/// Those that somebody chose.
#[derive(Clone, Copy, Debug)]
pub struct Flags(pub Techniques);

impl Decisions for Constants {
    const CHANGE: bool = false;

    fn change(&mut self, _techniques: &Techniques) {}

    #[inline]
    fn techniques(&self) -> &Techniques {
        const { &Techniques::FULL }
    }
}

impl Decisions for Flags {
    const CHANGE: bool = true;

    fn change(&mut self, techniques: &Techniques) {
        self.0 = *techniques;
    }

    #[inline]
    fn techniques(&self) -> &Techniques {
        &self.0
    }
}

impl<D: Decisions> Linux<D> {
    /// Watches a source of connections; a listener must not block. The calls that the reactor does
    /// not see are counted into its `account`.
    ///
    /// # Errors
    ///
    /// What epoll_create1(2), eventfd(2), timerfd_create(2) and epoll_ctl(2) refuse; mostly for
    /// want of descriptors.
    pub fn new(
        source: impl Into<Source>,
        decisions: D,
        account: Arc<ReactorAccount>,
    ) -> io::Result<Self> {
        Self::new_told(source, decisions, account, &mut |_| ())
    }

    /// The same, and tells each call.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_told(
        source: impl Into<Source>,
        decisions: D,
        account: Arc<ReactorAccount>,
        told: Told,
    ) -> io::Result<Self> {
        let (poll, mut source) = (Poll::new()?, source.into());
        told("epoll_create1()");
        let registry = poll.registry();
        source.register(registry, LISTENER)?;
        told("epoll_ctl(ADD, listener)");
        let waker = Arc::new(Waker::new(registry, MESSAGES)?);
        told("eventfd2(), epoll_ctl(ADD, eventfd)");
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        told("timerfd_create()");
        registry.register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        told("epoll_ctl(ADD, timerfd)");
        let events = Events::with_capacity(decisions.techniques().events_per_poll);
        Ok(Self {
            poll,
            events,
            source,
            waker,
            timer,
            decisions,
            nodelay: decisions.techniques().nodelay,
            timer_at: Time::NEVER,
            copied: Vec::new(),
            account,
        })
    }

    /// Accepts, and sets no option.
    ///
    /// # Errors
    ///
    /// As [`accept`](Kernel::accept).
    pub fn accept_only(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.source.accept()
    }

    /// Sets those options of an accepted socket that the listener does not hand down; the name of
    /// the last one.
    #[inline]
    pub fn set_options(&mut self, stream: &mut TcpStream) -> Option<&'static str> {
        let mut name = None;
        if D::CHANGE && self.techniques().nodelay != self.nodelay {
            // A socket that refuses has failed, and will say so itself.
            let _ = self.set_nodelay(stream);
            name = Some("TCP_NODELAY");
        }
        if self.techniques().quickack {
            self.account.options_set.add(1);
            socket::acknowledge_at_once(stream);
            name = Some("TCP_QUICKACK");
        }
        name
    }

    /// [`Kernel::recv`] without one of its techniques, or both. Inlined: a return right behind the
    /// kernel is what one of them is about.
    #[inline(always)]
    fn recv_naively(&self, from: &TcpStream, into: &mut BytesMut, max: usize) -> io::Result<usize> {
        if !self.techniques().uninit_reads {
            buffers::clear(into, max);
        }
        buffers::receive(into, max, |room| {
            if self.techniques().inline_calls {
                Ok(recv(from, room, NO_FLAGS)?.1)
            } else {
                socket::receive(from, room)
            }
        })
    }
}

impl<D: Decisions> Kernel for Linux<D> {
    type Socket = TcpStream;

    const CHANGES: bool = D::CHANGE;

    #[inline]
    fn techniques(&self) -> &Techniques {
        self.decisions.techniques()
    }

    fn change(&mut self, techniques: &Techniques) {
        if techniques.events_per_poll != self.techniques().events_per_poll {
            self.events = Events::with_capacity(techniques.events_per_poll);
        }
        self.decisions.change(techniques);
        // Disarmed: the next wait sets it, or makes do without. It cannot fail on our own timerfd.
        let _ = self.set_timer(Timespec::default());
        self.timer_at = Time::NEVER;
    }

    fn set_nodelay(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        self.account.options_set.add(1);
        socket.set_nodelay(self.techniques().nodelay)
    }

    fn has_failed(&mut self, stream: &mut TcpStream) -> bool {
        self.account.options_read.add(1);
        !matches!(stream.take_error(), Ok(None))
    }

    fn bound(&mut self, stream: &mut TcpStream, bound: Bound) {
        self.account.options_set.add(1);
        socket::bound(stream, bound);
    }

    #[inline]
    fn now(&mut self) -> Time {
        let time = clock_gettime(ClockId::Monotonic);
        // The monotonic clock begins at boot: neither part is negative.
        Time(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
    }

    fn cpu_time(&mut self) -> Time {
        self.account.cpu_clock_readings.add(1);
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Time(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
    }

    fn wall_clock(&mut self) -> Duration {
        UNIX_EPOCH.elapsed().unwrap_or_default()
    }

    fn poll(&mut self, until: Time, mut report: impl FnMut(Occasion)) -> io::Result<usize> {
        let timeout = match until {
            Time::ZERO => Some(Duration::ZERO),
            // The timerfd ends the poll early enough, if it is to end at all.
            until if until >= self.timer_at => None,
            until => self.timeout(until)?,
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
                Token(token) => {
                    let id = ConnectionId::from_token(token);
                    report(Occasion::Connection(id, readiness(event)));
                }
            }
        }
        Ok(events)
    }

    fn wake(&self) -> Wake {
        let waker = Arc::clone(&self.waker);
        // It fails only if the eventfd's count is full: then the poll ends anyway.
        Arc::new(move || drop(waker.wake()))
    }

    fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (mut stream, peer) = self.source.accept()?;
        self.set_options(&mut stream);
        Ok((stream, peer))
    }

    fn stop_listening(&mut self) {
        if matches!(self.source, Source::Listener(_)) {
            self.account.closes.add(1);
        }
        self.source = Source::Closed;
    }

    fn watch(&mut self, socket: &mut TcpStream, id: ConnectionId) -> io::Result<()> {
        let registry = self.poll.registry();
        registry.register(socket, id.token(), TO_READ)
    }

    fn watch_again(
        &mut self,
        socket: &mut TcpStream,
        id: ConnectionId,
        writable: bool,
    ) -> io::Result<()> {
        const BOTH: Interest = TO_READ.add(Interest::WRITABLE);
        let interest = if writable { BOTH } else { TO_READ };
        let registry = self.poll.registry();
        registry.reregister(socket, id.token(), interest)
    }

    // Not left to the compiler: where techniques are flags, it would make functions of the two,
    // which return right behind the kernel.
    #[inline(always)]
    fn recv(&mut self, from: &mut TcpStream, into: &mut BytesMut, max: usize) -> io::Result<usize> {
        if !self.techniques().uninit_reads || !self.techniques().inline_calls {
            return self.recv_naively(from, into, max);
        }
        buffers::receive(into, max, |room| Ok(recv(from, room, NO_FLAGS)?.1))
    }

    #[inline(always)]
    fn send(&mut self, socket: &mut TcpStream, bytes: &[u8], more: bool) -> io::Result<usize> {
        if more || !self.techniques().inline_calls {
            return self.send_otherwise(socket, bytes, more);
        }
        Ok(send(socket, bytes, SendFlags::NOSIGNAL)?)
    }

    fn send_file(&mut self, socket: &mut TcpStream, part: &FilePart) -> io::Result<usize> {
        self.transmit(socket, part)
    }

    fn shutdown(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        socket.shutdown(std::net::Shutdown::Write)
    }

    #[inline]
    fn observe(&mut self, _step: &Step<'_>) {}
}

/// An error counts as readable: recv(2) will tell which.
fn readiness(event: &Event) -> Readiness {
    Readiness {
        readable: event.is_readable() || event.is_error(),
        more_follows: event.is_read_closed() || event.is_priority(),
        writable: event.is_writable(),
    }
}
