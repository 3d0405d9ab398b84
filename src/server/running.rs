//! A server that is serving: its threads, and how it leaves.
//!
//! Whoever waits for a signal ticks the accounts meanwhile, once a second. The first signal begins
//! to drain, after the delay that a balancer needs; the grace that follows, or a second signal, ends
//! it. Only the reactors' own ends are believed: each rings a bell when its thread is over, in
//! whichever way.

use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, Message};
use crate::reactor::linux::Linux;

/// A server that is serving.
pub struct Running {
    address: SocketAddr,
    reactors: Vec<(Address, JoinHandle<io::Result<()>>)>,
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

impl Running {
    /// Gives each reactor a thread.
    pub(super) fn start<H: Handler>(
        reactors: Vec<Reactor<H, Linux>>,
        address: SocketAddr,
        accounts: Arc<Accounts>,
        config: Config,
    ) -> io::Result<Self> {
        let (ended_sender, ended) = unbounded();
        let spawn = |(worker, reactor): (usize, Reactor<H, Linux>)| {
            let mailbox = reactor.address();
            let bell = Bell(ended_sender.clone());
            let thread = thread::Builder::new()
                .name(format!("reactor-{worker}"))
                .spawn(move || {
                    let _rung_at_the_end = bell;
                    reactor.run()
                })?;
            Ok((mailbox, thread))
        };
        let threads = reactors.into_iter().enumerate().map(spawn);
        Ok(Self {
            address,
            reactors: threads.collect::<io::Result<_>>()?,
            ended,
            accounts,
            config,
        })
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
        self.tell(|| Message::Drain);
    }

    /// Leaves at once, whoever is still there.
    pub fn leave(&self) {
        self.tell(|| Message::Leave);
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
    pub fn join(self) -> io::Result<()> {
        let mut result = Ok(());
        for (_, thread) in self.reactors {
            match thread.join() {
                Ok(ended) => result = result.and(ended),
                Err(panic) => resume_unwind(panic),
            }
        }
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

impl StopSignals {
    /// Catches both from now on (sigaction(2)), for the rest of the process.
    ///
    /// # Errors
    ///
    /// If the system refuses, or a thread cannot be started.
    pub fn catch() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
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

/// Rings when it is dropped, also by a panic.
struct Bell(Sender<()>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
