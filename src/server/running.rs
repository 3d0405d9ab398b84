//! A server that is serving, and how it leaves.
//!
//! The thread that waits only heeds signals, samples the accounts once a second, and says when to
//! drain and when to leave; the reactors do both themselves.

use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, Message};
use crate::reactor::linux::{Decisions, Linux};

use super::handover::{Handover, HandoverThread};
use super::pinning::Cores;

/// A server that is serving.
pub struct Running {
    address: SocketAddr,
    reactors: Vec<(Address, JoinHandle<io::Result<()>>)>,
    /// Accepts for all reactors, if they have no listeners of their own.
    acceptor: Option<HandoverThread>,
    /// Says when a reactor's thread has ended, in whichever way.
    ended: Receiver<()>,
    accounts: Arc<Accounts>,
    config: Config,
}

/// SIGTERM and SIGINT, caught. Catch them before the server is announced: one that comes in between
/// must not end the process without draining.
pub struct StopSignals {
    received: Receiver<i32>,
}

impl StopSignals {
    /// Catches both from now on (sigaction(2)), for the rest of the process. SIGXFSZ is caught,
    /// too, and only so that it does not end the process: a write beyond the limit of a file's size
    /// then says so (setrlimit(2)).
    ///
    /// # Errors
    ///
    /// If the system refuses, or a thread cannot be started.
    pub fn catch() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        let (sender, received) = unbounded();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // Ends when nobody listens any more.
                signals
                    .forever()
                    .take_while(|signal| sender.send(*signal).is_ok())
                    .for_each(drop);
            })?;
        Ok(Self { received })
    }
}

impl Running {
    /// Runs each reactor on a thread of its own, then what feeds them; all of them, or none.
    pub(super) fn begin<H: Handler, D: Decisions>(
        reactors: Vec<Reactor<H, Linux<D>>>,
        handover: Option<Handover>,
        address: SocketAddr,
        accounts: Arc<Accounts>,
        config: Config,
    ) -> io::Result<Self> {
        let (sender, ended) = unbounded();
        let mut running = Self {
            address,
            reactors: Vec::with_capacity(reactors.len()),
            acceptor: None,
            ended,
            accounts,
            config,
        };
        match running.start_threads(reactors, handover, &sender) {
            Ok(()) => Ok(running),
            Err(error) => {
                running.leave();
                Err(error)
            }
        }
    }

    fn start_threads<H: Handler, D: Decisions>(
        &mut self,
        reactors: Vec<Reactor<H, Linux<D>>>,
        handover: Option<Handover>,
        ended: &Sender<()>,
    ) -> io::Result<()> {
        let cores = self.config.techniques.pinned.then(Cores::allowed);
        let cores = cores.transpose()?;
        for (worker, reactor) in reactors.into_iter().enumerate() {
            if let Some(cores) = &cores {
                cores.take(worker)?;
            }
            let mailbox = reactor.address();
            let bell = Bell(ended.clone());
            let thread = thread::Builder::new()
                .name(format!("reactor-{worker}"))
                .spawn(move || {
                    let _rung_at_the_end = bell;
                    reactor.run()
                })?;
            self.reactors.push((mailbox, thread));
        }
        // The acceptor is bound to no core.
        drop(cores);
        self.acceptor = handover.map(Handover::start).transpose()?;
        Ok(())
    }

    /// The address that it accepts on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its accounts.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Begins to drain, without delay: the listeners close and every open connection gets one more
    /// answer.
    pub fn drain(&self) {
        self.accounts.draining.store(true, Ordering::Relaxed);
        // First: a reactor that drains takes what it was given until then.
        self.end_acceptor();
        self.tell(|| Message::Drain);
    }

    /// Leaves at once, whoever is still there.
    pub fn leave(&self) {
        self.tell(|| Message::Leave);
        self.end_acceptor();
    }

    /// Waits until all reactors have ended.
    ///
    /// # Errors
    ///
    /// If a reactor failed.
    ///
    /// # Panics
    ///
    /// If a reactor panicked, which is a bug in this crate: the panic is passed on.
    pub fn join(mut self) -> io::Result<()> {
        let mut result = Ok(());
        for (_, thread) in self.reactors.drain(..) {
            match thread.join() {
                Ok(ended) => result = result.and(ended),
                Err(panic) => resume_unwind(panic),
            }
        }
        // They may have ended by themselves.
        self.end_acceptor();
        result
    }

    /// Waits for a signal to stop, drains as configured, and joins. A second signal leaves at once.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn wait_for(self, signals: &StopSignals) -> io::Result<()> {
        self.attend(&signals.received);
        self.join()
    }

    /// Ticks, drains and leaves, until all reactors have ended.
    fn attend(&self, signals: &Receiver<i32>) {
        let mut departure = Departure::NotPlanned;
        let mut open = self.reactors.len();
        let mut next_tick = Instant::now();
        while open > 0 {
            let now = Instant::now();
            if now >= next_tick {
                self.accounts.tick();
                next_tick = now + Duration::from_secs(1);
            }
            departure = self.depart(departure, now);
            let until = departure.due().map_or(next_tick, |due| due.min(next_tick));
            crossbeam_channel::select! {
                recv(signals) -> _ => departure = self.heed_signal(departure),
                recv(self.ended) -> _ => {
                    open -= 1;
                    // One that ended unasked has failed, and half a server is worse than none.
                    if matches!(departure, Departure::NotPlanned) {
                        self.leave();
                    }
                }
                default(until.saturating_duration_since(now)) => {}
            }
        }
    }

    fn heed_signal(&self, departure: Departure) -> Departure {
        if matches!(departure, Departure::NotPlanned) {
            self.accounts.draining.store(true, Ordering::Relaxed);
            return Departure::DrainAt(Instant::now() + self.config.drain.delay);
        }
        self.leave();
        Departure::Left
    }

    fn depart(&self, departure: Departure, now: Instant) -> Departure {
        match departure {
            Departure::DrainAt(due) if now >= due => {
                self.drain();
                Departure::LeaveAt(now + self.config.drain.grace)
            }
            Departure::LeaveAt(due) if now >= due => {
                self.leave();
                Departure::Left
            }
            other => other,
        }
    }

    fn end_acceptor(&self) {
        if let Some(acceptor) = &self.acceptor {
            acceptor.end();
        }
    }

    fn tell(&self, message: impl Fn() -> Message) {
        for (mailbox, _) in &self.reactors {
            mailbox.send(message());
        }
    }
}

/// How far the server is on its way out.
#[derive(Clone, Copy)]
enum Departure {
    NotPlanned,
    DrainAt(Instant),
    LeaveAt(Instant),
    Left,
}

impl Departure {
    fn due(self) -> Option<Instant> {
        match self {
            Self::DrainAt(due) | Self::LeaveAt(due) => Some(due),
            Self::NotPlanned | Self::Left => None,
        }
    }
}

/// Rings when it is dropped, also by a panic.
struct Bell(Sender<()>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
