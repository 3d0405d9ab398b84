//! What the loops at the limit have in common: the answer, and the socket that they listen on. The
//! loops themselves are programs, `src/bin/canned.rs` and `src/bin/canned-uring.rs`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, SystemTime};
use std::{io, process, thread};

use socket2::{Domain, Socket, Type};

/// Bytes of one recv: the server's default `--buffer-size`.
pub const INPUT_BYTES: usize = 8 * 1024;

/// What the server sends for `/plaintext`, with this second as its Date.
#[must_use]
pub fn answer() -> String {
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!(
        "HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: {date}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!"
    )
}

/// Where to listen, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub struct Listening {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Leave after this many seconds; without it, serve until SIGTERM.
    #[arg(long)]
    seconds: Option<u64>,
}

impl Listening {
    /// A listener on the loopback address, whose address is printed. It does not block.
    ///
    /// # Errors
    ///
    /// What socket(2), setsockopt(2), bind(2) or listen(2) refuse.
    pub fn begin(&self) -> io::Result<TcpListener> {
        self.leave_in_time();
        let listener = listen(self.port)?;
        println!("listening on http://{}", listener.local_addr()?);
        Ok(listener)
    }

    /// Ends the process after so many seconds, if any are given.
    fn leave_in_time(&self) {
        // A thread only if asked for: glibc's recv and send are cheaper in a process that has one.
        if let Some(seconds) = self.seconds {
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(seconds));
                process::exit(0);
            });
        }
    }
}

/// The server's default options; accepted sockets inherit `TCP_NODELAY` (tcp(7)).
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
