//! Servers taken apart from outside: how much the kernel has, and what a runtime does that has
//! threads and logs of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request costs a server on Node or the JVM, and by which threads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outside {
    /// The server's name.
    pub of: String,
    /// Name of the workload.
    pub workload: String,
    /// Seconds that were looked at, when it was warm.
    pub seconds: f64,
    /// Answers in them.
    pub requests: u64,
    /// CPU time by the names of threads.
    pub threads: Vec<ThreadTime>,
    /// Share of the CPU time in the kernel, 0 to 1: `None` where too few ticks were seen.
    pub system_share: Option<f64>,
    /// How far from it the true share may be (95 %).
    pub system_share_error: Option<f64>,
    /// What its collector of garbage did, as the runtime itself tells.
    pub collections: Option<Collections>,
    /// Whose code ran, of a run of its own under the runtime's sampler.
    #[serde(default)]
    pub code: Vec<CodeShare>,
}

impl Outside {
    /// Nanoseconds of CPU time for a request, of all threads of a kind.
    pub fn ns_of(&self, work: Work) -> f64 {
        let threads = self.threads.iter().filter(|thread| thread.work == work);
        threads.map(|thread| thread.ns).sum()
    }

    /// The same of all threads.
    pub fn ns(&self) -> f64 {
        self.threads.iter().map(|thread| thread.ns).sum()
    }
}

/// How much of a server's CPU time the kernel has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelShare {
    /// The server's name.
    pub of: String,
    /// Name of the workload.
    pub workload: String,
    /// CPU time that was looked at, in seconds.
    pub cpu_seconds: f64,
    /// Share of it in the kernel, 0 to 1: `None` where too few ticks were seen.
    pub share: Option<f64>,
    /// How far from it the true share may be (95 %).
    pub error: Option<f64>,
}

/// CPU time of the threads of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadTime {
    /// As the runtime calls them, without the number at its end.
    pub name: String,
    /// What they are there for.
    pub work: Work,
    /// How many there are.
    pub threads: u64,
    /// Nanoseconds of CPU time for a request, all of them together.
    pub ns: f64,
}

/// What a thread of a runtime is there for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// It runs the program: connections, requests, handlers. Node's collector stops it, and works
    /// on it.
    #[default]
    Serves,
    /// It compiles the program while that runs.
    Compiles,
    /// It looks for memory that nobody needs.
    Collects,
    /// A worker of V8: it does either of the two, and does not say which.
    CompilesOrCollects,
    /// Timers, signals, references, the pool for files.
    Other,
}

impl Work {
    /// In words, as in "a thread that ...".
    pub fn words(self) -> &'static str {
        match self {
            Self::Serves => "serves",
            Self::Compiles => "compiles",
            Self::Collects => "collects garbage",
            Self::CompilesOrCollects => "compiles or collects",
            Self::Other => "other",
        }
    }
}

/// Collections of garbage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Collections {
    /// How many.
    pub count: u64,
    /// Seconds in which they stopped the program.
    pub paused_seconds: f64,
}

/// Whose code ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CodeShare {
    /// A package, a file of the runtime, or a word in parentheses for what is neither.
    pub name: String,
    /// Share of the samples, 0 to 1.
    pub share: f64,
    /// How far from it the true share may be (95 %), by the number of samples.
    pub error: f64,
}
