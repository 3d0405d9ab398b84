//! The server as its user sees it: described by a builder, started as threads, left by a signal.
//!
//! One thread for each reactor, with a listener of its own on the same port, and one small pool for
//! blocking jobs. The thread that called [`Server::run`] only waits for signals, and samples the
//! accounts once a second.

mod listeners;

mod handover;

mod pinning;

mod signals;

mod running;

mod parts;

#[cfg(feature = "routes")]
mod admin;

mod referee;

use std::io::{self, ErrorKind};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use crate::accounts::Accounts;
use crate::config::{Config, Techniques};
use crate::duel::{Live, Switch};
use crate::http::{Handler, Method, Reply, Request, Router};
#[cfg(feature = "cli")]
pub(crate) use listeners::NotListening;
use parts::Parts;
pub use running::Running;
pub use signals::StopSignals;

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
#[must_use = "it serves once it is started"]
pub struct Server<H = Router> {
    config: Config,
    handler: H,
    accounts: Option<Arc<Accounts>>,
    listeners: Vec<TcpListener>,
    switches: Vec<Switch>,
}

impl Server<Router> {
    /// A server with the default configuration and no route.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route; see [`Router::add`].
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
        Self {
            config: Config::default(),
            handler: Router::new(),
            accounts: None,
            listeners: Vec::new(),
            switches: Vec::new(),
        }
    }
}

impl<H: Handler> Server<H> {
    /// Serves with `handler` alone, in place of the routes added so far.
    pub fn handler<N: Handler>(self, handler: N) -> Server<N> {
        Server {
            config: self.config,
            handler,
            accounts: self.accounts,
            listeners: self.listeners,
            switches: self.switches,
        }
    }

    /// Sets the whole configuration.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Address or name to listen on; 127.0.0.1 unless set.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.config.host = host.into();
        self
    }

    /// Port to listen on; 8080 unless set, 0 takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// How many reactors; as many as there are cores unless set.
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// `TCP_NODELAY`; on unless set. See [`Techniques::nodelay`].
    pub fn nodelay(mut self, on: bool) -> Self {
        let Techniques { nodelay, .. } = &mut self.config.techniques;
        *nodelay = on;
        self
    }

    /// `SO_LINGER`; `None`, the kernel's default, unless set. See
    /// [`SocketOptions::linger`](crate::config::SocketOptions::linger).
    pub fn linger(mut self, time: Option<Duration>) -> Self {
        self.config.socket.linger = time;
        self
    }

    /// Bytes of each reactor's input buffer; 8192 unless set.
    pub fn buffer_size(mut self, bytes: usize) -> Self {
        self.config.socket.buffer_size = bytes;
        self
    }

    /// Keeps the accounts in `accounts`, made for as many reactors as there are workers.
    pub fn accounts(mut self, accounts: Arc<Accounts>) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Sockets that listen already, in place of host and port: those that a service manager has
    /// opened, and keeps open while this server is exchanged for the next (`sd_listen_fds(3)`). One
    /// serves all workers, or there is one for each. `share_port`, the backlog and the technique
    /// `own-listener` are then of no effect.
    pub fn listeners(mut self, listeners: Vec<TcpListener>) -> Self {
        self.listeners = listeners;
        self
    }

    /// Techniques can change while it runs, and be compared: the control routes are served, before
    /// any route of the handler's own (`docs/live.md`). Needs the feature `routes`.
    pub fn live(mut self, on: bool) -> Self {
        self.config.live = on;
        self
    }

    /// A switch of the handler's own, which changes as the techniques do: the handler loads `flag`
    /// where it decides.
    pub fn switch(mut self, name: &'static str, flag: &'static AtomicBool) -> Self {
        self.switches.push(Switch::flag(name, flag));
        self
    }

    /// The same with more than two values: the atomic is the number of the one that holds.
    pub fn choice(
        mut self,
        name: &'static str,
        choice: &'static AtomicUsize,
        values: &'static [&'static str],
    ) -> Self {
        self.switches.push(Switch::choice(name, choice, values));
        self
    }

    /// Starts serving, on threads of its own; connections are accepted when it returns.
    ///
    /// Raises the process's soft limit of open files to the hard one.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if something listens on the port already, unless `share_port` allows it;
    /// `InvalidInput` for no workers, accounts of another size, or sockets of another number; what
    /// the system refuses otherwise.
    pub fn start(self) -> io::Result<Running> {
        let accounts = self.accounts;
        let accounts = accounts.unwrap_or_else(|| Accounts::new(self.config.workers));
        check(&self.config, &accounts, &self.listeners)?;
        let parts = Parts {
            live: self.config.live.then(|| live(&self.config, self.switches)),
            config: self.config,
            accounts,
            listeners: self.listeners,
        };
        parts.start(self.handler)
    }

    /// Serves until one of the [`StopSignals`], then drains.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn run(self) -> io::Result<()> {
        let signals = StopSignals::catch()?;
        self.start()?.wait_for(&signals)
    }
}

/// What can change while a server runs.
fn live(config: &Config, switches: Vec<Switch>) -> Arc<Live> {
    // The job threads, and one that accepts.
    let threads = config.job_threads + 1;
    Arc::new(Live::new(&config.techniques, switches, threads))
}

/// Whether a host leads to this machine alone.
fn is_loopback(host: &str) -> bool {
    let addresses = (host, 0).to_socket_addrs();
    addresses.is_ok_and(|mut found| found.all(|address| address.ip().is_loopback()))
}

/// Refuses what no system call would refuse.
fn check(config: &Config, accounts: &Accounts, given: &[TcpListener]) -> io::Result<()> {
    let refusal = |text: String| Err(io::Error::new(ErrorKind::InvalidInput, text));
    let (workers, reactors) = (config.workers, accounts.reactors.len());
    if workers == 0 || reactors != workers {
        return refusal(format!("{workers} workers, accounts for {reactors}"));
    }
    let is_elsewhere = |it: &TcpListener| it.local_addr().is_ok_and(|at| !at.ip().is_loopback());
    let is_reached = match given {
        [] => !is_loopback(&config.host),
        given => given.iter().any(is_elsewhere),
    };
    if config.live && config.admin.is_none() && is_reached {
        // The control routes are for whoever sits at this machine.
        return refusal(format!(
            "a live server changes for whoever reaches it, and {} is reached from elsewhere; \
             listen on 127.0.0.1, ::1 or localhost, or give the control routes an address of \
             their own with --admin",
            if given.is_empty() {
                config.host.as_str()
            } else {
                "a listener that was given"
            }
        ));
    }
    if config
        .socket
        .linger
        .is_some_and(|time| time.subsec_nanos() > 0)
    {
        // struct linger counts seconds: half a second would become 0, and resets (socket(7)).
        return refusal("linger takes whole seconds".to_owned());
    }
    Ok(())
}
