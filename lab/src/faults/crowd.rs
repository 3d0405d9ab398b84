//! Many connections at once that behave as nobody should, driven from one thread.
//!
//! The invariant: nothing in here waits. A member is non-blocking, sends what the socket takes,
//! takes what is there, and keeps the beginning of what it was told. Absent is any notion of time:
//! the [cases](super::cases) say when something is done.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

/// Bytes of an answer that a member keeps: its head, and the body of a short one.
const KEPT: usize = 1024;
/// Bytes of one read.
const PIECE: usize = 16 * 1024;

/// Connections of one kind.
#[derive(Default)]
pub(super) struct Crowd {
    members: Vec<Member>,
}

/// One of them.
pub(super) struct Member {
    stream: TcpStream,
    /// The beginning of what came.
    told: Vec<u8>,
    /// Bytes of the request in turn that the socket has taken.
    sent: usize,
    /// The server has closed, or reset it.
    has_ended: bool,
}

impl Crowd {
    /// So many connections. With `window`, their receive buffers are of that size, so that the
    /// kernel takes little that nobody reads.
    pub(super) fn connect(
        address: SocketAddr,
        count: usize,
        window: Option<usize>,
    ) -> Result<Self> {
        let members = (0..count).map(|_| Member::connect(address, window));
        let members = members.collect::<Result<_>>();
        Ok(Self {
            members: members.with_context(|| format!("{count} connections"))?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut()
    }

    /// Each sends these bytes, as far as its socket takes them.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        for member in &mut self.members {
            member.sent = 0;
            member.go_on(bytes);
        }
    }

    /// Each takes what is there. Returns how many the server has closed.
    pub(super) fn hear(&mut self) -> usize {
        let mut ended = 0;
        for member in &mut self.members {
            member.hear();
            ended += usize::from(member.has_ended);
        }
        ended
    }

    /// How many were told this status first.
    pub(super) fn told(&self, status: u16) -> usize {
        let line = format!("HTTP/1.1 {status} ");
        let is_it = |member: &&Member| member.told.starts_with(line.as_bytes());
        self.members.iter().filter(is_it).count()
    }

    /// All go at once, each with a reset: SO_LINGER with a time of 0 (socket(7)).
    pub(super) fn reset(self) {
        for member in self.members {
            // One that is gone already needs none.
            let _ = Socket::from(member.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Member {
    fn connect(address: SocketAddr, window: Option<usize>) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if let Some(bytes) = window {
            // Before the connection is made: the window is offered with the first segment.
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.connect(&address.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            stream: socket.into(),
            told: Vec::new(),
            sent: 0,
            has_ended: false,
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What it was told so far, at most [`KEPT`] bytes.
    pub(super) fn answer(&self) -> &[u8] {
        &self.told
    }

    /// Sends more of a request that is sent over and over, as far as the socket takes it.
    pub(super) fn go_on(&mut self, request: &[u8]) {
        if self.has_ended || self.sent >= request.len() {
            return;
        }
        match self.stream.write(&request[self.sent..]) {
            Ok(taken) => self.sent += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // What the server said before may still be there to be read.
            Err(_) => self.sent = request.len(),
        }
    }

    /// Sends the next byte of a text that is repeated without end.
    pub(super) fn drip(&mut self, text: &[u8]) {
        let next = self.sent % text.len();
        if !self.has_ended && matches!(self.stream.write(&text[next..=next]), Ok(1)) {
            self.sent += 1;
        }
    }

    /// Floods: sends the request again and again, until the socket takes no more.
    pub(super) fn flood(&mut self, request: &[u8]) -> usize {
        let before = self.sent;
        while !self.has_ended {
            match self.stream.write(&request[self.sent % request.len()..]) {
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.has_ended = true,
            }
        }
        self.sent - before
    }

    /// Takes one byte.
    pub(super) fn sip(&mut self) {
        self.take(1);
    }

    /// Takes all that is there.
    pub(super) fn hear(&mut self) {
        while !self.has_ended && self.take(PIECE) == PIECE {}
    }

    /// Takes up to so many bytes.
    fn take(&mut self, most: usize) -> usize {
        let mut piece = [0; PIECE];
        match self.stream.read(&mut piece[..most]) {
            Ok(0) => {
                self.has_ended = true;
                // The server waits for it before it gives the descriptor back.
                let _ = self.stream.shutdown(Shutdown::Both);
                0
            }
            Ok(taken) => {
                let room = KEPT.saturating_sub(self.told.len());
                self.told.extend_from_slice(&piece[..taken.min(room)]);
                taken
            }
            Err(error) => {
                self.has_ended |= error.kind() != ErrorKind::WouldBlock;
                0
            }
        }
    }
}
