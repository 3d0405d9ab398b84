//! The server beside its rivals, and beside the limit: all of them up at once, in turns.
//!
//! `compare` has the rivals of `peers/`, `limit` the loops that send canned answers. In both the
//! server stands as it is by default and naive, as any other. Nobody is timed before its answers
//! were checked, and whoever fails loses its own rows only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub(crate) mod field;

mod files;

use crate::ablate::workloads::of_any_server;
use crate::counting;
use crate::machine::{self, Watch};
use crate::peers::{self, Peer};
use crate::progress::Progress;
use crate::results::{Results, Row, RowKind};
use crate::rows::{self, Figure, Question};
use crate::server::Server;
use crate::statistics::level_of_each;
use crate::threshold::Threshold;
use crate::turns::{Contest, Entrant};
use crate::workload::Workload;
use crate::{Exit, chosen, generator, report};

/// As tables call the server.
pub const SERVER: &str = "barewire";
/// The loop that all of the limit is compared with.
pub const L0: &str = "L0";
/// Variables of `--fail-if`; of another workload than keep-alive with its name behind.
const VARIABLES: [&str; 5] = ["ns_per_request", "limit", "limit0", "naive", "rps"];

/// What both have in common.
#[derive(Debug, clap::Args)]
struct Common {
    /// Sets of fresh processes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    sets: u32,
    /// What is asked of them: keep-alive, pipelined-x16, pipelined-x16-different, one-connection
    /// ...
    #[arg(long, value_delimiter = ',')]
    workload: Vec<String>,
    /// Count instructions, too, by callgrind: some minutes more.
    #[arg(long)]
    instructions: bool,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Exit with 3 if this holds, such as 'ns_per_request > limit * 1.1': ns_per_request, limit
    /// (L1), limit0 (L0), naive (its ratio), rps; of another workload with its name behind, such as
    /// limit0_pipelined_x16.
    #[arg(long, value_name = "EXPRESSION")]
    fail_if: Option<String>,
}

/// Measure the server beside its rivals.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Rounds of a set on each workload.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only these rivals, by the names of their folders.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Vec<String>,
    /// The folder of the rivals [default: `peers`, here or above this program].
    #[arg(long, value_name = "FOLDER")]
    peers_folder: Option<PathBuf>,
    /// Files of four sizes: the server's ways to send them, and the rivals that serve files.
    #[arg(long)]
    files: bool,
    /// Where the result file is written [default: results/comparison.json, or results/files.json].
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// List the rivals and leave.
    #[arg(long)]
    list: bool,
    /// Build the rivals, check their answers and leave.
    #[arg(long)]
    build_only: bool,
}

/// Measure the server beside loops that send canned answers.
#[derive(Debug, clap::Args)]
pub struct LimitOptions {
    #[command(flatten)]
    common: Common,
    /// Rounds of a set on each workload.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where the result file is written.
    #[arg(short, long, default_value = "results/limit.json")]
    output: PathBuf,
}

/// Runs a comparison with the rivals.
///
/// # Errors
///
/// If the server or the rivals' folder is not there, or the result file cannot be written. A rival
/// that cannot be built or measured is told, and is no error.
pub fn run(options: &Options) -> Result<Exit> {
    let folder = peers::folder(options.peers_folder.as_deref())?;
    let mut all = peers::all(&folder)?;
    all.retain(|peer| peer.about.files || !options.files);
    let rivals = chosen(all, &options.peers, |peer| &peer.name, "rival")?;
    if options.list {
        for peer in &rivals {
            let Peer { name, about, .. } = peer;
            println!(
                "{name:<14} {:<10} {:<9} {}",
                about.language, about.version, about.about
            );
        }
        return Ok(Exit::Success);
    }
    let usual = ["keep-alive", "pipelined-x16"];
    let workloads = if options.files {
        files::workloads()
    } else {
        options.common.workloads(&usual, false)?
    };
    let threshold = options.common.threshold(&workloads)?;
    let server = Server::given(options.common.server.as_deref())?;
    let mut results = Results::new();
    let root = tempfile::tempdir()?;
    let missing = &mut results.missing;
    let entrants = if options.files {
        files::write(root.path())?;
        let invite = |peer: &Peer| files::entrant(peer, root.path());
        let rivals = peers::invited(&rivals, missing, invite);
        [files::own(&server, root.path()), rivals].concat()
    } else {
        let rivals = peers::invited(&rivals, missing, field::entrant);
        [field::own(&server), rivals].concat()
    };
    if options.build_only {
        return Ok(Exit::of(results.missing.is_empty()));
    }
    let usual_output = Path::new(if options.files {
        "results/files.json"
    } else {
        "results/comparison.json"
    });
    let comparison = Comparison {
        base: SERVER,
        kind: RowKind::Rival,
        output: options.output.as_deref().unwrap_or(usual_output),
        threshold,
        common: &options.common,
        contest: options.common.contest(entrants, workloads, options.rounds),
    };
    comparison.run(results)
}

/// Runs a comparison with the limit.
///
/// # Errors
///
/// If the server or the canned loops are not there, or the result file cannot be written.
pub fn limit(options: &LimitOptions) -> Result<Exit> {
    let usual = ["keep-alive", "pipelined-x16", "pipelined-x16-different"];
    let workloads = options.common.workloads(&usual, true)?;
    let threshold = options.common.threshold(&workloads)?;
    let server = Server::given(options.common.server.as_deref())?;
    let mut entrants = field::own(&server);
    entrants.extend(field::canned_loops()?);
    let comparison = Comparison {
        base: L0,
        kind: RowKind::Limit,
        output: &options.output,
        threshold,
        common: &options.common,
        contest: options.common.contest(entrants, workloads, options.rounds),
    };
    comparison.run(Results::new())
}

impl Common {
    /// Those that are asked for, or the usual ones; and the first at 40 % of its load, too. Where
    /// all answer in one piece, the generator reads seldom, so that the servers are the slower
    /// ones.
    fn workloads(&self, usual: &[&str], in_one_piece: bool) -> Result<Vec<Workload>> {
        let names: Vec<&str> = self.workload.iter().map(String::as_str).collect();
        let names = if names.is_empty() { usual } else { &names };
        let workloads = names.iter().map(|name| of_any_server(name));
        let mut workloads = workloads.collect::<Result<Vec<_>>>()?;
        for workload in workloads.iter_mut().filter(|_| !in_one_piece) {
            workload.read_every = 1;
        }
        if self.workload.is_empty() {
            workloads.push(workloads[0].clone().at_forty_percent());
        }
        Ok(workloads)
    }

    fn contest(&self, entrants: Vec<Entrant>, workloads: Vec<Workload>, rounds: u32) -> Contest {
        Contest {
            entrants,
            workloads,
            sets: self.sets,
            rounds,
            timed: false,
        }
    }

    fn threshold(&self, workloads: &[Workload]) -> Result<Option<Threshold>> {
        let known: Vec<String> = workloads
            .iter()
            .flat_map(|workload| VARIABLES.map(|name| variable(name, &workload.name)))
            .collect();
        Threshold::given(self.fail_if.as_deref(), &known)
    }
}

fn variable(name: &str, workload: &str) -> String {
    match workload {
        "keep-alive" => name.to_owned(),
        other => format!("{name}_{}", other.replace('-', "_")),
    }
}

/// The rows of a contest: each entrant against the base, on each workload. Their intervals hold
/// together.
pub(crate) fn against(base: &str, kind: RowKind, contest: &Contest, results: &Results) -> Vec<Row> {
    let mut rows = Vec::new();
    let rows_of_table = contest.entrants.len() * contest.workloads.len();
    for workload in &contest.workloads {
        for entrant in &contest.entrants {
            let subject = entrant.subject.name.as_str();
            if subject == base {
                continue;
            }
            let question = Question {
                kind,
                about: subject,
                workload: &workload.name,
                subject,
                base,
                figure: Figure::Cpu,
                level: level_of_each(rows_of_table),
            };
            rows.extend(question.answer(results));
        }
    }
    rows
}

/// A contest, and with whom all are compared.
struct Comparison<'a> {
    common: &'a Common,
    base: &'static str,
    kind: RowKind,
    output: &'a Path,
    threshold: Option<Threshold>,
    contest: Contest,
}

impl Comparison<'_> {
    fn run(&self, mut results: Results) -> Result<Exit> {
        let progress = Progress::of(self.contest.steps())?;
        let free = generator::stay_on_core(machine::generator_core())?;
        let watch = Watch::start();
        self.contest.hold(&mut results, &progress, |results| {
            results.rows = against(self.base, self.kind, &self.contest, results);
            watch.note(results);
            results.save(self.output)
        })?;
        progress.finish();
        generator::leave_core(free)?;
        self.count(&mut results);
        results.save(self.output)?;
        report::terminal::print_written(&results, self.output);
        self.judged(&results)
    }

    /// What a request of each takes in calls under this load, and in instructions.
    fn count(&self, results: &mut Results) {
        let workloads = self.contest.workloads.iter();
        for workload in workloads.filter(|one| one.rate_share.is_none()) {
            for entrant in &self.contest.entrants {
                let name = entrant.subject.name.clone();
                if results.missing.contains_key(&name) || !entrant.takes(workload) {
                    continue;
                }
                eprintln!("{name}, {}: counting", workload.name);
                let subject = entrant.subject_for(workload);
                let instructions = self.common.instructions && entrant.countable;
                match counting::of(&subject, workload, instructions) {
                    Ok(counters) => results.counters.push(counters),
                    Err(error) => {
                        let what = format!("{name}, {}, counts", workload.name);
                        results.missing.insert(what, format!("{error:#}"));
                    }
                }
            }
        }
    }

    fn judged(&self, results: &Results) -> Result<Exit> {
        let mut values = BTreeMap::new();
        for workload in &self.contest.workloads {
            let cpu = |name: &str| {
                let runs = rows::runs(results, name, &workload.name);
                rows::figure(&runs, Figure::Cpu)
            };
            let naive = cpu("naive")
                .zip(cpu(SERVER))
                .map(|(naive, full)| naive / full);
            let rate = rows::rate(&rows::runs(results, SERVER, &workload.name));
            let all = [cpu(SERVER), cpu("L1"), cpu(L0), naive, rate];
            for (name, value) in VARIABLES.iter().zip(all) {
                values.extend(value.map(|value| (variable(name, &workload.name), value)));
            }
        }
        if Threshold::is_crossed(self.threshold.as_ref(), &values)? {
            return Ok(Exit::Threshold);
        }
        Ok(Exit::Success)
    }
}
