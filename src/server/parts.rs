//! A server that is being started: its reactors, and what stands beside them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::Running;
#[cfg(feature = "routes")]
use super::admin::Admin;
#[cfg(feature = "routes")]
use super::listeners::listen_for_admin;
use super::listeners::{adopt, listen, raise_file_limit};
use crate::accounts::{Accounts, thread_cpu_time};
use crate::config::{Config, Techniques};
use crate::duel::Live;
use crate::http::Handler;
use crate::reactor::Reactor;
use crate::reactor::jobs::JobPool;
use crate::reactor::linux::{Constants, Decisions, Flags, Linux};
use crate::shortage::told;

/// What a server is started of, beside its handler.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) accounts: Arc<Accounts>,
    pub(super) listeners: Vec<TcpListener>,
    pub(super) live: Option<Arc<Live>>,
}

impl Parts {
    /// Starts it all, or nothing.
    #[cfg(feature = "routes")]
    pub(super) fn start<H: Handler>(self, handler: H) -> io::Result<Running> {
        use crate::handlers::{Admin as AdminRoutes, Controlled};
        let handler = Arc::new(handler);
        let (config, live) = (self.config.clone(), self.live.clone());
        // Before any reactor runs: an address that is taken is an error of the start.
        let place = config.admin.as_deref();
        let listener = place.map(|place| listen_for_admin(place, &config));
        let listener = listener.transpose()?;
        let inner = Arc::clone(&handler);
        let running = match &live {
            Some(live) => {
                let controlled = Controlled::new(handler, Arc::clone(live), &config);
                self.start_with(Flags(config.techniques), &Arc::new(controlled))
            }
            None => self.start_plain(&handler),
        }?;
        match listener {
            Some(listener) => {
                let routes = AdminRoutes::new(inner, live, &config);
                running.beside(|ended| Admin::start(listener, routes, &config, ended))
            }
            None => Ok(running),
        }
    }

    /// Starts it all, or nothing.
    #[cfg(not(feature = "routes"))]
    pub(super) fn start<H: Handler>(self, handler: H) -> io::Result<Running> {
        if self.live.is_some() || self.config.admin.is_some() {
            let text = "the control routes and the admin address need the feature `routes`";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        self.start_plain(&Arc::new(handler))
    }

    fn start_plain<H: Handler>(self, handler: &Arc<H>) -> io::Result<Running> {
        match self.config.techniques {
            Techniques::FULL => self.start_with(Constants, handler),
            techniques => self.start_with(Flags(techniques), handler),
        }
    }

    fn start_with<D: Decisions, H: Handler>(
        self,
        decisions: D,
        handler: &Arc<H>,
    ) -> io::Result<Running> {
        let (config, accounts, live) = (self.config, self.accounts, self.live);
        let files = raise_file_limit();
        // A tenth of the descriptors is left to epoll, timers, files and the standard streams.
        let connections = config.limits.connections.unwrap_or(files / 10 * 9);
        let share = (connections / config.workers).max(1);
        let entrance = match self.listeners {
            none if none.is_empty() => listen(&config)?,
            given => adopt(given, &config)?,
        };
        let done = publisher(live.as_ref());
        let jobs = JobPool::start(config.job_threads, config.limits.jobs, done)?;
        let mut reactors = Vec::with_capacity(config.workers);
        for (worker, source) in entrance.sources.into_iter().enumerate() {
            let (handler, jobs) = (Arc::clone(handler), jobs.clone());
            let account = Arc::clone(&accounts.reactors[worker]);
            let kernel = Linux::new(source, decisions, Arc::clone(&account));
            let what = format_args!("reactor {worker} cannot be set up");
            let kernel = kernel.map_err(|error| told(what, &error))?;
            let mut reactor = Reactor::new(kernel, handler, jobs, account, &config, worker, share);
            if let Some(live) = &live {
                reactor.follow(Arc::clone(live));
            }
            reactors.push(reactor);
        }
        let (address, handover) = (entrance.address, entrance.handover);
        let mut running = Running::begin(reactors, handover, address, accounts, config)?;
        running.passed_over = entrance.passed_over;
        match live {
            Some(live) => running.judged(live),
            None => Ok(running),
        }
    }
}

/// What a thread does that serves and is no reactor, when it has done something: with `--live` it
/// publishes its CPU time, which is part of what a request costs.
fn publisher(live: Option<&Arc<Live>>) -> impl Fn(usize) + Clone + Send + 'static {
    let live = live.cloned();
    move |thread| {
        if let Some(live) = &live {
            let used = thread_cpu_time().as_nanos();
            live.others
                .publish(thread, u64::try_from(used).unwrap_or(u64::MAX));
        }
    }
}
