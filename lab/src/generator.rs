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

use std::net::TcpStream;
use std::time::{Duration, Instant};
use std::{io, panic, thread};

use anyhow::{Context, Result, ensure};
use barewire_load::{Arrivals, Client, Expected, Fault, Goal, Manner, OpenLoop, Script, Tally};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Exit;
use crate::process::Usage;

use outcome::{ServerUsage, outcome};

pub use barewire_load::Weighted;
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
    Ok(if outcome.errors == 0 {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// Sends the load. What the server does wrong is in the outcome.
///
/// # Errors
///
/// If the options contradict each other, or a file or the server's process cannot be read.
pub fn measure(options: &Options) -> Result<Outcome> {
    let plan = Plan::new(options)?;
    let mut failed = Tally::default();
    match plan.prepare() {
        Ok(mut clients) => plan.measure(&mut clients),
        Err(error) => {
            failed.fail(&error.downcast::<Fault>()?);
            Ok(outcome(&failed, plan.pace(), None))
        }
    }
}

/// The options, resolved.
struct Plan {
    manner: Manner,
    /// Requests with their weights.
    requests: Vec<(Vec<u8>, usize)>,
    /// How many requests are sent to learn their answers.
    learned: usize,
    body: Option<String>,
    connections: usize,
    threads: usize,
    cores: Vec<usize>,
    rate: Option<f64>,
    warmup: Duration,
    span: Duration,
    /// Requests, if they are counted; without those that the answers are learned from.
    limit: Option<usize>,
    server_pid: Option<u32>,
}

impl Plan {
    fn new(options: &Options) -> Result<Self> {
        let counted = options.requests.is_some();
        let connections = if counted { 1 } else { options.connections };
        let threads = if counted { 1 } else { options.threads };
        ensure!(
            threads <= connections,
            "{threads} threads have nothing to do with {connections} connections"
        );
        ensure!(
            options.rate.is_none() || options.pipeline == 1,
            "requests at a fixed rate are sent one by one, without --pipeline"
        );
        let widest = CpuSet::MAX_CPU;
        ensure!(
            options.cores.iter().all(|core| *core < widest),
            "cores are numbered below {widest}"
        );
        let requests = options::requests(options)?;
        let learned = if options.varying { 0 } else { requests.len() };
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
            requests,
            learned,
            body: options.body.clone(),
            connections: connections.into(),
            threads: threads.into(),
            cores: options.cores.clone(),
            rate: options.rate,
            warmup: Duration::try_from_secs_f64(options.warmup)?,
            span: Duration::try_from_secs_f64(options.seconds)?,
            limit: options.requests.map(|asked| asked.saturating_sub(learned)),
            server_pid: options.server_pid,
        })
    }

    fn pace(&self) -> Pace {
        self.rate.map_or(Pace::ClosedLoop, |_| Pace::OpenLoop)
    }

    /// Learns the answers, and opens the connections of all threads.
    fn prepare(&self) -> Result<Vec<Client>> {
        let (expected, mut stream) = self.learn()?;
        let script = Script::new(&self.requests, expected, self.manner.pipeline)?;
        let mut clients = Vec::new();
        for thread in 0..self.threads {
            #[expect(clippy::cast_precision_loss, reason = "threads are few")]
            let share = thread as f64 / self.threads as f64;
            let mut client = Client::new(self.manner, script.clone().begun_at(share))?;
            for _ in (thread..self.connections).step_by(self.threads) {
                client.join(stream.take());
            }
            clients.push(client);
        }
        Ok(clients)
    }

    /// Asks for everything once, over one connection where connections are kept, which is handed
    /// on.
    fn learn(&self) -> Result<(Vec<Expected>, Option<TcpStream>)> {
        let body = self.body.as_deref();
        let mut kept = None;
        let mut expected = Vec::new();
        for (request, _) in &self.requests {
            if self.manner.varying {
                expected.push(Expected::varying(body));
                continue;
            }
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => self.manner.connect()?,
            };
            let patience = self.manner.silence;
            expected.push(Expected::learn(&mut stream, request, body, patience)?);
            kept = Some(stream).filter(|_| !self.manner.reconnect);
        }
        Ok((expected, kept))
    }

    /// Warms up, and measures.
    fn measure(&self, clients: &mut [Client]) -> Result<Outcome> {
        let mut before = Tally::default();
        if self.limit.is_none() && !self.warmup.is_zero() {
            before = self.phase(clients, self.warmup)?;
        }
        let start = self.server_usage()?;
        let mut tally = self.phase(clients, self.span)?;
        let end = self.server_usage()?;
        tally.add_errors(&before);
        if self.limit.is_some() {
            tally.answered += self.learned;
        }
        let server = end.zip(start).map(|(end, start)| ServerUsage {
            cpu: end.cpu_since(&start),
            busiest: end.busiest_since(&start),
            resident_bytes: end.resident_bytes,
        });
        Ok(outcome(&tally, self.pace(), server))
    }

    fn server_usage(&self) -> Result<Option<Usage>> {
        self.server_pid.map(Usage::of).transpose()
    }

    /// Runs all threads until nothing is under way, and lets the server fall asleep.
    fn phase(&self, clients: &mut [Client], span: Duration) -> Result<Tally> {
        let start = Instant::now() + self.rate.map_or(Duration::ZERO, |_| LEAD);
        let ended: Vec<io::Result<Tally>> = thread::scope(|scope| {
            let started: Vec<_> = clients
                .iter_mut()
                .enumerate()
                .map(|(thread, client)| scope.spawn(move || self.part(thread, client, start, span)))
                .collect();
            let joined = started.into_iter().map(thread::ScopedJoinHandle::join);
            joined
                .map(|part| part.unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
                .collect()
        });
        thread::sleep(SETTLE);
        let mut tally = Tally::default();
        for part in ended {
            tally.join(part.context("cannot poll")?);
        }
        Ok(tally)
    }

    /// One thread's part of a phase.
    fn part(
        &self,
        thread: usize,
        client: &mut Client,
        start: Instant,
        span: Duration,
    ) -> io::Result<Tally> {
        if let Some(core) = self.cores.get(thread % self.cores.len().max(1)) {
            let mut cores = CpuSet::new();
            cores.set(*core);
            sched_setaffinity(None, &cores)?;
        }
        let cpu_before = own_cpu();
        if let Some(rate) = self.rate {
            let arrivals = Arrivals {
                rate,
                threads: self.threads,
                thread,
                span,
            };
            OpenLoop::new(client, arrivals, start)?.run()?;
        } else {
            let goal = match self.limit {
                Some(requests) => Goal::Requests(requests),
                None => Goal::After(span),
            };
            client.closed_loop(start, goal)?;
        }
        let mut tally = client.take_tally();
        tally.wall = start.elapsed();
        tally.cpu = own_cpu().saturating_sub(cpu_before);
        tally.busiest = tally.cpu;
        Ok(tally)
    }
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
pub(crate) fn own_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
