//! What wrk says of failures, and whether it had the cores that it needed.

use super::{Finding, Impossible, Known, Note, Printed, Rule};

const EXIT: &str = "wrk 4.1.0, main in src/wrk.c: exits with 0 whatever failed";
const STATUS: &str = "wrk 4.1.0, response_complete in src/wrk.c: counts a status above 399, and \
                      the answer as well";

pub(super) const RULES: &[Rule] = &[socket_errors, failed, nothing_timed, threads];

fn socket_errors(run: &Printed, _: &Known) -> Option<Finding> {
    let errors = run.socket_errors?;
    let rest = "Requests that failed are in no latency, so the figures are of the rest only.";
    let told = format!("Socket errors: {errors}. {rest}");
    Some(Note.finding("errors", EXIT, told))
}

fn failed(run: &Printed, _: &Known) -> Option<Finding> {
    let (failed, requests) = (run.failed?, run.requests?);
    if failed > requests.value {
        let told = format!("{failed} of {requests} requests failed.");
        return Some(Impossible.finding("status", STATUS, told));
    }
    let share = 100.0 * failed / requests.value.max(1.0);
    let meaning = "say that they are errors: the rate is that of refusing";
    let told = format!("{failed} of {requests} answers, {share:.1} %, {meaning}.");
    Some(Note.finding("status", STATUS, told))
}

fn nothing_timed(run: &Printed, _: &Known) -> Option<Finding> {
    let latency = run.latency?;
    let reason = match run.requests {
        Some(requests) if requests.value <= 0.0 => "there was no answer",
        _ => "every answer came after wrk's timeout",
    };
    let told = format!("No latency was counted: {reason}.");
    let is_untimed = latency.within.is_none() && latency.max.value <= 0.0;
    is_untimed.then(|| Note.finding("timeout", EXIT, told))
}

fn threads(run: &Printed, known: &Known) -> Option<Finding> {
    let (threads, cores) = (u64::from(run.threads?), known.cores?);
    let meaning = "take turns, and a latency includes the wait for a turn";
    let told = format!("{threads} threads of wrk on {cores} cores {meaning}.");
    (threads > cores).then(|| Note.finding("client-bound", "sched(7)", told))
}
