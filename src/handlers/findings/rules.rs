//! The rules: each a function from the figures to what it finds, or to nothing.
//!
//! A rule has a threshold, and the threshold a reason. None of them needs more than the figures, so
//! each is tested with figures made by hand. Rules about a request are silent
//! below [`REQUESTS_MIN`]: the first connections and their timers are not what requests cost.

use super::{Evidence, Finding, percent, share};
use crate::accounts::{Copied, Refusal, Stage, WouldBlock};
use crate::handlers::accounts::{BUSY_ENOUGH, busy_percent};
use crate::handlers::units::{float, nanoseconds};

/// Requests below which nothing is said about a request.
pub(super) const REQUESTS_MIN: u64 = 100;
/// Of something that a request should not need: one in a hundred is what new connections cost.
const SELDOM: f64 = 0.01;
/// Of something that every request needs once: what start and end of connections add.
const ONCE: f64 = 1.05;
/// Of answers that are put off: with fewer, the sleep of the reactors is not theirs.
const PUT_OFF: f64 = 0.1;

/// Looks for one thing.
pub(super) type Rule = fn(&Evidence<'_>) -> Option<Finding>;

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
    single_polls,
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
    let found = Finding::when(count > 0, float(count), "panics", text)?;
    Some(found.remedy("--log errors tells when; mend the handler"))
}

fn accept_pauses(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.figures.accept_pauses;
    let text = format!("accepting paused {count} times, since the system had no descriptor left");
    let found = Finding::when(count > 0, float(count), "pauses", text)?;
    Some(found.remedy("raise the limit of open files (ulimit -n)"))
}

/// An idle connection that is closed is no refusal: it asked for nothing.
fn refusals(evidence: &Evidence<'_>) -> Option<Finding> {
    let counts = Refusal::ALL.iter().zip(evidence.figures.refusals);
    let refused = counts.filter(|((kind, _), _)| *kind != Refusal::Idle);
    // Reversed: of equal counts `max_by_key` takes the last.
    let ((_, most), _) = refused.clone().rev().max_by_key(|(_, count)| *count)?;
    let count: u64 = refused.map(|(_, count)| count).sum();
    let text = format!("{count} requests or connections were refused, most of them as {most}");
    let found = Finding::when(count > 0, float(count), "refusals", text)?;
    Some(found.remedy("--log errors tells whom and why"))
}

fn vain_reads(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let percent = percent(figures.eagains[WouldBlock::Recv as usize], figures.reads)?;
    let text = format!("{percent:.0} % of reads returned EAGAIN");
    let found = Finding::when(percent > 5.0, percent, "% of reads", text)?;
    Some(found.counted_as("EAGAIN"))
}

fn registrations(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    // Each connection is registered once, and that is not the requests' cost.
    let beyond = figures.registrations.saturating_sub(figures.accepted);
    let number = evidence.by_request(beyond)?;
    let text = format!("{number:.2} epoll_ctl for each request, beside one for each connection");
    let found = Finding::when(number > SELDOM, number, "calls/request", text)?;
    Some(found.counted_as("epoll_ctl"))
}

fn sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.writes)?;
    let text = format!("{number:.2} sends for each request");
    let found = Finding::when(number > ONCE, number, "calls/request", text)?;
    Some(found.counted_as("send"))
}

/// Answers that came together and left apart. That they came together shows in fewer reads than
/// requests; that they left apart, in more sends than reads.
fn apart(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let number = share(figures.writes, figures.reads);
    let text = format!("{number:.2} sends for each read, though several requests came with one");
    let are_apart = evidence.by_request(figures.reads)? < 0.9 && number > ONCE;
    let found = Finding::when(are_apart, number, "sends/read", text)?;
    Some(found.counted_as("send"))
}

fn allocations(evidence: &Evidence<'_>) -> Option<Finding> {
    let allocations = evidence.figures.allocations?;
    let number = evidence.by_request(allocations.iter().sum())?;
    let stages = Stage::ALL.iter().zip(allocations);
    let ((_, most), _) = stages.max_by_key(|(_, count)| *count)?;
    let text = format!("{number:.2} allocations for each request, most of them in stage `{most}`");
    let found = Finding::when(number > SELDOM, number, "allocations/request", text)?;
    Some(found.counted_as("allocation"))
}

/// Each pool has to allocate its buffers once; it misses if it goes on.
fn pool_misses(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let taken = figures.pool_hits + figures.pool_misses;
    let percent = percent(figures.pool_misses, taken)?;
    let text = format!("{percent:.0} % of the buffers that were taken had to be allocated");
    let found = Finding::when(percent > 10.0, percent, "% of buffers", text)?;
    Some(found.counted_as("allocation"))
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
    let found = Finding::when(bytes > 1.5 * answer, bytes, "bytes/request", text)?;
    Some(found.counted_as("copied byte"))
}

/// Waits and jobs need a timer each, and after an answer that was put off the connection's own
/// deadline is set anew; they are not what this looks for.
fn timers(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let put_off = figures.jobs + figures.deferred.count;
    let needed = figures.accepted + figures.timers_fired + put_off;
    let number = evidence.by_request(figures.timers_set.saturating_sub(needed))?;
    let text = format!("{number:.2} timers set for each request, beside those that came due");
    let found = Finding::when(number > SELDOM, number, "timers/request", text)?;
    Some(found.counted_as("timer entry"))
}

/// A connection that waits for its answer before it asks again has a poll for each request: the
/// price of a poll is shared only by connections that are ready together. An answer that was put
/// off has a turn of its own, which is the server's doing and not the clients'.
fn single_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let number = evidence.by_request(figures.turns.saturating_sub(figures.deferred.count))?;
    let together = share(figures.events, figures.turns);
    let text = format!("{number:.2} epoll_wait for each request, with {together:.2} events each");
    let are_single = number >= ONCE && together < 1.5;
    let found = Finding::when(are_single, number, "calls/request", text)?;
    let remedy = "connections that are ready together, and pipelined requests, share one";
    Some(found.counted_as("epoll_wait").remedy(remedy))
}

fn short_sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let percent = percent(evidence.figures.short_writes, evidence.figures.writes)?;
    let text = format!("{percent:.1} % of sends were short: peers do not take their answers");
    let found = Finding::when(percent > 1.0, percent, "% of sends", text)?;
    Some(found.remedy("a slower client than the server; or --send-buffer is small"))
}

fn stale_wakeups(evidence: &Evidence<'_>) -> Option<Finding> {
    let stale = evidence.figures.stale_wakeups;
    let percent = percent(stale, evidence.figures.wakeups.iter().sum::<u64>() + stale)?;
    let text = format!("{percent:.1} % of wakeups were for connections that had gone");
    Finding::when(percent > 1.0, percent, "% of wakeups", text)
}

fn resets(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.figures.resets;
    let are_many = share(count, evidence.figures.accepted) > 0.01;
    let text = format!("{count} connections were reset by their peers");
    let found = Finding::when(are_many, float(count), "connections", text)?;
    Some(found.remedy("wrk does so when it leaves; others have given up waiting"))
}

/// The requests per second of a server that sleeps are those that the client asked for; unless it
/// sleeps since answers that it has put off wait for a timer or a job.
fn idle_reactors(evidence: &Evidence<'_>) -> Option<Finding> {
    let reactors = evidence.reactors.len();
    let busy = busy_percent(&evidence.figures, evidence.span, reactors)?;
    let waiting = share(evidence.figures.deferred.sum, nanoseconds(evidence.span));
    // While at least one waits, the sleep of its reactor is not the client's; unless few do, such
    // as the one that has asked for a duel: the others' requests are answered at once.
    let waited = 100.0 * (waiting / float(reactors as u64)).min(1.0);
    let are_many = share(evidence.figures.deferred.count, evidence.figures.requests) > PUT_OFF;
    let is_own = are_many && waited >= (100.0 - busy) / 2.0;
    let (why, remedy) = if is_own {
        (
            format!("{waiting:.1} answers at a time waited for a timer or a job of the server"),
            "waits go on side by side: ask from more connections",
        )
    } else {
        (
            "requests per second and latency are the client's".to_owned(),
            "compare CPU time per request; or ask from more connections",
        )
    };
    let text = format!("the reactors were busy for {busy:.0} % of the time: {why}");
    let found = Finding::when(busy < BUSY_ENOUGH, busy, "% of the time", text)?;
    Some(found.remedy(remedy))
}

/// The kernel deals connections out by a hash of their addresses: few of them fall unevenly.
fn uneven_reactors(evidence: &Evidence<'_>) -> Option<Finding> {
    let sum = evidence.figures.requests;
    let requests = evidence.reactors.iter().map(|reactor| reactor.requests);
    let fair = share(sum, evidence.reactors.len() as u64);
    let times = float(requests.max()?) / fair.max(1.0);
    let text = format!("the busiest reactor served {times:.2} times its share of the requests");
    let is_uneven = times > 1.25 && sum >= REQUESTS_MIN;
    let remedy = "the kernel deals connections out by their addresses; many fall more evenly";
    Some(Finding::when(is_uneven, times, "times", text)?.remedy(remedy))
}

fn nothing_asked(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.figures.requests;
    let text = format!("{count} requests are too few to say what one costs");
    let found = Finding::when(count < REQUESTS_MIN, float(count), "requests", text)?;
    Some(found.remedy("ask more, and look again"))
}

fn good_reads(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.reads)?;
    let text = format!("{} recv for each request", rounded(number));
    Finding::when(true, number, "calls/request", text)
}

fn good_sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = evidence.by_request(evidence.figures.writes)?;
    let text = format!("{} send for each request", rounded(number));
    Finding::when(true, number, "calls/request", text)
}

fn good_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let polls = evidence.figures.turns;
    let number = share(evidence.figures.events, polls);
    let text = format!("{} events from each epoll_wait", rounded(number));
    Finding::when(polls > 0, number, "events/poll", text)
}

/// To two decimals, without those that are zero.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
