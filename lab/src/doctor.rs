//! What this machine lacks for good figures, and the remedy for each.
//!
//! Nothing is changed: every line says what was found and what to type. Only what no experiment can
//! do without is an error; the rest costs a column, or trust.

use std::{fs, thread, time::Duration};

use anyhow::Result;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::environment::{self, first_line};
use crate::{Exit, machine::Watch};

/// How long the hypervisor's share is looked at.
const STEAL_LOOK: Duration = Duration::from_secs(1);
/// Descriptors that 10,000 connections and the rest need.
const FILES_WANTED: u64 = 20_000;
/// Ports that connections of their own may use up in a minute of TIME_WAIT.
const PORTS_WANTED: u32 = 20_000;

/// Say what this machine lacks for good measurements, and the remedy.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// As it should be.
    Good,
    /// Figures are possible, but fewer or worse ones.
    Worse,
    /// Nothing can be measured.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    remedy: String,
}

impl Finding {
    /// Good, or worse without its remedy.
    fn new(what: &'static str, is_good: bool, found: impl Into<String>) -> Self {
        Self {
            what,
            state: if is_good { State::Good } else { State::Worse },
            found: found.into(),
            remedy: String::new(),
        }
    }

    fn remedy(self, remedy: &str) -> Self {
        let remedy = remedy.to_owned();
        Self { remedy, ..self }
    }
}

/// Runs it: exit code 1 if something is missing without which nothing can be measured.
pub fn run(options: &Options) -> Result<Exit> {
    let findings = [machine(), limits(), tools()].concat();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print(&findings);
    }
    let is_missing = |one: &Finding| one.state == State::Missing;
    Ok(Exit::of(!findings.iter().any(is_missing)))
}

fn print(findings: &[Finding]) {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["", "what", "found", "remedy"]);
    for finding in findings {
        let (mark, remedy) = match finding.state {
            State::Good => ("ok", ""),
            State::Worse => ("worse", finding.remedy.as_str()),
            State::Missing => ("MISSING", finding.remedy.as_str()),
        };
        table.add_row([mark, finding.what, &finding.found, remedy]);
    }
    println!("{table}");
}

fn machine() -> Vec<Finding> {
    let here = environment::read();
    let governor = here.governor.as_deref();
    let is_fast = governor.is_none_or(|governor| governor == "performance");
    let host = here.hypervisor.as_deref();
    let watch = Watch::start();
    thread::sleep(STEAL_LOOK);
    let steal = watch.steal();
    let stolen = format!("{:.1} % of the last second", 100.0 * steal);
    let congestion = here.congestion_control.unwrap_or_default();
    vec![
        Finding::new("cores", here.cores >= 2, here.cores.to_string())
            .remedy("with one core server and generator take turns: give the machine two"),
        Finding::new("governor", is_fast, governor.unwrap_or("none shown"))
            .remedy("cpupower frequency-set -g performance"),
        Finding::new("virtualisation", host.is_none(), host.unwrap_or("none"))
            .remedy("values are this machine's alone: compare ratios of interleaved runs"),
        Finding::new("steal", steal <= 0.01, stolen)
            .remedy("somebody else uses the hardware: measure at another hour"),
        Finding::new("congestion control", true, congestion)
            .remedy("on loopback it makes no difference that was found"),
    ]
}

fn limits() -> Vec<Finding> {
    let files = getrlimit(Resource::Nofile);
    let [soft, hard] = [files.current, files.maximum].map(|limit| limit.unwrap_or(u64::MAX));
    let open = format!("{soft}, up to {hard}");
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ports: Vec<u32> = range.split_whitespace().flat_map(str::parse).collect();
    let free = ports.last().zip(ports.first());
    let free = free.map_or(0, |(last, first)| last.saturating_sub(*first));
    let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    let paranoid = paranoid.trim();
    let is_root = rustix::process::geteuid().is_root();
    let may_sample = is_root || paranoid.parse().unwrap_or(4) <= 1;
    let root = if is_root { ", as root" } else { "" };
    let level = format!("perf_event_paranoid {paranoid}{root}");
    let counted = first_line("perf", &["stat", "-x,", "-e", "instructions", "true"]);
    let counted = counted.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let counts = counted.is_some();
    let counted = counted.map_or("none", |_| "instructions are counted");
    vec![
        Finding::new("open files", hard >= FILES_WANTED, open)
            .remedy("ulimit -Hn 20000, for runs with thousands of connections"),
        Finding::new("local ports", free >= PORTS_WANTED, free.to_string()).remedy(
            "sysctl net.ipv4.ip_local_port_range='10000 65000', for a connection per request",
        ),
        Finding::new("perf events", may_sample, level)
            .remedy("sysctl kernel.perf_event_paranoid=1, for flame graphs"),
        Finding::new("hardware counters", counts, counted).remedy(
            "none on this (virtual) machine: instructions come from callgrind, samples from a \
             timer",
        ),
    ]
}

/// The program without which nothing can be measured.
const NEEDED: &str = "taskset";
/// Programs, Debian's packages, and what for.
const PROGRAMS: [(&str, &str, &str); 9] = [
    (
        NEEDED,
        "util-linux",
        "keeps server and generator on cores of their own",
    ),
    ("valgrind", "valgrind", "counts instructions"),
    (
        "strace",
        "strace",
        "the calls of a whole connection, one by one",
    ),
    ("wrk", "wrk", "the figures that people want to reproduce"),
    ("perf", "linux-perf", "counts system calls; flame graphs"),
    ("git", "git", "the commit in a result file"),
    ("go", "golang-go", "rivals in Go"),
    ("node", "nodejs npm", "rivals in JavaScript"),
    ("mvn", "maven default-jdk-headless", "rivals in Java"),
];

fn tools() -> Vec<Finding> {
    let looked_up = PROGRAMS.iter().map(|(program, package, purpose)| {
        let place = which::which(program).map(|place| place.display().to_string());
        let is_there = place.is_ok();
        let mut finding = Finding::new(program, is_there, place.unwrap_or("not there".to_owned()));
        if !is_there && *program == NEEDED {
            finding.state = State::Missing;
        }
        finding.remedy(&format!("apt-get install {package}: {purpose}"))
    });
    looked_up.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_remedy_and_a_finding() {
        let all = [machine(), limits(), tools()].concat();
        assert!(all.len() > 15);
        for finding in all {
            assert!(!finding.remedy.is_empty(), "{finding:?}");
        }
    }
}
