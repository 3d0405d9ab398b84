//! The connections of a workload to one server, driven turn by turn.
//!
//! The invariant: a turn begins and ends with nothing under way. Between turns the connections stay
//! open and say nothing, so that servers can take turns without any of them starting anew.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use barewire_load::{Client, Goal, Manner, Tally, clients, script};

use super::{Drive, joined};
use crate::machine;
use crate::workload::Workload;

/// The Host field of every request, whatever the port is, so that all have the same length: the
/// canned loop of level 0 counts bytes.
const HOST: &str = "127.0.0.1";
/// How long an answer may take: a virtual machine's first one takes seconds.
const SILENCE: Duration = Duration::from_secs(10);
/// Requests of a neighbour in a second.
const NEIGHBOUR_RATE: f64 = 1000.0;

/// How long a turn is.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// At least so long.
    pub time: Duration,
    /// And until so many requests were answered for each connection.
    pub each: usize,
    /// But not longer than this.
    pub most: Duration,
}

/// The connections of a workload.
pub struct Lane {
    client: Client,
    neighbour: Option<Client>,
    /// Open, and silent.
    silent: Vec<TcpStream>,
    workload: Workload,
    /// Requests per second that are sent come what may.
    rate: Option<f64>,
}

impl Lane {
    /// Opens them, and learns what the answers must be.
    ///
    /// # Errors
    ///
    /// If the server does not accept, or answers something else than the workload says.
    pub fn open(address: SocketAddr, workload: &Workload, is_timed: bool) -> Result<Self> {
        let client = client(address, workload, is_timed && !workload.neighbour)?;
        // Several connections, so that one answer that is late delays no other request.
        let several = || Workload {
            connections: 16,
            ..Workload::single()
        };
        let neighbour = workload.neighbour.then(several);
        let neighbour = neighbour.map(|several| self::client(address, &several, true));
        let idle = (0..workload.idle).map(|_| TcpStream::connect(address));
        Ok(Self {
            client,
            neighbour: neighbour.transpose()?,
            silent: idle
                .collect::<io::Result<_>>()
                .context("idle connections")?,
            workload: workload.clone(),
            rate: None,
        })
    }

    /// How many connections ask.
    pub fn connections(&self) -> u16 {
        self.workload.connections
    }

    /// From now on so many requests are sent in a second.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = Some(rate);
    }

    /// One turn.
    ///
    /// # Errors
    ///
    /// If a request fails.
    pub fn turn(&mut self, span: Span) -> Result<Tally> {
        for client in self.neighbour.iter_mut().chain([&mut self.client]) {
            client.renew()?;
        }
        let start = Instant::now();
        let mut tally = match (&mut self.neighbour, self.rate) {
            (Some(neighbour), _) => beside(&mut self.client, neighbour, span.time)?,
            (None, Some(rate)) => Drive::at(rate, span.time).run(&mut self.client, start)?,
            (None, None) => self.closed(span)?,
        };
        tally.wall = start.elapsed();
        no_failures(&tally)?;
        Ok(tally)
    }

    fn closed(&mut self, span: Span) -> Result<Tally> {
        let start = Instant::now();
        let least = span.each * usize::from(self.workload.connections);
        let closed = Drive::Closed(Goal::After(span.time));
        let mut tally = closed.run(&mut self.client, start)?;
        while tally.answered < least && start.elapsed() < span.most {
            tally.join(closed.run(&mut self.client, Instant::now())?);
        }
        Ok(tally)
    }
}

/// A load that goes on until it is ended, on a thread of its own.
pub struct Background {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Tally>>,
    /// Open, and silent.
    _silent: Vec<TcpStream>,
}

impl Background {
    /// Begins, on the generator's core.
    ///
    /// # Errors
    ///
    /// As [`Lane::open`].
    pub fn start(address: SocketAddr, workload: &Workload) -> Result<Self> {
        let lane = Lane::open(address, workload, false)?;
        let ends = Arc::<AtomicBool>::default();
        let until = Arc::clone(&ends);
        let mut client = lane.client;
        let thread = thread::spawn(move || {
            Drive::Closed(Goal::Until(&until)).run(&mut client, Instant::now())
        });
        Ok(Self {
            ends,
            thread,
            _silent: lane.silent,
        })
    }

    /// Ends, when all that is under way is answered.
    ///
    /// # Errors
    ///
    /// If a request failed.
    pub fn end(self) -> Result<()> {
        self.ends.store(true, Relaxed);
        no_failures(&joined(self.thread.join())?)
    }
}

fn no_failures(tally: &Tally) -> Result<()> {
    match tally.errors.iter().next() {
        Some((kind, failures)) => bail!("{failures} requests failed: {kind}"),
        None => Ok(()),
    }
}

/// The load, and a neighbour whose latency is what the tally tells.
fn beside(client: &mut Client, neighbour: &mut Client, span: Duration) -> io::Result<Tally> {
    thread::scope(|scope| {
        let load = || Drive::Closed(Goal::After(span)).run(client, Instant::now());
        let load = scope.spawn(load);
        let mut tally = Drive::at(NEIGHBOUR_RATE, span).run(neighbour, Instant::now())?;
        let loaded = joined(load.join())?;
        tally.join(Tally {
            latency: None,
            ..loaded
        });
        Ok(tally)
    })
}

/// The connections, open, with what is sent and what must come.
pub(crate) fn client(address: SocketAddr, workload: &Workload, is_timed: bool) -> Result<Client> {
    let manner = Manner {
        address,
        pipeline: workload.pipeline.into(),
        pieces: workload.pieces,
        reconnect: workload.reconnect,
        varying: workload.body.is_none(),
        timed: is_timed,
        read_every: workload.read_every.into(),
        spin: machine::cores() > workload.workers(),
        silence: SILENCE,
    };
    let requests: Vec<(Vec<u8>, usize)> = requests(workload).map(|request| (request, 1)).collect();
    let connections = workload.connections.into();
    let mut clients = clients(manner, &requests, workload.body.as_deref(), 1, connections)?;
    clients.pop().context("one thread has one client")
}

/// What is sent.
fn requests(workload: &Workload) -> impl Iterator<Item = Vec<u8>> {
    let paths = workload.paths.iter();
    paths.map(|path| match &workload.upload {
        Some(body) => script::upload_for(path, HOST, body),
        None => script::request_with(path, HOST, workload.reconnect, &workload.fields),
    })
}

/// The bytes of one request of a workload.
pub fn request_bytes(workload: &Workload) -> usize {
    requests(workload)
        .map(|request| request.len())
        .max()
        .unwrap_or(0)
}
