//! A server under test: how it is started, asked for its address, looked at and ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is measured, and how it is started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// As in tables: `full`, `without slab`, `L0`, `axum`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments; `{port}` and `{workers}` are filled in at start.
    pub arguments: Vec<String>,
    /// Variables of its environment, filled in likewise.
    pub environment: BTreeMap<String, String>,
    /// Where it is started; `None`: here.
    pub directory: Option<PathBuf>,
    /// Whether it takes port 0 and prints `listening on http://HOST:PORT`, as barewire and the canned
    /// loops do. Otherwise a free port is chosen, and it has started once it answers.
    pub announces: bool,
}

/// A started server; ended when it is dropped.
#[derive(Debug)]
pub struct Running {}

/// What a process and its descendants used.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// CPU time of each thread by (process, thread), from schedstat.
    pub threads: BTreeMap<(i32, i32), Duration>,
    /// Resident memory of all, in bytes.
    pub resident_bytes: u64,
}

impl Running {
    /// Starts it with so many workers, on these cores (all if empty), and waits until it accepts.
    pub fn start(subject: &Subject, workers: usize, cores: &[usize]) -> Result<Self> {
        let _ = (subject, workers, cores);
        todo!()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        todo!()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        todo!()
    }

    /// SIGTERM, then a wait of some seconds, then SIGKILL; an error tells of an exit code that is
    /// not 0 (or, for who cannot do better, death by that SIGTERM).
    pub fn stop(self) -> Result<()> {
        todo!()
    }
}

impl Usage {
    /// Of a process and its descendants, now.
    pub fn of(pid: u32) -> Result<Self> {
        let _ = pid;
        todo!()
    }

    /// CPU time of all threads together since `earlier`.
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        let _ = earlier;
        todo!()
    }

    /// CPU time of the busiest thread since `earlier`.
    pub fn busiest_since(&self, earlier: &Self) -> Duration {
        let _ = earlier;
        todo!()
    }
}
