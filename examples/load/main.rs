//! A load generator that costs less than the server, so that the server is what is measured.
//!
//! One thread, edge-triggered, READABLE only. Each connection sends a batch of requests, waits for
//! all answers, and sends the next (a closed loop). The first answer is parsed and checked; from
//! then on answers are counted by its length, and about every thousandth is compared with it byte
//! by byte, the Date's value left out.
//!
//! The invariant: a measured phase begins and ends with nothing under way, so that requests,
//! answers and the server's CPU time belong together exactly. Absent on purpose: answers whose
//! length varies, latencies (those of a closed loop mislead), and connections that open and close.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, thread};

use clap::Parser;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use slab::Slab;

mod exchange;

use exchange::Exchange;

/// Bytes of one recv: far more than the answers to a usual batch, so that a short read is the rule.
const INPUT_BYTES: usize = 64 * 1024;
/// The longest batch. Linux gives a fresh connection room for more, so that a send with nothing
/// under way is never short (tcp(7), `tcp_wmem`).
const BATCH_BYTES_MAX: usize = 16 * 1024;
/// Answers between two comparisons.
const ANSWERS_PER_CHECK: usize = 1000;
/// A server that is silent for this long has lost a request.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// What the server needs to fall asleep after its last answer; only then is its CPU time complete.
const SETTLE: Duration = Duration::from_millis(2);

/// Sends one request over and over, and reports as a line of JSON how many were answered.
#[derive(Parser)]
struct Options {
    /// Address of the server, such as 127.0.0.1:8080.
    address: SocketAddr,
    /// File with the bytes of one request.
    #[arg(long, default_value = "benches/requests/request-short.http")]
    request: PathBuf,
    /// The body that every answer must have.
    #[arg(long, default_value = "Hello, World!")]
    body: String,
    /// Connections, all open from the start.
    #[arg(long, default_value_t = 64)]
    connections: u16,
    /// Requests of one batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pipeline: u16,
    /// Seconds to measure.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds to run before that.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Send this many requests over one connection, without warm-up, instead of for some seconds.
    #[arg(long)]
    requests: Option<usize>,
    /// Process whose CPU time is to be divided by the requests.
    #[arg(long)]
    server_pid: Option<u32>,
}

/// When a phase stops to send.
#[derive(Clone, Copy)]
enum Goal {
    After(Duration),
    Requests(usize),
}

struct Connection {
    stream: TcpStream,
    /// Answers to the batch under way.
    answers: usize,
    /// Bytes of them that are still to come; 0 if there is no batch.
    owed: usize,
}

/// The client's side of all connections.
struct Client {
    connections: Slab<Connection>,
    exchange: Exchange,
    /// As many requests as a batch may have, one behind the other.
    batch: Vec<u8>,
    input: Vec<u8>,
    tally: Tally,
}

/// The figures of one phase.
#[derive(Default)]
struct Tally {
    /// Requests that may still be sent.
    to_send: usize,
    answered: usize,
    /// Connections that wait for answers.
    waiting: usize,
    /// Answers since the last comparison.
    unchecked: usize,
    /// Connections that failed; each is reported on stderr.
    errors: usize,
    wall: Duration,
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(report["errors"] != 0))
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<Value, Box<dyn Error>> {
    let mut first = StdStream::connect(options.address)?;
    let exchange = Exchange::learn(&mut first, fs::read(&options.request)?, &options.body)?;
    let mut poll = Poll::new()?;
    let mut client = Client::new(exchange, options.pipeline.into())?;
    client.add(first, &poll)?;
    // What the answer was learned from counts too: the server sees exactly as many as were asked
    // for.
    let learned = usize::from(options.requests.is_some());
    let goal = if let Some(requests) = options.requests {
        Goal::Requests(requests.saturating_sub(learned))
    } else {
        for _ in 1..options.connections {
            client.add(StdStream::connect(options.address)?, &poll)?;
        }
        let warmup = Goal::After(Duration::try_from_secs_f64(options.warmup)?);
        if client.phase(&mut poll, warmup)?.errors > 0 {
            return Err("the warm-up failed".into());
        }
        Goal::After(Duration::try_from_secs_f64(options.seconds)?)
    };
    let own_start = own_cpu();
    let server_start = options.server_pid.map(cpu_of).transpose()?;
    let mut tally = client.phase(&mut poll, goal)?;
    let own = own_cpu().saturating_sub(own_start);
    let server_end = options.server_pid.map(cpu_of).transpose()?;
    let server = server_end
        .zip(server_start)
        .map(|(end, start)| end.saturating_sub(start));
    tally.answered += learned;
    Ok(report(&tally, own, server))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a double counts to 9e15 without loss"
)]
fn report(tally: &Tally, own: Duration, server: Option<Duration>) -> Value {
    let requests = tally.answered as f64;
    json!({
        "requests": tally.answered,
        "seconds": tally.wall.as_secs_f64(),
        "requests_per_second": (requests / tally.wall.as_secs_f64()).round(),
        "errors": tally.errors,
        "busy": own.div_duration_f64(tally.wall),
        "server_busy": server.map(|cpu| cpu.div_duration_f64(tally.wall)),
        "server_cpu_ns_per_request": server.map(|cpu| cpu.as_secs_f64() * 1e9 / requests),
    })
}

impl Client {
    fn new(exchange: Exchange, pipeline: usize) -> Result<Self, Box<dyn Error>> {
        let batch = exchange.request.repeat(pipeline);
        if batch.len() > BATCH_BYTES_MAX {
            return Err(format!("a batch is longer than {BATCH_BYTES_MAX} bytes").into());
        }
        Ok(Self {
            connections: Slab::new(),
            exchange,
            batch,
            input: vec![0; INPUT_BYTES],
            tally: Tally::default(),
        })
    }

    fn add(&mut self, stream: StdStream, poll: &Poll) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let place = self.connections.vacant_entry();
        poll.registry()
            .register(&mut stream, Token(place.key()), Interest::READABLE)?;
        place.insert(Connection {
            stream,
            answers: 0,
            owed: 0,
        });
        Ok(())
    }

    /// Sends until the goal is reached, and waits for all answers.
    fn phase(&mut self, poll: &mut Poll, goal: Goal) -> io::Result<Tally> {
        self.tally.to_send = match goal {
            Goal::After(_) => usize::MAX,
            Goal::Requests(requests) => requests,
        };
        let start = Instant::now();
        for id in 0..self.connections.len() {
            self.carry(id, Self::send);
        }
        let mut events = Events::with_capacity(1024);
        while self.tally.waiting > 0 {
            poll.poll(&mut events, Some(SILENCE_MAX))?;
            if events.is_empty() {
                let lost = format!("{} connections wait in vain", self.tally.waiting);
                return Err(io::Error::new(ErrorKind::TimedOut, lost));
            }
            if matches!(goal, Goal::After(span) if start.elapsed() >= span) {
                self.tally.to_send = 0;
            }
            for event in &events {
                self.carry(event.token().0, Self::receive);
            }
        }
        self.tally.wall = start.elapsed();
        thread::sleep(SETTLE);
        Ok(std::mem::take(&mut self.tally))
    }

    /// Takes a step with a connection; one that fails is counted and given up.
    fn carry(&mut self, id: usize, step: impl Fn(&mut Self, usize) -> io::Result<()>) {
        if let Err(error) = step(self, id) {
            let connection = self.connections.remove(id);
            self.tally.waiting -= usize::from(connection.owed > 0);
            self.tally.errors += 1;
            eprintln!("load: connection {id}: {error}");
        }
    }

    /// Sends the next batch, if one may still be sent.
    fn send(&mut self, id: usize) -> io::Result<()> {
        let request_bytes = self.exchange.request.len();
        let requests = self.tally.to_send.min(self.batch.len() / request_bytes);
        if requests == 0 {
            return Ok(());
        }
        let connection = &mut self.connections[id];
        let batch = &self.batch[..requests * request_bytes];
        if connection.stream.write(batch)? < batch.len() {
            return Err(io::Error::other("no room for a batch to send"));
        }
        connection.answers = requests;
        connection.owed = requests * self.exchange.answer.len();
        self.tally.to_send -= requests;
        self.tally.waiting += 1;
        Ok(())
    }

    /// Counts what has come, until a short read tells that nothing is left.
    fn receive(&mut self, id: usize) -> io::Result<()> {
        let answer_bytes = self.exchange.answer.len();
        loop {
            let connection = &mut self.connections[id];
            let received = match connection.stream.read(&mut self.input) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let Some(owed) = connection.owed.checked_sub(received) else {
                return Err(io::Error::other("more bytes than the answers have"));
            };
            let from_the_start = connection.owed == connection.answers * answer_bytes;
            if from_the_start && self.tally.unchecked >= ANSWERS_PER_CHECK {
                self.exchange.compare(&self.input[..received])?;
                self.tally.unchecked = 0;
            }
            connection.owed = owed;
            if owed == 0 {
                self.tally.answered += connection.answers;
                self.tally.unchecked += connection.answers;
                self.tally.waiting -= 1;
                self.send(id)?;
            }
            if received < self.input.len() {
                return Ok(());
            }
        }
    }
}

/// CPU time of this process, up to this moment.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// CPU time of a process, over all of its threads: the first figure of each schedstat (proc(5)).
/// The kernel brings it up to date when a thread falls asleep; phases end with the server asleep.
fn cpu_of(process: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let figures = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = figures.split(' ').next().and_then(|ns| ns.parse().ok());
        sum += Duration::from_nanos(on_cpu.ok_or(ErrorKind::InvalidData)?);
    }
    Ok(sum)
}
