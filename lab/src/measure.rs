//! One block: a fresh server, some seconds of a workload, and what both sides used.

use anyhow::Result;

use crate::process::Subject;
use crate::results::Block;
use crate::workload::Workload;

/// How a block is made; the same for all of an experiment.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seconds before anything counts.
    pub warmup_seconds: f64,
    /// Seconds that count.
    pub seconds: f64,
    /// Workers of the server.
    pub workers: usize,
    /// Cores of the server; all if empty.
    pub server_cores: Vec<usize>,
    /// Cores of the generator; all if empty.
    pub generator_cores: Vec<usize>,
    /// Threads of the generator.
    pub generator_threads: u16,
}

impl Plan {
    /// One worker on the first core and one generator thread on the second, or both on the only one;
    /// a second of warm-up.
    pub fn of_two_cores(seconds: f64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            warmup_seconds: 1.0,
            seconds,
            workers: 1,
            server_cores: vec![0],
            generator_cores: vec![usize::from(cores > 1)],
            generator_threads: 1,
        }
    }
}

/// Measures one block: the generator is a process of its own (this program's `load`), on its own
/// core. `comparison`, `round` and `at_seconds` are left for the caller to fill in. Fails if the
/// server does not start; errors of single requests are counted in the block.
pub fn block(subject: &Subject, workload: &Workload, plan: &Plan) -> Result<Block> {
    let _ = (subject, workload, plan);
    todo!()
}
