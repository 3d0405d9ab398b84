//! What wrk says of failures, and whether it had the cores that it needed.

use super::printed::Printed;
use super::{Finding, Known, Severity};

const EXIT: &str = "wrk 4.1.0, main in src/wrk.c: exits with 0 whatever failed";
const STATUS: &str = "wrk 4.1.0, response_complete in src/wrk.c: counts a status above 399, and \
                      the answer as well";

/// What failed, and what was too small.
pub(super) fn findings(run: &Printed, known: &Known) -> Vec<Finding> {
    let all = [
        socket_errors(run),
        failed(run),
        nothing_timed(run),
        threads(run, known),
    ];
    all.into_iter().flatten().collect()
}

fn socket_errors(run: &Printed) -> Option<Finding> {
    let errors = run.socket_errors?;
    let sentence = format!(
        "Socket errors: {errors}. Requests that failed are in no latency, so the figures are of \
         the rest only."
    );
    Some(Finding::new(Severity::Note, "errors", sentence, EXIT))
}

fn failed(run: &Printed) -> Option<Finding> {
    let (count, requests) = (run.failed?, run.requests?);
    let failed: f64 = count.parse().ok()?;
    if failed > requests.value {
        let sentence = format!("{count} of {} requests failed.", requests.text);
        return Some(Finding::new(
            Severity::Impossible,
            "status",
            sentence,
            STATUS,
        ));
    }
    let share = 100.0 * failed / requests.value.max(1.0);
    let sentence = format!(
        "{count} of {} answers, {share:.1} %, say that they are errors: the rate is that of \
         refusing.",
        requests.text
    );
    Some(Finding::new(Severity::Note, "status", sentence, STATUS))
}

fn nothing_timed(run: &Printed) -> Option<Finding> {
    let latency = run.latency?;
    (latency.within.is_none() && latency.max.value <= 0.0).then(|| {
        let sentence = if run.requests.is_some_and(|requests| requests.value <= 0.0) {
            "No latency was counted: there was no answer."
        } else {
            "No latency was counted: every answer came after wrk's timeout."
        };
        Finding::new(Severity::Note, "timeout", sentence, EXIT)
    })
}

fn threads(run: &Printed, known: &Known) -> Option<Finding> {
    let (threads, cores) = (run.threads?, known.cores?);
    (threads > cores).then(|| {
        let sentence = format!(
            "{threads} threads of wrk on {cores} cores take turns, and a latency includes the wait \
             for a turn."
        );
        let source = "sched(7)";
        Finding::new(Severity::Note, "client-bound", sentence, source)
    })
}
