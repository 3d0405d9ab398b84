//! A rig for tests of the reactor: peers that do as they are told, and a clock that moves when
//! told.
//!
//! `let mut rig = Rig::new(); let peer = rig.connect(); peer.send(b"GET ..."); rig.run();
//! peer.answers()`.
//!
//! Each rig proves at its end that nothing was left behind: no connection, no lent buffer, no
//! timer, and no recv that found nothing without a reason ([`Rig::forgive_vain_recvs`]).

// Each test file is a crate of its own and uses a part of this; `pub` is for them, not for the
// world.
#![allow(dead_code, unreachable_pub, unused_imports)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use barewire::Waker;
use barewire::accounts::ReactorAccount;
use barewire::config::Config;
use barewire::duel::Live;
use barewire::reactor::Reactor;
use barewire::reactor::jobs::{JobPool, Message};
use barewire::reactor::kernel::Readiness;

pub mod answers;
pub mod naive;
pub mod scripted;
pub mod site;
pub mod sources;
pub mod takers;

pub use answers::{Answer, read_answers};
pub use scripted::{Calls, Prices};
use scripted::{Scripted, Wire, World, nanos};
pub use site::{Site, pattern};

/// A request that is answered at once with `hello`.
pub const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// Turns without a wait that are taken for an endless loop.
const TURNS_MAX: usize = 100_000;

/// A reactor on a scripted kernel.
pub struct Rig {
    pub reactor: Reactor<Site, Scripted>,
    pub account: Arc<ReactorAccount>,
    pub site: Arc<Site>,
    pub config: Config,
    world: Rc<RefCell<World>>,
    vain_recvs_forgiven: usize,
    mail_awaited: u64,
}

/// The other end of a connection.
#[derive(Clone)]
pub struct Peer {
    world: Rc<RefCell<World>>,
    index: usize,
}

impl Rig {
    /// A rig with the default configuration.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// A rig with all techniques: for tests of what they save, or of when they act.
    pub fn full() -> Self {
        Self::with(naive::full)
    }

    /// The same with some of the configuration changed.
    pub fn full_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(|config| {
            naive::full(config);
            change(config);
        })
    }

    /// A rig with some of the configuration changed.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_connections_max(1000, change)
    }

    /// A rig that takes so many connections.
    pub fn with_connections_max(connections_max: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        naive::if_wanted(&mut config);
        change(&mut config);
        let forgives = !config.techniques.short_read;
        let world = World::new();
        let clock = Arc::clone(&world.borrow().clock);
        let site = Arc::new(Site {
            clock,
            gate: site::Gate::default(),
            sources: Arc::default(),
        });
        let account = Arc::<ReactorAccount>::default();
        let reactor = Reactor::new(
            Scripted(Rc::clone(&world), config.techniques),
            Arc::clone(&site),
            JobPool::start(config.job_threads, config.limits.jobs, |_| ()).unwrap(),
            Arc::clone(&account),
            &config,
            0,
            connections_max,
        );
        let mut rig = Self {
            reactor,
            account,
            site,
            config,
            world,
            // Without this technique each read is followed by one that finds nothing.
            vain_recvs_forgiven: if forgives { usize::MAX } else { 0 },
            mail_awaited: 0,
        };
        rig.run();
        rig
    }

    /// The same, with techniques that can change while it runs; and what changes them.
    pub fn live(mut self) -> (Self, Arc<Live>) {
        let live = Arc::new(Live::new(&self.config.techniques, Vec::new(), 0));
        self.reactor.follow(Arc::clone(&live));
        (self, live)
    }

    /// What calls cost by the CPU clock from now on.
    pub fn set_prices(&mut self, prices: Prices) {
        self.world.borrow_mut().prices = prices;
    }

    /// The monotonic clock, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.world.borrow().now().0
    }

    /// A peer connects, and is accepted if there is room.
    pub fn connect(&mut self) -> Peer {
        let peer = self.queue();
        self.run();
        peer
    }

    /// A peer connects; nobody has looked yet.
    pub fn queue(&mut self) -> Peer {
        let index = self.world.borrow_mut().connect();
        Peer {
            world: Rc::clone(&self.world),
            index,
        }
    }

    /// One turn of the loop.
    pub fn turn(&mut self) {
        self.reactor.turn().unwrap();
    }

    /// Turns until the reactor would wait; returns how many turns it took.
    ///
    /// # Panics
    ///
    /// If it never does.
    pub fn run(&mut self) -> usize {
        for turns in 1..=TURNS_MAX {
            self.turn();
            if self.reactor.is_over() || self.world.borrow().asleep_until.is_some() {
                return turns;
            }
            if self.config.techniques.spin_us > 0 {
                // One that spins waits for the clock.
                self.hold_up(Duration::from_micros(1));
            }
        }
        panic!("the reactor spins");
    }

    /// Lets time pass: the reactor is woken at each moment for which it asked.
    pub fn advance(&mut self, span: Duration) {
        self.run();
        let target = self.world.borrow().now().after(span);
        for _ in 0..TURNS_MAX {
            let until = self.world.borrow().asleep_until;
            match until.filter(|until| *until <= target) {
                Some(until) => self.world.borrow().clock.store(until.0, relaxed()),
                None => break,
            }
            self.run();
        }
        self.world.borrow().clock.store(target.0, relaxed());
        self.run();
    }

    /// Lets time pass at once, as if the reactor had been held up; it has not run since.
    pub fn hold_up(&mut self, span: Duration) {
        self.world.borrow().clock.fetch_add(nanos(span), relaxed());
    }

    /// Waits until a job has sent one message more than those waited for so far, without a turn.
    pub fn wait_for_mail(&mut self) {
        self.mail_awaited += 1;
        self.world.borrow().mail().wait_for(self.mail_awaited);
    }

    /// Waits until so many messages have been sent since the start, without a turn.
    pub fn wait_for_messages(&self, messages: u64) {
        let mail = self.world.borrow().mail();
        mail.wait_for(messages);
    }

    /// The waker of the stream that was asked for last; rings from the test's thread.
    ///
    /// # Panics
    ///
    /// If no source has been asked.
    pub fn waker(&self) -> Waker {
        let wakers = self.site.sources.wakers.lock().unwrap();
        wakers.last().cloned().expect("a stream")
    }

    /// How often sources have been asked for a piece.
    pub fn asked(&self) -> u64 {
        self.account.pieces.get()
    }

    /// Messages are announced no more, or again.
    pub fn hold_mail(&self, is_held: bool) {
        self.world.borrow_mut().holds_mail = is_held;
    }

    /// Each poll hands over at most so many events of connections; the rest has to wait.
    pub fn hand_over_at_most(&self, events: usize) {
        self.world.borrow_mut().events_max = events;
    }

    /// The events that wait are handed over in another order; `below(n)` chooses a number below n.
    pub fn reorder_events(&self, below: impl FnMut(usize) -> usize) {
        self.world.borrow_mut().reorder(below);
    }

    /// Waits for one more message and lets it be acted on.
    pub fn run_with_mail(&mut self) {
        self.wait_for_mail();
        self.run();
    }

    /// The server is told to leave.
    pub fn drain(&mut self) {
        self.reactor.address().send(Message::Drain);
        self.run_with_mail();
    }

    /// accept fails with this error until told otherwise.
    pub fn fail_accept(&self, error: Option<i32>) {
        self.world.borrow_mut().accept_error = error;
    }

    /// No new connection can be watched, with this error, until told otherwise.
    pub fn fail_watch(&self, error: Option<i32>) {
        self.world.borrow_mut().watch_error = error;
    }

    /// For tests that cannot know how often.
    pub fn forgive_all_vain_recvs(&mut self) {
        self.vain_recvs_forgiven = usize::MAX;
    }

    pub fn is_listening(&self) -> bool {
        self.world.borrow().listening
    }

    /// For tests in which the reactor is right to look without being told: so many recvs may find
    /// nothing.
    pub fn forgive_vain_recvs(&mut self, recvs: usize) {
        self.vain_recvs_forgiven = self.vain_recvs_forgiven.saturating_add(recvs);
    }

    /// Turns since the start.
    pub fn turns(&self) -> u64 {
        self.account.turns.get()
    }

    /// Readings of the monotonic clock and of the wall clock since the start.
    pub fn clock_readings(&self) -> (u64, u64) {
        let world = self.world.borrow();
        (world.clock_readings, world.wall_readings)
    }

    /// Somebody sets the wall clock, which says from now on that it was this when the test began.
    /// The monotonic clock goes on as if nothing had happened (clock_gettime(2)).
    pub fn set_wall_clock(&mut self, start: Duration) {
        self.world.borrow_mut().wall_start = start;
    }

    /// Bytes lent by the pool.
    pub fn lent(&self) -> u64 {
        let lent = self.account.buffer_bytes.get();
        if self.config.techniques.shared_input {
            return lent;
        }
        // Each connection has an input of its own, which is not lent but held.
        lent.saturating_sub((self.reactor.connections() * self.config.socket.buffer_size) as u64)
    }

    /// Every peer leaves and every timeout passes; then nothing may be left.
    fn close_down(&mut self) {
        self.site.gate.open();
        let peers = self.world.borrow().wires.len();
        for index in 0..peers {
            let peer = Peer {
                world: Rc::clone(&self.world),
                index,
            };
            peer.take_all();
            peer.leave();
        }
        self.run();
        // An hour is longer than any timeout; jobs that nobody waits for any more may still
        // answer.
        for hour in 0..10 {
            self.hold_up(Duration::from_hours(1));
            self.run();
            if self.reactor.connections() == 0 && self.reactor.timers() == 0 {
                break;
            }
            if hour == 0 || self.reactor.connections() == 0 {
                continue;
            }
            let announced = self.world.borrow().mail_announced;
            self.world.borrow().mail().wait_for(announced + 1);
        }
        assert_eq!(self.reactor.connections(), 0, "connections left behind");
        assert_eq!(
            self.account.connections.get(),
            0,
            "connections left in the account"
        );
        assert_eq!(self.lent(), 0, "buffers left behind");
        assert_eq!(self.reactor.timers(), 0, "timers left behind");
        let vain_recvs = self.world.borrow().vain_recvs;
        if self.vain_recvs_forgiven != usize::MAX {
            assert_eq!(
                vain_recvs, self.vain_recvs_forgiven,
                "recvs that found nothing and had no reason"
            );
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.close_down();
        }
    }
}

impl Peer {
    /// Bytes arrive, in one edge.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.arrive(|wire| {
            assert!(!wire.fin, "this peer has shut down its side");
            wire.inbound.extend(bytes.as_ref());
        });
    }

    /// Bytes arrive, with urgent data after the first `before` of them, in one edge.
    pub fn send_with_urgent_data(&self, bytes: impl AsRef<[u8]>, before: usize) {
        self.arrive(|wire| {
            wire.mark = Some(wire.inbound.len() + before);
            wire.inbound.extend(bytes.as_ref());
        });
    }

    /// Bytes and the end arrive, in one edge.
    pub fn send_with_fin(&self, bytes: impl AsRef<[u8]>) {
        self.arrive(|wire| {
            wire.inbound.extend(bytes.as_ref());
            wire.fin = true;
        });
    }

    /// The peer shuts down its side.
    pub fn finish(&self) {
        self.arrive(|wire| wire.fin = true);
    }

    /// The peer resets the connection.
    pub fn reset(&self) {
        self.arrive(|wire| wire.reset = true);
    }

    /// The kernel gives the peer up, which has acknowledged nothing for too long (tcp(7),
    /// TCP_USER_TIMEOUT).
    pub fn time_out(&self) {
        self.arrive(|wire| (wire.reset, wire.timed_out) = (true, true));
    }

    /// The peer goes, politely if it still can.
    fn leave(&self) {
        let gone = self.look(|wire| wire.fin || wire.reset || wire.closed);
        if !gone {
            self.finish();
        }
    }

    /// From now on so many bytes are taken, and then none until [`drain_more`](Self::drain_more).
    pub fn take_at_most(&self, bytes: usize) {
        self.world.borrow_mut().wires[self.index].room = bytes;
    }

    /// The peer makes room for so many bytes: an edge, if there was none.
    pub fn drain_more(&self, bytes: usize) {
        self.arrive(|wire| wire.room = wire.room.saturating_add(bytes));
    }

    /// The peer takes all that comes.
    pub fn take_all(&self) {
        self.arrive(|wire| {
            let unsent = wire.unsent.take().unwrap_or_default();
            wire.outbound.extend(unsent);
            wire.room = usize::MAX;
        });
    }

    /// From now on the kernel keeps what is sent to it until it [`reads`](Self::read_slowly).
    pub fn reads_slowly(&self) {
        self.world.borrow_mut().wires[self.index].unsent = Some(VecDeque::new());
    }

    /// The peer takes so many bytes from the kernel: an edge only if that makes room enough.
    pub fn read_slowly(&self, bytes: usize) {
        let is_edge = self.world.borrow_mut().wires[self.index].take_unsent(bytes);
        if is_edge {
            self.arrive(|_| ());
        }
    }

    /// For how long the kernel cares for what the server has left behind.
    pub fn left_behind_for(&self) -> Option<Duration> {
        self.look(|wire| wire.left_behind_for)
    }

    /// The server has bounded what the kernel keeps of what this peer sends.
    pub fn is_bounded(&self) -> bool {
        self.look(|wire| wire.is_bounded)
    }

    /// An event that says more than is true.
    pub fn spurious(&self, ready: Readiness) {
        self.arrive(|wire| wire.spurious = Some(ready));
    }

    /// The next recv is interrupted by a signal.
    pub fn interrupt_recv(&self) {
        self.world.borrow_mut().wires[self.index].interrupted = true;
    }

    /// The peer has gone again before it is accepted.
    pub fn abort_before_accept(&self) {
        self.world.borrow_mut().wires[self.index].aborted = true;
    }

    /// All that the server has sent.
    pub fn received(&self) -> Vec<u8> {
        self.look(|wire| wire.outbound.clone())
    }

    /// All that the server has sent, which is then forgotten.
    pub fn take_received(&self) -> Vec<u8> {
        std::mem::take(&mut self.world.borrow_mut().wires[self.index].outbound)
    }

    /// The answers that the server has sent, none of them to HEAD.
    pub fn answers(&self) -> Vec<Answer> {
        read_answers(&self.received(), |_| false)
    }

    /// The answers that the server has sent since the last look.
    pub fn take_answers(&self) -> Vec<Answer> {
        read_answers(&self.take_received(), |_| false)
    }

    /// The only answer that the server has sent since the last look.
    pub fn take_answer(&self) -> Answer {
        let mut answers = self.take_answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// Bytes that the server has not received.
    pub fn unread(&self) -> usize {
        self.look(|wire| wire.inbound.len())
    }

    /// The server has closed the socket.
    pub fn is_closed(&self) -> bool {
        self.look(|wire| wire.closed)
    }

    /// The server has shut down its side, or closed.
    pub fn saw_fin(&self) -> bool {
        self.look(|wire| wire.saw_fin)
    }

    /// Nothing has ended yet.
    pub fn is_open(&self) -> bool {
        !self.saw_fin()
    }

    /// The server has closed by a reset, or with bytes unread: what it had sent may be lost.
    pub fn was_reset(&self) -> bool {
        self.look(|wire| wire.was_reset)
    }

    /// The peer has reset the connection.
    pub fn has_reset(&self) -> bool {
        self.look(|wire| wire.reset)
    }

    /// The server has given it up because it did not take its answers.
    pub fn was_left_owing(&self) -> bool {
        self.look(|wire| wire.left_owing)
    }

    /// The listener was closed before it was accepted.
    pub fn was_refused(&self) -> bool {
        self.look(|wire| wire.refused)
    }

    /// `TCP_NODELAY`, as it was set last.
    pub fn has_nodelay(&self) -> bool {
        self.look(|wire| wire.nodelay)
    }

    /// System calls made for it so far.
    pub fn calls(&self) -> Calls {
        self.look(|wire| wire.calls)
    }

    fn look<T>(&self, at: impl FnOnce(&Wire) -> T) -> T {
        at(&self.world.borrow().wires[self.index])
    }

    fn arrive(&self, change: impl FnOnce(&mut Wire)) {
        let mut world = self.world.borrow_mut();
        change(&mut world.wires[self.index]);
        world.edge(self.index);
    }
}

fn relaxed() -> std::sync::atomic::Ordering {
    std::sync::atomic::Ordering::Relaxed
}
