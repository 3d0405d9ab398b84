//! An address of its own for whoever operates the server (`--admin`): served by a thread that
//! belongs to no duel and counts into no account, and answers while the reactors are saturated.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::accounts::ReactorAccount;
use crate::config::Config;
use crate::http::Handler;
use crate::reactor::jobs::{Address, JobPool, Message};
use crate::reactor::linux::{Constants, Linux};
use crate::reactor::{Reactor, socket};

/// Connections to it: those of a few people, and of what scrapes the figures.
const CONNECTIONS: usize = 64;
/// How often it is looked whether its thread has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The thread that serves it.
pub(super) struct Admin {
    /// Where it listens.
    pub(super) address: SocketAddr,
    mailbox: Address,
    thread: JoinHandle<io::Result<()>>,
}

/// Listens where the configuration says, if it does.
pub(super) fn listen(config: &Config) -> io::Result<Option<TcpListener>> {
    let Some(place) = &config.admin else {
        return Ok(None);
    };
    let mut refused = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in place.to_socket_addrs()? {
        let listener = match address.port() {
            0 => socket::listen(address, config),
            _ => socket::probe(address).and_then(|()| socket::listen(address, config)),
        };
        match listener {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) => refused = error,
        }
    }
    let text = format!("the admin address {place}: {refused}");
    Err(io::Error::new(refused.kind(), text))
}

impl Admin {
    /// Serves `handler` there.
    pub(super) fn start<H: Handler>(
        listener: TcpListener,
        handler: H,
        config: &Config,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // Nothing that is served here has work for another thread.
        let jobs = JobPool::start(0, 0, |_| ())?;
        let account = Arc::<ReactorAccount>::default();
        let kernel = Linux::new(listener, Constants, Arc::clone(&account))?;
        // Behind the workers: it is none of them.
        let number = config.workers;
        let handler = Arc::new(handler);
        let reactor = Reactor::new(kernel, handler, jobs, account, config, number, CONNECTIONS);
        let mailbox = reactor.address();
        let thread = thread::Builder::new().name("admin".to_owned());
        let thread = thread.spawn(move || reactor.run())?;
        Ok(Self {
            address,
            mailbox,
            thread,
        })
    }

    /// Ends it; within a grace those who wait there get their answers.
    pub(super) fn end(self, grace: Duration) -> io::Result<()> {
        let began = Instant::now();
        self.mailbox.send(Message::Drain);
        while !self.thread.is_finished() && began.elapsed() < grace {
            thread::sleep(LOOK_EVERY);
        }
        self.mailbox.send(Message::Leave);
        self.thread
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    }
}
