//! What a request costs in counts: system calls under the load that is timed (perf), and
//! instructions (callgrind). Counts explain a figure; they do not rank.
//!
//! perf counts at the kernel's entry, so the server runs at its own speed and its batches are those
//! of the load. Under callgrind it is slow, and nobody asks how slow: instructions are the
//! difference of two runs of different length, so that start and end cancel out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use barewire_load::Goal;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::generator::Drive;
use crate::generator::lane::{Lane, Span, client};
use crate::machine;
use crate::process::{Running, Subject, Usage};
use crate::results::Counters;
use crate::statistics::count;
use crate::workload::Workload;

mod crates;

/// The calls that a server of HTTP makes for requests, as the kernel calls them.
const CALLS: [&str; 27] = [
    "recvfrom",
    "recvmsg",
    "read",
    "readv",
    "sendto",
    "sendmsg",
    "write",
    "writev",
    "sendfile64",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "poll",
    "ppoll",
    "io_uring_enter",
    "accept",
    "accept4",
    "close",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "futex",
    "timerfd_settime",
    "nanosleep",
    "clock_nanosleep",
    "sched_yield",
];
/// How long calls are counted.
const SPAN: Span = Span {
    time: Duration::from_millis(500),
    each: 0,
    most: Duration::from_secs(1),
};
/// What perf needs until it counts.
const ATTACHED: Duration = Duration::from_millis(400);
/// What is less belongs to timers and not to requests.
const LEAST: f64 = 0.002;
/// Requests of the shorter and the longer run under callgrind.
const CALLGRIND: [usize; 2] = [320, 2_240];

/// Calls of a request; with its instructions, if asked for.
///
/// # Errors
///
/// If perf may not count here, or the server fails.
pub fn of(subject: &Subject, workload: &Workload, with_instructions: bool) -> Result<Counters> {
    let instructions = if with_instructions {
        instructions(subject, workload)?
    } else {
        None
    };
    Ok(Counters {
        subject: subject.name.clone(),
        workload: workload.name.clone(),
        system_calls: calls(subject, workload)?,
        source: "perf".to_owned(),
        instructions,
        ..Counters::default()
    })
}

fn calls(subject: &Subject, workload: &Workload) -> Result<BTreeMap<String, f64>> {
    let workers = workload.workers();
    let server = Running::start(subject, workers, &machine::server_cores(workers))?;
    let mut lane = Lane::open(server.address(), workload, false)?;
    lane.turn(SPAN)?;
    calls_of(server.pid(), &mut lane)
}

/// Calls of a request of a process and all below it, under the load of this lane.
///
/// # Errors
///
/// If perf is missing, or may not count here.
pub(crate) fn calls_of(pid: u32, lane: &mut Lane) -> Result<BTreeMap<String, f64>> {
    ensure!(
        which::which("perf").is_ok(),
        "system calls are counted by perf (Debian: apt install linux-perf)"
    );
    let folder = TempDir::new()?;
    let file = folder.path().join("counts");
    let usage = Usage::of(pid)?;
    let mut threads: Vec<String> = usage.threads.keys().map(|(_, id)| id.to_string()).collect();
    threads.dedup();
    let perf = counter(&threads.join(","), &file)?;
    thread::sleep(ATTACHED);
    let tally = lane.turn(SPAN)?;
    end(perf)?;
    let text = fs::read_to_string(&file).context("perf has written nothing")?;
    let requests = count(tally.answered.max(1));
    let each = counted(&text).map(|(name, calls)| (name.to_owned(), calls / requests));
    Ok(each.filter(|(_, calls)| *calls >= LEAST).collect())
}

fn counter(threads: &str, file: &Path) -> Result<Child> {
    let events = CALLS.map(|name| format!("syscalls:sys_enter_{name}"));
    Command::new("perf")
        .args(["stat", "-x", ",", "-e", &events.join(",")])
        .args(["-t", threads, "-o"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("perf")
}

fn end(mut perf: Child) -> Result<()> {
    if perf.try_wait()?.is_some() {
        bail!("perf may not count here: run it as root, or `sysctl kernel.perf_event_paranoid=-1`");
    }
    kill_process(Pid::from_child(&perf), Signal::INT)?;
    perf.wait()?;
    Ok(())
}

/// Name and number of perf's lines: `12,,syscalls:sys_enter_read,...`.
fn counted(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(',');
        let calls = fields.next()?.parse().ok()?;
        let name = fields.nth(1)?.strip_prefix("syscalls:sys_enter_")?;
        Some((name, calls))
    })
}

/// Instructions in user space of one request. `None` where valgrind is missing.
///
/// # Errors
///
/// If the server fails under callgrind.
pub fn instructions(subject: &Subject, workload: &Workload) -> Result<Option<f64>> {
    let runs = callgrind(subject, workload)?;
    runs.map(|[few, many]| Ok((total_of(&many)? - total_of(&few)?) / more()))
        .transpose()
}

/// The same, and whose they are: by the crate of the innermost inlined frame, where the program has
/// line tables.
///
/// # Errors
///
/// If the server fails under callgrind.
pub fn instructions_by_crate(
    subject: &Subject,
    workload: &Workload,
) -> Result<Option<BTreeMap<String, f64>>> {
    let runs = callgrind(subject, workload)?;
    Ok(runs.map(|runs| {
        let [few, mut many] = runs.map(|text| crates::of(&text));
        for (name, instructions) in &mut many {
            *instructions = (*instructions - few.get(name).copied().unwrap_or(0.0)) / more();
        }
        many
    }))
}

/// Requests by which the two runs differ.
fn more() -> f64 {
    count(CALLGRIND[1] - CALLGRIND[0])
}

/// What callgrind writes of a shorter run and of a longer one.
fn callgrind(subject: &Subject, workload: &Workload) -> Result<Option<[String; 2]>> {
    if which::which("valgrind").is_err() {
        return Ok(None);
    }
    let single = Workload {
        connections: 1,
        ..workload.clone()
    };
    let [few, many] = CALLGRIND.map(|requests| -> Result<String> {
        let folder = TempDir::new()?;
        let file = folder.path().join("callgrind.out");
        let told = format!("--callgrind-out-file={}", file.display());
        let runner = ["valgrind", "--quiet", "--tool=callgrind", &told].map(OsString::from);
        let server = Running::start_under(&runner, subject, 1)?;
        let mut client = client(server.address(), &single, false)?;
        let asked = Drive::Closed(Goal::Requests(requests));
        let tally = asked.run(&mut client, Instant::now())?;
        ensure!(
            tally.answered == requests,
            "of {requests} requests {} came",
            tally.answered
        );
        drop(client);
        server.stop()?;
        fs::read_to_string(&file).context("callgrind has written nothing")
    });
    Ok(Some([few?, many?]))
}

fn total_of(text: &str) -> Result<f64> {
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("callgrind's file has no total")?;
    Ok(total.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfs_lines_are_read() {
        let text = "# started on Fri\n\n1200,,syscalls:sys_enter_recvfrom,501,100.00,,\n\
                    <not counted>,,syscalls:sys_enter_read,0,0.00,,\n";
        let found: Vec<_> = counted(text).collect();
        assert_eq!(found, [("recvfrom", 1200.0)]);
    }
}
