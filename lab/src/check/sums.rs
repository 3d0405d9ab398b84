//! Requests, bytes and time: two give the third.

use super::{Finding, Impossible, Known, Note, Printed, Quantity, Rule, Suspicious};

const RATES: &str = "wrk 4.1.0, main in src/wrk.c: both rates are divided by the same time";
const SLEEP: &str = "wrk 4.1.0, main in src/wrk.c: sleep(duration), then every thread is joined; \
                     threads look every 100 ms whether to stop";
const THREADS: &str = "wrk 4.1.0, record_rate in src/wrk.c: a thread's rate, ten times a second";
/// Why the samples may be of less than the whole run.
const IDLE: &str = "wrk 4.1.0, record_rate in src/wrk.c: a tenth of a second without an answer is \
                    no sample";
const STATUS_LINE: &str = "RFC 9112, section 4: the status line, and an empty line";

/// Bytes of the shortest answer: `HTTP/1.1 200 OK` and an empty line.
const SHORTEST: f64 = 19.0;
/// How close to the time asked for nobody ends who sleeps that long, wakes up and joins threads: a
/// Linux sleep alone has 50 us of slack (prctl(2), PR_SET_TIMERSLACK).
const TOO_EXACT_US: f64 = 20.0;
/// Threads' rates are sampled; an overloaded machine gives them unequal samples.
const SAMPLING: f64 = 0.25;
/// Answers of two servers that are compared should have the same bytes.
const SAME_BYTES: f64 = 0.1;

pub(super) const RULES: &[Rule] = &[rate, transfer, runtime, threads, answer_bytes];

fn rate(run: &Printed, _: &Known) -> Option<Finding> {
    let (requests, runtime, rate) = (run.requests?, run.runtime?, run.rate?);
    let [least, most] = contradiction([requests.value; 2], runtime, rate)?;
    let told = format!(
        "{requests} requests in {runtime} are {least:.2} to {most:.2} in a second, not {rate}."
    );
    Some(Impossible.finding("rate", RATES, told))
}

fn transfer(run: &Printed, _: &Known) -> Option<Finding> {
    let (read, runtime, transfer) = (run.read?, run.runtime?, run.transfer?);
    let contradiction = contradiction([read.low, read.high], runtime, transfer)?;
    let [least, most] = contradiction.map(|bytes| bytes / 1024.0 / 1024.0);
    let told =
        format!("{read} in {runtime} are {least:.2} to {most:.2} MB in a second, not {transfer}.");
    Some(Impossible.finding("transfer", RATES, told))
}

/// What so much is in a second, at least and at most, if something else was told.
fn contradiction([low, high]: [f64; 2], runtime: Quantity, told: Quantity) -> Option<[f64; 2]> {
    let least = low / (runtime.high / 1e6);
    let most = high / (runtime.low / 1e6);
    (told.high < least || told.low > most).then_some([least, most])
}

/// The time to the microsecond, which the requests and their rate give away.
fn runtime(run: &Printed, _: &Known) -> Option<Finding> {
    let (requests, rate, asked) = (run.requests?, run.rate?, run.asked?);
    // The header has whole units: 90 s are `2m` there. Seconds are exact.
    let is_exact = asked.text.ends_with('s');
    let over = requests.value / rate.low * 1e6 - if is_exact { asked.value } else { asked.low };
    if requests.value <= 0.0 || rate.low <= 0.0 || over >= TOO_EXACT_US {
        return None;
    }
    let took = requests.value / rate.value;
    let told = format!("{requests} requests at {rate} a second took {took:.6} s");
    if over < 0.0 {
        let told = format!("{told}, less than the {asked} asked for: it was interrupted.");
        return Some(Note.finding("runtime", SLEEP, told));
    }
    let usual = "wrk wakes up, and waits for its threads, after that: usually some ms";
    let told = format!("{told}: at most {over:.0} us more than the {asked} asked for. {usual}.");
    Some(Suspicious.finding("runtime", SLEEP, told))
}

fn threads(run: &Printed, _: &Known) -> Option<Finding> {
    let (threads, each, rate) = (f64::from(run.threads?), run.thread_rate?.mean, run.rate?);
    // A whole number of a thread's requests in a tenth of a second: below that it says little.
    let slack = SAMPLING * rate.value + 10.0 * threads;
    let is_less = each.value > 0.0 && threads * each.high < rate.value - slack;
    let is_more = rate.value > 0.0 && threads * each.low > rate.value + slack;
    let sum = threads * each.value;
    let told = format!(
        "{threads} threads with {each} requests a second each are {sum:.0} together, not {rate}"
    );
    // More is what idle threads and pauses of the server look like; less has no such reason.
    if is_less {
        return Some(Suspicious.finding("threads", THREADS, told + "."));
    }
    let told = told + ": some threads had no answers, or all had none for a while.";
    is_more.then(|| Note.finding("threads", IDLE, told))
}

fn answer_bytes(run: &Printed, _: &Known) -> Option<Finding> {
    let (count, read) = (run.requests?, run.read?);
    let each = bytes_per_request(run)?;
    let told = format!(
        "{read} for {count} requests are {each:.1} bytes each; no answer has fewer than {SHORTEST}."
    );
    let is_too_short = read.high / count.value < SHORTEST;
    is_too_short.then(|| Impossible.finding("bytes", STATUS_LINE, told))
}

/// What does not fit between two runs.
pub(super) fn answers(run: &Printed, first: &Printed) -> Option<Finding> {
    let (here, there) = (bytes_per_request(run)?, bytes_per_request(first)?);
    let [path, path_there] = [run, first].map(|run| run.url.splitn(4, '/').nth(3));
    if (here - there).abs() <= SAME_BYTES * there || path != path_there {
        return None;
    }
    let reason = "different answers, so different work";
    let told =
        format!("{here:.0} bytes for a request here, {there:.0} in the first run: {reason}.");
    Some(Note.finding("answers", "bytes read / requests", told))
}

fn bytes_per_request(run: &Printed) -> Option<f64> {
    let requests = run.requests?.value;
    (requests > 0.0).then_some(run.read?.value / requests)
}
