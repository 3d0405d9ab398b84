//! Requests, bytes and time: two give the third.

use super::printed::Printed;
use super::{Finding, Severity};

const RATES: &str = "wrk 4.1.0, main in src/wrk.c: both rates are divided by the same time";
const SLEEP: &str = "wrk 4.1.0, main in src/wrk.c: sleep(duration), then every thread is joined; \
                     threads look every 100 ms whether to stop";
const THREADS: &str = "wrk 4.1.0, record_rate in src/wrk.c: a thread's rate, ten times a second";

/// `HTTP/1.1 200 OK` and an empty line.
const SHORTEST_ANSWER: f64 = 19.0;
/// How close to the time asked for nobody ends who sleeps that long, wakes up and joins threads: a
/// Linux sleep alone has 50 us of slack (prctl(2), PR_SET_TIMERSLACK).
const TOO_EXACT_US: f64 = 20.0;
/// Threads' rates are sampled; an overloaded machine gives them unequal samples.
const SAMPLING: f64 = 0.25;
/// Why the samples may be of less than the whole run.
const IDLE: &str = "wrk 4.1.0, record_rate in src/wrk.c: a tenth of a second without an answer is \
                    no sample";
/// Answers of two servers that are compared should have the same bytes.
const SAME_BYTES: f64 = 0.1;

/// What does not add up in one run.
pub(super) fn findings(run: &Printed) -> Vec<Finding> {
    let all = [
        rate(run),
        transfer(run),
        runtime(run),
        threads(run),
        answer_bytes(run),
    ];
    all.into_iter().flatten().collect()
}

/// What does not fit between the runs: (index of a run, finding).
pub(super) fn across(runs: &[Printed]) -> Vec<(usize, Finding)> {
    let Some(first) = runs.first().and_then(bytes_per_request) else {
        return Vec::new();
    };
    let later = runs.iter().enumerate().skip(1);
    later
        .filter_map(|(index, run)| {
            let bytes = bytes_per_request(run)?;
            if (bytes / first - 1.0).abs() <= SAME_BYTES || path(run) != path(&runs[0]) {
                return None;
            }
            let sentence = format!(
                "{bytes:.0} bytes for a request here, {first:.0} in the first run: different \
                 answers, so different work."
            );
            let source = "bytes read / requests";
            Some((
                index,
                Finding::new(Severity::Note, "answers", sentence, source),
            ))
        })
        .collect()
}

fn path<'a>(run: &Printed<'a>) -> Option<&'a str> {
    let (_, behind) = run.url.split_once("://")?;
    behind.split_once('/').map(|(_, path)| path)
}

fn bytes_per_request(run: &Printed) -> Option<f64> {
    let requests = run.requests?.value;
    (requests > 0.0).then_some(run.read?.value / requests)
}

fn rate(run: &Printed) -> Option<Finding> {
    let (requests, runtime, rate) = (run.requests?, run.runtime?, run.rate?);
    let least = requests.value / (runtime.high() / 1e6);
    let most = requests.value / (runtime.low() / 1e6);
    if rate.high() >= least && rate.low() <= most {
        return None;
    }
    let sentence = format!(
        "{} requests in {} are {least:.2} to {most:.2} in a second, not {}.",
        requests.text, runtime.text, rate.text
    );
    Some(Finding::new(Severity::Impossible, "rate", sentence, RATES))
}

fn transfer(run: &Printed) -> Option<Finding> {
    let (read, runtime, transfer) = (run.read?, run.runtime?, run.transfer?);
    let least = read.low() / (runtime.high() / 1e6);
    let most = read.high() / (runtime.low() / 1e6);
    if transfer.high() >= least && transfer.low() <= most {
        return None;
    }
    let mib = 1024.0 * 1024.0;
    let sentence = format!(
        "{} in {} are {:.2} to {:.2} MB in a second, not {}.",
        read.text,
        runtime.text,
        least / mib,
        most / mib,
        transfer.text
    );
    Some(Finding::new(
        Severity::Impossible,
        "transfer",
        sentence,
        RATES,
    ))
}

/// The time to the microsecond, which the requests and their rate give away.
fn runtime(run: &Printed) -> Option<Finding> {
    let (requests, rate, asked) = (run.requests?, run.rate?, run.asked_us()?);
    if requests.value <= 0.0 || rate.low() <= 0.0 {
        return None;
    }
    let most = requests.value / rate.low() * 1e6;
    if most >= asked + TOO_EXACT_US {
        return None;
    }
    let took = requests.value / rate.value;
    let over = most - asked;
    let beginning = format!(
        "{} requests at {} a second took {took:.6} s",
        requests.text, rate.text
    );
    let (severity, sentence) = if over < 0.0 {
        let asked = run.duration;
        let sentence = format!("{beginning}, less than the {asked} asked for: it was interrupted.");
        (Severity::Note, sentence)
    } else {
        let sentence = format!(
            "{beginning}: at most {over:.0} us more than the {} asked for. wrk wakes up, and waits \
             for its threads, after that: usually some ms.",
            run.duration
        );
        (Severity::Suspicious, sentence)
    };
    Some(Finding::new(severity, "runtime", sentence, SLEEP))
}

fn threads(run: &Printed) -> Option<Finding> {
    let (threads, each, rate) = (run.threads?, run.thread_rate?.mean, run.rate?);
    #[expect(clippy::cast_precision_loss, reason = "a number of threads")]
    let threads = threads as f64;
    if rate.value <= 0.0 || each.value <= 0.0 {
        return None;
    }
    // A whole number of a thread's requests in a tenth of a second: below that it says little.
    let tenth = 10.0 * threads;
    let least = (threads * each.low()).max(0.0);
    let most = threads * each.high();
    let slack = SAMPLING * rate.value + tenth;
    if least <= rate.value + slack && most >= rate.value - slack {
        return None;
    }
    let sum = format!(
        "{threads} threads with {} requests a second each are {:.0} together, not {}",
        each.text,
        threads * each.value,
        rate.text
    );
    // More is what idle threads and pauses of the server look like; less has no such reason.
    Some(if most < rate.value {
        Finding::new(Severity::Suspicious, "threads", sum + ".", THREADS)
    } else {
        let sentence = sum + ": some threads had no answers, or all had none for a while.";
        Finding::new(Severity::Note, "threads", sentence, IDLE)
    })
}

fn answer_bytes(run: &Printed) -> Option<Finding> {
    let (requests, read) = (run.requests?, run.read?);
    if requests.value <= 0.0 || read.high() / requests.value >= SHORTEST_ANSWER {
        return None;
    }
    let sentence = format!(
        "{} for {} requests are {:.1} bytes each; no answer has fewer than {SHORTEST_ANSWER}.",
        read.text,
        requests.text,
        read.value / requests.value
    );
    let source = "RFC 9112, section 4: the status line, and an empty line";
    Some(Finding::new(
        Severity::Impossible,
        "bytes",
        sentence,
        source,
    ))
}
