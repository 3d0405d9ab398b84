//! An address of its own for whoever operates the server (`--admin`): served by a thread that
//! belongs to no duel and counts into no account, and answers while the reactors are saturated.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::accounts::ReactorAccount;
use crate::config::Config;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, JobPool, Message};
use crate::reactor::linux::{Constants, Linux};
use crate::shortage::{start_told, told};

/// Connections to it: those of a few people, and of what scrapes the figures.
const CONNECTIONS: usize = 64;
/// How often it is looked whether its thread has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The thread that serves it.
pub(super) struct Admin {
    /// Where it listens.
    pub(super) address: SocketAddr,
    pub(super) mailbox: Address,
    thread: JoinHandle<io::Result<()>>,
}

impl Admin {
    /// Serves `handler` there; `ended` is called when its thread has ended.
    pub(super) fn start<H: Handler>(
        listener: TcpListener,
        handler: H,
        config: &Config,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // Nothing that is served here has work for another thread.
        let jobs = JobPool::start(0, 0, |_| ())?;
        let account = Arc::<ReactorAccount>::default();
        let kernel = Linux::new(listener, Constants, Arc::clone(&account));
        let kernel = kernel.map_err(|error| told("the admin address cannot be served", &error))?;
        // Behind the workers: it is none of them.
        let number = config.workers;
        let handler = Arc::new(handler);
        let reactor = Reactor::new(kernel, handler, jobs, account, config, number, CONNECTIONS);
        let mailbox = reactor.address();
        let thread = start_told("admin", move || reactor.run(), ended)?;
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
