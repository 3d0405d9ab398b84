//! What the reactors accept from, and how many connections the process may hold.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::reactor::socket;
use crate::reactor::source::{Source, handed};

use super::handover::Handover;

/// Where connections come in.
pub(super) struct Entrance {
    pub(super) address: SocketAddr,
    /// One for each worker.
    pub(super) sources: Vec<Source>,
    /// What feeds them, unless they are listeners.
    pub(super) handover: Option<Handover>,
}

/// Listens on the first of the host's addresses that can be bound: with a listener for each worker,
/// or with one from which a thread hands connections over.
pub(super) fn listen(config: &Config) -> io::Result<Entrance> {
    let text = format!("{} has no address", config.host);
    let mut refused = io::Error::new(ErrorKind::NotFound, text);
    for address in (config.host.as_str(), config.port).to_socket_addrs()? {
        match listen_on(address, config) {
            Ok(entrance) => return Ok(entrance),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr, config: &Config) -> io::Result<Entrance> {
    if address.port() != 0 && !config.share_port {
        socket::probe(address)?;
    }
    let first = socket::listen(address, config)?;
    if !config.techniques.own_listener {
        return Entrance::for_all(first, config.workers);
    }
    // With port 0 the first has chosen: the others must follow.
    let another = |first: &TcpListener| socket::listen(first.local_addr()?, config);
    Entrance::for_each(vec![first], config.workers, another)
}

/// Listens where others have bound already: one socket serves all reactors, each with a descriptor
/// of its own; several go one to each. Connections that nobody has accepted when we leave wait for
/// whoever else holds the socket.
pub(super) fn adopt(given: Vec<TcpListener>, config: &Config) -> io::Result<Entrance> {
    let (sockets, workers) = (given.len(), config.workers);
    if sockets != 1 && sockets != workers {
        let text = format!(
            "{sockets} listening sockets for {workers} workers: give one, which all of them share, \
             or one for each"
        );
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    for listener in &given {
        socket::configure(listener, config)?;
    }
    Entrance::for_each(given, workers, TcpListener::try_clone)
}

impl Entrance {
    /// A listener for each worker; `another` makes those that are missing from the first.
    fn for_each(
        mut listeners: Vec<TcpListener>,
        workers: usize,
        another: impl Fn(&TcpListener) -> io::Result<TcpListener>,
    ) -> io::Result<Self> {
        while listeners.len() < workers {
            listeners.push(another(&listeners[0])?);
        }
        Ok(Self {
            address: listeners[0].local_addr()?,
            sources: listeners.into_iter().map(Source::from).collect(),
            handover: None,
        })
    }

    /// One listener, and a thread that hands its connections over.
    fn for_all(listener: TcpListener, workers: usize) -> io::Result<Self> {
        listener.set_nonblocking(false)?;
        let pairs: io::Result<Vec<_>> = (0..workers).map(|_| handed()).collect();
        let (outlets, sources) = pairs?.into_iter().unzip();
        Ok(Self {
            address: listener.local_addr()?,
            sources,
            handover: Some(Handover::new(listener, outlets)),
        })
    }
}

/// Raises the soft limit of open files to the hard one; returns what it is now. A limit that cannot
/// be raised is no reason not to serve.
pub(super) fn raise_file_limit() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    let files = getrlimit(Resource::Nofile).current.map(usize::try_from);
    files.and_then(Result::ok).unwrap_or(FILES_WITHOUT_LIMIT)
}

/// Where there is no limit of open files, ours: a million connections is beyond two cores.
const FILES_WITHOUT_LIMIT: usize = 1 << 20;
