//! What the reactors accept on, and how many connections the process may hold.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::reactor::socket;

/// One listener for each worker, on the first of the host's addresses that can be bound.
pub(super) fn listen(config: &Config) -> io::Result<Vec<TcpListener>> {
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
