//! Anybody's server that runs: what a request costs it, against the limit, and where that may go.
//!
//! The server is neither started nor ended here. It takes turns with the canned loop L0 under the
//! same load. Then its system calls are counted, and its memory is looked at. What lies beyond the
//! limit is compared with the layers of frameworks, as `tax` has measured them: a layer is a
//! suspect, and no proof.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use procfs::process::Process;

use crate::ablate::workloads::of_any_server;
use crate::compare::{L0, field};
use crate::generator::lane::{Lane, Span};
use crate::process::{Running, Usage};
use crate::report::numbers::{count as counted, estimate, mebibytes, whole};
use crate::results::{Bar, Results, RowKind};
use crate::statistics::{Estimate, LEVEL, count, median, of_pairs};
use crate::tax::rung;
use crate::turns::TURN;
use crate::workload::Workload;
use crate::{Exit, counting, generator, machine};

/// What a call costs in nanoseconds, from the least to the most (`docs/measuring.md`). What is
/// missing here is told without a price.
const PRICES: [(&str, [f64; 2]); 6] = [
    ("epoll_ctl", [450.0, 1340.0]),
    ("epoll_wait", [150.0, 330.0]),
    ("recvfrom", [260.0, 415.0]),
    ("read", [260.0, 450.0]),
    ("futex", [200.0, 2000.0]),
    ("timerfd_settime", [150.0, 400.0]),
];
/// A call that is made less often than this, or a layer that costs less than so many nanoseconds,
/// explains nothing.
const LEAST_CALLS: f64 = 0.1;
const LEAST_NS: f64 = 40.0;
/// Where the layers' prices are looked for.
const LAYERS: &str = "docs/results/tax.json";

/// Say what a request costs a server that runs, and where that may go.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The server's address, such as 127.0.0.1:3000.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// Its process; what it has started counts, too.
    #[arg(long)]
    pid: u32,
    /// What is asked for.
    #[arg(long, default_value = "/plaintext")]
    path: String,
    /// Turns of each.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(6..))]
    rounds: u32,
    /// Seconds of load before anything counts: a virtual machine needs ten.
    #[arg(long, default_value_t = 1.0, value_parser = crate::positive)]
    warmup: f64,
    /// The layers' prices, by `tax` [default: docs/results/tax.json, if it is there].
    #[arg(long, value_name = "FILE")]
    layers: Option<PathBuf>,
}

/// Runs it: [`Exit::Noisy`] if the ratio has no interval.
///
/// # Errors
///
/// If the server does not answer with 200, its process is not there, or L0 does not start.
pub fn run(options: &Options) -> Result<Exit> {
    let address = options.address.to_socket_addrs();
    let address = address.with_context(|| format!("{} is no HOST:PORT", options.address))?;
    let address = address
        .into_iter()
        .next()
        .context("the name has no address")?;
    let layers = options.layers()?;
    let workload = options.workload()?;
    let watched = Watched::of(options.pid, address, &workload, options.warmup)?;
    let free = generator::stay_on_core(machine::generator_core())?;
    let found = watched.beside_the_limit(options.rounds, &workload);
    generator::leave_core(free)?;
    let Found { ns, ratio, watched } = found?;
    let Some(ratio) = ratio else {
        println!("Too few turns gave a figure: ask for more --rounds.");
        return Ok(Exit::Noisy);
    };
    let beyond = ns * (1.0 - 1.0 / ratio.median);
    println!(
        "A request costs {} ns of CPU time, {} times the limit (L0): {} ns more.",
        whole(ns),
        estimate(&ratio),
        whole(beyond)
    );
    let memory = watched.memory()?;
    let calls = watched.calls();
    println!("{memory}");
    let explained = match calls {
        Ok(calls) => told_of_calls(&calls),
        Err(error) => {
            println!("System calls were not counted: {error:#}");
            [0.0, 0.0]
        }
    };
    match &layers {
        Some(layers) => told_of_layers(layers, &ratio, beyond, explained),
        None => println!("{LAYERS} is not here: `barewire-lab tax` prices the layers."),
    }
    Ok(Exit::Success)
}

impl Options {
    fn workload(&self) -> Result<Workload> {
        ensure!(
            self.path.starts_with('/'),
            "{:?} is no path: it begins with /",
            self.path
        );
        Ok(Workload {
            paths: vec![self.path.clone()],
            body: None,
            read_every: 1,
            ..of_any_server("keep-alive")?
        })
    }

    fn layers(&self) -> Result<Option<Results>> {
        let usual = Path::new(LAYERS);
        match &self.layers {
            Some(path) => Results::load(path).map(Some),
            None if usual.is_file() => Results::load(usual).map(Some),
            None => Ok(None),
        }
    }
}

/// A server that somebody else has started.
struct Watched {
    pid: u32,
    lane: Lane,
}

/// What the turns say.
struct Found {
    ns: f64,
    ratio: Option<Estimate>,
    watched: Watched,
}

impl Watched {
    fn of(pid: u32, address: SocketAddr, workload: &Workload, warmup: f64) -> Result<Self> {
        Usage::of(pid).with_context(|| format!("no process {pid} that may be looked at"))?;
        let mut lane = Lane::open(address, workload, false)?;
        let (_, cpu) = turn(pid, &mut lane, Duration::from_secs_f64(warmup))?;
        ensure!(
            cpu > 0.0,
            "process {pid} used no CPU time while {address} answered: it is another one that serves"
        );
        Ok(Self { pid, lane })
    }

    fn beside_the_limit(mut self, rounds: u32, workload: &Workload) -> Result<Found> {
        let subject = field::limit()?.subject_for(workload);
        let limit = Running::start(&subject, 1, &machine::server_cores(1))?;
        let plain = Workload {
            paths: vec!["/plaintext".to_owned()],
            ..workload.clone()
        };
        let mut lane = Lane::open(limit.address(), &plain, false)?;
        let (mut own, mut ratios) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Neither is always the first one.
            let figures = if round % 2 == 0 {
                let theirs = each(self.pid, &mut self.lane)?;
                (theirs, each(limit.pid(), &mut lane)?)
            } else {
                let floor = each(limit.pid(), &mut lane)?;
                (each(self.pid, &mut self.lane)?, floor)
            };
            own.push(figures.0);
            ratios.push(figures.0 / figures.1);
        }
        limit.stop()?;
        Ok(Found {
            ns: median(&own).unwrap_or_default(),
            ratio: of_pairs(&ratios, LEVEL),
            watched: self,
        })
    }

    fn calls(mut self) -> Result<BTreeMap<String, f64>> {
        counting::calls_of(self.pid, &mut self.lane)
    }

    /// Resident memory while the connections are open, and what of it is the process's own.
    fn memory(&self) -> Result<String> {
        let process = Process::new(i32::try_from(self.pid)?)?;
        let resident = count(usize::try_from(Usage::of(self.pid)?.resident_bytes)?);
        let rollup = process.smaps_rollup()?.memory_map_rollup;
        let fields = rollup.into_iter().flat_map(|map| map.extension.map);
        let own = fields.filter(|(name, _)| name.starts_with("Private_"));
        let own: u64 = own.map(|(_, bytes)| bytes).sum();
        Ok(format!(
            "With {} connections it has {} of memory, all its processes together; {} of the first \
             one are its own alone.",
            self.lane.connections(),
            mebibytes(resident),
            mebibytes(count(usize::try_from(own)?)),
        ))
    }
}

/// A turn, and the CPU time that the process used in it, in seconds.
fn turn(pid: u32, lane: &mut Lane, time: Duration) -> Result<(usize, f64)> {
    let before = Usage::of(pid)?;
    let tally = lane.turn(Span { time, ..TURN })?;
    // The kernel adds what a thread has used when it sleeps.
    std::thread::sleep(Duration::from_millis(2));
    let cpu = Usage::of(pid)?.cpu_since(&before);
    Ok((tally.answered, cpu.as_secs_f64()))
}

/// Nanoseconds of a request.
fn each(pid: u32, lane: &mut Lane) -> Result<f64> {
    let (answered, cpu) = turn(pid, lane, TURN.time)?;
    Ok(1e9 * cpu / count(answered.max(1)))
}

/// Prints the calls of a request; returns what those beyond the limit's cost, from the least to the
/// most.
fn told_of_calls(calls: &BTreeMap<String, f64>) -> [f64; 2] {
    let list = calls
        .iter()
        .map(|(name, each)| format!("{} {name}", counted(*each)));
    println!(
        "System calls of a request: {}.",
        list.collect::<Vec<_>>().join(", ")
    );
    let mut sum = [0.0, 0.0];
    for (name, range) in PRICES {
        let each = calls.get(name).copied().unwrap_or_default();
        // The limit reads once, and waits once for many requests.
        let needed = f64::from(u8::from(matches!(name, "recvfrom" | "read" | "epoll_wait")));
        let more = each - needed;
        if more > LEAST_CALLS {
            let [low, high] = range.map(|ns| ns * more);
            println!(
                "  {} {name} more than needed: {} to {} ns.",
                counted(more),
                whole(low),
                whole(high)
            );
            sum = [sum[0] + low, sum[1] + high];
        }
    }
    sum
}

/// Prints where the server stands among those that were measured, and which layers cost as much.
fn told_of_layers(layers: &Results, ratio: &Estimate, beyond: f64, calls: [f64; 2]) {
    let known = layers.rows_of(RowKind::Process);
    let mut known: Vec<(f64, &str)> = known
        .filter(|row| row.base == L0 && row.workload == "keep-alive")
        .filter(|row| !row.subject.starts_with(&rung("")))
        .filter_map(|row| Some((row.ratio?.median, row.subject.as_str())))
        .collect();
    known.sort_by(|one, other| one.0.total_cmp(&other.0));
    let place = known.partition_point(|(worth, _)| *worth < ratio.median);
    let named = |at: Option<usize>| {
        let (worth, name) = at.and_then(|at| known.get(at))?;
        Some(format!("{name} ({worth:.2})"))
    };
    match (named(place.checked_sub(1)), named(Some(place))) {
        (Some(below), Some(above)) => println!("It stands between {below} and {above}."),
        (Some(below), None) => println!("It stands above {below}, the dearest that was measured."),
        (None, Some(above)) => println!("It stands below {above}, the cheapest that was measured."),
        (None, None) => println!("Nobody was measured on keep-alive to stand beside it."),
    }
    let [low, high] = calls.map(|ns| (beyond - ns).max(0.0));
    if calls == [0.0, 0.0] {
        println!("No call more than needed explains any of that.");
    } else {
        println!(
            "Beyond its calls, {} to {} ns are left.",
            whole(high),
            whole(low)
        );
    }
    let suspects = suspects(layers, low);
    if suspects.is_empty() {
        println!("No layer that was measured fits into that.");
    } else {
        println!("Layers of frameworks that fit into that, if it has them:");
        let together: f64 = suspects.iter().map(|(_, bar)| bar.ns).sum();
        for (of, bar) in suspects {
            println!("  {:>6} ns  {} (of {of})", whole(bar.ns), bar.name);
        }
        if together < high {
            println!(
                "All of them together are {} ns. The rest is the language's, or of a kind that was \
                 not measured.",
                whole(together)
            );
        }
    }
}

/// Layers that cost no more than what is left, the dearest first, each once.
fn suspects(layers: &Results, left: f64) -> Vec<(&str, &Bar)> {
    let mut found: Vec<(&str, &Bar)> = Vec::new();
    for account in layers
        .accounts
        .iter()
        .filter(|account| account.workload == "keep-alive")
    {
        // The first bar is the limit, and the last one what no layer explains.
        let last = account.bars.len().saturating_sub(1);
        for bar in account.bars[..last].iter().skip(1) {
            let is_new = found.iter().all(|(_, known)| known.name != bar.name);
            if is_new && bar.ns >= LEAST_NS && bar.ns <= left {
                found.push((&account.of, bar));
            }
        }
    }
    found.sort_by(|one, other| other.1.ns.total_cmp(&one.1.ns));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Account;

    fn bar(name: &str, ns: f64) -> Bar {
        Bar {
            name: name.to_owned(),
            ns,
            ..Bar::default()
        }
    }

    #[test]
    fn suspects_fit_into_what_is_left() {
        let account = |of: &str, bars: &[(&str, f64)]| Account {
            of: of.to_owned(),
            workload: "keep-alive".to_owned(),
            bars: bars.iter().map(|(name, ns)| bar(name, *ns)).collect(),
            ..Account::default()
        };
        let results = Results {
            accounts: vec![
                account(
                    "hyper",
                    &[
                        ("L0", 3000.0),
                        ("runtime", 400.0),
                        ("types", 300.0),
                        ("?", 90.0),
                    ],
                ),
                account(
                    "axum",
                    &[
                        ("L0", 3000.0),
                        ("runtime", 400.0),
                        ("router", 900.0),
                        ("?", 50.0),
                    ],
                ),
            ],
            ..Results::default()
        };
        let names = |left| -> Vec<&str> {
            let found = suspects(&results, left);
            found.iter().map(|(_, bar)| bar.name.as_str()).collect()
        };
        assert_eq!(names(5000.0), ["router", "runtime", "types"]);
        assert_eq!(names(350.0), ["types"]);
        assert!(names(10.0).is_empty());
    }

    #[test]
    fn calls_beyond_the_limits_own_have_a_price() {
        let calls = [
            ("recvfrom", 2.0),
            ("sendto", 1.0),
            ("epoll_ctl", 1.0),
            ("epoll_wait", 0.7),
        ];
        let calls = calls.map(|(name, each)| (name.to_owned(), each)).into();
        let [low, high] = told_of_calls(&calls);
        assert!((low - (260.0 + 450.0)).abs() < 1e-6 && (high - (415.0 + 1340.0)).abs() < 1e-6);
    }
}
