//! What a request costs in counts, which no noise can change: system calls, copies, allocations
//! (the server's `/accounts`, or strace for who has none), and instructions (callgrind).
//!
//! Every count is the difference of two states of a server that is doing nothing else, divided by
//! the requests in between: start and end of the process cancel out. Absent is time: a server under
//! strace or valgrind is slow, and nobody asks how slow.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::measure;
use crate::process::{self, Running, Subject};
use crate::results::Counters;
use crate::workload::Workload;

/// Requests before the accounts are read for the first time; divisible by all workloads' batches.
const FIRST: usize = 320;
/// Requests between the two readings.
const COUNTED: usize = 6_400;
/// Requests of the shorter and the longer run under callgrind.
const CALLGRIND: [usize; 2] = [320, 2_240];
/// Requests of the two runs under strace.
const STRACE: [usize; 2] = [320, 3_520];
/// What strace names the calls that move a request's bytes; only a thread that makes one of them
/// serves requests.
const RECEIVING: [&str; 5] = ["recvfrom", "read", "recvmsg", "readv", "io_uring_enter"];

/// Counts by `/accounts` before and after some thousand requests; without instructions.
pub fn by_accounts(subject: &Subject, workload: &Workload) -> Result<Counters> {
    let server = Running::start(subject, 1, &[])?;
    measure::send(&server, workload, FIRST)?;
    // What it costs to ask is told by asking twice.
    let asking = accounts(&server)?;
    let before = accounts(&server)?;
    measure::send(&server, workload, COUNTED)?;
    let after = accounts(&server)?;
    server.stop()?;
    let each = |pointer: &str| difference(&before, &after, pointer);
    let each_of = |pointer: &str| per_request_difference([&asking, &before, &after], pointer);
    let calls = after.pointer("/system_calls").and_then(Value::as_object);
    let calls = calls.context("no system calls in /accounts")?;
    let calls = calls.keys().filter(|name| *name != "all");
    Ok(Counters {
        subject: subject.name.clone(),
        workload: workload.name.clone(),
        source: "accounts".to_owned(),
        system_calls: calls
            .filter_map(|name| Some((name.clone(), each(&format!("/system_calls/{name}"))?)))
            .collect(),
        eagains: ["accept", "recv", "send"]
            .iter()
            .map(|call| each(&format!("/eagains/{call}")))
            .sum(),
        timers_set: each_of("/timers_set_per_request"),
        bytes_copied: each_of("/bytes_copied_per_request/all"),
        allocations: each_of("/allocations_per_request/all"),
        instructions: None,
    })
}

/// System calls by strace, of all threads that receive; `None` where strace is missing or
/// forbidden.
pub fn by_strace(subject: &Subject, workload: &Workload) -> Result<Option<Counters>> {
    let Ok(strace) = which::which("strace") else {
        return Ok(None);
    };
    let mut totals = Vec::new();
    for requests in STRACE {
        let folder = TempDir::new()?;
        let log = folder.path().join("calls");
        let runner: Vec<OsString> = vec![
            strace.clone().into(),
            "-f".into(),
            "-qq".into(),
            "-e".into(),
            "signal=none".into(),
            "-o".into(),
            log.clone().into(),
        ];
        let Ok(server) = Running::start_under(&runner, subject, 1) else {
            return Ok(None);
        };
        measure::send(&server, workload, requests)?;
        // strace hands SIGTERM on to nobody; what it wrote until it is ended is what counts.
        drop(server);
        totals.push(calls_of_receivers(&fs::read_to_string(&log)?));
    }
    let [few, many] = &totals[..] else {
        bail!("two runs have two totals");
    };
    let between = difference_of(STRACE);
    let each = many.iter().map(|(name, count)| {
        let earlier = few.get(name).copied().unwrap_or(0.0);
        (name.clone(), (count - earlier) / between)
    });
    Ok(Some(Counters {
        subject: subject.name.clone(),
        workload: workload.name.clone(),
        source: "strace".to_owned(),
        system_calls: each.filter(|(_, each)| *each >= 0.005).collect(),
        ..Counters::default()
    }))
}

/// Instructions in user space of one request: the difference of two runs of different length under
/// callgrind. `None` where valgrind is missing. Can be called from several threads at once.
pub fn instructions(subject: &Subject, workload: &Workload) -> Result<Option<f64>> {
    let Ok(valgrind) = which::which("valgrind") else {
        return Ok(None);
    };
    let mut totals = Vec::new();
    for requests in CALLGRIND {
        let folder = TempDir::new()?;
        let file = folder.path().join("callgrind.out");
        let mut told = OsString::from("--callgrind-out-file=");
        told.push(&file);
        let runner: Vec<OsString> = vec![
            valgrind.clone().into(),
            "--quiet".into(),
            "--tool=callgrind".into(),
            told,
        ];
        let server = Running::start_under(&runner, subject, 1)?;
        measure::send(&server, workload, requests)?;
        server.stop()?;
        totals.push(total_of(&file)?);
    }
    let [few, many] = totals[..] else {
        bail!("two runs have two totals");
    };
    Ok(Some((many - few) / difference_of(CALLGRIND)))
}

/// The accounts since the start, of all reactors.
fn accounts(server: &Running) -> Result<Value> {
    let text = process::get(server.address(), "/accounts").context("/accounts")?;
    let mut value: Value = serde_json::from_str(&text).context("/accounts is no JSON")?;
    let all = value.pointer_mut("/since_start/all");
    Ok(all.context("/accounts has no since_start")?.take())
}

fn number(accounts: &Value, pointer: &str) -> Option<f64> {
    accounts.pointer(pointer)?.as_f64()
}

/// Of a counter, for each request in between. One of the requests is the one that asked.
fn difference(before: &Value, after: &Value, pointer: &str) -> Option<f64> {
    let requests = number(after, "/requests")? - number(before, "/requests")?;
    Some(rounded(
        (number(after, pointer)? - number(before, pointer)?) / requests,
    ))
}

/// Of a figure that is told for each request, and so was a counter once; without what it took to
/// ask, which is the difference of the first two accounts.
fn per_request_difference([asking, before, after]: [&Value; 3], pointer: &str) -> Option<f64> {
    let total =
        |accounts: &Value| Some(number(accounts, pointer)? * number(accounts, "/requests")?);
    let requests = number(after, "/requests")? - number(before, "/requests")?;
    let asked = total(before)? - total(asking)?;
    Some(rounded((total(after)? - total(before)? - asked) / requests))
}

/// To hundredths: what is smaller belongs to opening and asking, and not to requests.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Calls by name of those threads of strace's log that receive. A line is `THREAD call(...)`, or
/// `THREAD <... call resumed>`, which was counted when it began.
fn calls_of_receivers(log: &str) -> BTreeMap<String, f64> {
    let lines = log.lines().filter_map(|line| {
        let (thread, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.chars().all(is_name).then_some((thread, name))
    });
    let mut threads: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (thread, name) in lines {
        *threads.entry(thread).or_default().entry(name).or_default() += 1.0;
    }
    let mut sum = BTreeMap::new();
    let receives =
        |calls: &&BTreeMap<&str, f64>| RECEIVING.iter().any(|name| calls.contains_key(name));
    for calls in threads.values().filter(receives) {
        for (name, count) in calls {
            *sum.entry((*name).to_owned()).or_default() += count;
        }
    }
    sum
}

fn total_of(file: &Path) -> Result<f64> {
    let text = fs::read_to_string(file).context("callgrind has written nothing")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("callgrind's file has no total")?;
    Ok(total.trim().parse()?)
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
fn difference_of([few, many]: [usize; 2]) -> f64 {
    (many - few) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_do_not_receive_are_left_out() {
        let log = "\
101 openat(AT_FDCWD, \"/proc/self/statm\") = 3
102 recvfrom(8, \"GET \", 8192, 0, NULL, NULL) = 42
102 epoll_wait(5 <unfinished ...>
101 read(3, \"1\", 1) = 1
103 futex(0x1) = 0
102 <... epoll_wait resumed>, [], 1024, -1) = 1
102 sendto(8, \"HTTP\", 4, 0, NULL, 0) = 4
102 +++ exited with 0 +++
";
        let calls = calls_of_receivers(log);
        assert_eq!(calls.get("recvfrom"), Some(&1.0));
        assert_eq!(calls.get("epoll_wait"), Some(&1.0));
        assert_eq!(calls.get("sendto"), Some(&1.0));
        assert_eq!(calls.get("futex"), None);
    }

    #[test]
    fn counts_are_differences_for_each_request() {
        let asking = serde_json::json!({"requests": 99, "copied": 2.0});
        let before =
            serde_json::json!({"requests": 100, "system_calls": {"recv": 150}, "copied": 2.0});
        let after =
            serde_json::json!({"requests": 300, "system_calls": {"recv": 350}, "copied": 1.0});
        assert_eq!(difference(&before, &after, "/system_calls/recv"), Some(1.0));
        assert_eq!(difference(&before, &after, "/system_calls/none"), None);
        assert_eq!(
            per_request_difference([&asking, &before, &after], "/copied"),
            Some(0.49),
            "300 - 200 copied, 2 of them for who asked"
        );
    }
}
