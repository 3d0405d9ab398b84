//! `barewire trace`: the way of a request, step by step, as it really goes.
//!
//! Nothing is staged: the same reactor serves a client of its own, over a real socket. The kernel
//! it is given is [`Linux`] with a pen: it writes down each system call as it returns, and each
//! step that the reactor lets it [observe](Kernel::observe). The server has neither calls nor
//! branches for it: there, `observe` is empty.

use std::cell::{RefCell, RefMut};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::accounts::Accounts;
use crate::config::{Config, Techniques};
use crate::handlers::Routes;
use crate::http::FilePart;
use crate::reactor::Reactor;
use crate::reactor::connections::ConnectionId;
use crate::reactor::jobs::{JobPool, Message};
use crate::reactor::kernel::{Bound, Kernel, Occasion, Wake};
use crate::reactor::linux::{Flags, Linux};
use crate::reactor::socket;
use crate::reactor::step::Step;
use crate::reactor::timers::Time;

mod client;

mod pen;

use client::ask;
use pen::Pen;

/// Serves three GETs of `path`, on one connection, to a client of its own, and writes each step to
/// `out`: the first with what a connection costs once, the second with nothing else, and the third
/// with the end. The options are those of the server, the address left out.
///
/// # Errors
///
/// `InvalidInput` if `path` cannot be a request target; `TimedOut` if the answer takes over 15 s;
/// what sockets and `out` refuse.
pub fn run(path: &str, config: &Config, out: &mut impl Write) -> io::Result<()> {
    check(path)?;
    let config = Config {
        workers: 1,
        ..config.clone()
    };
    let asked = |last: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
    let (request, last) = (asked(""), asked("Connection: close\r\n"));
    writeln!(
        out,
        "three requests on one connection, of {0}, {0} and {1} bytes: GET {path}\n",
        request.len(),
        last.len(),
    )?;
    let pen = Rc::new(RefCell::new(Pen::new()));
    let (mut reactor, address) = open(&config, &pen)?;
    // It waits in the backlog from now on: so the first turn finds it, every time.
    let stream = TcpStream::connect(address)?;
    let ask = move || ask(&stream, &[&request, &request, &last]);
    let client = crate::shortage::start_thread("client", ask)?;
    let mut turn = |reactor: &mut Reactor<Routes, Traced>| {
        reactor.turn()?;
        out.write_all(pen.borrow_mut().take().as_bytes())
    };
    turn(&mut reactor)?;
    while reactor.connections() > 0 {
        turn(&mut reactor)?;
    }
    reactor.address().send(Message::Drain);
    while !reactor.is_over() {
        turn(&mut reactor)?;
    }
    let answers = client.join();
    let answers = answers.map_err(|_| io::Error::other("the client panicked"))??;
    let [first, second, third] = answers;
    writeln!(
        out,
        "\nthe client has read three answers, of {first}, {second} and {third} bytes"
    )
}

/// A reactor that listens, and where.
fn open(
    config: &Config,
    pen: &Rc<RefCell<Pen>>,
) -> io::Result<(Reactor<Routes, Traced>, SocketAddr)> {
    let accounts = Accounts::new(1);
    let routes = Arc::new(Routes::new(config, Arc::clone(&accounts))?);
    let jobs = JobPool::start(config.job_threads, config.limits.jobs, |_| ())?;
    let account = Arc::clone(&accounts.reactors[0]);
    *pen.borrow_mut() = Pen::new();
    let told = &mut |call| pen.borrow_mut().told(call);
    let listener = socket::listen_told(([127, 0, 0, 1], 0).into(), config, told)?;
    let address = listener.local_addr()?;
    let flags = Flags(config.techniques);
    let mut linux = Linux::new_told(listener, flags, Arc::clone(&account), told)?;
    let (pen, now) = (Rc::clone(pen), linux.now());
    let kernel = Traced { linux, pen, now };
    let reactor = Reactor::new(kernel, routes, jobs, account, config, 0, 16);
    Ok((reactor, address))
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

/// The real kernel, with a pen.
struct Traced {
    linux: Linux<Flags>,
    pen: Rc<RefCell<Pen>>,
    /// When the last poll ended. The clock stands still until the next: what the pen takes is no
    /// time of the reactor's.
    now: Time,
}

impl Traced {
    fn pen(&self) -> RefMut<'_, Pen> {
        self.pen.borrow_mut()
    }
}

/// A socket that tells when it is closed.
struct Socket {
    stream: Option<<Linux<Flags> as Kernel>::Socket>,
    pen: Rc<RefCell<Pen>>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let began = Instant::now();
        self.stream = None;
        self.pen
            .borrow_mut()
            .call(began, "close(socket)", Ok(0), "");
    }
}

impl Socket {
    fn stream(&mut self) -> io::Result<&mut <Linux<Flags> as Kernel>::Socket> {
        self.stream
            .as_mut()
            .ok_or(io::ErrorKind::NotConnected.into())
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
        self.linux.set_nodelay(socket.stream()?)
    }

    fn has_failed(&mut self, socket: &mut Socket) -> bool {
        let (began, stream) = (Instant::now(), socket.stream.as_mut());
        let failed = stream.is_none_or(|stream| self.linux.has_failed(stream));
        self.pen()
            .call(began, "getsockopt(socket, SO_ERROR)", Ok(0), "");
        failed
    }

    fn bound(&mut self, socket: &mut Socket, bound: Bound) {
        let began = Instant::now();
        if let Some(stream) = &mut socket.stream {
            self.linux.bound(stream, bound);
        }
        let call = format!("setsockopt(socket, {bound:?})");
        self.pen().call(began, &call, Ok(0), "");
    }

    fn now(&mut self) -> Time {
        self.now
    }

    fn cpu_time(&mut self) -> Time {
        let began = Instant::now();
        let time = self.linux.cpu_time();
        let call = "clock_gettime(thread CPU)";
        self.pen().call(began, call, Ok(0), "a poll is timed");
        time
    }

    fn wall_clock(&mut self) -> Duration {
        self.linux.wall_clock()
    }

    fn poll(&mut self, until: Time, mut report: impl FnMut(Occasion)) -> io::Result<usize> {
        let began = Instant::now();
        if self.linux.arm(until)? {
            let (call, what) = ("timerfd_settime(timerfd)", "the soonest deadline");
            self.pen().call(began, call, Ok(0), what);
        }
        let (began, mut seen) = (Instant::now(), Vec::new());
        let result = self.linux.poll(until, |occasion| {
            seen.push(occasion.to_string());
            report(occasion);
        });
        self.now = self.linux.now();
        let (call, what) = ("epoll_wait(..)", seen.join(", "));
        self.pen().call(began, call, result.as_ref(), &what);
        result
    }

    fn wake(&self) -> Wake {
        self.linux.wake()
    }

    fn accept(&mut self) -> io::Result<(Socket, SocketAddr)> {
        let began = Instant::now();
        let result = self.linux.accept_only();
        let shown = result.as_ref().map(|_| "socket");
        self.pen().call(began, "accept4(listener)", shown, "");
        let (mut stream, peer) = result?;
        let began = Instant::now();
        if let Some(name) = self.linux.set_options(&mut stream) {
            let call = format!("setsockopt(socket, {name})");
            self.pen().call(began, &call, Ok(0), "");
        }
        let (stream, pen) = (Some(stream), Rc::clone(&self.pen));
        Ok((Socket { stream, pen }, peer))
    }

    fn stop_listening(&mut self) {
        let began = Instant::now();
        self.linux.stop_listening();
        self.pen().call(began, "close(listener)", Ok(0), "");
    }

    fn watch(&mut self, socket: &mut Socket, id: ConnectionId) -> io::Result<()> {
        let began = Instant::now();
        let result = self.linux.watch(socket.stream()?, id);
        let (call, what) = ("epoll_ctl(ADD, readable, edge)", "once in its life");
        let zero = result.as_ref().map(|()| 0);
        self.pen().call(began, call, zero, what);
        result
    }

    fn watch_again(&mut self, socket: &mut Socket, id: ConnectionId, out: bool) -> io::Result<()> {
        let began = Instant::now();
        let result = self.linux.watch_again(socket.stream()?, id, out);
        let interest = ["readable, edge", "and writable"][usize::from(out)];
        let (call, what) = (format!("epoll_ctl(MOD, {interest})"), "told once more");
        let zero = result.as_ref().map(|()| 0);
        self.pen().call(began, &call, zero, what);
        result
    }

    fn recv(&mut self, from: &mut Socket, into: &mut BytesMut, max: usize) -> io::Result<usize> {
        let began = Instant::now();
        let result = self.linux.recv(from.stream()?, into, max);
        let (call, what) = (format!("recv(socket, .., {max})"), moved(&result));
        self.pen().call(began, &call, result.as_ref(), what);
        result
    }

    fn send_file(&mut self, socket: &mut Socket, part: &FilePart) -> io::Result<usize> {
        let began = Instant::now();
        let result = self.linux.send_file(socket.stream()?, part);
        let call = format!("sendfile(socket, file, {}, {})", part.at, part.bytes);
        let what = moved(&result);
        self.pen().call(began, &call, result.as_ref(), what);
        result
    }

    fn send(&mut self, socket: &mut Socket, bytes: &[u8], more: bool) -> io::Result<usize> {
        let began = Instant::now();
        let result = self.linux.send(socket.stream()?, bytes, more);
        let flag = if more { ", more" } else { "" };
        let call = format!("send(socket, .., {}{flag})", bytes.len());
        let what = moved(&result);
        self.pen().call(began, &call, result.as_ref(), what);
        result
    }

    fn shutdown(&mut self, socket: &mut Socket) -> io::Result<()> {
        let began = Instant::now();
        let result = self.linux.shutdown(socket.stream()?);
        let zero = result.as_ref().map(|()| 0);
        self.pen().call(began, "shutdown(socket, WR)", zero, "");
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
            Step::LastLook(id) => ("advance", format!("{id}: time is up; a last look")),
            Step::Dismissed(id) => ("dismiss", format!("connection {id}")),
            // The others show in the calls, or add nothing to them.
            _ => return,
        };
        self.pen().step(function, &what);
    }
}

fn moved(result: &io::Result<usize>) -> &'static str {
    if result.is_ok() { "bytes" } else { "" }
}
