//! `barewire trace`: the way of a request, step by step, as it really goes.
//!
//! Nothing is staged: the same reactor serves a client of its own, over a real socket. The kernel
//! it is given is [`Linux`] with a pen: it writes down each system call as it returns, and each
//! step that the reactor lets it [observe](Kernel::observe). The server has neither calls nor
//! branches for it: there, `observe` is empty.

use std::fmt::{Display, Write as _};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::BytesMut;

use crate::accounts::Accounts;
use crate::config::{Config, Techniques};
use crate::handlers::Routes;
use crate::reactor::Reactor;
use crate::reactor::connections::ConnectionId;
use crate::reactor::jobs::{JobPool, Message};
use crate::reactor::kernel::{Kernel, Occasion, Wake};
use crate::reactor::linux::{Flags, Linux};
use crate::reactor::socket;
use crate::reactor::step::Step;
use crate::reactor::timers::Time;

type Socket = <Linux<Flags> as Kernel>::Socket;

/// How long the client waits for an answer; the longest wait that a route can be asked for is 10 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Serves two GETs of `path`, on one connection, to a client of its own, and writes each step to
/// `out`.
///
/// # Errors
///
/// `InvalidInput` if `path` cannot be a request target; `TimedOut` if the answer takes over 15 s;
/// what sockets and `out` refuse.
pub fn run(path: &str, out: &mut impl Write) -> io::Result<()> {
    check(path)?;
    let config = Config {
        workers: 1,
        ..Config::default()
    };
    let accounts = Accounts::new(1);
    let routes = Arc::new(Routes::new(&config, Arc::clone(&accounts))?);
    let listener = socket::listen(([127, 0, 0, 1], 0).into(), &config)?;
    let address = listener.local_addr()?;
    let account = Arc::clone(&accounts.reactors[0]);
    let linux = Linux::new(listener, Flags(config.techniques), Arc::clone(&account))?;
    let (steps, text) = (0, String::new());
    let kernel = Traced { linux, steps, text };
    let jobs = JobPool::start(config.job_threads, config.limits.jobs, |_| ())?;
    let mut reactor = Reactor::new(kernel, routes, jobs, account, &config, 0, 16);
    let mailbox = reactor.address();

    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let bytes = request.len();
    writeln!(
        out,
        "two requests on one connection, each of {bytes} bytes: GET {path}\n"
    )?;
    writeln!(out, "step  function     {:<40} what", "system call")?;
    let client = thread::spawn(move || {
        let answers = ask_twice(address, &request);
        mailbox.send(Message::Leave);
        answers
    });
    while !reactor.is_over() {
        reactor.turn()?;
        out.write_all(mem::take(&mut reactor.kernel_mut().text).as_bytes())?;
    }
    let answers = client.join();
    let [first, second] = answers.map_err(|_| io::Error::other("the client panicked"))??;
    writeln!(
        out,
        "\nthe client has read two answers, of {first} and {second} bytes"
    )
}

fn check(path: &str) -> io::Result<()> {
    if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let text = format!(
        "{path:?} cannot be requested; a path begins with / and has neither spaces nor control \
         characters, such as /plaintext"
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// A client that waits for each answer before it goes on; returns the answers' lengths.
fn ask_twice(address: SocketAddr, request: &str) -> io::Result<[u64; 2]> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(&stream);
    let mut lengths = [0; 2];
    for length in &mut lengths {
        (&stream).write_all(request.as_bytes())?;
        *length = read_answer(&mut reader)?;
    }
    Ok(lengths)
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("Content-Length: "));
    let body_bytes: u64 = length.unwrap_or("0").parse().map_err(io::Error::other)?;
    io::copy(&mut reader.take(body_bytes), &mut io::sink())?;
    Ok(head.len() as u64 + body_bytes)
}

/// The real kernel, with a pen.
struct Traced {
    linux: Linux<Flags>,
    steps: usize,
    text: String,
}

impl Traced {
    fn step(&mut self, function: &str, call: &str, what: &str) {
        self.steps += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.text,
            "{:>4}  {function:<12} {call:<40} {what}",
            self.steps
        );
    }

    /// A system call with its arguments, what it returned, and what that means.
    fn call(&mut self, call: &str, result: Result<impl Display, &io::Error>, what: &str) {
        let call = match result {
            Ok(value) => format!("{call} = {value}"),
            Err(error) => format!("{call} = -1 ({:?})", error.kind()),
        };
        self.step("", &call, what);
    }
}

impl Kernel for Traced {
    type Socket = Socket;

    const CHANGES: bool = false;

    fn techniques(&self) -> &Techniques {
        self.linux.techniques()
    }

    fn change(&mut self, _techniques: &Techniques) {}

    fn set_nodelay(&mut self, socket: &mut Socket) -> io::Result<()> {
        self.linux.set_nodelay(socket)
    }

    fn now(&mut self) -> Time {
        self.linux.now()
    }

    fn cpu_time(&mut self) -> Time {
        self.linux.cpu_time()
    }

    fn wall_clock(&mut self) -> Duration {
        self.linux.wall_clock()
    }

    fn poll(&mut self, until: Time, mut report: impl FnMut(Occasion)) -> io::Result<usize> {
        let mut seen = Vec::new();
        let result = self.linux.poll(until, |occasion| {
            seen.push(occasion.to_string());
            report(occasion);
        });
        self.call("epoll_wait(..)", result.as_ref(), &seen.join(", "));
        result
    }

    fn wake(&self) -> Wake {
        self.linux.wake()
    }

    fn accept(&mut self) -> io::Result<(Socket, SocketAddr)> {
        let result = self.linux.accept();
        let peer = result.as_ref().map(|(_, peer)| peer);
        self.call("accept4(listener)", peer, "");
        result
    }

    fn stop_listening(&mut self) {
        self.linux.stop_listening();
    }

    fn watch(&mut self, socket: &mut Socket, id: ConnectionId) -> io::Result<()> {
        let result = self.linux.watch(socket, id);
        let zero = result.as_ref().map(|()| 0);
        self.call("epoll_ctl(ADD, readable, edge)", zero, "once in its life");
        result
    }

    fn watch_again(&mut self, socket: &mut Socket, id: ConnectionId, out: bool) -> io::Result<()> {
        let result = self.linux.watch_again(socket, id, out);
        let zero = result.as_ref().map(|()| 0);
        self.call("epoll_ctl(MOD, and writable)", zero, "a send came up short");
        result
    }

    fn recv(&mut self, from: &mut Socket, into: &mut BytesMut, max: usize) -> io::Result<usize> {
        let result = self.linux.recv(from, into, max);
        let call = format!("recv(socket, .., {max})");
        self.call(&call, result.as_ref(), "bytes");
        result
    }

    fn send(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        let result = self.linux.send(socket, bytes);
        let call = format!("send(socket, .., {})", bytes.len());
        self.call(&call, result.as_ref(), "bytes");
        result
    }

    fn shutdown(&mut self, socket: &mut Socket) -> io::Result<()> {
        let result = self.linux.shutdown(socket);
        let zero = result.as_ref().map(|()| 0);
        self.call("shutdown(socket, WR)", zero, "");
        result
    }

    fn observe(&mut self, step: &Step<'_>) {
        let (function, what) = match step {
            Step::Advance(cause, connection) => ("advance", format!("{cause}; {connection}")),
            Step::Parsed(_, request) => {
                let (bytes, fields) = (request.head.len(), request.fields.len());
                let text =
                    format!("a request head of {bytes} bytes with {fields} fields, in place");
                ("serve", text)
            }
            Step::Deferred(later) => ("produce", format!("no answer yet: {later:?}")),
            Step::Answered(status, bytes, _) => {
                let text = format!("answer {} of {bytes} bytes into the output", status.0);
                ("produce", text)
            }
            Step::Blocked(is_set, connection) => {
                let entry = if *is_set { "is set" } else { "stands already" };
                ("arm", format!("{connection}; a timer entry {entry}"))
            }
            Step::Dismissed(id) => ("dismiss", format!("connection {id}")),
            // The others show in the calls, or add nothing to them.
            _ => return,
        };
        self.step(function, "", &what);
    }
}
