//! What the reactors accept from, and how many connections the process may hold.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::reactor::socket;
use crate::reactor::source::{Source, handed};
use crate::shortage::limit_of;

use super::handover::Handover;

/// Where connections come in.
pub(super) struct Entrance {
    pub(super) address: SocketAddr,
    /// Other addresses of the host, on which nobody listens.
    pub(super) passed_over: Vec<SocketAddr>,
    /// One for each worker.
    pub(super) sources: Vec<Source>,
    /// What feeds them, unless they are listeners.
    pub(super) handover: Option<Handover>,
}

/// Why nothing listens where it should: what is inside of the error of
/// [`Server::start`](super::Server::start) then.
#[derive(Debug)]
pub(crate) struct NotListening {
    /// As it was given.
    host: String,
    pub(crate) port: u16,
    /// It is the address of `--admin`.
    pub(crate) is_admin: bool,
    reason: io::Error,
}

impl fmt::Display for NotListening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_admin { "admin address " } else { "" };
        let (host, port, reason) = (&self.host, self.port, &self.reason);
        let place = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let limit = limit_of(reason);
        write!(out, "cannot serve on {name}{place}: {reason}{limit}")
    }
}

impl std::error::Error for NotListening {}

impl NotListening {
    /// As the error of a start.
    pub(crate) fn error(host: &str, port: u16, is_admin: bool, reason: io::Error) -> io::Error {
        let (kind, host) = (reason.kind(), host.to_owned());
        let inside = Self {
            host,
            port,
            is_admin,
            reason,
        };
        io::Error::new(kind, inside)
    }
}

/// Listens on the first of the host's addresses that can be bound: with a listener for each worker,
/// or with one from which a thread hands connections over.
pub(super) fn listen(config: &Config) -> io::Result<Entrance> {
    let (host, port) = (config.host.as_str(), config.port);
    let found = (host, port).to_socket_addrs();
    let entrance = found.and_then(|found| listen_on_one(&found.collect::<Vec<_>>(), config));
    entrance.map_err(|error| NotListening::error(host, port, false, error))
}

fn listen_on_one(addresses: &[SocketAddr], config: &Config) -> io::Result<Entrance> {
    let (mut entrance, at) = first(addresses, |address| listen_on(address, config))?;
    let others = addresses.iter().filter(|address| **address != at);
    entrance.passed_over = others.copied().collect();
    Ok(entrance)
}

/// The same for the admin address, with one listener.
#[cfg(feature = "routes")]
pub(super) fn listen_for_admin(place: &str, config: &Config) -> io::Result<TcpListener> {
    let listen = |address: SocketAddr| {
        if address.port() != 0 {
            socket::probe(address)?;
        }
        socket::listen(address, config)
    };
    let found = place.to_socket_addrs();
    let listener = found.and_then(|found| first(&found.collect::<Vec<_>>(), listen));
    let listener = listener.map(|(listener, _)| listener);
    listener.map_err(|error| {
        let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
        NotListening::error(host, port.parse().unwrap_or_default(), true, error)
    })
}

/// What listens on the first address where something can, and that address; else why nothing does
/// on the last one.
fn first<L>(
    addresses: &[SocketAddr],
    listen: impl Fn(SocketAddr) -> io::Result<L>,
) -> io::Result<(L, SocketAddr)> {
    let mut refused = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match listen(*address) {
            Ok(listening) => return Ok((listening, *address)),
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
            passed_over: Vec::new(),
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
            passed_over: Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_that_can_be_had_is_served_and_the_others_are_known() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let addresses = [1, 2, 3].map(|last| SocketAddr::from(([127, 0, 0, last], port)));
        let entrance = listen_on_one(&addresses, &Config::default()).unwrap();
        assert_eq!(entrance.address, addresses[1]);
        assert_eq!(entrance.passed_over, [addresses[0], addresses[2]]);
        let refused = listen_on_one(&addresses[..1], &Config::default());
        assert_eq!(refused.err().unwrap().kind(), ErrorKind::AddrInUse);
        let nobody = listen_on_one(&[], &Config::default());
        assert_eq!(nobody.err().unwrap().kind(), ErrorKind::NotFound);
    }
}
