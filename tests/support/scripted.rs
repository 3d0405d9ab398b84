//! A kernel that does what a test tells it to: no sockets, no waiting, no luck.
//!
//! It keeps to what epoll(7) promises of edge-triggered events: bytes, an end, an error or room
//! that arrive make one event, and what is ready is looked up when the event is handed over, not
//! when it arose. Bytes that were consumed in the meantime make no event; bytes that were left
//! lying make no second one. Time stands still unless told to move.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use barewire::FilePart;
use barewire::config::Techniques;
use barewire::config::bounds::UNSENT_KEPT;
use barewire::reactor::connections::ConnectionId;
use barewire::reactor::kernel::{Bound, Kernel, Occasion, Readiness, Wake};
use barewire::reactor::step::Step;
use barewire::reactor::timers::Time;
use bytes::BytesMut;

/// The clock of a scripted kernel; handlers that pretend to work may move it too.
pub type Clock = Arc<AtomicU64>;

/// What the kernel takes of the server for a peer that reads slowly.
const UNSENT_MAX: usize = UNSENT_KEPT as usize;

/// When the clock starts: not at 0, which as a deadline means "past".
pub const START: Duration = Duration::from_secs(1000);
/// The wall clock then: Sun, 06 Nov 1994 08:49:37 GMT.
pub const WALL_START: Duration = Duration::from_secs(784_111_777);

/// System calls that the reactor made for one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub recvs: usize,
    pub sends: usize,
    pub registrations: usize,
    pub shutdowns: usize,
    pub closes: usize,
}

/// CPU time of calls, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prices {
    pub poll: u64,
    pub recv: u64,
    pub send: u64,
    pub registration: u64,
}

/// A connection, as the kernel sees it.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own that a test asks for.
pub struct Wire {
    id: Option<ConnectionId>,
    writable_watched: bool,
    /// Sent by the peer, not yet received by the server.
    pub inbound: VecDeque<u8>,
    /// The peer has shut down its side.
    pub fin: bool,
    /// The peer has reset the connection.
    pub reset: bool,
    /// After so many bytes of `inbound` the peer has sent urgent data, at which a recv stops. The
    /// urgent byte itself is not part of the stream (tcp(7), without SO_OOBINLINE).
    pub mark: Option<usize>,
    /// How many bytes the peer still takes.
    pub room: usize,
    /// What the kernel has taken of the server and not sent, if the peer reads slowly.
    pub unsent: Option<VecDeque<u8>>,
    /// For how long the kernel cares for what close() leaves behind.
    pub left_behind_for: Option<Duration>,
    /// What waits to be received is bounded.
    pub is_bounded: bool,
    /// close() is to reset it (SO_LINGER of 0).
    pub is_to_be_reset: bool,
    /// Sent by the server.
    pub outbound: Vec<u8>,
    /// The server has shut down its side, or closed.
    pub saw_fin: bool,
    /// The server has closed the socket.
    pub closed: bool,
    /// It did so while there were bytes to be received, or wanted it: a real kernel would have
    /// sent a reset.
    pub was_reset: bool,
    /// It did so while the peer took nothing more.
    pub left_owing: bool,
    /// It was the kernel that ended it, since the peer acknowledged nothing (TCP_USER_TIMEOUT).
    pub timed_out: bool,
    /// Never accepted: the listener was closed before.
    pub refused: bool,
    /// The peer has gone before it was accepted.
    pub aborted: bool,
    /// The next event will say more than is true.
    pub spurious: Option<Readiness>,
    /// The next recv is interrupted by a signal.
    pub interrupted: bool,
    pub calls: Calls,
    /// `TCP_NODELAY`, as it was set last.
    pub nodelay: bool,
    /// The last recv filled its room, so that it could not tell whether there was more.
    filled: bool,
    /// Events that promised something to be received and have not been followed by a recv. There
    /// can be two: one that was only noted, and one that is still on its way through the turn in
    /// which the first is acted on.
    promises: u8,
    /// The reactor has said so often that it looks without being told. The recv finds nothing; or
    /// the one does that follows the event which told of what it found.
    last_looks: u8,
    /// The poll that handed over the last promise.
    promised_by: u64,
    is_queued: bool,
}

/// All that the kernel knows.
#[derive(Debug)]
pub struct World {
    pub clock: Clock,
    pub wires: Vec<Wire>,
    pub backlog: VecDeque<usize>,
    pub listening: bool,
    /// accept fails with this error of the system.
    pub accept_error: Option<i32>,
    /// A new connection cannot be watched, with this error of the system (epoll_ctl(2)).
    pub watch_error: Option<i32>,
    listener_edge: bool,
    /// Connections with an event that was not handed over yet.
    ready: VecDeque<usize>,
    /// A poll hands over at most so many of them.
    pub events_max: usize,
    /// Messages are not announced.
    pub holds_mail: bool,
    polls: u64,
    /// recv calls that found nothing and had no reason.
    pub vain_recvs: usize,
    /// How long the last poll would have waited, if it would have.
    pub asleep_until: Option<Time>,
    mail: Arc<Mail>,
    /// So many messages have been announced.
    pub mail_announced: u64,
    /// Readings of the CPU clock; each moves it by 700 ns.
    cpu_readings: u64,
    /// What else it shows: a test, or a handler, moves it.
    pub cpu_ns: u64,
    /// By how much a call moves it.
    pub prices: Prices,
    /// Readings of the monotonic clock.
    pub clock_readings: u64,
    /// Readings of the wall clock.
    pub wall_readings: u64,
    /// What it shows at [`START`]; somebody may set it.
    pub wall_start: Duration,
}

/// How often other threads have roused the reactor: once for each message.
#[derive(Debug, Default)]
pub struct Mail {
    sent: Mutex<u64>,
    changed: Condvar,
}

/// The kernel's side of a [`World`].
#[derive(Debug)]
pub struct Scripted(pub Rc<RefCell<World>>, pub Techniques);

/// A socket: a number in the world, closed when dropped.
#[derive(Debug)]
pub struct Line {
    world: Rc<RefCell<World>>,
    index: usize,
}

impl World {
    pub fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            clock: Arc::new(AtomicU64::new(nanos(START))),
            wires: Vec::new(),
            backlog: VecDeque::new(),
            listening: true,
            accept_error: None,
            watch_error: None,
            listener_edge: false,
            ready: VecDeque::new(),
            events_max: usize::MAX,
            holds_mail: false,
            polls: 0,
            vain_recvs: 0,
            asleep_until: None,
            mail: Arc::default(),
            mail_announced: 0,
            cpu_readings: 0,
            cpu_ns: 0,
            prices: Prices::default(),
            clock_readings: 0,
            wall_readings: 0,
            wall_start: WALL_START,
        }))
    }

    pub fn now(&self) -> Time {
        Time(self.clock.load(Relaxed))
    }

    pub fn mail(&self) -> Arc<Mail> {
        Arc::clone(&self.mail)
    }

    /// A peer connects: it waits in the backlog.
    pub fn connect(&mut self) -> usize {
        let index = self.wires.len();
        self.wires.push(Wire::new());
        if self.listening {
            self.backlog.push_back(index);
            self.listener_edge = true;
        } else {
            self.wires[index].refused = true;
        }
        index
    }

    /// Something has happened to a connection: an edge.
    pub fn edge(&mut self, index: usize) {
        let wire = &mut self.wires[index];
        if wire.id.is_some() && !wire.closed && !wire.is_queued {
            wire.is_queued = true;
            self.ready.push_back(index);
        }
    }

    /// Puts the events that wait into another order; `below(n)` chooses a number below n.
    pub fn reorder(&mut self, mut below: impl FnMut(usize) -> usize) {
        for place in (1..self.ready.len()).rev() {
            self.ready.swap(place, below(place + 1));
        }
    }

    fn hand_over(&mut self, index: usize) -> Option<Occasion> {
        let wire = &mut self.wires[index];
        wire.is_queued = false;
        if wire.closed {
            return None;
        }
        let (truth, more) = (wire.readiness(), wire.spurious.take().unwrap_or_default());
        let ready = Readiness {
            readable: truth.readable || more.readable,
            more_follows: truth.more_follows || more.more_follows,
            writable: truth.writable || more.writable,
        };
        if ready.readable {
            wire.promises = (wire.promises + 1).min(2);
            wire.promised_by = self.polls;
        }
        (ready != Readiness::default()).then(|| Occasion::Connection(wire.id.unwrap(), ready))
    }
}

impl Wire {
    fn new() -> Self {
        Self {
            id: None,
            writable_watched: false,
            inbound: VecDeque::new(),
            fin: false,
            reset: false,
            mark: None,
            room: usize::MAX,
            unsent: None,
            is_bounded: false,
            is_to_be_reset: false,
            left_behind_for: None,
            outbound: Vec::new(),
            saw_fin: false,
            closed: false,
            was_reset: false,
            left_owing: false,
            refused: false,
            aborted: false,
            timed_out: false,
            spurious: None,
            interrupted: false,
            calls: Calls::default(),
            filled: false,
            promises: 0,
            promised_by: 0,
            last_looks: 0,
            is_queued: false,
            nodelay: true,
        }
    }

    /// What epoll_wait(2) would say of it now, as mio passes it on.
    fn readiness(&self) -> Readiness {
        let ended = self.fin || self.reset;
        Readiness {
            readable: !self.inbound.is_empty() || ended,
            more_follows: ended || self.mark.is_some(),
            writable: self.writable_watched && (self.has_room() || self.reset),
        }
    }

    /// Room of which epoll_wait(2) tells: with TCP_NOTSENT_LOWAT, once half of it is free (tcp(7)).
    fn has_room(&self) -> bool {
        let is_half_free = |unsent: &VecDeque<u8>| 2 * unsent.len() < UNSENT_MAX;
        self.unsent.as_ref().map_or(self.room > 0, is_half_free)
    }

    /// The peer takes bytes that the kernel has kept for it; whether that makes an edge.
    pub fn take_unsent(&mut self, bytes: usize) -> bool {
        let had_room = self.has_room();
        let unsent = self.unsent.get_or_insert_default();
        let taken = unsent.drain(..bytes.min(unsent.len()));
        self.outbound.extend(taken);
        self.has_room() && !had_room
    }

    fn recv(&mut self, room: usize, poll: u64) -> io::Result<Vec<u8>> {
        self.calls.recvs += 1;
        assert!(room > 0, "a recv of no byte would look like the end");
        if std::mem::take(&mut self.interrupted) {
            return Err(ErrorKind::Interrupted.into());
        }
        if !self.inbound.is_empty() {
            let has_mark = self.mark.is_some();
            let up_to_mark = self.mark.filter(|mark| *mark > 0);
            let bytes = self.inbound.len().min(room).min(up_to_mark.unwrap_or(room));
            self.mark = up_to_mark.map(|mark| mark - bytes);
            if self.promised_by < poll {
                self.promises = 0;
            } else if !self.filled {
                self.promises = self.promises.saturating_sub(1);
            }
            self.filled = bytes == room || has_mark;
            return Ok(self.inbound.drain(..bytes).collect());
        }
        if self.reset {
            return Err(self.failure(ErrorKind::ConnectionReset));
        }
        if self.fin {
            return Ok(Vec::new());
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Why a call fails on a connection that is no more.
    fn failure(&self, after_reset: ErrorKind) -> io::Error {
        let kind = if self.timed_out {
            ErrorKind::TimedOut
        } else {
            after_reset
        };
        kind.into()
    }

    /// Whether a recv that found nothing was in order.
    fn had_reason_to_look(&mut self) -> bool {
        let was_told = std::mem::take(&mut self.filled) || self.promises > 0;
        self.promises = self.promises.saturating_sub(1);
        was_told || std::mem::take(&mut self.last_looks) > 0
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.sends += 1;
        assert!(!bytes.is_empty(), "a send of no byte is in vain");
        assert!(!self.saw_fin, "a send after shutdown would raise EPIPE");
        if self.reset {
            return Err(self.failure(ErrorKind::BrokenPipe));
        }
        if let Some(unsent) = &mut self.unsent {
            let taken = bytes.len().min(UNSENT_MAX - unsent.len());
            unsent.extend(&bytes[..taken]);
            return if taken == 0 {
                Err(ErrorKind::WouldBlock.into())
            } else {
                Ok(taken)
            };
        }
        if self.room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = bytes.len().min(self.room);
        if self.room != usize::MAX {
            self.room -= taken;
        }
        self.outbound.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
}

impl Kernel for Scripted {
    type Socket = Line;

    const CHANGES: bool = true;

    fn techniques(&self) -> &Techniques {
        &self.1
    }

    fn change(&mut self, techniques: &Techniques) {
        self.1 = *techniques;
    }

    fn set_nodelay(&mut self, socket: &mut Line) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.wires[socket.index].nodelay = self.1.nodelay;
        Ok(())
    }

    fn has_failed(&mut self, socket: &mut Line) -> bool {
        self.0.borrow().wires[socket.index].reset
    }

    fn bound(&mut self, socket: &mut Line, bound: Bound) {
        let mut world = self.0.borrow_mut();
        let wire = &mut world.wires[socket.index];
        match bound {
            Bound::Received => wire.is_bounded = true,
            Bound::LeftBehind(span) => wire.left_behind_for = Some(span),
            Bound::Reset => wire.is_to_be_reset = true,
        }
    }

    fn now(&mut self) -> Time {
        let mut world = self.0.borrow_mut();
        world.clock_readings += 1;
        world.now()
    }

    fn cpu_time(&mut self) -> Time {
        let mut world = self.0.borrow_mut();
        world.cpu_readings += 1;
        Time(world.cpu_readings * 700 + world.cpu_ns)
    }

    fn wall_clock(&mut self) -> Duration {
        let mut world = self.0.borrow_mut();
        world.wall_readings += 1;
        world.wall_start + world.now().since(Time(nanos(START)))
    }

    fn poll(&mut self, until: Time, mut report: impl FnMut(Occasion)) -> io::Result<usize> {
        let mut world = self.0.borrow_mut();
        world.polls += 1;
        world.cpu_ns += world.prices.poll;
        let mut events = 0;
        let mut report = |occasion| {
            events += 1;
            report(occasion);
        };
        if std::mem::take(&mut world.listener_edge) && world.listening {
            report(Occasion::Listener);
        }
        let sent = *world.mail.sent.lock().unwrap();
        if sent > world.mail_announced && !world.holds_mail {
            world.mail_announced = sent;
            report(Occasion::Messages);
        }
        for _ in 0..world.events_max.min(world.ready.len()) {
            let occasion = world.ready.pop_front();
            if let Some(occasion) = occasion.and_then(|index| world.hand_over(index)) {
                report(occasion);
            }
        }
        world.asleep_until = (events == 0 && until > world.now()).then_some(until);
        Ok(events)
    }

    fn wake(&self) -> Wake {
        let mail = self.0.borrow().mail();
        Arc::new(move || {
            *mail.sent.lock().unwrap() += 1;
            mail.changed.notify_all();
        })
    }

    fn accept(&mut self) -> io::Result<(Line, SocketAddr)> {
        let mut world = self.0.borrow_mut();
        // accept4(2) takes the descriptor first: EMFILE comes also when nobody waits.
        if let Some(error) = world.accept_error {
            return Err(io::Error::from_raw_os_error(error));
        }
        let index = world.backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        if world.wires[index].aborted {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let line = Line {
            world: Rc::clone(&self.0),
            index,
        };
        let port = 10_000 + u16::try_from(index).unwrap();
        Ok((line, ([127, 0, 0, 1], port).into()))
    }

    fn stop_listening(&mut self) {
        let mut world = self.0.borrow_mut();
        world.listening = false;
        while let Some(index) = world.backlog.pop_front() {
            world.wires[index].refused = true;
        }
    }

    fn watch(&mut self, socket: &mut Line, id: ConnectionId) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        if let Some(error) = world.watch_error {
            return Err(io::Error::from_raw_os_error(error));
        }
        let wire = &mut world.wires[socket.index];
        wire.calls.registrations += 1;
        wire.id = Some(id);
        world.edge(socket.index);
        Ok(())
    }

    fn watch_again(
        &mut self,
        socket: &mut Line,
        id: ConnectionId,
        writable: bool,
    ) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.cpu_ns += world.prices.registration;
        let wire = &mut world.wires[socket.index];
        assert_eq!(wire.id, Some(id));
        wire.calls.registrations += 1;
        wire.writable_watched = writable;
        // EPOLL_CTL_MOD looks at the socket: what is ready already is an event.
        world.edge(socket.index);
        Ok(())
    }

    fn recv(&mut self, socket: &mut Line, into: &mut BytesMut, max: usize) -> io::Result<usize> {
        let mut world = self.0.borrow_mut();
        let room = max.min(into.capacity() - into.len());
        let poll = world.polls;
        world.cpu_ns += world.prices.recv;
        let wire = &mut world.wires[socket.index];
        let result = wire.recv(room, poll);
        let found_nothing = matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock);
        if found_nothing && !wire.had_reason_to_look() {
            world.vain_recvs += 1;
        }
        let bytes = result?;
        into.extend_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn send_file(&mut self, socket: &mut Line, part: &FilePart) -> io::Result<usize> {
        assert!(part.bytes > 0, "a part of no byte is in vain");
        let mut bytes = vec![0; part.bytes];
        let read = part.file.read_at(&mut bytes, part.at)?;
        let mut world = self.0.borrow_mut();
        world.cpu_ns += world.prices.send;
        if read == 0 {
            return Ok(0);
        }
        world.wires[socket.index].send(&bytes[..read])
    }

    fn send(&mut self, socket: &mut Line, bytes: &[u8], _more: bool) -> io::Result<usize> {
        let mut world = self.0.borrow_mut();
        world.cpu_ns += world.prices.send;
        world.wires[socket.index].send(bytes)
    }

    fn shutdown(&mut self, socket: &mut Line) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let wire = &mut world.wires[socket.index];
        assert!(!wire.saw_fin, "shut down twice");
        wire.calls.shutdowns += 1;
        if wire.reset {
            return Err(ErrorKind::NotConnected.into());
        }
        wire.saw_fin = true;
        Ok(())
    }

    fn observe(&mut self, step: &Step<'_>) {
        if let Step::LastLook(id) = step {
            let mut world = self.0.borrow_mut();
            let mut wires = world.wires.iter_mut();
            let wire = wires.find(|wire| wire.id == Some(*id)).unwrap();
            wire.last_looks += 1;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut world = self.world.borrow_mut();
        let wire = &mut world.wires[self.index];
        wire.closed = true;
        wire.calls.closes += 1;
        wire.saw_fin = true;
        wire.was_reset = !wire.inbound.is_empty() || wire.is_to_be_reset;
        wire.left_owing = wire.room == 0;
    }
}

impl Mail {
    /// Waits until so many messages have been sent, on the real clock: jobs run on real threads.
    ///
    /// # Panics
    ///
    /// After ten seconds: the test has failed.
    pub fn wait_for(&self, messages: u64) {
        let sent = self.sent.lock().unwrap();
        let (sent, _) = self
            .changed
            .wait_timeout_while(sent, Duration::from_secs(10), |sent| *sent < messages)
            .unwrap();
        assert!(*sent >= messages, "no job has answered within ten seconds");
    }
}

pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap()
}
