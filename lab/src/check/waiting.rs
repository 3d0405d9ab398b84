//! Latency, rate and connections: in a closed loop two give the third.

use super::padding::Claim;
use super::printed::Printed;
use super::{Finding, Known, Severity};

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

/// What waiting says.
pub(super) fn findings(run: &Printed, known: &Known) -> Vec<Finding> {
    let all = [dealt(run), little(run, known), ceiling(run, known)];
    all.into_iter().flatten().collect()
}

/// Connections that do not divide by the threads are left out.
fn dealt(run: &Printed) -> Option<Finding> {
    let (threads, connections, opened) = (run.threads?, run.connections?, run.opened()?);
    if opened == 0 {
        let sentence = format!("{connections} connections are not enough for {threads} threads.");
        let severity = Severity::Impossible;
        return Some(Finding::new(severity, "connections", sentence, DEALT));
    }
    (opened != connections).then(|| {
        let sentence = format!(
            "wrk opened {opened} connections and not {connections}: {threads} threads with {} \
             each.",
            opened / threads
        );
        Finding::new(Severity::Note, "connections", sentence, DEALT)
    })
}

#[expect(clippy::cast_precision_loss, reason = "a number of connections")]
fn room(run: &Printed, known: &Known) -> Option<f64> {
    Some(run.opened()? as f64 * f64::from(known.pipeline.unwrap_or(1)))
}

/// By how much the law may be missed: short runs with many threads have the most.
fn slack(run: &Printed) -> f64 {
    let runtime_us = run
        .runtime
        .map_or(f64::INFINITY, |time| time.value.max(1.0));
    #[expect(clippy::cast_precision_loss, reason = "a number of threads")]
    let threads = run.threads.unwrap_or(1) as f64;
    SLACK.max(HEAD_START_US * threads / runtime_us)
}

/// Requests with a latency, of all: those beyond wrk's timeout have none.
fn timed(run: &Printed) -> f64 {
    let share = run.requests.map_or(1.0, |requests| {
        1.0 - run.timeouts() / requests.value.max(1.0)
    });
    share.clamp(0.0, 1.0)
}

fn little(run: &Printed, known: &Known) -> Option<Finding> {
    let (latency, rate, room) = (run.latency?, run.rate?, room(run, known)?);
    // An open loop's latency counts from the intended time, when nothing is in flight yet. Without
    // a single latency, wrk prints 0.
    if run.is_wrk2 || latency.mean.value <= 0.0 || rate.value <= 0.0 {
        return None;
    }
    let in_flight = rate.value * latency.mean.value / 1e6;
    let sum = format!(
        "{} requests a second x {} are {in_flight:.0} requests in flight",
        rate.text, latency.mean.text
    );
    if rate.low() * timed(run) * latency.mean.low() / 1e6 > room * (1.0 + slack(run)) {
        return Some(too_many(run, known, room, &sum));
    }
    (in_flight < WAITING_MIN * room).then(|| few(run, room, &sum))
}

/// Fewer in flight than there is room for. wrk measures from its send to the answer, so what it
/// does in between answer and send is missing, and whatever failed.
fn few(run: &Printed, room: f64, sum: &str) -> Finding {
    let reason = if run.socket_errors.is_some() {
        "some failed or came too late, and those have no latency"
    } else if run.reconnects() {
        "the others were connecting, which is in no latency"
    } else if run.has_script() {
        "the others may have waited for the script"
    } else {
        let sentence = format!(
            "{sum}, of {room}: the others waited for wrk, so the rate is rather wrk's than the \
             server's."
        );
        return Finding::new(Severity::Suspicious, "client-bound", sentence, LITTLE);
    };
    let sentence = format!("{sum}, of {room}: {reason}.");
    Finding::new(Severity::Note, "client-bound", sentence, LITTLE)
}

/// More in flight than there is room for: wrong, pipelined by a script, or padded.
fn too_many(run: &Printed, known: &Known, room: f64, sum: &str) -> Finding {
    let doubt = known.doubt(run);
    if doubt == Severity::Note {
        let sentence = match known.pipeline {
            Some(_) => format!("{sum}, with room for {room}: no mean of what was measured."),
            None => format!(
                "{sum}, with {room} connections: only right if the script pipelines (--pipeline \
                 says how many)."
            ),
        };
        return Finding::new(doubt, "little", sentence, PIPELINED);
    }
    let claim = claim(run, room);
    if let Some(claim) = claim.filter(|claim| !claim.is_impossible()) {
        let sentence = format!(
            "{sum}, with room for {room}. wrk pads its latencies before it prints them, which \
             explains it: the mean is {:.1} times what was measured, or more.",
            claim.mean / claim.allowed
        );
        return Finding::new(Severity::Note, "little", sentence, LITTLE);
    }
    let padding = claim.map_or("", |_| {
        " No latencies that keep the law become this mean, deviation and maximum by wrk's padding."
    });
    let unknown = if doubt == Severity::Suspicious {
        " Only a script that pipelines can do that; the command line would tell."
    } else {
        ""
    };
    let sentence = format!("{sum}, with room for {room}.{padding}{unknown}");
    Finding::new(doubt, "little", sentence, LITTLE)
}

/// What would have to be padded; `None` where wrk does not pad: fewer requests than connections.
fn claim(run: &Printed, room: f64) -> Option<Claim> {
    let (latency, rate, requests) = (run.latency?, run.rate?, run.requests?);
    #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
    let connections = run.connections? as f64;
    // wrk divides whole numbers, so the time is shared by whole rounds.
    let rounds = (requests.value / connections).floor();
    let runtime_us = requests.value / rate.value * 1e6;
    (rounds > 0.0).then(|| Claim {
        mean: latency.mean.value,
        mean_half: latency.mean.half,
        stdev: latency.stdev.high(),
        max: latency.max.high(),
        step: (runtime_us / rounds).floor(),
        allowed: room * (1.0 + slack(run)) / (rate.low() * timed(run)).max(f64::MIN_POSITIVE) * 1e6,
    })
}

/// A server that waits before each answer answers a connection at most once in that time.
fn ceiling(run: &Printed, known: &Known) -> Option<Finding> {
    let (rate, room, wait) = (run.rate?, room(run, known)?, known.wait_us?);
    let ceiling = room / (f64::from(wait) / 1e6);
    let sentence = format!(
        "{room} requests at a time / {wait} us are {ceiling:.0} requests a second at most, for any \
         server"
    );
    if rate.low() > ceiling * (1.0 + slack(run)) {
        let sentence = format!("{sentence}; {} are more.", rate.text);
        return Some(Finding::new(
            Severity::Impossible,
            "ceiling",
            sentence,
            CLOSED,
        ));
    }
    let share = 100.0 * rate.value / ceiling;
    let end = if share > NEAR {
        ": what was measured is the wait."
    } else {
        "."
    };
    let sentence = format!("{sentence}; {} are {share:.0} % of that{end}", rate.text);
    Some(Finding::new(Severity::Note, "ceiling", sentence, CLOSED))
}
