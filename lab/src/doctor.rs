//! What this machine lacks for good figures, and the remedy for each.
//!
//! Nothing is changed: every line says what was found and what to type. Only what no experiment can
//! do without is an error; the rest costs a column, or trust.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::Exit;
use crate::environment::{self, first_line};
use crate::machine::Steal;

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

/// Runs it: exit code 1 if something is missing without which nothing can be measured.
pub fn run(options: &Options) -> Result<Exit> {
    let findings = [machine(), limits(), tools()].concat();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print(&findings);
    }
    let is_missing = findings
        .iter()
        .any(|finding| finding.state == State::Missing);
    Ok(if is_missing {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn print(findings: &[Finding]) {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["", "what", "found", "remedy"]);
    for finding in findings {
        let mark = match finding.state {
            State::Good => "ok",
            State::Worse => "worse",
            State::Missing => "MISSING",
        };
        let remedy = if finding.state == State::Good {
            ""
        } else {
            &finding.remedy
        };
        table.add_row([mark, finding.what, &finding.found, remedy]);
    }
    println!("{table}");
}

fn finding(what: &'static str, good: bool, found: impl Into<String>, remedy: &str) -> Finding {
    Finding {
        what,
        state: if good { State::Good } else { State::Worse },
        found: found.into(),
        remedy: remedy.to_owned(),
    }
}

fn machine() -> Vec<Finding> {
    let environment = environment::read();
    let cores = environment.cores;
    let steal = stolen();
    let governor = environment.governor.as_deref();
    let hypervisor = environment.hypervisor.as_deref();
    let congestion = environment.congestion_control.unwrap_or_default();
    vec![
        finding(
            "cores",
            cores >= 2,
            cores.to_string(),
            "with one core server and generator take turns: give the machine two",
        ),
        finding(
            "governor",
            governor.is_none_or(|governor| governor == "performance"),
            governor.unwrap_or("none shown"),
            "cpupower frequency-set -g performance",
        ),
        finding(
            "virtualisation",
            hypervisor.is_none(),
            hypervisor.unwrap_or("none"),
            "values are this machine's alone: compare ratios of interleaved runs",
        ),
        finding(
            "steal",
            steal <= 0.01,
            format!("{:.1} % of the last second", 100.0 * steal),
            "somebody else uses the hardware: measure at another hour",
        ),
        finding(
            "congestion control",
            true,
            congestion,
            "on loopback it makes no difference that was found",
        ),
    ]
}

fn stolen() -> f64 {
    let before = Steal::read();
    thread::sleep(STEAL_LOOK);
    Steal::share(before, Steal::read())
}

fn limits() -> Vec<Finding> {
    let files = getrlimit(Resource::Nofile);
    let (soft, hard) = (
        files.current.unwrap_or(u64::MAX),
        files.maximum.unwrap_or(u64::MAX),
    );
    let ports = number_pair("/proc/sys/net/ipv4/ip_local_port_range");
    let free = ports.map_or(0, |(first, last)| last.saturating_sub(first));
    let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    let paranoid = paranoid.trim().to_owned();
    let level: i32 = paranoid.parse().unwrap_or(4);
    let is_root = rustix::process::geteuid().is_root();
    let counted = first_line("perf", &["stat", "-x,", "-e", "instructions", "true"]);
    let counts = counted
        .as_ref()
        .is_some_and(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    vec![
        finding(
            "open files",
            hard >= FILES_WANTED,
            format!("{soft}, up to {hard}"),
            "ulimit -Hn 20000, for runs with thousands of connections",
        ),
        finding(
            "local ports",
            free >= PORTS_WANTED,
            format!("{free}"),
            "sysctl net.ipv4.ip_local_port_range='10000 65000', for a connection per request",
        ),
        finding(
            "perf events",
            is_root || level <= 1,
            format!(
                "perf_event_paranoid {paranoid}{}",
                if is_root { ", as root" } else { "" }
            ),
            "sysctl kernel.perf_event_paranoid=1, for flame graphs",
        ),
        finding(
            "hardware counters",
            counts,
            if counts {
                "instructions are counted"
            } else {
                "none"
            },
            "none on this (virtual) machine: instructions come from callgrind, samples from a \
             timer",
        ),
    ]
}

fn number_pair(path: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string(path).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Programs: what for, and Debian's package.
const PROGRAMS: [(&str, &str, &str, bool); 9] = [
    (
        "taskset",
        "keeps server and generator on cores of their own",
        "util-linux",
        true,
    ),
    ("valgrind", "counts instructions", "valgrind", false),
    ("strace", "counts system calls of rivals", "strace", false),
    (
        "wrk",
        "the figures that people want to reproduce",
        "wrk",
        false,
    ),
    ("perf", "flame graphs", "linux-perf", false),
    ("git", "the commit in a result file", "git", false),
    ("go", "rivals in Go", "golang-go", false),
    ("node", "rivals in JavaScript", "nodejs npm", false),
    ("mvn", "rivals in Java", "maven default-jdk-headless", false),
];

fn tools() -> Vec<Finding> {
    let looked_up = PROGRAMS
        .iter()
        .map(|(program, purpose, package, is_essential)| {
            let place = which::which(program);
            let state = match (&place, is_essential) {
                (Ok(_), _) => State::Good,
                (Err(_), true) => State::Missing,
                (Err(_), false) => State::Worse,
            };
            Finding {
                what: program,
                state,
                found: place.map_or("not there".to_owned(), |place| place.display().to_string()),
                remedy: format!("apt-get install {package}: {purpose}"),
            }
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

    #[test]
    fn two_numbers_are_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("range");
        fs::write(&path, "32768\t60999\n").unwrap();
        assert_eq!(number_pair(path.to_str().unwrap()), Some((32768, 60999)));
        fs::write(&path, "many").unwrap();
        assert_eq!(number_pair(path.to_str().unwrap()), None);
    }
}
