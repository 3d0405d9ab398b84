//! The limit: what the kernel and mio cost when the server does next to nothing.
//!
//! A single-threaded loop that answers every request with the bytes of the server's `/plaintext`,
//! made once at start. Level 0 looks at no byte: the client says how long each request is, so
//! counting is enough. Level 1 finds the end of each request head. Level 2 parses it with httparse,
//! which finds the end by itself.
//!
//! The invariant: bytes on the wire, socket options and system calls are the server's, one recv and
//! one send for a batch of requests, both in place (technique `inline-calls`). Absent on purpose:
//! limits, timeouts, routes, a Date that moves, and patience with a peer that does not read its
//! answers. What these cost is what `barewire-lab limit` shows. Absent too is any code of the
//! server's.

use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;

use barewire_lab::canned::{INPUT_BYTES, Listening, answer};
use clap::Parser;
use memchr::memmem::Finder;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use rustix::net::{RecvFlags, SendFlags};
use slab::Slab;

/// What every request ends in, so that none is shorter.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The most requests that one recv can bring.
const REQUESTS_MAX: usize = INPUT_BYTES / HEAD_END.len();
/// Events of one poll, and fields of one request: the server's numbers (`src/config.rs`).
const EVENTS_PER_POLL: usize = 1024;
const FIELDS_MAX: usize = 100;
/// No slab hands it out.
const LISTENER: Token = Token(usize::MAX);

/// Answers every request with the same bytes, as cheaply as it can be done.
#[derive(Parser)]
struct Options {
    /// 0: count bytes; 1: find the end of each head; 2: parse each head with httparse.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    level: u8,
    /// Length of each request in bytes, for level 0.
    #[arg(long, default_value_t = 49, value_parser = clap::value_parser!(u16).range(4..=8192))]
    request_bytes: u16,
    /// recv and send by the C library's functions, as nearly all programs call them.
    #[arg(long)]
    library: bool,
    #[command(flatten)]
    listening: Listening,
}

/// How recv and send are called.
trait Calls {
    fn receive(from: &TcpStream, into: &mut [u8]) -> io::Result<usize>;
    fn send(to: &TcpStream, bytes: &[u8]) -> io::Result<usize>;
}

/// The processor's instruction in place, as the server does.
struct InPlace;

/// The C library's functions, which return right behind the kernel.
struct Library;

impl Calls for InPlace {
    fn receive(from: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        let (_, received) = rustix::net::recv(from, into, RecvFlags::empty())?;
        Ok(received)
    }

    fn send(to: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(to, bytes, SendFlags::NOSIGNAL)?)
    }
}

impl Calls for Library {
    fn receive(mut from: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        from.read(into)
    }

    fn send(mut to: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        to.write(bytes)
    }
}

struct Connection {
    stream: TcpStream,
    /// The beginning of a request whose rest has not come yet; nearly always empty.
    partial: Vec<u8>,
}

/// How many complete requests a piece of input holds, and how many bytes they take.
type Found = (usize, usize);

fn main() -> io::Result<()> {
    let options = Options::parse();
    if options.library {
        begin::<Library>(&options)
    } else {
        begin::<InPlace>(&options)
    }
}

fn begin<C: Calls>(options: &Options) -> io::Result<()> {
    let listener = TcpListener::from_std(options.listening.begin()?);
    let head_end = Finder::new(HEAD_END);
    // Each level is a loop of its own: a match for each request would be part of what is measured.
    match options.level {
        0 => serve::<C>(listener, |input| count(input, options.request_bytes.into())),
        1 => serve::<C>(listener, |input| scan(input, &head_end)),
        _ => serve::<C>(listener, parse),
    }
}

fn serve<C: Calls>(mut listener: TcpListener, find: impl Fn(&[u8]) -> Found) -> io::Result<()> {
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let answers = answer().repeat(REQUESTS_MAX).into_bytes();
    let mut input = vec![0; INPUT_BYTES];
    let mut connections = Slab::new();
    let mut events = Events::with_capacity(EVENTS_PER_POLL);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for token in events.iter().map(mio::event::Event::token) {
            if token == LISTENER {
                accept(&listener, poll.registry(), &mut connections)?;
            } else if let Some(connection) = connections.get_mut(token.0)
                && advance::<C>(connection, &mut input, &answers, &find).is_err()
            {
                connections.remove(token.0);
            }
        }
    }
}

/// Answers whatever has come, with one send for each recv, until a short read tells that the socket
/// is drained. An error of any kind, the peer's end of stream included, is the end of the
/// connection.
fn advance<C: Calls>(
    connection: &mut Connection,
    input: &mut [u8],
    answers: &[u8],
    find: impl Fn(&[u8]) -> Found,
) -> io::Result<()> {
    let Connection { stream, partial } = connection;
    loop {
        let kept = partial.len();
        if kept > 0 {
            input[..kept].copy_from_slice(partial);
            partial.clear();
        }
        let filled = match C::receive(stream, &mut input[kept..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(received) => kept + received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => kept,
            Err(error) => return Err(error),
        };
        let (requests, end) = find(&input[..filled]);
        let owed = &answers[..answers.len() / REQUESTS_MAX * requests];
        if requests > 0 && C::send(stream, owed)? < owed.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        if end < filled {
            partial.extend_from_slice(&input[end..filled]);
        }
        if filled < input.len() {
            return Ok(());
        }
    }
}

/// Level 0.
fn count(input: &[u8], request_bytes: usize) -> Found {
    let requests = input.len() / request_bytes;
    (requests, requests * request_bytes)
}

/// Level 1. For a head of 49 bytes, 84 instructions less than looking at every line's end (422
/// bytes: 351).
fn scan(input: &[u8], head_end: &Finder) -> Found {
    let (mut requests, mut end) = (0, 0);
    while let Some(at) = head_end.find(&input[end..]) {
        requests += 1;
        end += at + HEAD_END.len();
    }
    (requests, end)
}

/// Level 2. What is no request is taken for one that is incomplete: there is no answer to it here.
fn parse(input: &[u8]) -> Found {
    let (mut requests, mut end) = (0, 0);
    while end < input.len() {
        let mut slots = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(&input[end..], &mut slots) {
            Ok(httparse::Status::Complete(bytes)) => end += bytes,
            _ => break,
        }
        // Nobody looks at the fields; without this the compiler need not make them.
        black_box(&request);
        requests += 1;
    }
    (requests, end)
}

fn accept(
    listener: &TcpListener,
    registry: &Registry,
    all: &mut Slab<Connection>,
) -> io::Result<()> {
    // Any error ends the accepting: nearly always, that nobody else waits.
    while let Ok((mut stream, _)) = listener.accept() {
        let (token, partial) = (Token(all.vacant_key()), Vec::new());
        registry.register(&mut stream, token, Interest::READABLE)?;
        all.insert(Connection { stream, partial });
    }
    Ok(())
}
