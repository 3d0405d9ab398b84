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
    let mut refused = io::Error::new(
        ErrorKind::NotFound,
        format!("{} has no address", config.host),
    );
    for address in (config.host.as_str(), config.port).to_socket_addrs()? {
        match listen_on(address, config) {
            Ok(entrance) => return Ok(entrance),
            Err(error) => refused = error,
        }
    }
    Err(refused)
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
    let address = given[0].local_addr()?;
    for listener in &given {
        socket::configure(listener, config)?;
    }
    let mut listeners = given;
    while listeners.len() < workers {
        listeners.push(listeners[0].try_clone()?);
    }
    Ok(Entrance {
        address,
        sources: listeners.into_iter().map(Source::from).collect(),
        handover: None,
    })
}

fn listen_on(address: SocketAddr, config: &Config) -> io::Result<Entrance> {
    if address.port() != 0 && !config.share_port {
        socket::probe(address)?;
    }
    let first = socket::listen(address, config)?;
    if config.techniques.own_listener {
        listen_for_each(first, config)
    } else {
        listen_for_all(first, config)
    }
}

fn listen_for_each(first: TcpListener, config: &Config) -> io::Result<Entrance> {
    // With port 0 the first has chosen: the others must follow.
    let address = first.local_addr()?;
    let others = (1..config.workers).map(|_| socket::listen(address, config));
    let listeners = std::iter::once(Ok(first)).chain(others);
    let sources = listeners.map(|listener| listener.map(Source::from));
    Ok(Entrance {
        address,
        sources: sources.collect::<io::Result<_>>()?,
        handover: None,
    })
}

fn listen_for_all(listener: TcpListener, config: &Config) -> io::Result<Entrance> {
    listener.set_nonblocking(false)?;
    let pairs = (0..config.workers).map(|_| handed());
    let (outlets, sources) = pairs.collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
    Ok(Entrance {
        address: listener.local_addr()?,
        sources,
        handover: Some(Handover::new(listener, outlets)),
    })
}

/// Raises the soft limit of open files to the hard one; returns what it is now. A limit that cannot
/// be raised is no reason not to serve.
pub(super) fn raise_file_limit() -> usize {
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
