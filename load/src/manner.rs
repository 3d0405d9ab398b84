//! How a server is asked: how many requests at once, how often answers are read, how long they may
//! take.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::answer::{Fault, Kind};

/// How the client asks; the same for all threads.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question that a load answers by itself"
)]
pub struct Manner {
    /// The server.
    pub address: SocketAddr,
    /// Requests of one batch.
    pub pipeline: usize,
    /// Send each batch in two pieces.
    pub pieces: bool,
    /// A connection for each batch.
    pub reconnect: bool,
    /// Parse every answer.
    pub varying: bool,
    /// Time the answers.
    pub timed: bool,
    /// Read after so many batches, and take the events before that for their answers, which must
    /// come whole. With 1 each is read when it has come.
    pub read_every: usize,
    /// Poll again at once when nothing has come, and never sleep: whoever answers somebody who
    /// sleeps pays for the waking, which between two virtual processors costs more than a recv.
    /// For a generator that has a core to itself.
    pub spin: bool,
    /// How long a batch may take.
    pub silence: Duration,
}

impl Manner {
    /// A connection.
    ///
    /// # Errors
    ///
    /// If there is none within the silence limit.
    pub fn connect(&self) -> Result<TcpStream, Fault> {
        TcpStream::connect_timeout(&self.address, self.silence)
            .map_err(|error| Fault::new(Kind::Connect, error))
    }
}
