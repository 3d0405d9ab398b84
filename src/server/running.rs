//! A server that is serving, and how it leaves.
//!
//! The thread that waits only takes signals, samples the accounts once a second, and says when to
//! drain and when to leave; the reactors do both themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select, tick, unbounded};

use crate::accounts::Accounts;
use crate::config::Config;
use crate::config::bounds::LEFT_WITHIN;
use crate::duel::Live;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, Message};
use crate::reactor::journal::FAULT;
use crate::reactor::linux::{Decisions, Linux};
use crate::shortage::start_told;

#[cfg(feature = "routes")]
use super::admin::Admin;
use super::handover::{Handover, HandoverThread};
use super::pinning::Cores;
use super::referee;
use super::signals::StopSignals;

/// A server that is serving.
pub struct Running {
    address: SocketAddr,
    /// Other addresses of its host, on which nobody listens.
    pub(super) passed_over: Vec<SocketAddr>,
    /// By their numbers.
    reactors: BTreeMap<usize, (Address, JoinHandle<io::Result<()>>)>,
    /// Accepts for all reactors, if they have no listeners of their own.
    acceptor: Option<HandoverThread>,
    /// Numbers of reactors whose threads have ended, in whichever way; that of `admin` is the next.
    ended: (Sender<usize>, Receiver<usize>),
    accounts: Arc<Accounts>,
    config: Config,
    /// With `--live`: what changes the techniques, and the thread that carries out duels.
    live: Option<(Arc<Live>, JoinHandle<()>)>,
    /// With `--admin`: what is served there, and where it is told what to do.
    #[cfg(feature = "routes")]
    admin: Option<Admin>,
    admin_mailbox: Option<Address>,
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
        let mut running = Self {
            address,
            passed_over: Vec::new(),
            reactors: BTreeMap::new(),
            acceptor: None,
            ended: unbounded(),
            accounts,
            config,
            live: None,
            #[cfg(feature = "routes")]
            admin: None,
            admin_mailbox: None,
        };
        let started = running.start_threads(reactors, handover);
        let started = started.inspect_err(|_| running.leave());
        started.map(|()| running)
    }

    /// Its techniques can change: a thread carries out the duels that are asked for.
    pub(super) fn judged(mut self, live: Arc<Live>) -> io::Result<Self> {
        let addresses: Vec<Address> = self.reactors.values().map(|(it, _)| it.clone()).collect();
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

    /// Something is served beside it, which calls what it is given when it has ended.
    #[cfg(feature = "routes")]
    pub(super) fn beside(
        mut self,
        start: impl FnOnce(Box<dyn FnOnce() + Send>) -> io::Result<Admin>,
    ) -> io::Result<Self> {
        match start(Box::new(self.ended(self.config.workers))) {
            Ok(admin) => {
                self.admin_mailbox = Some(admin.mailbox.clone());
                self.admin = Some(admin);
            }
            Err(error) => {
                self.leave();
                return Err(error);
            }
        }
        Ok(self)
    }

    /// What the thread of this number calls when it has ended.
    fn ended(&self, number: usize) -> impl FnOnce() + Send + 'static {
        let ended = self.ended.0.clone();
        // Nobody listens where the server has been left.
        move || {
            let _ = ended.send(number);
        }
    }

    fn start_threads<H: Handler, D: Decisions>(
        &mut self,
        reactors: Vec<Reactor<H, Linux<D>>>,
        handover: Option<Handover>,
    ) -> io::Result<()> {
        let cores = self.config.techniques.pinned.then(Cores::allowed);
        let cores = cores.transpose()?;
        for (worker, reactor) in reactors.into_iter().enumerate() {
            if let Some(cores) = &cores {
                cores.take(worker)?;
            }
            let (mailbox, name) = (reactor.address(), format!("reactor-{worker}"));
            let thread = start_told(&name, move || reactor.run(), self.ended(worker))?;
            self.reactors.insert(worker, (mailbox, thread));
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

    /// Other addresses of the host's name, on which nobody listens.
    pub fn passed_over(&self) -> &[SocketAddr] {
        &self.passed_over
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
        self.tell_admin(Message::Leave);
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
        for (_, thread) in std::mem::take(&mut self.reactors).into_values() {
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

    /// Waits for a signal to stop, drains as configured, and joins. A second signal leaves at once,
    /// and so does the end of the grace. A thread that does not leave then, because a handler never
    /// returns, is left behind: it ends with the process.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn wait_for(mut self, signals: &StopSignals) -> io::Result<()> {
        let stuck = self.attend(&signals.received);
        self.leave_behind(stuck);
        self.join()
    }

    /// Ticks, drains and leaves, until all threads have ended; the numbers of those that do not.
    fn attend(&self, signals: &Receiver<i32>) -> BTreeSet<usize> {
        let ticks = tick(Duration::from_secs(1));
        let (mut drain_time, mut leave_time, mut patience) = (never(), never(), never());
        let (mut is_told, mut is_leaving) = (false, false);
        let mut there = self.numbers();
        self.accounts.tick();
        while !there.is_empty() {
            let mut leaves = false;
            select! {
                recv(ticks) -> _ => self.accounts.tick(),
                recv(signals) -> _ => {
                    // The second one.
                    leaves = is_told;
                    if !is_told {
                        self.accounts.draining.store(true, Ordering::Relaxed);
                        drain_time = after(self.config.drain.delay);
                    }
                    is_told = true;
                }
                recv(drain_time) -> _ => {
                    self.drain();
                    leave_time = after(self.config.drain.grace);
                }
                recv(leave_time) -> _ => leaves = true,
                recv(patience) -> _ => break,
                recv(self.ended.1) -> number => {
                    there.retain(|other| Ok(*other) != number);
                    // One that ended unasked has failed, and half a server is worse than none.
                    leaves = !is_told;
                    if there.iter().all(|number| *number == self.config.workers) {
                        // Until now somebody could look how it drains.
                        self.tell_admin(Message::Drain);
                    }
                }
            }
            if leaves && !is_leaving {
                is_leaving = true;
                self.leave();
                patience = after(LEFT_WITHIN);
            }
        }
        there
    }

    /// The numbers of all threads that say when they have ended.
    fn numbers(&self) -> BTreeSet<usize> {
        let admin = self.admin_mailbox.iter().map(|_| self.config.workers);
        self.reactors.keys().copied().chain(admin).collect()
    }

    /// Forgets threads, which would be waited for in vain.
    fn leave_behind(&mut self, stuck: BTreeSet<usize>) {
        for number in stuck {
            log::error!(target: FAULT, "thread {number} is stuck, and is left behind");
            self.accounts.stuck.fetch_add(1, Ordering::Relaxed);
            self.reactors.remove(&number);
            #[cfg(feature = "routes")]
            self.admin.take_if(|_| number == self.config.workers);
        }
    }

    fn tell_admin(&self, message: Message) {
        if let Some(mailbox) = &self.admin_mailbox {
            mailbox.send(message);
        }
    }

    fn end_acceptor(&self) {
        self.acceptor.iter().for_each(HandoverThread::end);
    }

    fn tell(&self, message: impl Fn() -> Message) {
        for (mailbox, _) in self.reactors.values() {
            mailbox.send(message());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, Response, Server};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;

    /// A server whose reactor is in a handler that never returns, and who holds it there.
    fn stuck(grace: Duration) -> (Running, mpsc::Sender<()>) {
        let (inside, is_inside) = mpsc::channel();
        let (hold, is_over) = mpsc::channel::<()>();
        let gate = std::sync::Mutex::new((inside, is_over));
        let mut config = Config {
            port: 0,
            workers: 1,
            ..Config::default()
        };
        config.drain.grace = grace;
        let server = Server::new().config(config);
        let server = server.route(Method::Get, "/stuck", move |_| {
            let gate = gate.lock().unwrap();
            gate.0.send(()).unwrap();
            // Until the test is over.
            gate.1.recv().unwrap_err();
            Response::text("at last")
        });
        let running = server.start().unwrap();
        let mut peer = TcpStream::connect(running.address()).unwrap();
        peer.write_all(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        is_inside.recv().unwrap();
        (running, hold)
    }

    /// Leaves at this many signals.
    fn leave(grace: Duration, signals: usize) {
        let (running, hold) = stuck(grace);
        let accounts = Arc::clone(running.accounts());
        let (sender, received) = unbounded();
        (0..signals).for_each(|_| sender.send(0).unwrap());
        running.wait_for(&StopSignals { received }).unwrap();
        assert_eq!(accounts.stuck.load(Ordering::Relaxed), 1);
        drop(hold);
    }

    /// Who is connected to the admin address may stay as long as the reactors drain, and no longer
    /// than anybody else.
    #[cfg(feature = "routes")]
    #[test]
    fn the_admin_address_is_left_at_the_second_signal_too() {
        let mut config = Config {
            port: 0,
            workers: 1,
            admin: Some("127.0.0.1:0".to_owned()),
            ..Config::default()
        };
        let hour = Duration::from_hours(1);
        (config.drain.grace, config.drain.idle) = (hour, hour);
        let running = Server::new().config(config).start().unwrap();
        let mut peer = TcpStream::connect(running.admin_address().unwrap()).unwrap();
        peer.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        // Answered, so it is known there.
        assert!(peer.read(&mut [0; 1]).unwrap() > 0);
        let (sender, received) = unbounded();
        (0..2).for_each(|_| sender.send(0).unwrap());
        let accounts = Arc::clone(running.accounts());
        running.wait_for(&StopSignals { received }).unwrap();
        assert_eq!(accounts.stuck.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_stuck_reactor_is_left_behind_at_the_end_of_the_grace() {
        leave(Duration::ZERO, 1);
    }

    #[test]
    fn a_stuck_reactor_is_left_behind_at_the_second_signal() {
        leave(Duration::from_hours(1), 2);
    }
}
