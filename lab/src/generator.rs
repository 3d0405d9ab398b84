//! The load generator: sends requests to a server, checks what comes back, and costs less than the
//! server does, so that the server is what is measured.
//!
//! Its core is a crate of its own, [`barewire_load`], which `barewire demo` shares. Here are the
//! options, the run (learn, warm up, measure), and what was found.
//!
//! The invariant: a phase begins and ends with nothing under way, and the server's CPU time is read
//! when it has fallen asleep; so requests and CPU time belong together exactly. Every run ends: no
//! answer is waited for longer than the silence limit. Absent on purpose: chunked answers, TLS,
//! bodies of requests other than in `--request`, and a mean of latencies as a headline.

mod options;

mod outcome;

pub mod lane;

use std::time::{Duration, Instant};
use std::{io, panic, thread};

use anyhow::{Context, Result, bail};
use barewire_load::{Arrivals, Client, Fault, Goal, Manner, OpenLoop, Tally, clients};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Exit;
use crate::process::Usage;

pub use options::Options;
pub use outcome::{Outcome, Pace};

/// What the server needs to fall asleep after its last answer; only then is its CPU time complete.
const SETTLE: Duration = Duration::from_millis(2);
/// The open loop's first request is due so long after the threads were started, for that takes
/// time.
const LEAD: Duration = Duration::from_millis(2);

/// Runs it, and prints what was found; [`Exit::Failure`] if any request failed.
///
/// # Errors
///
/// As [`measure`].
pub fn run(options: &Options) -> Result<Exit> {
    let outcome = measure(options)?;
    if options.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        println!("{outcome}");
    }
    match outcome.errors {
        0 => Ok(Exit::Success),
        _ => Ok(Exit::Failure),
    }
}

/// Sends the load. What the server does wrong is in the outcome.
///
/// # Errors
///
/// If the options contradict each other, or a file or the server's process cannot be read.
pub fn measure(options: &Options) -> Result<Outcome> {
    let pace = options.rate.map_or(Pace::ClosedLoop, |_| Pace::OpenLoop);
    let load = Load::new(options)?;
    let mut tally = Tally::default();
    let (requests, body) = (&load.requests, options.body.as_deref());
    let clients = clients(load.manner, requests, body, load.threads, load.connections);
    let mut clients = match clients {
        Ok(clients) => clients,
        Err(error) => {
            tally.fail(&error.downcast::<Fault>()?);
            return Ok(Outcome::new(&tally, pace, None));
        }
    };
    if options.requests.is_none() && options.warmup > 0.0 {
        tally.add_errors(&load.phase(&mut clients, options.warmup)?);
    }
    let usage = || options.server_pid.map(Usage::of).transpose();
    let start = usage()?;
    tally.join(load.phase(&mut clients, options.seconds)?);
    let end = usage()?;
    tally.answered += options.requests.map_or(0, |_| load.learned);
    Ok(Outcome::new(&tally, pace, start.zip(end).as_ref()))
}

/// What is sent, and how.
struct Load<'a> {
    options: &'a Options,
    manner: Manner,
    /// Requests with their weights.
    requests: Vec<(Vec<u8>, usize)>,
    /// How many of them were sent to learn their answers: all or none.
    learned: usize,
    connections: usize,
    threads: usize,
}

impl<'a> Load<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        let counted = options.requests.is_some();
        let connections = if counted { 1 } else { options.connections };
        let threads = if counted { 1 } else { options.threads };
        if threads > connections {
            bail!("{threads} threads have nothing to do with {connections} connections");
        }
        if options.rate.is_some() && options.pipeline > 1 {
            bail!("requests at a fixed rate are sent one by one, without --pipeline");
        }
        if options.cores.iter().any(|core| *core >= CpuSet::MAX_CPU) {
            bail!("cores are numbered below {}", CpuSet::MAX_CPU);
        }
        let requests = options::requests(options)?;
        Ok(Self {
            manner: Manner {
                address: options.address,
                pipeline: options.pipeline.into(),
                pieces: false,
                reconnect: options.reconnect,
                varying: options.varying,
                timed: options.latency || options.rate.is_some(),
                read_every: 1,
                spin: false,
                silence: Duration::try_from_secs_f64(options.silence)?,
            },
            learned: if options.varying { 0 } else { requests.len() },
            requests,
            connections: connections.into(),
            threads: threads.into(),
            options,
        })
    }

    /// Runs all threads until nothing is under way, and lets the server fall asleep.
    fn phase(&self, clients: &mut [Client], seconds: f64) -> Result<Tally> {
        let lead = self.options.rate.map_or(Duration::ZERO, |_| LEAD);
        let when = (Instant::now() + lead, Duration::try_from_secs_f64(seconds)?);
        let mut tally = Tally::default();
        thread::scope(|scope| {
            let part = |(number, client)| scope.spawn(move || self.part(number, client, when));
            let started: Vec<_> = clients.iter_mut().enumerate().map(part).collect();
            for thread in started {
                tally.join(joined(thread.join()).context("cannot poll")?);
            }
            anyhow::Ok(())
        })?;
        thread::sleep(SETTLE);
        Ok(tally)
    }

    /// One thread's part of a phase, of which start and length are given.
    fn part(&self, thread: usize, client: &mut Client, when: (Instant, Duration)) -> Result<Tally> {
        let (start, span) = when;
        let cores = &self.options.cores;
        if !cores.is_empty() {
            stay_on_core(cores[thread % cores.len()])?;
        }
        let pace = match (self.options.rate, self.options.requests) {
            (Some(rate), _) => Drive::Open(Arrivals {
                rate,
                threads: self.threads,
                thread,
                span,
            }),
            (None, Some(asked)) => {
                Drive::Closed(Goal::Requests(asked.saturating_sub(self.learned)))
            }
            (None, None) => Drive::Closed(Goal::After(span)),
        };
        Ok(pace.run(client, start)?)
    }
}

/// How a client is driven, by one thread.
#[derive(Clone, Copy)]
pub(crate) enum Drive<'a> {
    /// Each connection asks again when it was answered.
    Closed(Goal<'a>),
    /// Requests are due at a fixed rate.
    Open(Arrivals),
}

impl Drive<'_> {
    /// So many requests in a second, of one thread.
    pub(crate) fn at(rate: f64, span: Duration) -> Self {
        let (threads, thread) = (1, 0);
        Self::Open(Arrivals {
            rate,
            threads,
            thread,
            span,
        })
    }

    /// One phase of it: what was answered, and the time and the CPU time that it took.
    pub(crate) fn run(self, client: &mut Client, start: Instant) -> io::Result<Tally> {
        let before = own_cpu();
        match self {
            Self::Closed(goal) => client.closed_loop(start, goal)?,
            Self::Open(arrivals) => OpenLoop::new(client, arrivals, start)?.run()?,
        }
        let mut tally = client.take_tally();
        tally.wall = start.elapsed();
        tally.cpu = own_cpu().saturating_sub(before);
        tally.busiest = tally.cpu;
        Ok(tally)
    }
}

/// What a thread has made; a panic of it goes on here.
pub(crate) fn joined<T>(ended: thread::Result<T>) -> T {
    ended.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// Keeps this thread, and whatever it starts, on one core; returns the cores that it could use.
///
/// # Errors
///
/// As sched_setaffinity(2).
pub fn stay_on_core(core: usize) -> Result<CpuSet> {
    let free = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one)?;
    Ok(free)
}

/// Lets this thread use these cores again.
///
/// # Errors
///
/// As sched_setaffinity(2).
pub fn leave_core(free: CpuSet) -> Result<()> {
    Ok(sched_setaffinity(None, &free)?)
}

/// CPU time of this thread, up to this moment.
fn own_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
