//! A reactor on the real kernel, turned by the test itself: what a turn costs is exact, though the
//! sockets are real.

use std::net::SocketAddr;
use std::sync::Arc;

use barewire::accounts::{Accounts, Figures, ReactorAccount};
use barewire::config::Config;
use barewire::handlers::Routes;
use barewire::reactor::Reactor;
use barewire::reactor::jobs::JobPool;
use barewire::reactor::linux::{Flags, Linux};
use barewire::reactor::socket;

use super::Wire;

/// A reactor with the real routes, on the thread of the test.
pub(crate) struct Driven {
    pub(crate) account: Arc<ReactorAccount>,
    reactor: Reactor<Routes, Linux<Flags>>,
    address: SocketAddr,
}

impl Driven {
    /// A reactor that listens.
    pub(crate) fn new(config: &Config) -> Self {
        let listener = socket::listen(([127, 0, 0, 1], 0).into(), config).unwrap();
        let address = listener.local_addr().unwrap();
        let accounts = Accounts::new(1);
        let account = Arc::clone(&accounts.reactors[0]);
        let reactor = Reactor::new(
            Linux::new(listener, Flags(config.techniques), Arc::clone(&account)).unwrap(),
            Arc::new(Routes::new(config, accounts).unwrap()),
            JobPool::start(config.job_threads, config.limits.jobs, |_| ()).unwrap(),
            Arc::clone(&account),
            config,
            0,
            1000,
        );
        Self {
            account,
            reactor,
            address,
        }
    }

    /// So many connections, all accepted.
    pub(crate) fn connect(&mut self, connections: usize) -> Vec<Wire> {
        let accepted = self.account.accepted.get() + connections as u64;
        let wires = (0..connections).map(|_| Wire::to(self.address)).collect();
        while self.account.accepted.get() < accepted {
            self.reactor.turn().unwrap();
        }
        wires
    }

    /// Turns until so many requests more have been answered; what that was counted as.
    pub(crate) fn serve(&mut self, requests: u64) -> Figures {
        let before = Figures::of(&self.account);
        self.turn_until_answered(requests);
        Figures::of(&self.account).since(&before)
    }

    /// The same, and nothing beside the turns.
    pub(crate) fn turn_until_answered(&mut self, requests: u64) {
        let answered = self.account.requests.get() + requests;
        while self.account.requests.get() < answered {
            self.reactor.turn().unwrap();
        }
    }
}
