//! A client that sends bytes as they are given and reads answers to the byte, and servers for it to
//! talk to.
//!
//! The client is strict: it reads what an answer of this server is (a status line, fields,
//! Content-Length bytes) and panics at anything else. Nothing in here waits for the clock; a wait
//! that takes longer than [`PATIENCE`] is a failure.
#![allow(dead_code)] // Each test crate uses a part of it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use barewire::accounts::{Accounts, Counter, ReactorAccount};
use barewire::config::Config;
use barewire::handlers::Routes;
use barewire::{Handler, Running, Server};
use socket2::{Domain, Socket, Type};

pub(crate) mod driven;
#[cfg(feature = "cli")]
pub(crate) mod process;

#[path = "../support/naive.rs"]
mod naive;

/// Far beyond what anything takes here; who waits that long waits in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The request that shows whether a connection is still of use.
pub(crate) const PROBE: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server in this process, on a port of its own; it leaves when dropped.
pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    pub(crate) accounts: Arc<Accounts>,
    running: Option<Running>,
}

/// A connection, seen from the client.
pub(crate) struct Wire {
    stream: TcpStream,
    /// Received, and not yet read as an answer.
    unread: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// One reactor, on a free port.
pub(crate) fn alone() -> Config {
    workers(1)
}

/// So many reactors with all their techniques: for tests of what they save.
pub(crate) fn full(reactors: usize) -> Config {
    let mut config = workers(reactors);
    naive::full(&mut config);
    config
}

/// So many reactors, on a free port.
pub(crate) fn workers(workers: usize) -> Config {
    let mut config = Config {
        port: 0,
        workers,
        ..Config::default()
    };
    naive::if_wanted(&mut config);
    config
}

impl Live {
    /// Serves the real routes.
    pub(crate) fn routes(config: Config) -> Self {
        let accounts = Accounts::new(config.workers);
        let routes = Routes::new(&config, Arc::clone(&accounts)).unwrap();
        let server = Server::new().config(config).accounts(accounts);
        Self::start(server.handler(routes))
    }

    /// Serves whatever the server was given.
    pub(crate) fn start<H: Handler>(server: Server<H>) -> Self {
        let running = server.start().unwrap();
        Self {
            address: running.address(),
            accounts: Arc::clone(running.accounts()),
            running: Some(running),
        }
    }

    /// The address of its control routes and figures, if they have one of their own.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.running.as_ref()?.admin_address()
    }

    /// The same, reached at another of its addresses.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Wire {
        Wire::to(self.address)
    }

    /// Connections such that each reactor has at least `each`. Which one takes a connection is the
    /// kernel's choice (SO_REUSEPORT), so more may be needed.
    pub(crate) fn connect_to_all(&self, each: u64) -> Vec<Wire> {
        let mut wires = Vec::new();
        while self
            .accounts
            .reactors
            .iter()
            .any(|reactor| reactor.connections.get() < each)
        {
            let mut wire = self.connect();
            // Answered, so accepted and counted.
            assert_eq!(wire.ask(PROBE).status, 200);
            wires.push(wire);
            assert!(wires.len() < 1000, "one reactor is given no connection");
        }
        wires
    }

    /// The sum of a counter over the reactors.
    pub(crate) fn sum(&self, counter: impl Fn(&ReactorAccount) -> &Counter) -> u64 {
        self.accounts.sum(counter)
    }

    /// Begins to drain.
    pub(crate) fn drain(&self) {
        if let Some(running) = &self.running {
            running.drain();
        }
    }

    /// Waits until all reactors have ended by themselves.
    pub(crate) fn join(mut self) {
        if let Some(running) = self.running.take() {
            running.join().unwrap();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.leave();
            let ended = running.join();
            // A second panic would hide the first.
            assert!(thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}

impl Wire {
    /// Connects.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects with a small receive buffer: what the server sends soon has to wait.
    pub(crate) fn narrow(address: SocketAddr, receive_buffer: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        // Before connecting: the window scale is settled in the handshake (tcp(7)).
        socket.set_recv_buffer_size(receive_buffer).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    /// Over a connection that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// The socket itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends all bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// Sends a request and reads its answer, as [`ask`](Self::ask), from a server that may be
    /// leaving: `None` if the connection ended before the first byte of an answer.
    pub(crate) fn ask_leaving(&mut self, request: impl AsRef<[u8]>) -> io::Result<Option<Answer>> {
        self.stream.write_all(request.as_ref())?;
        Ok((!self.unread.is_empty() || self.try_fill()? > 0).then(|| self.answer()))
    }

    /// GET of a target.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// HEAD of a target.
    pub(crate) fn head(&mut self, target: &str) -> Answer {
        self.send(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        self.answer_to_head()
    }

    /// POST to a target, with Content-Length.
    pub(crate) fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        self.ask([head.as_bytes(), body].concat())
    }

    /// Reads an answer to anything but HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.answer_to_head();
        let bodiless = answer.status < 200 || matches!(answer.status, 204 | 304);
        if !bodiless {
            let length = answer.field("Content-Length").expect("a length");
            answer.body = self.take(length.parse().unwrap());
        }
        answer
    }

    /// Reads an answer with a body; `None` if the connection ends, or is reset, before its end.
    pub(crate) fn answer_or_gone(&mut self) -> Option<Answer> {
        loop {
            if let Some(head) = self.head_bytes() {
                let answer = Answer::parse(&self.unread[..head]);
                let length: usize = answer.field("Content-Length")?.parse().ok()?;
                if self.unread.len() >= head + length {
                    return Some(self.answer());
                }
            }
            self.try_fill().ok().filter(|&count| count > 0)?;
        }
    }

    /// Reads an answer to HEAD: one without a body.
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        let end = loop {
            if let Some(bytes) = self.head_bytes() {
                break bytes;
            }
            assert!(
                self.fill() > 0,
                "the connection ended within a head: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        Answer::parse(&self.take(end))
    }

    /// The length of the head that has been received.
    fn head_bytes(&self) -> Option<usize> {
        let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
        end.map(|at| at + 4)
    }

    /// Reads to the end of the stream, which must come now: FIN, and not one byte before it.
    pub(crate) fn expect_end(&mut self) {
        while self.fill() > 0 {}
        assert_eq!(
            String::from_utf8_lossy(&self.unread),
            "",
            "bytes behind the last answer"
        );
    }

    /// The connection is still of use: one more request is answered on it.
    pub(crate) fn expect_open(&mut self) {
        let answer = self.ask(PROBE);
        assert_eq!((answer.status, answer.text()), (200, "Hello, World!"));
        assert_eq!(self.unread, b"", "bytes behind the last answer");
    }

    /// Sends FIN; what the server sends can still be read.
    pub(crate) fn close_write(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Resets the connection: with a linger time of zero close(2) sends RST (socket(7)).
    pub(crate) fn reset(self) {
        let socket = Socket::from(self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads once; the number of bytes, 0 at the end of the stream.
    pub(crate) fn fill(&mut self) -> usize {
        self.try_fill()
            .unwrap_or_else(|error| panic!("reading: {error}"))
    }

    /// The same, of a connection that may be reset.
    pub(crate) fn try_fill(&mut self) -> io::Result<usize> {
        let mut room = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.unread.extend_from_slice(&room[..count]);
                    return Ok(count);
                }
            }
        }
    }

    /// The next byte, by a read of its own if none has been received yet.
    pub(crate) fn take_slowly(&mut self) -> u8 {
        if !self.unread.is_empty() {
            return self.unread.remove(0);
        }
        let mut byte = [0];
        self.stream.read_exact(&mut byte).unwrap();
        byte[0]
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.fill() > 0, "the connection ended within an answer");
        }
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }
}

impl Answer {
    fn parse(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).expect("an answer's head is ASCII");
        let mut lines = head.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        let status_line = lines.next().unwrap();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.split_once(' '))
            .and_then(|(code, _reason)| code.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let fields = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").expect("a field");
                (name.to_owned(), value.to_owned())
            })
            .collect();
        Self {
            status,
            fields,
            body: Vec::new(),
        }
    }

    /// The value of a field that stands there once at most.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self
            .fields
            .iter()
            .filter(|field| field.0.eq_ignore_ascii_case(name))
            .map(|field| field.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} stands twice");
        value
    }

    /// Whether the server says that it closes.
    pub(crate) fn closes(&self) -> bool {
        self.field("Connection") == Some("close")
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.field("Content-Type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The sentence of an error.
    pub(crate) fn error(&self) -> String {
        let body = self.json();
        let sentence = body["error"].as_str().expect("a sentence");
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        sentence.to_owned()
    }
}

/// Waits until something has become true that another thread, or the kernel, brings about.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
