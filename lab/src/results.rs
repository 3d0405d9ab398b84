//! The result file: everything that an experiment saw, so that every table, chart and verdict can
//! be made from it later, and checked by whoever distrusts it.
//!
//! One JSON file for each run of an experiment. Raw blocks stand beside what was concluded from
//! them. Units are in the names; `null` is "not measured", and never 0. The schema is
//! `docs/results/schema.json`, made from these types (`barewire-lab report --schema`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::process::Subject;
use crate::statistics::{Estimate, Verdict};
use crate::workload::Workload;

mod store;

/// Version of the format; a reader refuses any other.
pub const FORMAT: u32 = 1;

/// One run of an experiment.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// Where and with what.
    pub environment: Environment,
    /// The command that made this file, word by word.
    pub command: Vec<String>,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// Seconds that it took, of all its sittings.
    pub seconds: f64,
    /// Who was measured, by name.
    pub subjects: BTreeMap<String, Subject>,
    /// What was asked of them, by name.
    pub workloads: BTreeMap<String, Workload>,
    /// Every block, in the order of time, dropped ones included.
    pub blocks: Vec<Block>,
    /// What a request costs by accounts and callgrind, by subject and workload.
    pub counters: Vec<Counters>,
    /// Comparisons of two subjects, from the blocks.
    pub rows: Vec<Row>,
    /// The ladders from naive to full, if there are any.
    pub ladders: Vec<Ladder>,
    /// Latencies at fixed rates.
    pub latencies: Vec<Latency>,
    /// Subjects that could not be measured, and why.
    pub missing: BTreeMap<String, String>,
    /// What the guard objects to; nothing is a headline while an objection stands against it.
    pub objections: Vec<Objection>,
    /// The article's sentences, if the experiment was about them.
    pub ledger: Vec<Sentence>,
    /// Flame graphs, as whole SVG documents.
    pub flames: Vec<Flame>,
}

impl Results {
    /// Empty results of an experiment that begins now, here, with this command line.
    pub fn new() -> Self {
        Self {
            format: FORMAT,
            environment: crate::environment::read(),
            command: std::env::args().collect(),
            started_at: jiff::Timestamp::now().to_string(),
            ..Self::default()
        }
    }
}

/// Some seconds of one workload on one fresh process.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Name of the subject.
    pub subject: String,
    /// Name of the workload.
    pub workload: String,
    /// The comparison that it was made for: blocks of the same one and round are a pair.
    pub comparison: String,
    /// Counts the pairs of a comparison, from 0.
    pub round: u32,
    /// Seconds since the experiment began.
    pub at_seconds: f64,
    /// Seconds measured.
    pub seconds: f64,
    /// Answers in them.
    pub requests: u64,
    /// Answers in a second.
    pub requests_per_second: f64,
    /// Server CPU time, user and system together (schedstat), for one request.
    pub server_cpu_ns_per_request: Option<f64>,
    /// Share of the time that the server's busiest thread was on a core, 0 to 1.
    pub server_busy: Option<f64>,
    /// The same of the generator's busiest thread.
    pub generator_busy: f64,
    /// Generator CPU time for one request.
    pub generator_cpu_ns_per_request: f64,
    /// Share of all cores' time that the hypervisor took away, 0 to 1.
    pub steal: f64,
    /// Resident memory of the server at the end, in bytes, children included.
    pub resident_bytes: Option<u64>,
    /// What went wrong, by kind (`connect`, `reset`, `silence`, `status`, `body`, `length`); empty
    /// if nothing did.
    pub errors: BTreeMap<String, u64>,
    /// Closed-loop latency, from send to answer; `None` where it was not timed.
    pub latency: Option<Percentiles>,
    /// Why this block counts for nothing; `None` if it counts.
    pub dropped: Option<String>,
}

/// Latency in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// How many were timed.
    pub count: u64,
    /// Arithmetic mean: only for Little's law.
    pub mean_us: f64,
    /// Half were not slower.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// The curve: (percentile 0 to 100, microseconds), ascending.
    pub curve: Vec<(f64, f64)>,
}

/// What one request costs, in counts. Each is for one request.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Name of the subject.
    pub subject: String,
    /// Name of the workload.
    pub workload: String,
    /// System calls by name, of a request.
    pub system_calls: BTreeMap<String, f64>,
    /// Where the system calls are from: `accounts` or `strace`.
    pub source: String,
    /// Calls that returned EAGAIN.
    pub eagains: Option<f64>,
    /// Entries set in the heap of timers.
    pub timers_set: Option<f64>,
    /// Bytes copied in user space, as the accounts count them.
    pub bytes_copied: Option<f64>,
    /// Allocations.
    pub allocations: Option<f64>,
    /// Instructions in user space, by callgrind; `None` if valgrind is missing or cannot run it.
    pub instructions: Option<f64>,
}

/// A comparison: CPU time (or another figure) of `subject` divided by that of `base`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// As in the blocks.
    pub comparison: String,
    /// What the comparison is about: a technique's name, a rival's.
    pub about: String,
    /// Its kind.
    pub kind: RowKind,
    /// Name of the workload.
    pub workload: String,
    /// Name of the subject above the line.
    pub subject: String,
    /// Name of the subject below the line.
    pub base: String,
    /// Ratio of CPU times for a request, pair by pair.
    pub cpu: Option<Estimate>,
    /// What the interval says of it.
    pub verdict: Verdict,
    /// Ratio of requests per second, pair by pair; only a server's if it was the bottleneck.
    pub rate: Option<Estimate>,
    /// Ratio of instructions, where both were counted.
    pub instructions: Option<f64>,
}

/// What a row compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// The same against itself: the floor of the noise.
    Control,
    /// The full server without one technique, against the full server.
    LeaveOut,
    /// The naive server with one technique, against the naive server.
    AddOne,
    /// The naive server against the full one.
    Naive,
    /// A rival, or a limit, against the server.
    Rival,
    /// The server against a canned loop.
    Limit,
}

/// From the naive server to the full one, a technique a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    /// `fixed`, or `random-1` ...
    pub order: String,
    /// Name of the workload.
    pub workload: String,
    /// The unit of the steps: `instructions` or `cpu_ns`, for one request.
    pub unit: String,
    /// The cost of the naive server.
    pub naive: f64,
    /// After adding each technique, in order.
    pub steps: Vec<Step>,
}

/// One rung.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The technique that was added.
    pub technique: String,
    /// The cost with it and all before it.
    pub cost: f64,
    /// 95 % interval of the cost, where it was timed.
    pub interval: Option<(f64, f64)>,
}

/// Latency at a fixed rate of requests (open loop), from the intended time of sending.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Name of the subject.
    pub subject: String,
    /// Name of the workload.
    pub workload: String,
    /// Share of the saturation rate, 0 to 1.
    pub share: f64,
    /// Requests per second that were intended.
    pub rate: f64,
    /// Requests per second that were answered.
    pub answered_per_second: f64,
    /// What was seen.
    pub percentiles: Percentiles,
}

/// Share of the intended rate that must be answered: below it requests pile up, and how long each
/// waits only says how long the measuring went on.
const RATE_HELD: f64 = 0.99;

impl Latency {
    /// Whether the server has kept up with the rate.
    pub fn is_held(&self) -> bool {
        self.answered_per_second >= RATE_HELD * self.rate
    }
}

/// Something that forbids a headline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objection {
    /// What it is about: a comparison, a subject, or `all`.
    pub about: String,
    /// Its kind, in one word: `client-bound`, `errors`, `answers-differ`, `drift`, `steal`,
    /// `little`.
    pub kind: String,
    /// What was seen, with its number.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// A sentence of the article, and what is true of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sentence {
    /// What the article said, in few words.
    pub said: String,
    /// What was measured here.
    pub measured: String,
    /// `true`, `false`, `impossible`, `not comparable`, `simulated`.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

/// A flame graph.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Flame {
    /// What it shows: `full`, `naive`, `full against naive`, `naive against full`.
    pub title: String,
    /// The SVG document; `None` if it could not be made.
    pub svg: Option<String>,
    /// Why not, and what to install.
    pub missing: Option<String>,
}
