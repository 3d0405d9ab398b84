//! The server as its user sees it: described by a builder, started as threads, left by a signal.
//!
//! One thread for each reactor, with a listener of its own on the same port, and one small pool for
//! blocking jobs. The thread that called [`Server::run`] only waits for signals, and samples the
//! accounts once a second.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::http::{Handler, Method, Reply, Request, Router};
use crate::reactor::Reactor;
use crate::reactor::jobs::{Address, JobPool, Message};
use crate::reactor::linux::Linux;
use crate::reactor::socket;

/// A server that is being described; [`run`](Server::run) or [`start`](Server::start) sets it
/// going.
///
/// ```no_run
/// use barewire::{Method, Response, Server};
///
/// Server::new()
///     .host("127.0.0.1")
///     .port(8080)
///     .nodelay(true)
///     .linger(None)
///     .buffer_size(8192)
///     .route(Method::Get, "/hello/{name}", |request| {
///         Response::text(format!("Hello, {}!\n", request.param("name").unwrap_or_default()))
///     })
///     .run()
/// # .unwrap()
/// ```
pub struct Server<H = Router> {
    config: Config,
    handler: H,
    accounts: Option<Arc<Accounts>>,
}

/// A server that is serving.
pub struct Running {
    address: SocketAddr,
    reactors: Vec<(Address, JoinHandle<io::Result<()>>)>,
    /// Says when a reactor's thread has ended, in whichever way.
    ended: Receiver<()>,
    accounts: Arc<Accounts>,
    config: Config,
}

impl Server<Router> {
    /// A server with the default configuration and no route.
    #[must_use]
    pub fn new() -> Self {
        Self {
            config: Config::default(),
            handler: Router::new(),
            accounts: None,
        }
    }

    /// Adds a route; see [`Router::add`].
    #[must_use]
    pub fn route<F, R>(mut self, method: Method, pattern: &'static str, handler: F) -> Self
    where
        F: Fn(&Request<'_>) -> R + Send + Sync + 'static,
        R: Into<Reply>,
    {
        self.handler.add(method, pattern, handler);
        self
    }
}

impl Default for Server<Router> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Handler> Server<H> {
    /// Serves with `handler` alone, in place of the routes added so far.
    pub fn handler<N: Handler>(self, handler: N) -> Server<N> {
        Server {
            config: self.config,
            handler,
            accounts: self.accounts,
        }
    }

    /// Sets the whole configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Address or name to listen on; 127.0.0.1 unless set.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.config.host = host.into();
        self
    }

    /// Port to listen on; 8080 unless set, 0 takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// How many reactors; as many as there are cores unless set.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// `TCP_NODELAY`; on unless set. See
    /// [`SocketOptions::nodelay`](crate::config::SocketOptions::nodelay).
    #[must_use]
    pub fn nodelay(mut self, on: bool) -> Self {
        self.config.socket.nodelay = on;
        self
    }

    /// `SO_LINGER`; `None`, the kernel's default, unless set. See
    /// [`SocketOptions::linger`](crate::config::SocketOptions::linger).
    #[must_use]
    pub fn linger(mut self, time: Option<Duration>) -> Self {
        self.config.socket.linger = time;
        self
    }

    /// Bytes of each reactor's input buffer; 8192 unless set.
    #[must_use]
    pub fn buffer_size(mut self, bytes: usize) -> Self {
        self.config.socket.buffer_size = bytes;
        self
    }

    /// Keeps the accounts in `accounts`, made for as many reactors as there are workers.
    #[must_use]
    pub fn accounts(mut self, accounts: Arc<Accounts>) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Starts serving, on threads of its own; connections are accepted when it returns.
    ///
    /// Raises the process's soft limit of open files to the hard one.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if something listens on the port already, unless `share_port` allows it;
    /// `InvalidInput` for no workers or accounts of another size; what the system refuses
    /// otherwise.
    pub fn start(self) -> io::Result<Running> {
        let Self {
            config,
            handler,
            accounts,
        } = self;
        let accounts = accounts.unwrap_or_else(|| Accounts::new(config.workers));
        if config.workers == 0 || accounts.reactors.len() != config.workers {
            let text = format!(
                "{} workers, accounts for {}",
                config.workers,
                accounts.reactors.len()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        if config
            .socket
            .linger
            .is_some_and(|time| time.subsec_nanos() > 0)
        {
            // struct linger counts seconds: half a second would become 0, and resets (socket(7)).
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "linger takes whole seconds",
            ));
        }
        let files = raise_file_limit();
        let listeners = listen(&config)?;
        let address = listeners[0].local_addr()?;
        let jobs = JobPool::start(config.job_threads, config.limits.jobs)?;
        let handler = Arc::new(handler);
        // A tenth of the descriptors is left to epoll, timers, files and the standard streams.
        let connections = config.limits.connections.unwrap_or(files / 10 * 9);
        let connections_each = (connections / config.workers).max(1);
        let (ended_sender, ended) = unbounded();
        let mut reactors = Vec::with_capacity(config.workers);
        for (worker, listener) in listeners.into_iter().enumerate() {
            let account = Arc::clone(&accounts.reactors[worker]);
            let (handler, jobs) = (Arc::clone(&handler), jobs.clone());
            let kernel = Linux::new(listener)?;
            let reactor = Reactor::new(
                kernel,
                handler,
                jobs,
                account,
                &config,
                worker,
                connections_each,
            );
            let mailbox = reactor.address();
            let bell = Bell(ended_sender.clone());
            let thread = thread::Builder::new()
                .name(format!("reactor-{worker}"))
                .spawn(move || {
                    let _rung_at_the_end = bell;
                    reactor.run()
                })?;
            reactors.push((mailbox, thread));
        }
        Ok(Running {
            address,
            reactors,
            ended,
            accounts,
            config,
        })
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn run(self) -> io::Result<()> {
        let signals = StopSignals::catch()?;
        self.start()?.wait_for(&signals)
    }
}

/// SIGTERM and SIGINT, caught. Catch them before the server is announced: one that comes in between
/// must not end the process without draining.
pub struct StopSignals {
    received: Receiver<i32>,
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

impl Running {
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

/// Rings when it is dropped, also by a panic.
struct Bell(Sender<()>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// One listener for each worker, on the first of the host's addresses that can be bound.
fn listen(config: &Config) -> io::Result<Vec<TcpListener>> {
    let mut refused = io::Error::new(
        ErrorKind::NotFound,
        format!("{} has no address", config.host),
    );
    for address in (config.host.as_str(), config.port).to_socket_addrs()? {
        match listen_on(address, config) {
            Ok(listeners) => return Ok(listeners),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr, config: &Config) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 && !config.share_port {
        socket::probe(address)?;
    }
    let listen = |address| socket::listen(address, &config.socket, config.timeouts.write);
    let first = listen(address)?;
    // With port 0 the first has chosen: the others must follow.
    let chosen = first.local_addr()?;
    let others = (1..config.workers).map(|_| listen(chosen));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// Raises the soft limit of open files to the hard one; returns what it is now. A limit that cannot
/// be raised is no reason not to serve.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    files
        .and_then(|files| usize::try_from(files).ok())
        .unwrap_or(FILES_WITHOUT_LIMIT)
}

/// Where there is no limit of open files, ours: a million connections is beyond two cores.
const FILES_WITHOUT_LIMIT: usize = 1 << 20;
