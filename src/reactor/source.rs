//! Where a reactor's connections come from: a listener of its own, or a thread that accepts for all
//! reactors and hands the connections over.
//!
//! To the reactor both are the same: something that becomes ready, once for what came since, and
//! gives connections until it would block. The second way costs what the first does not have: a
//! channel that two threads write, an eventfd that wakes the reactor for each connection, and a
//! connection whose memory the kernel touched on another core. (The reactor's account of accept4(2)
//! then counts how often it looked into the channel; the calls are the other thread's.)

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::{EventfdFlags, eventfd};

use crate::config::bounds::ACCEPTS_AT_DRAIN;

/// What a reactor accepts from.
#[derive(Debug)]
pub enum Source {
    /// A listener of its own.
    Listener(TcpListener),
    /// A thread that accepts, and a descriptor that it writes to for each connection (eventfd(2)).
    Handed(Receiver<Accepted>, Arc<OwnedFd>),
    /// Nothing, any more.
    Closed,
}

/// The peer has gone again, or a signal came (accept(2)): the next one.
pub fn is_passing(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, Interrupted};
    matches!(error.kind(), ConnectionAborted | Interrupted)
}

/// A connection that does not block, or why there is none: the reactor keeps the account of it.
pub type Accepted = io::Result<(std::net::TcpStream, SocketAddr)>;

/// The end of the thread that accepts.
#[derive(Debug)]
pub struct Outlet {
    connections: Sender<Accepted>,
    bell: Arc<OwnedFd>,
}

/// A source, and the outlet that feeds it. It holds as many connections as are accepted when the
/// server leaves, so that those are not lost.
///
/// # Errors
///
/// What eventfd(2) refuses, for want of descriptors.
pub fn handed() -> io::Result<(Outlet, Source)> {
    let (connections, handed) = bounded(ACCEPTS_AT_DRAIN);
    let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    let source = Source::Handed(handed, Arc::clone(&bell));
    Ok((Outlet { connections, bell }, source))
}

impl Outlet {
    /// Hands a connection over, and wakes the reactor.
    ///
    /// # Errors
    ///
    /// Gives it back if the reactor has gone, or has no room.
    pub fn hand_over(&self, accepted: Accepted) -> Result<(), Accepted> {
        let handed = self.connections.try_send(accepted);
        handed.map_err(TrySendError::into_inner)?;
        // It fails only if the count is full, and then the reactor is being woken already. The
        // count is never read: the source is edge-triggered, and each write is an edge.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        Ok(())
    }
}

impl Source {
    /// Reports from now on when there may be connections.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Listener(listener) => registry.register(listener, token, Interest::READABLE),
            Self::Handed(_, bell) => {
                let bell = bell.as_raw_fd();
                registry.register(&mut SourceFd(&bell), token, Interest::READABLE)
            }
            Self::Closed => Ok(()),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; what accept(2) says.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Listener(listener) => listener.accept(),
            Self::Handed(connections, _) => {
                let handed = connections.try_recv();
                let (stream, peer) = handed.map_err(|_| ErrorKind::WouldBlock)??;
                Ok((TcpStream::from_std(stream), peer))
            }
            Self::Closed => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl From<std::net::TcpListener> for Source {
    /// A listener that does not block.
    fn from(listener: std::net::TcpListener) -> Self {
        Self::Listener(TcpListener::from_std(listener))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> (Accepted, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept(), client)
    }

    #[test]
    fn what_is_handed_over_is_accepted_in_order_and_errors_too() {
        let (outlet, source) = handed().unwrap();
        assert_eq!(source.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let (accepted, client) = connection();
        outlet.hand_over(accepted).unwrap();
        outlet
            .hand_over(Err(ErrorKind::OutOfMemory.into()))
            .unwrap();
        let (_, peer) = source.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(source.accept().unwrap_err().kind(), ErrorKind::OutOfMemory);
        assert_eq!(source.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_reactor_that_is_full_or_gone_gives_it_back() {
        let (outlet, source) = handed().unwrap();
        let error = || Err(ErrorKind::OutOfMemory.into());
        for _ in 0..ACCEPTS_AT_DRAIN {
            outlet.hand_over(error()).unwrap();
        }
        outlet.hand_over(error()).unwrap_err().unwrap_err();
        source.accept().unwrap_err();
        outlet.hand_over(error()).unwrap();
        drop(source);
        outlet.hand_over(error()).unwrap_err().unwrap_err();
    }
}
