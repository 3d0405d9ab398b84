//! Latency, rate and connections: in a closed loop two give the third.

use super::padding::Claim;
use super::{Finding, Impossible, Known, Note, Printed, Rule, Suspicious};

const LITTLE: &str = "Little, A Proof for the Queuing Formula L = lambda W, 1961";
const DEALT: &str = "wrk 4.1.0, main in src/wrk.c: connections / threads for each thread";
const PIPELINED: &str = "wrk 4.1.0, stats_correct and stats_mean in src/stats.c: what is padded \
                         below the minimum is counted, and not added up";
const CLOSED: &str = "a connection has one request at a time, and each waits";

/// What the law may be missed by.
const SLACK: f64 = 0.02;
/// What each thread may add to the time: wrk starts its threads one after the other, each with a
/// Lua state of its own, and reads the clock when all are running.
const HEAD_START_US: f64 = 10_000.0;
/// If fewer of the connections than this wait for the server, the others wait for wrk.
const WAITING_MIN: f64 = 0.5;

/// Percent of what a wait allows from which the server hardly matters.
const NEAR: f64 = 80.0;

pub(super) const RULES: &[Rule] = &[dealt, little, ceiling];

/// Connections that do not divide by the threads are left out.
fn dealt(run: &Printed, _: &Known) -> Option<Finding> {
    let (threads, connections, opened) = (run.threads?, run.connections?, run.opened()?);
    if opened == 0 {
        let told = format!("{connections} connections are not enough for {threads} threads.");
        return Some(Impossible.finding("connections", DEALT, told));
    }
    let each = opened / threads;
    let told = format!(
        "wrk opened {opened} connections and not {connections}: {threads} threads with {each} each."
    );
    (opened != connections).then(|| Note.finding("connections", DEALT, told))
}

/// Requests that can be under way at a time.
fn room(run: &Printed, known: &Known) -> Option<f64> {
    Some(f64::from(run.opened()?) * f64::from(known.pipeline.unwrap_or(1)))
}

/// The same, and what the law may be missed by: short runs with many threads have the most.
fn with_slack(room: f64, run: &Printed) -> f64 {
    let runtime_us = run.runtime.map_or(f64::MAX, |time| time.value.max(1.0));
    let head_start = HEAD_START_US * f64::from(run.threads.unwrap_or(1)) / runtime_us;
    room * (1.0 + SLACK.max(head_start))
}

fn little(run: &Printed, known: &Known) -> Option<Finding> {
    let (mean, rate, room) = (run.latency?.mean, run.rate?, room(run, known)?);
    // An open loop's latency counts from the intended time, when nothing is in flight yet. Without
    // a single latency, wrk prints 0.
    if run.is_wrk2 || mean.value <= 0.0 || rate.value <= 0.0 {
        return None;
    }
    let in_flight = rate.value * mean.value / 1e6;
    let sum = format!("{rate} requests a second x {mean} are {in_flight:.0} requests in flight");
    if rate.low * run.timed() * mean.low / 1e6 > with_slack(room, run) {
        return Some(too_many(run, known, room, &sum));
    }
    (in_flight < WAITING_MIN * room).then(|| few(run, room, &sum))
}

/// Fewer in flight than there is room for. wrk measures from its send to the answer, so what it
/// does in between answer and send is missing, and whatever failed.
fn few(run: &Printed, room: f64, sum: &str) -> Finding {
    let command = run.command.unwrap_or_default().to_ascii_lowercase();
    let told = |reason| format!("{sum}, of {room}: {reason}.");
    let reason = if run.socket_errors.is_some() {
        "some failed or came too late, and those have no latency"
    } else if command.contains("connection: close") {
        "the others were connecting, which is in no latency"
    } else if run.option("script").is_some() {
        "the others may have waited for the script"
    } else {
        let told = told("the others waited for wrk, so the rate is rather wrk's than the server's");
        return Suspicious.finding("client-bound", LITTLE, told);
    };
    Note.finding("client-bound", LITTLE, told(reason))
}

/// More in flight than there is room for: wrong, pipelined by a script, or padded.
fn too_many(run: &Printed, known: &Known, room: f64, sum: &str) -> Finding {
    let doubt = known.doubt(run);
    if doubt == Note {
        let only = "only right if the script pipelines (--pipeline says how many)";
        let told = match known.pipeline {
            Some(_) => format!("{sum}, with room for {room}: no mean of what was measured."),
            None => format!("{sum}, with {room} connections: {only}."),
        };
        return Note.finding("little", PIPELINED, told);
    }
    let mut told = format!("{sum}, with room for {room}.");
    if let Some(claim) = claim(run, room) {
        if !claim.is_impossible() {
            let raised = claim.mean / claim.allowed;
            told += " wrk pads its latencies before it prints them, which explains it: the mean is";
            told = format!("{told} {raised:.1} times what was measured, or more.");
            return Note.finding("little", LITTLE, told);
        }
        told += " No latencies that keep the law become this mean, deviation and maximum by wrk's \
                 padding.";
    }
    if doubt == Suspicious {
        told += " Only a script that pipelines can do that; the command line would tell.";
    }
    doubt.finding("little", LITTLE, told)
}

/// What would have to be padded; `None` where wrk does not pad: fewer requests than connections.
fn claim(run: &Printed, room: f64) -> Option<Claim> {
    let (latency, rate, requests) = (run.latency?, run.rate?, run.requests?.value);
    // wrk divides whole numbers, so the time is shared by whole rounds.
    let rounds = (requests / f64::from(run.connections?)).floor();
    let runtime_us = requests / rate.value * 1e6;
    let measured = (rate.low * run.timed()).max(f64::MIN_POSITIVE);
    // Around a mean that is wrong by its last digit, the variance is larger by the square.
    let open = latency.mean.high - latency.mean.value;
    (rounds > 0.0).then(|| Claim {
        mean: latency.mean.value,
        variance: latency.stdev.high.powi(2) + open.powi(2),
        max: latency.max.high,
        step: (runtime_us / rounds).floor(),
        allowed: with_slack(room, run) / measured * 1e6,
    })
}

/// A server that waits before each answer answers a connection at most once in that time.
fn ceiling(run: &Printed, known: &Known) -> Option<Finding> {
    let (rate, room, wait) = (run.rate?, room(run, known)?, known.wait_us?);
    let ceiling = room / (f64::from(wait) / 1e6);
    let most = "requests a second at most, for any server";
    let told = format!("{room} requests at a time / {wait} us are {ceiling:.0} {most}; {rate} are");
    if rate.low > with_slack(ceiling, run) {
        return Some(Impossible.finding("ceiling", CLOSED, told + " more."));
    }
    let share = 100.0 * rate.value / ceiling;
    let mut told = format!("{told} {share:.0} % of that");
    if share > NEAR {
        told += ": what was measured is the wait";
    }
    Some(Note.finding("ceiling", CLOSED, told + "."))
}
