//! The builder: starts and joins the reactors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::http::{Handler, Method, Reply, Request, Router};

/// A server that is being described; [`run`](Server::run) or [`start`](Server::start) sets it going.
pub struct Server<H = Router> {
    config: Config,
    handler: H,
    accounts: Option<Arc<Accounts>>,
}

/// A server that is serving.
pub struct Running {}

impl Server<Router> {
    /// A server with the default configuration and no route.
    pub fn new() -> Self {
        todo!()
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

    /// Keeps the accounts in `accounts`, made for as many reactors as there are workers.
    #[must_use]
    pub fn accounts(mut self, accounts: Arc<Accounts>) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Starts serving on threads of its own and returns once it really accepts.
    ///
    /// # Errors
    pub fn start(self) -> io::Result<Running> {
        todo!()
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    pub fn run(self) -> io::Result<()> {
        todo!()
    }
}

impl Running {
    /// The address that it accepts on.
    pub fn address(&self) -> SocketAddr {
        todo!()
    }
    /// Begins to drain: every open connection gets one more answer; returns at once.
    pub fn drain(&self) {
        todo!()
    }
    /// Waits until all reactors have left.
    ///
    /// # Errors
    ///
    /// If a reactor failed.
    pub fn join(self) -> io::Result<()> {
        todo!()
    }
}
