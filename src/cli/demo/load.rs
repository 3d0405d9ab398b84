//! The load of the demonstration: a closed loop on a thread of its own, on the other core.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use barewire_load::{Client, Expected, Goal, Manner, Script, Tally};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

use crate::shortage::start_thread;

/// Answers that are read together: a generator that reads each costs as much as the server, and
/// does not keep it busy.
const READ_EVERY: usize = 16;
/// How long an answer may take.
const SILENCE: Duration = Duration::from_secs(5);

/// What is asked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Workload {
    /// `/plaintext`, 64 connections, one request at a time.
    KeepAlive,
    /// `/plaintext`, 16 connections, 16 requests at a time.
    Pipelined,
    /// `/json`, 64 connections, one request at a time.
    Json,
}

impl Workload {
    pub(super) const ALL: [Self; 3] = [Self::KeepAlive, Self::Pipelined, Self::Json];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::Pipelined => "x16",
            Self::Json => "/json",
        }
    }

    /// Path, connections, and requests at a time.
    fn parts(self) -> (&'static str, usize, usize) {
        match self {
            Self::KeepAlive => ("/plaintext", 64, 1),
            Self::Pipelined => ("/plaintext", 16, 16),
            Self::Json => ("/json", 64, 1),
        }
    }
}

/// A load that goes on until it is ended.
pub(super) struct Load {
    pub(super) workload: Workload,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Result<Tally, String>>,
}

impl Load {
    /// Begins. The generator has the last core for itself, if there are two.
    pub(super) fn on(address: SocketAddr, workload: Workload) -> Result<Self, String> {
        let mut client = client(address, workload)?;
        let ends = Arc::<AtomicBool>::default();
        let until = Arc::clone(&ends);
        let thread = start_thread("load", move || {
            take_core(&cores());
            let looped = client.closed_loop(Instant::now(), Goal::Until(&until));
            looped.map_err(|error| error.to_string())?;
            Ok(client.take_tally())
        });
        Ok(Self {
            workload,
            ends,
            thread: thread.map_err(|error| error.to_string())?,
        })
    }

    /// Ends, when all that is under way is answered.
    pub(super) fn end(self) -> Result<(), String> {
        self.ends.store(true, Relaxed);
        let ended = self.thread.join();
        let tally = ended.map_err(|_| "the generator failed".to_owned())??;
        match tally.errors.iter().next() {
            Some((kind, count)) => Err(format!("{count} requests failed: {kind}")),
            None => Ok(()),
        }
    }
}

/// The connections of a workload.
pub(super) fn client(address: SocketAddr, workload: Workload) -> Result<Client, String> {
    let (path, connections, pipeline) = workload.parts();
    let manner = Manner {
        address,
        pipeline,
        pieces: false,
        reconnect: false,
        varying: false,
        timed: false,
        // Pipelined answers may come in pieces, each with an event of its own.
        read_every: if pipeline == 1 { READ_EVERY } else { 1 },
        spin: cores().len() > 1,
        silence: SILENCE,
    };
    let request = barewire_load::script::request_for(path, &address.to_string(), false);
    let mut stream = manner.connect().map_err(|fault| fault.to_string())?;
    let expected = Expected::learn(&mut stream, &request, None, SILENCE);
    let expected = vec![expected.map_err(|error| error.to_string())?];
    let script = Script::new(&[(request, 1)], expected, pipeline);
    let script = script.map_err(|error| error.to_string())?;
    let mut client = Client::new(manner, script).map_err(|error| error.to_string())?;
    (0..connections).for_each(|_| client.join(None));
    Ok(client)
}

/// The cores that this process may use (sched_getaffinity(2)).
pub(super) fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(None);
    let allowed = allowed.iter();
    let all = allowed.flat_map(|set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)));
    all.collect()
}

/// Keeps the calling thread on the last of several cores. One that cannot be kept there measures as
/// well, only less quietly.
pub(super) fn take_core(cores: &[usize]) {
    if let [_, .., last] = cores {
        let mut set = CpuSet::new();
        set.set(*last);
        let _ = sched_setaffinity(None, &set);
    }
}
