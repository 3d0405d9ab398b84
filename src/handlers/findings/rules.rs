//! The rules: each a function from the figures to what it finds, or to nothing.
//!
//! A rule has a threshold, and the threshold a reason. None of them needs more than the figures and
//! the configuration, so each is tested with figures made by hand. Rules about a request are silent
//! below [`REQUESTS_MIN`]: the first connections and their timers are not what requests cost.

use super::{Evidence, Finding, percent, share};
use crate::accounts::{Copied, Refusal, Stage, WouldBlock};
use crate::handlers::accounts::{BUSY_ENOUGH, busy_percent};
use crate::handlers::units::float;

/// Requests below which nothing is said about a request.
pub(super) const REQUESTS_MIN: u64 = 100;
/// Of something that a request should not need: one in a hundred is what new connections cost.
const SELDOM: f64 = 0.01;
/// Of something that every request needs once: what start and end of connections add.
const ONCE: f64 = 1.05;

type Rule = fn(&Evidence<'_>) -> Option<Finding>;

/// All rules, the most telling first.
pub(super) const RULES: [Rule; 18] = [
    panics,
    accept_pauses,
    refusals,
    vain_reads,
    registrations,
    sends,
    apart,
    allocations,
    pool_misses,
    copies,
    timers,
    client_bound_polls,
    short_sends,
    stale_wakeups,
    resets,
    idle_reactors,
    uneven_reactors,
    nothing_asked,
];

/// What is told if nothing was found.
pub(super) const GOOD: [Rule; 3] = [good_reads, good_sends, good_polls];

fn panics(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.figures.panics;
    let text =
        format!("{count} handlers or jobs panicked, and their requests were answered with 500");
    (count > 0).then(|| {
        Finding::new(float(count), "panics", text)
            .remedy("--log errors tells when; mend the handler")
    })
}

fn accept_pauses(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.figures.accept_pauses;
    let text = format!("accepting paused {count} times, since the system had no descriptor left");
    (count > 0).then(|| {
        Finding::new(float(count), "pauses", text)
            .remedy("raise the limit of open files (ulimit -n)")
    })
}

/// An idle connection that is closed is no refusal: it asked for nothing.
fn refusals(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let counts = Refusal::ALL.iter().zip(figures.refusals);
    let refused = counts.filter(|((kind, _), count)| *kind != Refusal::Idle && *count > 0);
    let mut refused: Vec<_> = refused.collect();
    refused.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let ((_, most), _) = refused.first()?;
    let count: u64 = refused.iter().map(|(_, count)| count).sum();
    let text = format!("{count} requests or connections were refused, most of them as {most}");
    Some(Finding::new(float(count), "refusals", text).remedy("--log errors tells whom and why"))
}

fn vain_reads(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let percent = percent(figures.eagains[WouldBlock::Recv as usize], figures.reads)?;
    let text = format!("{percent:.0} % of reads returned EAGAIN: a second read after a short one");
    (percent > 5.0)
        .then(|| Finding::new(percent, "% of reads", text).technique(evidence.off("short-read")))
}

fn registrations(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    // Each connection is registered once, and that is not the requests' cost.
    let beyond = figures.registrations.saturating_sub(figures.accepted);
    let number = evidence.by_request(beyond)?;
    let text = format!("{number:.2} epoll_ctl for each request: interest is registered again");
    let technique = evidence
        .off("register-once")
        .or(evidence.off("write-at-once"));
    (number > SELDOM).then(|| Finding::new(number, "calls/request", text).technique(technique))
}

fn sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.writes)?;
    let text = format!("{number:.2} sends for each request: answers do not leave whole");
    (number > ONCE).then(|| Finding::new(number, "calls/request", text))
}

/// Answers that came together and left apart. That they came together shows in fewer reads than
/// requests; that they left apart, in more sends than reads.
fn apart(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let number = share(figures.writes, figures.reads);
    let text = format!("{number:.2} sends for each read, though several requests came with one");
    let technique = evidence.off("batched-writes");
    let is_pipelined = evidence.by_request(figures.reads)? < 0.9;
    (is_pipelined && number > ONCE)
        .then(|| Finding::new(number, "sends/read", text).technique(technique))
}

fn allocations(evidence: &Evidence<'_>) -> Option<Finding> {
    let allocations = evidence.figures.allocations?;
    let number = evidence.by_request(allocations.iter().sum())?;
    let stages = Stage::ALL.iter().zip(allocations);
    let ((_, most), _) = stages.max_by_key(|(_, count)| *count)?;
    let text = format!("{number:.2} allocations for each request, most of them in stage `{most}`");
    let techniques = [
        "json-in-place",
        "head-template",
        "cached-date",
        "idle-buffers",
        "cursors",
    ];
    let technique = techniques.into_iter().find_map(|name| evidence.off(name));
    (number > SELDOM)
        .then(|| Finding::new(number, "allocations/request", text).technique(technique))
}

/// Each pool has to allocate its buffers once; it misses if it goes on.
fn pool_misses(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let taken = figures.pool_hits + figures.pool_misses;
    let percent = percent(figures.pool_misses, taken)?;
    let text = format!("{percent:.0} % of the buffers that were taken had to be allocated");
    (percent > 10.0).then(|| {
        Finding::new(percent, "% of buffers", text).technique(evidence.off("idle-buffers"))
    })
}

/// An answer's body is copied into the output at most once; what is more is something else.
fn copies(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let bytes = evidence.by_request(figures.bytes_copied.iter().sum())?;
    let answer = evidence.by_request(figures.bytes_out)?;
    let counts = Copied::NAMES.iter().zip(figures.bytes_copied);
    let (most, _) = counts.max_by_key(|(_, count)| *count)?;
    let text = format!(
        "{bytes:.0} bytes copied for each request, where an answer has {answer:.0}: mostly {most}"
    );
    (bytes > 1.5 * answer).then(|| Finding::new(bytes, "bytes/request", text))
}

/// Waits and jobs need a timer each; they are not what this looks for.
fn timers(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let needed = figures.accepted + figures.timers_fired + figures.jobs;
    let number = evidence.by_request(figures.timers_set.saturating_sub(needed))?;
    let text = format!("{number:.2} timers set for each request, beside those that came due");
    let technique = evidence.off("lazy-deadlines");
    (number > SELDOM).then(|| Finding::new(number, "timers/request", text).technique(technique))
}

/// A connection that waits for its answer before it asks again has a poll for each request: the
/// price of a poll is shared only by connections that are ready together.
fn client_bound_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let number = evidence.by_request(figures.turns)?;
    let together = share(figures.events, figures.turns);
    let text = format!(
        "{number:.2} epoll_wait for each request, with {together:.2} events each: the clients wait \
         for each other's turn, and one event is all there is"
    );
    let found = Finding::new(number, "calls/request", text);
    let technique = evidence.off("event-batching");
    (number >= ONCE && together < 1.5).then(|| match technique {
        Some(_) => found.technique(technique),
        None => found.remedy("more connections, or pipelining, share a poll"),
    })
}

fn short_sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let percent = percent(figures.short_writes, figures.writes)?;
    let text = format!("{percent:.1} % of sends were short: peers do not take their answers");
    (percent > 1.0).then(|| {
        Finding::new(percent, "% of sends", text)
            .remedy("a slower client than the server; or --send-buffer is small")
    })
}

fn stale_wakeups(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let wakeups = figures.wakeups.iter().sum::<u64>() + figures.stale_wakeups;
    let percent = percent(figures.stale_wakeups, wakeups)?;
    let text = format!("{percent:.1} % of wakeups were for connections that had gone");
    (percent > 1.0).then(|| Finding::new(percent, "% of wakeups", text))
}

fn resets(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let percent = 100.0 * share(figures.resets, figures.accepted);
    let text = format!("{} connections were reset by their peers", figures.resets);
    (percent > 1.0).then(|| {
        Finding::new(float(figures.resets), "connections", text)
            .remedy("wrk does so when it leaves; others have given up waiting")
    })
}

/// The requests per second of a server that sleeps are those that the client asked for.
fn idle_reactors(evidence: &Evidence<'_>) -> Option<Finding> {
    let reactors = evidence.reactors.len();
    let busy = busy_percent(&evidence.figures, evidence.span, reactors)?;
    let text = format!(
        "the reactors were busy for {busy:.0} % of the time: requests per second and latency are \
         the client's"
    );
    (busy < BUSY_ENOUGH).then(|| {
        Finding::new(busy, "% of the time", text)
            .remedy("compare CPU time per request; or ask from more connections")
    })
}

/// The kernel deals connections out by a hash of their addresses: few of them fall unevenly.
fn uneven_reactors(evidence: &Evidence<'_>) -> Option<Finding> {
    let requests = evidence.reactors.iter().map(|reactor| reactor.requests);
    let (most, sum) = (requests.clone().max()?, requests.sum::<u64>());
    let fair = share(sum, evidence.reactors.len() as u64);
    let times = float(most) / fair.max(1.0);
    let text = format!("the busiest reactor served {times:.2} times its share of the requests");
    (times > 1.25 && sum >= REQUESTS_MIN).then(|| {
        Finding::new(times, "times", text)
            .remedy("the kernel deals connections out by their addresses; many fall more evenly")
    })
}

fn nothing_asked(evidence: &Evidence<'_>) -> Option<Finding> {
    let requests = evidence.figures.requests;
    let text = format!("{requests} requests are too few to say what one costs");
    (requests < REQUESTS_MIN)
        .then(|| Finding::new(float(requests), "requests", text).remedy("ask more, and look again"))
}

fn good_reads(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.reads)?;
    let text = format!("{} recv for each request", rounded(number));
    Some(Finding::new(number, "calls/request", text))
}

fn good_sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.writes)?;
    let text = format!("{} send for each request", rounded(number));
    Some(Finding::new(number, "calls/request", text))
}

fn good_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let polls = evidence.figures.turns;
    let number = share(evidence.figures.events, polls);
    let text = format!("{} events from each epoll_wait", rounded(number));
    (polls > 0).then(|| Finding::new(number, "events/poll", text))
}

/// To two decimals, without those that are zero.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
