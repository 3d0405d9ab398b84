//! All of socket2: the options of a socket, each set in one place, and recv(2) into memory not yet
//! written.

use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::SocketOptions;

/// Binds a listener that other reactors can share the port with (`SO_REUSEPORT`), and sets on it
/// what accepted sockets inherit (tcp(7)): one setsockopt for each option here, none for each
/// connection.
///
/// # Errors
///
/// What socket(2), setsockopt(2), bind(2) or listen(2) refuse.
pub fn listen(
    address: SocketAddr,
    options: &SocketOptions,
    write_timeout: Duration,
) -> io::Result<TcpListener> {
    let socket = unbound(address)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(options.nodelay)?;
    socket.set_linger(options.linger)?;
    // What close(2) leaves behind is given up after this long without an acknowledgement.
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    // Before listen(2): the window scale is settled in the handshake (tcp(7)).
    if let Some(bytes) = options.recv_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Fails if another process listens on this address. With `SO_REUSEPORT` alone the kernel would let
/// both in and hand each a share of the connections, without a word; `SO_REUSEADDR` alone only
/// overlooks connections of a listener that has gone.
///
/// # Errors
///
/// `AddrInUse`, or another error of bind(2).
pub fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = unbound(address)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

/// Receives into `spare`; returns how many of its first bytes the kernel has written (recv(2)).
///
/// # Errors
///
/// `WouldBlock` if there is nothing; what else recv(2) says.
#[inline]
pub fn recv(stream: &TcpStream, spare: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    SockRef::from(stream).recv(spare)
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_noticed() {
        let options = SocketOptions::default();
        let listener =
            listen(([127, 0, 0, 1], 0).into(), &options, Duration::from_secs(1)).unwrap();
        let taken = listener.local_addr().unwrap();
        assert_eq!(probe(taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        probe(taken).unwrap();
    }

    #[test]
    fn accepted_sockets_inherit_the_options() {
        for nodelay in [true, false] {
            let options = SocketOptions {
                nodelay,
                ..SocketOptions::default()
            };
            let listener =
                listen(([127, 0, 0, 1], 0).into(), &options, Duration::from_secs(7)).unwrap();
            listener.set_nonblocking(false).unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let accepted = SockRef::from(&accepted);
            assert_eq!(accepted.tcp_nodelay().unwrap(), nodelay);
            assert_eq!(
                accepted.tcp_user_timeout().unwrap(),
                Some(Duration::from_secs(7))
            );
            assert_eq!(accepted.linger().unwrap(), None);
        }
    }
}
