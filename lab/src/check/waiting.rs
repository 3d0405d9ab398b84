//! Latency, rate and connections: in a closed loop two give the third.

use super::padding::Claim;
use super::printed::Printed;
use super::{Finding, Known, Severity};

const LITTLE: &str = "Little, A Proof for the Queuing Formula L = lambda W, 1961";
const DEALT: &str = "wrk 4.1.0, main in src/wrk.c: connections / threads for each thread";
const CLOSED: &str = "a connection has one request at a time, and each waits";

/// What the law may be missed by: threads are connected some ms before the clock starts.
const SLACK: f64 = 0.02;
/// If fewer of the connections than this wait for the server, the others wait for wrk.
const WAITING_MIN: f64 = 0.5;

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
    if rate.low() * latency.mean.low() / 1e6 > room * (1.0 + SLACK) {
        return Some(too_many(run, known, room, &sum));
    }
    (in_flight < WAITING_MIN * room).then(|| {
        let sentence = format!(
            "{sum}, of {room}: the others waited for wrk, so the rate is rather wrk's than the \
             server's."
        );
        Finding::new(Severity::Suspicious, "client-bound", sentence, LITTLE)
    })
}

/// More in flight than there is room for: wrong, pipelined by a script, or padded.
fn too_many(run: &Printed, known: &Known, room: f64, sum: &str) -> Finding {
    if run.has_script() && known.pipeline.is_none() {
        let sentence = format!(
            "{sum}, with {room} connections: only right if the script pipelines (--pipeline says \
             how many)."
        );
        return Finding::new(Severity::Suspicious, "little", sentence, LITTLE);
    }
    match claim(run, room) {
        Some(claim) if !claim.is_impossible() => {
            let sentence = format!(
                "{sum}, with room for {room}. wrk pads its latencies before it prints them, which \
                 can explain it: then the mean is {:.1} times what was measured, or more.",
                claim.mean / claim.allowed
            );
            Finding::new(Severity::Suspicious, "little", sentence, LITTLE)
        }
        claim => {
            let padding = claim.map_or("", |_| {
                " No latencies that keep the law become this mean, deviation and maximum by wrk's \
                 padding."
            });
            let sentence = format!("{sum}, with room for {room}.{padding}");
            Finding::new(Severity::Impossible, "little", sentence, LITTLE)
        }
    }
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
        allowed: room * (1.0 + SLACK) / rate.low() * 1e6,
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
    let severity = if rate.low() > ceiling {
        let sentence = format!("{sentence}; {} are more.", rate.text);
        return Some(Finding::new(
            Severity::Impossible,
            "ceiling",
            sentence,
            CLOSED,
        ));
    } else if rate.value > 0.8 * ceiling {
        Severity::Suspicious
    } else {
        Severity::Note
    };
    let share = 100.0 * rate.value / ceiling;
    let sentence = format!("{sentence}; {} are {share:.0} % of that.", rate.text);
    Some(Finding::new(severity, "ceiling", sentence, CLOSED))
}
