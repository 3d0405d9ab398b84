//! All of socket2: the options of a socket, each set in one place.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};

use super::kernel::Bound;
use crate::config::{Config, Congestion, bounds};

/// Binds a listener that other reactors can share the port with (`SO_REUSEPORT`), and sets on it
/// what accepted sockets inherit (tcp(7)): one setsockopt for each option here, none for each
/// connection.
///
/// # Errors
///
/// What socket(2), setsockopt(2), bind(2) or listen(2) refuse; a congestion control that this
/// kernel does not have is told with those that it has.
pub fn listen(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    listen_told(address, config, &mut |_| ())
}

/// Is told each system call when it has returned.
pub type Told<'a> = &'a mut dyn FnMut(&'static str);

/// The same, and tells each call.
///
/// # Errors
///
/// As [`listen`].
pub fn listen_told(address: SocketAddr, config: &Config, told: Told) -> io::Result<TcpListener> {
    let socket = unbound(address, told)?;
    socket.set_reuse_port(true)?;
    told("setsockopt(listener, SO_REUSEPORT)");
    configure_told(&socket, config, told)?;
    socket.bind(&address.into())?;
    told("bind(listener)");
    socket.listen(i32::try_from(config.socket.backlog).unwrap_or(i32::MAX))?;
    told("listen(listener)");
    Ok(socket.into())
}

/// Sets the same options on a listener that somebody else may have bound; what belongs to bind(2)
/// and listen(2), the backlog too, was theirs to choose.
///
/// # Errors
///
/// As [`listen`].
pub fn configure(socket: &impl AsFd, config: &Config) -> io::Result<()> {
    configure_told(socket, config, &mut |_| ())
}

fn configure_told(socket: &impl AsFd, config: &Config, told: Told) -> io::Result<()> {
    let (socket, options) = (SockRef::from(socket), &config.socket);
    socket.set_tcp_nodelay(config.techniques.nodelay)?;
    told("setsockopt(listener, TCP_NODELAY)");
    socket.set_linger(options.linger)?;
    told("setsockopt(listener, SO_LINGER)");
    // Otherwise the kernel takes megabytes of an answer at once, and tells of room only when a
    // third of them has been taken: a slow reader would seem to take nothing for minutes.
    socket.set_tcp_notsent_lowat(bounds::UNSENT_KEPT)?;
    told("setsockopt(listener, TCP_NOTSENT_LOWAT)");
    if let Some(name) = name_of(config.techniques.congestion) {
        let set = socket.set_tcp_congestion(name.as_bytes());
        set.map_err(|error| no_congestion_control(name, &error))?;
        told("setsockopt(listener, TCP_CONGESTION)");
    }
    // Before listen(2): the window scale is settled in the handshake (tcp(7)).
    if let Some(bytes) = options.recv_buffer {
        socket.set_recv_buffer_size(bytes)?;
        told("setsockopt(listener, SO_RCVBUF)");
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
        told("setsockopt(listener, SO_SNDBUF)");
    }
    socket.set_nonblocking(true)?;
    told("fcntl(listener, O_NONBLOCK)");
    Ok(())
}

/// Fails if another process listens on this address. With `SO_REUSEPORT` alone the kernel would let
/// both in and hand each a share of the connections, without a word; `SO_REUSEADDR` alone only
/// overlooks connections of a listener that has gone. The probe does not listen itself: a client
/// that knocks while we start would be let in by it, and reset when it closes.
///
/// # Errors
///
/// `AddrInUse`, or another error of bind(2).
pub fn probe(address: SocketAddr) -> io::Result<()> {
    unbound(address, &mut |_| ())?.bind(&address.into())
}

/// Ends a listener that another thread may wait on: its accept(2), and any later one, fails with
/// EINVAL. Linux does so for shutdown(2); for close(2) it would not: the thread that waits keeps
/// the listener open.
pub fn stop_listening(listener: &TcpListener) {
    // It fails only if it does not listen any more.
    let _ = SockRef::from(listener).shutdown(Shutdown::Both);
}

/// recv(2), by the C library's function.
///
/// # Errors
///
/// As recv(2).
pub fn receive(from: &TcpStream, into: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    SockRef::from(from).recv(into)
}

/// `TCP_QUICKACK` on a connection that was accepted. It is not permanent (tcp(7)): it takes the
/// connection out of delayed acknowledgement now, and the kernel puts it back once answers carry
/// the acknowledgements. So, set once, it can be seen in the first exchanges at most: and Linux
/// begins each connection this way by itself. Set after every read it would cost a system call each
/// time.
pub fn acknowledge_at_once(stream: &TcpStream) {
    // It fails only for a connection that has gone: the next recv tells.
    let _ = SockRef::from(stream).set_tcp_quickack(true);
}

/// `SO_RCVBUF`, with which the kernel's own tuning ends that would give the peer megabytes
/// (tcp(7)); or `TCP_USER_TIMEOUT`. That one is for a connection that is about to be closed:
/// before, Linux would reset a peer that reads, but slowly, through a small window. Or `SO_LINGER`
/// of 0, for one that is to be reset: close(2) does not wait then.
pub fn bound(stream: &TcpStream, bound: Bound) {
    let socket = SockRef::from(stream);
    // It fails only for a connection that has gone: the next call tells.
    let _ = match bound {
        Bound::Received => socket.set_recv_buffer_size(bounds::RECEIVED_KEPT),
        Bound::LeftBehind(span) => socket.set_tcp_user_timeout(Some(span)),
        Bound::Reset => socket.set_linger(Some(Duration::ZERO)),
    };
}

/// As the kernel calls it; `None` leaves what the system has set.
fn name_of(congestion: Congestion) -> Option<&'static str> {
    match congestion {
        Congestion::System => None,
        Congestion::Cubic => Some("cubic"),
        Congestion::Reno => Some("reno"),
        Congestion::Bbr => Some("bbr"),
    }
}

/// ENOENT: the kernel has none of this name; EPERM: it has it, but not for everybody.
fn no_congestion_control(name: &str, error: &io::Error) -> io::Error {
    let list = |which: &str| {
        let path = format!("/proc/sys/net/ipv4/tcp_{which}_congestion_control");
        let names = std::fs::read_to_string(path);
        names.map_or("unknown".to_owned(), |names| names.trim().to_owned())
    };
    let sentence = format!(
        "the congestion control {name} cannot be used: {error}; this kernel has: {}; without \
         CAP_NET_ADMIN it allows: {}",
        list("available"),
        list("allowed"),
    );
    io::Error::new(ErrorKind::InvalidInput, sentence)
}

fn unbound(address: SocketAddr, told: Told) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    told("socket(stream)");
    socket.set_reuse_address(true)?;
    told("setsockopt(listener, SO_REUSEADDR)");
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn accept_from(listener: &TcpListener) -> (std::net::TcpStream, std::net::TcpStream) {
        listener.set_nonblocking(false).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    #[test]
    fn a_busy_port_is_noticed() {
        let listener = listen(([127, 0, 0, 1], 0).into(), &Config::default()).unwrap();
        let taken = listener.local_addr().unwrap();
        assert_eq!(probe(taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        probe(taken).unwrap();
    }

    #[test]
    fn accepted_sockets_inherit_the_options() {
        for nodelay in [true, false] {
            let mut config = Config::default();
            config.techniques.nodelay = nodelay;
            let listener = listen(([127, 0, 0, 1], 0).into(), &config).unwrap();
            let (accepted, _client) = accept_from(&listener);
            let accepted = SockRef::from(&accepted);
            assert_eq!(accepted.tcp_nodelay().unwrap(), nodelay);
            assert_eq!(accepted.tcp_notsent_lowat().unwrap(), bounds::UNSENT_KEPT);
            assert_eq!(accepted.linger().unwrap(), None);
        }
    }

    /// Reno is part of every kernel (tcp(7)), and everybody may use it.
    #[test]
    fn accepted_sockets_inherit_the_congestion_control() {
        let mut config = Config::default();
        config.techniques.congestion = Congestion::Reno;
        let listener = listen(([127, 0, 0, 1], 0).into(), &config).unwrap();
        let (accepted, _client) = accept_from(&listener);
        let name = SockRef::from(&accepted).tcp_congestion().unwrap();
        assert_eq!(name.split(|byte| *byte == 0).next(), Some(&b"reno"[..]));
    }

    #[test]
    fn a_congestion_control_that_is_missing_is_told_with_those_that_are_not() {
        let socket = unbound(([127, 0, 0, 1], 0).into(), &mut |_| ()).unwrap();
        let refused = socket.set_tcp_congestion(b"nonesuch").unwrap_err();
        let error = no_congestion_control("nonesuch", &refused);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let told = error.to_string();
        assert!(told.starts_with("the congestion control nonesuch cannot be used: "));
        assert!(
            told.contains("this kernel has: ") && told.contains("reno"),
            "{told}"
        );
    }

    #[test]
    fn acknowledgements_are_sent_at_once_until_the_kernel_thinks_otherwise() {
        let listener = listen(([127, 0, 0, 1], 0).into(), &Config::default()).unwrap();
        let (accepted, _client) = accept_from(&listener);
        let stream = TcpStream::from_std(accepted);
        SockRef::from(&stream).set_tcp_quickack(false).unwrap();
        assert!(!SockRef::from(&stream).tcp_quickack().unwrap());
        acknowledge_at_once(&stream);
        assert!(SockRef::from(&stream).tcp_quickack().unwrap());
    }

    #[test]
    fn what_is_left_behind_is_bounded_once_it_is_left() {
        let listener = listen(([127, 0, 0, 1], 0).into(), &Config::default()).unwrap();
        let (accepted, _client) = accept_from(&listener);
        let stream = TcpStream::from_std(accepted);
        let timeout = || SockRef::from(&stream).tcp_user_timeout().unwrap();
        assert_eq!(timeout(), None, "a slow reader is judged by what it takes");
        let span = Duration::from_secs(7);
        bound(&stream, Bound::LeftBehind(span));
        assert_eq!(timeout(), Some(span));
    }

    #[test]
    fn a_thread_that_waits_for_a_connection_is_told_that_none_will_come() {
        let listener = listen(([127, 0, 0, 1], 0).into(), &Config::default()).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(false).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| listener.accept().map(|_| ()));
            stop_listening(&listener);
            waiting.join().unwrap().unwrap_err();
        });
        std::net::TcpStream::connect(address).unwrap_err();
    }
}
