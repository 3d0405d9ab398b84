//! The rules: each a function from the figures to what it finds, or to nothing.
//!
//! A rule has a threshold, and the threshold a reason. None of them needs more than the figures and
//! the configuration, so each is tested with figures made by hand. Rules about a request are silent
//! below [`REQUESTS_MIN`]: the first connections and their timers are not what requests cost.

use super::{Evidence, Finding, share};
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
    let percent = 100.0 * share(figures.eagains[WouldBlock::Recv as usize], figures.reads);
    let text = format!("{percent:.0} % of reads returned EAGAIN: a second read after a short one");
    (percent > 5.0 && figures.reads >= REQUESTS_MIN)
        .then(|| Finding::new(percent, "% of reads", text).technique(evidence.off("short-read")))
}

fn registrations(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    // Each connection is registered once, and that is not the requests' cost.
    let beyond = figures.registrations.saturating_sub(figures.accepted);
    let number = per_request(evidence, beyond)?;
    let text = format!("{number:.2} epoll_ctl for each request: interest is registered again");
    let technique = evidence
        .off("register-once")
        .or(evidence.off("write-at-once"));
    (number > SELDOM).then(|| Finding::new(number, "calls/request", text).technique(technique))
}

fn sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = per_request(evidence, evidence.figures.writes)?;
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
    let is_pipelined = per_request(evidence, figures.reads)? < 0.9;
    (is_pipelined && number > ONCE)
        .then(|| Finding::new(number, "sends/read", text).technique(technique))
}

fn allocations(evidence: &Evidence<'_>) -> Option<Finding> {
    let allocations = evidence.figures.allocations?;
    let number = per_request(evidence, allocations.iter().sum())?;
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
    let percent = 100.0 * share(figures.pool_misses, taken);
    let text = format!("{percent:.0} % of the buffers that were taken had to be allocated");
    (percent > 10.0 && taken >= REQUESTS_MIN).then(|| {
        Finding::new(percent, "% of buffers", text).technique(evidence.off("idle-buffers"))
    })
}

/// An answer's body is copied into the output at most once; what is more is something else.
fn copies(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let bytes = per_request(evidence, figures.bytes_copied.iter().sum())?;
    let answer = per_request(evidence, figures.bytes_out)?;
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
    let number = per_request(evidence, figures.timers_set.saturating_sub(needed))?;
    let text = format!("{number:.2} timers set for each request, beside those that came due");
    let technique = evidence.off("lazy-deadlines");
    (number > SELDOM).then(|| Finding::new(number, "timers/request", text).technique(technique))
}

/// A connection that waits for its answer before it asks again has a poll for each request: the
/// price of a poll is shared only by connections that are ready together.
fn client_bound_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let number = per_request(evidence, figures.turns)?;
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
    let percent = 100.0 * share(figures.short_writes, figures.writes);
    let text = format!("{percent:.1} % of sends were short: peers do not take their answers");
    (percent > 1.0 && figures.writes >= REQUESTS_MIN).then(|| {
        Finding::new(percent, "% of sends", text)
            .remedy("a slower client than the server; or --send-buffer is small")
    })
}

fn stale_wakeups(evidence: &Evidence<'_>) -> Option<Finding> {
    let figures = &evidence.figures;
    let wakeups = figures.wakeups.iter().sum::<u64>() + figures.stale_wakeups;
    let percent = 100.0 * share(figures.stale_wakeups, wakeups);
    let text = format!("{percent:.1} % of wakeups were for connections that had gone");
    (percent > 1.0 && wakeups >= REQUESTS_MIN).then(|| Finding::new(percent, "% of wakeups", text))
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
    let number = per_request(evidence, evidence.figures.reads)?;
    let text = format!("{} recv for each request", rounded(number));
    Some(Finding::new(number, "calls/request", text))
}

fn good_sends(evidence: &Evidence<'_>) -> Option<Finding> {
    let number = per_request(evidence, evidence.figures.writes)?;
    let text = format!("{} send for each request", rounded(number));
    Some(Finding::new(number, "calls/request", text))
}

fn good_polls(evidence: &Evidence<'_>) -> Option<Finding> {
    let polls = evidence.figures.turns;
    let number = share(evidence.figures.events, polls);
    let text = format!("{} events from each epoll_wait", rounded(number));
    (polls > 0).then(|| Finding::new(number, "events/poll", text))
}

/// A count by the request, if there were enough of them to say so.
fn per_request(evidence: &Evidence<'_>, count: u64) -> Option<f64> {
    (evidence.figures.requests >= REQUESTS_MIN).then(|| evidence.per_request(count))
}

/// To two decimals, without those that are zero.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::{CpuTime, Figures, Woken};
    use crate::config::Config;
    use crate::techniques;

    /// A busy reactor that does nothing in vain.
    pub(in super::super) fn calm() -> Figures {
        Figures {
            requests: 10_000,
            turns: 2_000,
            events: 10_000,
            wakeups: [10_000, 0, 0, 0, 0],
            accepted: 16,
            accepts: 17,
            reads: 10_000,
            writes: 10_000,
            registrations: 16,
            bytes_out: 1_500_000,
            bytes_copied: [130_000, 0, 0, 0, 0],
            timers_set: 16,
            allocations: Some([0, 0, 0, 4, 0, 0, 40]),
            cpu: Some(CpuTime {
                nanos: 9_900_000_000,
                ..CpuTime::default()
            }),
            ..Figures::default()
        }
    }

    fn judge(rule: Rule, reactors: &[Figures], config: &Config) -> Option<Finding> {
        let sum = reactors[1..]
            .iter()
            .fold(reactors[0].clone(), |sum, one| sum.plus(one));
        rule(&Evidence {
            figures: sum,
            reactors,
            span: Duration::from_secs(10),
            config,
        })
    }

    /// Changes a calm reactor, and what the rule then finds.
    fn found(rule: Rule, change: impl FnOnce(&mut Figures)) -> Option<Finding> {
        let mut figures = calm();
        change(&mut figures);
        judge(rule, &[figures], &Config::default())
    }

    #[test]
    fn a_calm_reactor_has_no_finding() {
        for rule in RULES {
            let found = judge(rule, &[calm()], &Config::default());
            assert!(found.is_none(), "{found:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_server_that_has_done_nothing_but_that() {
        let all: Vec<_> = RULES
            .iter()
            .filter_map(|rule| judge(*rule, &[Figures::default()], &Config::default()))
            .collect();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].number, all[0].unit), (0.0, "requests"));
    }

    #[test]
    fn each_rule_finds_its_own() {
        type Change = fn(&mut Figures);
        let cases: [(Rule, Change, &str); 16] = [
            (panics, |f| f.panics = 3, "3"),
            (accept_pauses, |f| f.accept_pauses = 2, "2"),
            (
                refusals,
                |f| f.refusals[Refusal::BodyTooLarge as usize] = 5,
                "5",
            ),
            (
                vain_reads,
                |f| (f.reads, f.eagains[1]) = (20_000, 10_000),
                "50",
            ),
            (registrations, |f| f.registrations += 5_000, "0.5"),
            (sends, |f| f.writes = 20_000, "2"),
            (apart, |f| f.reads = 1_000, "10"),
            (
                allocations,
                |f| f.allocations = Some([0, 0, 0, 20_000, 0, 0, 0]),
                "2",
            ),
            (
                pool_misses,
                |f| (f.pool_hits, f.pool_misses) = (600, 200),
                "25",
            ),
            (
                copies,
                |f| f.bytes_copied[Copied::Input as usize] = 2_870_000,
                "300",
            ),
            (timers, |f| f.timers_set += 10_000, "1"),
            (
                client_bound_polls,
                |f| (f.turns, f.events) = (11_000, 11_000),
                "1.1",
            ),
            (short_sends, |f| f.short_writes = 1_000, "10"),
            (stale_wakeups, |f| f.stale_wakeups = 10_000, "50"),
            (resets, |f| f.resets = 4, "4"),
            (
                idle_reactors,
                |f| {
                    f.cpu = Some(CpuTime {
                        nanos: 4_000_000_000,
                        ..CpuTime::default()
                    });
                },
                "40",
            ),
        ];
        for (number, (rule, change, expected)) in cases.into_iter().enumerate() {
            let finding = found(rule, change).unwrap_or_else(|| panic!("case {number}"));
            assert_eq!(finding.number.to_string(), expected, "{finding:?}");
            assert!(finding.technique.is_none(), "none is off: {finding:?}");
        }
    }

    #[test]
    fn a_technique_is_named_only_if_it_is_off() {
        type Change = fn(&mut Figures);
        let cases: [(Rule, Change, &str); 7] = [
            (
                vain_reads,
                |f| (f.reads, f.eagains[1]) = (20_000, 10_000),
                "short-read",
            ),
            (registrations, |f| f.registrations += 5_000, "register-once"),
            (registrations, |f| f.registrations += 5_000, "write-at-once"),
            (apart, |f| f.reads = 1_000, "batched-writes"),
            (timers, |f| f.timers_set += 10_000, "lazy-deadlines"),
            (pool_misses, |f| f.pool_misses = 200, "idle-buffers"),
            (
                client_bound_polls,
                |f| (f.turns, f.events) = (11_000, 11_000),
                "event-batching",
            ),
        ];
        for (rule, change, name) in cases {
            let mut config = Config::default();
            let switch = techniques::find(name).and_then(|found| found.switch());
            let switch = switch.expect("a switch");
            assert!(switch.set(&mut config, switch.off));
            let mut figures = calm();
            change(&mut figures);
            let finding = judge(rule, &[figures], &config).expect("found");
            assert_eq!(finding.technique, Some(name));
        }
    }

    #[test]
    fn the_stage_and_the_place_with_the_most_are_named() {
        let at = |stage: Stage| {
            let mut by_stage = [100; Stage::COUNT];
            by_stage[stage as usize] = 30_000;
            found(allocations, |f| f.allocations = Some(by_stage)).expect("found")
        };
        assert!(at(Stage::Serialise).text.contains("`serialise`"));
        assert!(at(Stage::Parse).text.contains("`parse`"));
        let copied = found(copies, |f| {
            f.bytes_copied[Copied::Body as usize] = 90_000_000;
        });
        assert!(copied.expect("found").text.ends_with("body"));
    }

    #[test]
    fn what_waits_or_is_idle_is_no_cost() {
        let waiting = found(timers, |f| {
            (f.timers_set, f.timers_fired) = (20_000, 20_000);
        });
        assert!(waiting.is_none());
        let idle = found(refusals, |f| f.refusals[Refusal::Idle as usize] = 9);
        assert!(idle.is_none());
        assert_eq!(calm().wakeups[Woken::Timer as usize], 0);
    }

    #[test]
    fn reactors_are_compared_with_their_share() {
        let with = |requests: [u64; 2]| {
            let reactors = requests.map(|requests| Figures { requests, ..calm() });
            judge(uneven_reactors, &reactors, &Config::default())
        };
        assert!(with([1000, 1200]).is_none());
        let number = with([1000, 3000]).expect("uneven").number;
        assert_eq!(number.to_string(), "1.5");
    }
}
