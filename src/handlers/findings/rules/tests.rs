//! The rules by figures made by hand, and the route that tells what they found.

use std::time::Duration;

use super::*;
use crate::accounts::{CpuTime, Figures, Timed, Window, Woken};
use crate::config::Config;
use crate::handlers::findings::Report;
use crate::handlers::testing::{Answer, Exam, request, settle};
use crate::http::{Field, Handler, Method};

/// A busy reactor that does nothing in vain.
fn calm() -> Figures {
    Figures {
        requests: 10_000,
        turns: 2_000,
        events: 10_000,
        wakeups: [10_000, 0, 0, 0, 0, 0, 0],
        accepted: 16,
        accepts: 17,
        reads: 10_000,
        writes: 10_000,
        registrations: 16,
        bytes_out: 1_500_000,
        bytes_copied: [130_000, 0, 0, 0, 0, 0],
        timers_set: 16,
        allocations: Some([0, 0, 0, 4, 0, 0, 40]),
        cpu: Some(CpuTime {
            nanos: 9_900_000_000,
            ..CpuTime::default()
        }),
        ..Figures::default()
    }
}

fn judge(rule: Rule, reactors: &[Figures]) -> Option<Finding> {
    let sum = reactors[1..]
        .iter()
        .fold(reactors[0].clone(), |sum, one| sum.plus(one));
    rule(&Evidence {
        figures: sum,
        reactors,
        span: Duration::from_secs(10),
    })
}

/// Changes a calm reactor, and what the rule then finds.
fn found(rule: Rule, change: impl FnOnce(&mut Figures)) -> Option<Finding> {
    let mut figures = calm();
    change(&mut figures);
    judge(rule, &[figures])
}

#[test]
fn a_calm_reactor_has_no_finding() {
    for rule in RULES {
        let found = judge(rule, &[calm()]);
        assert!(found.is_none(), "{found:?}");
    }
}

#[test]
fn nothing_is_said_of_a_server_that_has_done_nothing_but_that() {
    let all: Vec<_> = RULES
        .iter()
        .filter_map(|rule| judge(*rule, &[Figures::default()]))
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
            single_polls,
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
        assert!(
            finding.causes.is_empty(),
            "no duel has said so: {finding:?}"
        );
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

/// As `/benchmark` is answered: each request in a turn, and its answer after 100 us in another.
fn waiting() -> Figures {
    Figures {
        turns: 20_000,
        events: 20_000,
        wakeups: [10_000, 10_000, 0, 0, 0, 0, 0],
        timers_set: 20_016,
        timers_fired: 10_000,
        deferred: Timed {
            count: 10_000,
            sum: 10_000_000_000,
        },
        cpu: Some(CpuTime {
            nanos: 1_000_000_000,
            ..CpuTime::default()
        }),
        ..calm()
    }
}

#[test]
fn waits_of_the_server_are_not_told_as_waits_of_the_clients() {
    for rule in RULES {
        let found = judge(rule, &[waiting()]);
        let text = found.as_ref().map_or("", |found| &found.text);
        assert!(!text.contains("client"), "{text}");
        assert!(found.is_none() || text.contains("busy for 10 %"), "{text}");
    }
    let idle = judge(idle_reactors, &[waiting()]).expect("idle");
    assert!(
        idle.text
            .ends_with("1.0 answers at a time waited for a timer or a job of the server")
    );
    // One that waits all the time, for a duel, holds nobody else up.
    let mut duel = waiting();
    duel.deferred.count = 50;
    let idle = judge(idle_reactors, &[duel]).expect("idle");
    assert!(idle.text.contains("the client's"), "{}", idle.text);
    // The same without the waits: then it is the clients.
    let mut asleep = waiting();
    (asleep.deferred, asleep.timers_set) = (Timed::default(), 16);
    let idle = judge(idle_reactors, &[asleep.clone()]).expect("idle");
    assert!(idle.text.contains("the client's"), "{}", idle.text);
    assert!(judge(single_polls, &[asleep]).is_some());
}

#[test]
fn reactors_are_compared_with_their_share() {
    let with = |requests: [u64; 2]| {
        let reactors = requests.map(|requests| Figures { requests, ..calm() });
        judge(uneven_reactors, &reactors)
    };
    assert!(with([1000, 1200]).is_none());
    let number = with([1000, 3000]).expect("uneven").number;
    assert_eq!(number.to_string(), "1.5");
}

#[test]
fn what_is_found_has_its_number_and_its_technique() {
    let exam = Exam::new();
    let reactor = &exam.accounts.reactors[0];
    reactor.requests.add(1000);
    reactor.reads.add(1000);
    reactor.writes.add(1000);
    reactor.panics.add(2);
    let body = exam.get("/findings").json();
    assert_eq!(body["window"], "since_start");
    assert_eq!(body["requests"], 1000);
    let findings = body["findings"].as_array().unwrap();
    let panics = findings.iter().find(|row| row["unit"] == "panics").unwrap();
    assert_eq!(panics["number"], 2.0);
    assert!(panics["causes"].as_array().unwrap().is_empty());
    assert!(panics["finding"].as_str().unwrap().starts_with("2 "));
    assert!(body["good"].as_array().unwrap().is_empty());
}

#[test]
fn text_has_a_line_for_each() {
    let exam = Exam::new();
    for reactor in &exam.accounts.reactors {
        reactor.requests.add(1000);
        reactor.panics.add(1);
    }
    let fields = [Field {
        name: "accept",
        value: b"text/plain",
    }];
    let mut asked = request(Method::Get, "/findings");
    asked.fields = &fields;
    let answer = Answer::of(settle(exam.routes.handle(&asked)), Method::Get);
    let text = answer.text();
    assert!(text.starts_with("2000 requests in 0 s\n\n- "), "{text}");
    assert!(text.contains("\n- 2 handlers or jobs panicked"), "{text}");
}

#[test]
fn if_nothing_is_found_it_says_so_with_the_numbers() {
    let config = Config::default();
    let calm = calm();
    let window = Window {
        span: Duration::from_secs(10),
        cpu: Duration::from_secs(10),
        reactors: vec![calm],
    };
    let findings = Report::of("last_10s", &window, &config, &[], "a");
    assert!(findings.findings.is_empty(), "{:?}", findings.findings);
    assert_eq!(findings.good.len(), GOOD.len());
    let text = findings.text();
    assert!(text.contains("nothing was found\n- 1 recv"), "{text}");
}
