//! Many connections at once that behave as nobody should, driven from one thread.
//!
//! The invariant: a member is non-blocking, sends what the socket takes, takes what is there, and
//! keeps what it was told. Only [`Crowd::hear_all`] waits, and not for ever. When
//! anything else is done the [cases](super::cases) say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, SockRef, Socket, Type};

use crate::process::within;

/// What the server must do to each of a crowd, it has done by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what came.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Bytes of one read, and of what a member keeps of what it was told.
pub(super) const PIECE: usize = 16 * 1024;

/// Connections of one kind. When it is dropped, all go at once, each with a reset: SO_LINGER with a
/// time of 0 (socket(7)).
pub(super) struct Crowd(Vec<Member>);

/// One of them.
struct Member {
    stream: TcpStream,
    /// What came first: a status and some fields, and no more than [`PIECE`].
    told: Vec<u8>,
    /// Bytes of a flood that the socket has taken.
    sent: usize,
    /// The server has closed, or reset it.
    has_ended: bool,
}

impl Crowd {
    /// So many connections. With `window`, their receive buffers are of that size, so that the
    /// kernel takes little that nobody reads.
    pub(super) fn of(count: usize, address: SocketAddr, window: Option<usize>) -> Result<Self> {
        let members = (0..count).map(|_| Member::connect(address, window));
        let members = members.collect::<Result<_>>();
        let members = members.with_context(|| format!("{count} connections"))?;
        Ok(Self(members))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each sends these bytes, as far as its socket takes them.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        for member in &mut self.0 {
            // If it fails, what the server said before may still be there to be read.
            let _ = member.stream.write(bytes);
        }
    }

    /// Each sends this request again and again, until its socket takes no more, or has taken so
    /// many bytes in all. Returns the bytes that were taken now.
    pub(super) fn flood(&mut self, request: &[u8], most: usize) -> usize {
        let members = self.0.iter_mut();
        members.map(|member| member.flood(request, most)).sum()
    }

    /// Each goes on sending this. Whether it has left them all, or they have ended.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.flood(bytes, bytes.len());
        let mut members = self.0.iter();
        members.all(|member| member.has_ended || member.sent >= bytes.len())
    }

    /// Each says that it will send no more.
    pub(super) fn finish(&self) {
        for member in &self.0 {
            // One that has ended need not say it.
            let _ = member.stream.shutdown(Shutdown::Write);
        }
    }

    /// Each sends a byte of TCP's urgent data.
    pub(super) fn urge(&self) -> Result<()> {
        let mut members = self.0.iter().map(|member| SockRef::from(&member.stream));
        members.try_for_each(|socket| Ok(socket.send_out_of_band(b"!").map(drop)?))
    }

    /// Each takes one byte.
    pub(super) fn sip(&mut self) {
        for member in &mut self.0 {
            member.take(1);
        }
    }

    /// Each takes what is there. Returns how many the server has closed.
    pub(super) fn hear(&mut self) -> usize {
        for member in &mut self.0 {
            while !member.has_ended && member.take(PIECE) == PIECE {}
        }
        self.ended()
    }

    /// Hears until each was told something, or the patience is over. Returns how many were told
    /// 200.
    pub(super) fn hear_all(&mut self) -> Result<usize> {
        within(PATIENCE, LOOK_EVERY, || {
            self.hear();
            Ok(self.0.iter().all(|member| !member.told.is_empty()))
        })?;
        Ok(self.told(200).count())
    }

    /// How many the server has closed.
    pub(super) fn ended(&self) -> usize {
        self.0.iter().filter(|member| member.has_ended).count()
    }

    /// What those were told whose first status is this one.
    pub(super) fn told(&self, status: u16) -> impl Iterator<Item = &[u8]> {
        let line = format!("HTTP/1.1 {status} ");
        let answers = self.0.iter().map(|member| member.told.as_slice());
        answers.filter(move |answer| answer.starts_with(line.as_bytes()))
    }
}

impl Member {
    fn connect(address: SocketAddr, window: Option<usize>) -> Result<Self> {
        let stream = connect(address, window)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            told: Vec::new(),
            sent: 0,
            has_ended: false,
        })
    }

    fn flood(&mut self, request: &[u8], most: usize) -> usize {
        let before = self.sent;
        while !self.has_ended && self.sent < most {
            match self.stream.write(&request[self.sent % request.len()..]) {
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.has_ended = true,
            }
        }
        self.sent - before
    }

    /// Takes up to so many bytes.
    fn take(&mut self, most: usize) -> usize {
        let mut piece = [0; PIECE];
        let taken = match self.stream.read(&mut piece[..most]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return 0,
            // A reset is an end, too.
            read => read.unwrap_or(0),
        };
        if taken == 0 {
            self.has_ended = true;
            // The server waits for it before it gives the descriptor back.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        let kept = taken.min(PIECE - self.told.len());
        self.told.extend_from_slice(&piece[..kept]);
        taken
    }
}

/// A connection; with `window`, as in [`Crowd::of`].
pub(super) fn connect(address: SocketAddr, window: Option<usize>) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(bytes) = window {
        // Before the connection is made: the window is offered with the first segment.
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}
