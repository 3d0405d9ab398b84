//! The result file: everything that an experiment saw, so that every table, chart and verdict can
//! be made from it later, and checked by whoever distrusts it.
//!
//! One JSON file for each run of an experiment. What was seen stands beside what was concluded from
//! it. Units are in the names; `null` is "not measured", and never 0. The schema is
//! `docs/results/schema.json`, made from these types (`barewire-lab report --schema`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::process::Subject;
use crate::statistics::{Estimate, Verdict};
use crate::workload::Workload;

mod outside;
mod store;

pub use outside::{CodeShare, Collections, KernelShare, Outside, ThreadTime, Work};

/// Version of the format; a reader refuses any other.
pub const FORMAT: u32 = 2;

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
    /// Seconds that it took.
    pub seconds: f64,
    /// Share of all cores' time that the hypervisor took away meanwhile, 0 to 1.
    pub steal: f64,
    /// Who was measured, by name.
    pub subjects: BTreeMap<String, Subject>,
    /// What was asked of them, by name.
    pub workloads: BTreeMap<String, Workload>,
    /// What was concluded: a ratio each.
    pub rows: Vec<Row>,
    /// The turns of each server, set by set.
    pub runs: Vec<Run>,
    /// What a request costs by accounts, perf and callgrind, by subject and workload.
    pub counters: Vec<Counters>,
    /// Where the time of frameworks goes, layer by layer.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Servers whose layers cannot be measured, taken apart from outside.
    #[serde(default)]
    pub outside: Vec<Outside>,
    /// How much of the CPU time of servers the kernel has.
    #[serde(default)]
    pub kernel_shares: Vec<KernelShare>,
    /// What could not be measured, and why.
    pub missing: BTreeMap<String, String>,
    /// Runs of wrk, if the experiment was about the article.
    pub blocks: Vec<Block>,
    /// The article's sentences.
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

    /// The row about something on a workload, of a kind.
    pub fn row(&self, kind: RowKind, about: &str, workload: &str) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.kind == kind && row.about == about && row.workload == workload)
    }

    /// All rows of a kind.
    pub fn rows_of(&self, kind: RowKind) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }

    /// The counts of a subject on a workload.
    pub fn counters(&self, subject: &str, workload: &str) -> Option<&Counters> {
        let mut counters = self.counters.iter();
        counters.find(|one| one.subject == subject && one.workload == workload)
    }
}

/// A comparison: what a request costs `subject`, divided by what it costs `base`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What it is about: a technique's name, a server's.
    pub about: String,
    /// Its kind.
    pub kind: RowKind,
    /// Name of the workload.
    pub workload: String,
    /// What stands above the line of the ratio.
    pub subject: String,
    /// What stands below it.
    pub base: String,
    /// What is compared: `CPU time`, `median latency`, `neighbour's p99`.
    pub judged_by: String,
    /// The ratio with its interval.
    pub ratio: Option<Estimate>,
    /// What the interval says.
    pub verdict: Verdict,
    /// The figure of the base: nanoseconds of CPU time for a request, or of latency.
    pub base_ns: Option<f64>,
    /// The same of the subject.
    pub subject_ns: Option<f64>,
    /// Share of its time that the base was at work, 0 to 1.
    pub base_busy: Option<f64>,
    /// The same of the subject.
    pub subject_busy: Option<f64>,
    /// Events that a poll of the base brought.
    pub base_events: Option<f64>,
    /// The same of the subject.
    pub subject_events: Option<f64>,
    /// What the subject takes more or less for a request, in counts.
    pub why: String,
    /// What these counts cost by their prices: nanoseconds more for a request.
    pub predicted_ns: Option<f64>,
    /// The same from the least to the most, where prices are ranges.
    #[serde(default)]
    pub predicted_range_ns: Option<[f64; 2]>,
    /// What the subject takes more or less for a request, by the name of the count.
    #[serde(default)]
    pub counts: BTreeMap<String, f64>,
    /// Of each pair of slices, or of each set, its ratio.
    pub ratios: Vec<f64>,
}

/// What a row compares.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// The same against itself, or against a cost that is known.
    Control,
    /// The server without one technique, against the whole.
    #[default]
    LeaveOut,
    /// The server without two techniques, against the whole.
    Pair,
    /// From the naive server on, a technique more in each row, against the whole.
    Rung,
    /// The naive server against the whole.
    Naive,
    /// A server against barewire.
    Rival,
    /// A server against L0.
    Limit,
    /// A layer of a framework, against the level of the ladder below it.
    Layer,
    /// What something that layers are made of costs, against a server that does without it.
    Price,
    /// A server that takes part in an account of layers, against the server that lies below it.
    Process,
}

/// What a framework spends its CPU time on: bars that add up to what was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Whose account: a server's name.
    pub of: String,
    /// Name of the workload.
    pub workload: String,
    /// From the limit to the framework. The last one is what no layer explains.
    pub bars: Vec<Bar>,
    /// What a request costs the framework, in nanoseconds.
    pub measured_ns: f64,
    /// What is not explained, as a share of the way from the limit to the framework.
    pub unexplained_share: f64,
}

/// A part of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// What it is.
    pub name: String,
    /// Nanoseconds of a request.
    pub ns: f64,
    /// Its interval; those of all bars of a workload hold together with 95 %.
    pub range_ns: [f64; 2],
    /// What was predicted of it from its counts.
    pub predicted_ns: Option<[f64; 2]>,
    /// Instructions in user space of a request.
    pub instructions: Option<f64>,
}

/// The turns of one server under one workload in one set.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Counts the sets, from 0; each has fresh processes.
    pub set: u32,
    /// Name of the workload.
    pub workload: String,
    /// Name of the subject.
    pub subject: String,
    /// CPU time for a request in nanoseconds, of each turn in the order of the rounds.
    pub ns: Vec<f64>,
    /// Median of the latency in nanoseconds, of each turn, where it was timed: the neighbour's, if
    /// there is one.
    pub p50_ns: Vec<f64>,
    /// Its 99th percentile.
    pub p99_ns: Vec<f64>,
    /// Answers of all turns.
    pub requests: u64,
    /// Seconds of all turns.
    pub seconds: f64,
    /// CPU time of the server in seconds, user and system, without what it uses while it is idle.
    pub cpu_seconds: f64,
    /// CPU time of the generator.
    pub generator_seconds: f64,
    /// Resident memory of the server after its turns, in bytes, children included.
    pub resident_bytes: u64,
}

/// Some seconds of wrk on one fresh process.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Name of the subject.
    pub subject: String,
    /// Name of the workload.
    pub workload: String,
    /// Counts the rounds, from 0.
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
    /// What counted them: `perf`.
    pub source: String,
    /// Instructions in user space, by callgrind; `None` if valgrind is missing or cannot run it.
    pub instructions: Option<f64>,
    /// Allocations of a request, by the program's own counting allocator; `None` of one without.
    #[serde(default)]
    pub allocations: Option<f64>,
    /// The same by the crate whose source they are from, where the program has line tables.
    #[serde(default)]
    pub instructions_by_crate: BTreeMap<String, f64>,
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
