//! One connection: sends a batch, and takes what comes until all of it is answered.
//!
//! The invariant: a batch is one send, and its answers one recv each time the poll reports (a short
//! read tells that nothing is left, and the edge of epoll(7) tells of the rest). Bytes are counted;
//! the answers to a connection's first batch, and to those that are asked to be checked, are
//! parsed.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::answer::{Fault, Kind};
use crate::script::{Batch, Script};

/// What a connection is waiting for.
enum Awaiting {
    /// Nothing: no batch is under way.
    Nothing,
    /// The connection itself; the batch is still to be sent.
    Opening,
    /// So many bytes: each answer's length is known.
    Bytes(usize),
    /// So many answers, to be parsed one by one.
    Answers(usize),
    /// That the server closes: all answers are here.
    End,
}

/// A connection to the server.
pub(crate) struct Connection {
    stream: TcpStream,
    awaiting: Awaiting,
    /// The last batch, and when it should have been sent: its latency counts from there.
    pub(crate) batch: Batch,
    pub(crate) intended: Instant,
    /// How often it was found waiting for that batch.
    looks: u32,
    /// The start of an answer whose end has not come, if answers are parsed.
    collected: Vec<u8>,
    /// Whether to parse the answers to this batch.
    parse: bool,
    /// Whether the server is to close after this batch.
    once: bool,
    /// Bytes of answers that were announced and left in the socket, and of how many batches.
    unread: usize,
    unread_batches: usize,
}

impl Connection {
    /// Of a connected stream that is kept; its first batch's answers are parsed.
    pub(crate) fn kept(stream: TcpStream) -> Self {
        Self {
            stream,
            awaiting: Awaiting::Nothing,
            batch: Batch::default(),
            collected: Vec::new(),
            parse: true,
            once: false,
            intended: Instant::now(),
            looks: 0,
            unread: 0,
            unread_batches: 0,
        }
    }

    /// Begins to connect for one batch, and sends it at once: over loopback a connection is there
    /// when connect(2) returns.
    pub(crate) fn open(
        address: SocketAddr,
        batch: Batch,
        script: &Script,
        intended: Instant,
    ) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).map_err(|e| Fault::new(Kind::Connect, e))?;
        let mut connection = Self {
            batch,
            intended,
            once: true,
            ..Self::kept(stream)
        };
        connection.finish_opening(script)?;
        Ok(connection)
    }

    /// Registers it for what it needs: readability, and, as long as it is opening, writability.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> Result<(), Fault> {
        let interest = match self.awaiting {
            Awaiting::Opening => Interest::READABLE | Interest::WRITABLE,
            _ => Interest::READABLE,
        };
        registry
            .register(&mut self.stream, token, interest)
            .map_err(|error| Fault::new(Kind::Connect, error))
    }

    /// Sends a batch, in two pieces if asked for; its answers are parsed if asked for.
    pub(crate) fn send(
        &mut self,
        batch: Batch,
        script: &Script,
        parse: bool,
        pieces: bool,
        intended: Instant,
    ) -> Result<(), Fault> {
        self.batch = batch;
        // Between answers that were left in the socket none can be told from another.
        self.parse |= parse && self.unread == 0;
        (self.intended, self.looks) = (intended, 0);
        let bytes = script.bytes_of(batch);
        // Of two requests the second is cut: its answer comes when the first one's is on its way.
        let cut = if pieces { bytes.len() * 3 / 4 } else { 0 };
        let mut sent = 0;
        for piece in [&bytes[..cut], &bytes[cut..]] {
            if !piece.is_empty() {
                let taken = self.stream.write(piece);
                sent += taken.map_err(|error| Fault::new(Kind::Reset, error))?;
            }
        }
        self.sent(sent, script)
    }

    /// Takes the event for the answer, and leaves the answer in the socket: so a generator costs
    /// less than the server that it is to keep busy. False if it is time to read.
    pub(crate) fn leave_unread(&mut self, read_every: usize) -> bool {
        match self.awaiting {
            Awaiting::Bytes(bytes) if self.unread_batches + 1 < read_every && !self.once => {
                self.unread += bytes;
                self.unread_batches += 1;
                self.awaiting = Awaiting::Nothing;
                true
            }
            _ => false,
        }
    }

    /// Takes what has come, and says whether the batch is done with. `closing`: the poll said that
    /// the server has closed its side, so everything that will ever come is here.
    pub(crate) fn receive(
        &mut self,
        input: &mut [u8],
        script: &Script,
        closing: bool,
    ) -> Result<bool, Fault> {
        if matches!(self.awaiting, Awaiting::Opening) {
            self.finish_opening(script)?;
        }
        if let Awaiting::Bytes(bytes) = &mut self.awaiting {
            *bytes += std::mem::take(&mut self.unread);
            self.unread_batches = 0;
        }
        loop {
            let received = match self.stream.read(input) {
                Ok(0) => return self.end(),
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.is_done()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::new(Kind::Reset, error)),
            };
            self.take(&input[..received], script)?;
            if received < input.len() {
                return if closing {
                    self.end()
                } else {
                    Ok(self.is_done())
                };
            }
        }
    }

    /// What it means that its batch was not answered in time: so many looks before this one have
    /// found it waiting. They are counted in place of time: while we are stopped, answers lie in
    /// the socket, and nobody is silent.
    pub(crate) fn overdue(&mut self, script: &Script, looks: u32) -> Option<Fault> {
        self.looks += u32::from(!self.is_done());
        (self.looks > looks).then(|| match self.awaiting {
            Awaiting::Opening => Fault::new(Kind::Connect, "the server does not accept"),
            Awaiting::Bytes(owed) if owed < script.answer_bytes_of(self.batch) => {
                let what = format!("{owed} bytes fewer came than the answers have");
                Fault::new(Kind::Length, what)
            }
            _ => Fault::new(Kind::Silence, "no answer"),
        })
    }

    /// Sends the batch if the connection is there.
    fn finish_opening(&mut self, script: &Script) -> Result<(), Fault> {
        let refused = |error| Fault::new(Kind::Connect, error);
        match self.stream.write(script.bytes_of(self.batch)) {
            Ok(sent) => self.sent(sent, script),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::NotConnected
                ) =>
            {
                self.awaiting = Awaiting::Opening;
                self.stream
                    .take_error()
                    .map_err(refused)?
                    .map_or(Ok(()), |error| Err(refused(error)))
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn sent(&mut self, bytes: usize, script: &Script) -> Result<(), Fault> {
        if bytes < script.bytes_of(self.batch).len() {
            return Err(Fault::new(Kind::Reset, "no room for a batch to send"));
        }
        self.awaiting = if self.parse {
            Awaiting::Answers(self.batch.requests)
        } else {
            Awaiting::Bytes(script.answer_bytes_of(self.batch))
        };
        Ok(())
    }

    /// Whether no batch is under way.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.awaiting, Awaiting::Nothing)
    }

    /// What follows the last answer of a batch.
    fn after(&self) -> Awaiting {
        if self.once {
            Awaiting::End
        } else {
            Awaiting::Nothing
        }
    }

    /// The server has closed.
    fn end(&self) -> Result<bool, Fault> {
        match self.awaiting {
            Awaiting::End => Ok(true),
            Awaiting::Nothing => Err(Fault::new(Kind::Reset, "closed, but was to be kept")),
            _ => Err(Fault::new(
                Kind::Reset,
                "closed before the answer was complete",
            )),
        }
    }

    fn take(&mut self, bytes: &[u8], script: &Script) -> Result<(), Fault> {
        match self.awaiting {
            Awaiting::Bytes(owed) => {
                self.awaiting = match owed.checked_sub(bytes.len()) {
                    Some(0) => self.after(),
                    Some(owed) => Awaiting::Bytes(owed),
                    None => return Err(unasked(bytes.len() - owed)),
                };
                Ok(())
            }
            Awaiting::Answers(left) => self.parse(left, bytes, script),
            _ => Err(unasked(bytes.len())),
        }
    }

    /// Checks each whole answer, and keeps the start of the next.
    fn parse(&mut self, mut left: usize, bytes: &[u8], script: &Script) -> Result<(), Fault> {
        let mut collected = std::mem::take(&mut self.collected);
        collected.extend_from_slice(bytes);
        let mut rest = collected.as_slice();
        while left > 0
            && let Some(length) = script.expected(self.batch, left).check(rest)?
        {
            rest = &rest[length..];
            left -= 1;
        }
        if left == 0 && !rest.is_empty() {
            return Err(unasked(rest.len()));
        }
        let checked = collected.len() - rest.len();
        collected.drain(..checked);
        self.collected = collected;
        if left == 0 {
            self.parse = false;
            self.awaiting = self.after();
        } else {
            self.awaiting = Awaiting::Answers(left);
        }
        Ok(())
    }
}

/// More bytes came than the answers have.
fn unasked(bytes: usize) -> Fault {
    Fault::new(
        Kind::Length,
        format!("{bytes} bytes more than were asked for"),
    )
}
