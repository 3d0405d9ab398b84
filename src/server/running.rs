//! A server that is serving, and how it leaves.
//!
//! The thread that waits only takes signals, samples the accounts once a second, and says when to
//! drain and when to leave; the reactors do both themselves.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select, tick, unbounded};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::duel::Live;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, Message};
use crate::reactor::linux::{Decisions, Linux};

#[cfg(feature = "routes")]
use super::admin::Admin;
use super::handover::{Handover, HandoverThread};
use super::pinning::Cores;
use super::referee;

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
    /// With `--live`: what changes the techniques, and the thread that carries out duels.
    live: Option<(Arc<Live>, JoinHandle<()>)>,
    /// With `--admin`: what is served there.
    #[cfg(feature = "routes")]
    admin: Option<Admin>,
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
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || {
            // Ends when nobody listens any more.
            signals.forever().all(|signal| sender.send(signal).is_ok());
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
            live: None,
            #[cfg(feature = "routes")]
            admin: None,
        };
        let started = running.start_threads(reactors, handover, &sender);
        let started = started.inspect_err(|_| running.leave());
        started.map(|()| running)
    }

    /// Its techniques can change: a thread carries out the duels that are asked for.
    pub(super) fn judged(mut self, live: Arc<Live>) -> io::Result<Self> {
        let addresses: Vec<Address> = self.reactors.iter().map(|(it, _)| it.clone()).collect();
        live.wakes(move || addresses.iter().for_each(|it| it.send(Message::Look)));
        match referee::start(&live, &self.accounts) {
            Ok(thread) => self.live = Some((live, thread)),
            Err(error) => {
                self.leave();
                return Err(error);
            }
        }
        Ok(self)
    }

    /// Something is served beside it.
    #[cfg(feature = "routes")]
    pub(super) fn beside(mut self, start: impl FnOnce() -> io::Result<Admin>) -> io::Result<Self> {
        match start() {
            Ok(admin) => self.admin = Some(admin),
            Err(error) => {
                self.leave();
                return Err(error);
            }
        }
        Ok(self)
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
            let (mailbox, ended) = (reactor.address(), ended.clone());
            let thread = thread::Builder::new().name(format!("reactor-{worker}"));
            let thread = thread.spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(|| reactor.run()));
                // After a panic too, which is passed on to whoever joins.
                let _ = ended.send(());
                result.unwrap_or_else(|panic| resume_unwind(panic))
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

    /// The address of the control routes and of its own figures, if they have one.
    #[cfg(feature = "routes")]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// What changes its techniques, with `--live`.
    pub fn live(&self) -> Option<&Arc<Live>> {
        self.live.as_ref().map(|(live, _)| live)
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
            let ended = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            result = result.and(ended);
        }
        // They may have ended by themselves.
        self.end_acceptor();
        if let Some((live, referee)) = self.live.take() {
            live.ring.close();
            referee.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        #[cfg(feature = "routes")]
        if let Some(admin) = self.admin.take() {
            let is_draining = self.accounts.draining.load(Ordering::Relaxed);
            let grace = if is_draining {
                self.config.drain.grace
            } else {
                Duration::ZERO
            };
            result = result.and(admin.end(grace));
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
        let ticks = tick(Duration::from_secs(1));
        let (mut drain_time, mut leave_time) = (never(), never());
        let mut is_told = false;
        let mut open = self.reactors.len();
        self.accounts.tick();
        while open > 0 {
            select! {
                recv(ticks) -> _ => self.accounts.tick(),
                recv(signals) -> _ => {
                    if is_told {
                        // The second one.
                        self.leave();
                    } else {
                        is_told = true;
                        self.accounts.draining.store(true, Ordering::Relaxed);
                        drain_time = after(self.config.drain.delay);
                    }
                }
                recv(drain_time) -> _ => {
                    self.drain();
                    leave_time = after(self.config.drain.grace);
                }
                recv(leave_time) -> _ => self.leave(),
                recv(self.ended) -> _ => {
                    open -= 1;
                    // One that ended unasked has failed, and half a server is worse than none.
                    if !is_told {
                        self.leave();
                    }
                }
            }
        }
    }

    fn end_acceptor(&self) {
        self.acceptor.iter().for_each(HandoverThread::end);
    }

    fn tell(&self, message: impl Fn() -> Message) {
        for (mailbox, _) in &self.reactors {
            mailbox.send(message());
        }
    }
}
