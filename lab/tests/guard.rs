//! The guard: each objection from constructed results, none from good ones, and thresholds.

use std::collections::BTreeMap;

use barewire_lab::Exit;
use barewire_lab::guard::{ending, objections, threshold};
use barewire_lab::process::Subject;
use barewire_lab::results::{Block, Counters, Objection, Percentiles, Results, Row, RowKind};
use barewire_lab::statistics::{Estimate, Verdict};
use barewire_lab::workload::Workload;

const PAIRS: u32 = 8;
const COMPARISON: &str = "naive/naive/keep-alive";

/// The full server and the naive one on keep-alive, and nothing to object to.
fn good() -> Results {
    let mut results = Results::default();
    results.environment.cores = 2;
    for workload in [Workload::keep_alive(), Workload::pipelined()] {
        results.workloads.insert(workload.name.clone(), workload);
    }
    for (name, cost) in [("full", 5000.0), ("naive", 9000.0), ("L1", 4000.0)] {
        results.subjects.insert(name.to_owned(), Subject::default());
        for round in 0..PAIRS {
            results.blocks.push(block(name, cost, round));
        }
    }
    results
        .rows
        .push(row(RowKind::Naive, COMPARISON, Verdict::Slower));
    results
}

fn block(subject: &str, cost: f64, round: u32) -> Block {
    Block {
        subject: subject.to_owned(),
        workload: "keep-alive".to_owned(),
        comparison: COMPARISON.to_owned(),
        round,
        at_seconds: f64::from(round),
        seconds: 1.5,
        requests: 150_000,
        requests_per_second: 100_000.0,
        server_cpu_ns_per_request: Some(cost),
        server_busy: Some(0.99),
        generator_busy: 0.6,
        generator_cpu_ns_per_request: 3000.0,
        latency: Some(Percentiles {
            mean_us: 620.0,
            ..Percentiles::default()
        }),
        ..Block::default()
    }
}

fn row(kind: RowKind, comparison: &str, verdict: Verdict) -> Row {
    Row {
        comparison: comparison.to_owned(),
        about: "naive".to_owned(),
        kind,
        workload: "keep-alive".to_owned(),
        subject: "naive".to_owned(),
        base: "full".to_owned(),
        cpu: Some(Estimate {
            median: 1.8,
            low: 1.7,
            high: 1.9,
            pairs: PAIRS,
        }),
        verdict,
        rate: None,
        instructions: None,
    }
}

/// The objections to good results after a change of each block of the full server.
fn after(change: impl Fn(&mut Block)) -> Vec<Objection> {
    let mut results = good();
    for block in &mut results.blocks {
        if block.subject == "full" {
            change(block);
        }
    }
    objections(&results)
}

/// Exactly one objection, of this kind and about this, which tells these numbers.
fn assert_only(found: &[Objection], kind: &str, about: &str, told: &[&str]) {
    let [one] = found else {
        panic!("one objection is wanted: {found:?}")
    };
    assert_eq!((one.kind.as_str(), one.about.as_str()), (kind, about));
    for part in told {
        assert!(one.what.contains(part), "no `{part}` in: {}", one.what);
    }
    assert!(!one.remedy.is_empty());
}

#[test]
fn good_results_have_no_objection() {
    assert_eq!(objections(&good()), []);
}

#[test]
fn a_busy_generator_owns_the_rate() {
    let found = after(|block| {
        block.server_busy = Some(0.8);
        block.generator_busy = 0.99;
    });
    assert_only(&found, "client-bound", COMPARISON, &["80.0 %", "99.0 %"]);
}

#[test]
fn a_generator_of_many_threads_owns_the_rate_of_a_full_machine() {
    let found = after(|block| {
        block.server_busy = Some(0.5);
        block.generator_busy = 0.1;
        block.generator_cpu_ns_per_request = 14_500.0;
    });
    assert_only(&found, "client-bound", COMPARISON, &["50.0 %", "10.0 %"]);
}

#[test]
fn nobody_busy_is_a_disturbance() {
    let found = after(|block| block.server_busy = Some(0.8));
    assert_only(&found, "disturbed", COMPARISON, &["80.0 %", "60.0 %"]);
}

#[test]
fn one_connection_keeps_nobody_busy() {
    let mut results = good();
    for block in &mut results.blocks {
        block.server_busy = Some(0.4);
        block.generator_busy = 0.4;
        block.latency = None;
    }
    let workload = results.workloads.get_mut("keep-alive").unwrap();
    workload.connections = 1;
    assert_eq!(objections(&results), []);
}

#[test]
fn a_server_that_cannot_be_looked_into_is_not_accused() {
    assert_eq!(after(|block| block.server_busy = None), []);
}

#[test]
fn errors_are_told_with_their_sums() {
    let found = after(|block| {
        block.errors = BTreeMap::from([("reset".to_owned(), 2), ("silence".to_owned(), 1)]);
    });
    assert_only(
        &found,
        "errors",
        COMPARISON,
        &["reset 16, silence 8 in 1200000"],
    );
}

#[test]
fn wrong_answers_are_no_common_errors() {
    for kind in ["body", "length", "status"] {
        let found = after(|block| block.errors = BTreeMap::from([(kind.to_owned(), 1)]));
        assert_only(
            &found,
            "answers-differ",
            COMPARISON,
            &[&format!("{kind} 8 in")],
        );
    }
}

#[test]
fn a_subject_that_is_missing_is_told() {
    let mut results = good();
    let missing = &mut results.missing;
    missing.insert("spring".to_owned(), "mvn is not installed".to_owned());
    assert_only(
        &objections(&results),
        "missing",
        "spring",
        &["mvn is not installed"],
    );
    results.missing = BTreeMap::from([("other".to_owned(), "answers 404".to_owned())]);
    assert_only(&objections(&results), "answers-differ", "other", &["404"]);
}

#[test]
fn a_control_that_differs_speaks_against_all() {
    for verdict in [Verdict::Faster, Verdict::Slower] {
        let mut results = good();
        results
            .rows
            .push(row(RowKind::Control, COMPARISON, verdict));
        assert_only(
            &objections(&results),
            "drift",
            "all",
            &["1.800", "1.700", "1.900"],
        );
    }
    for verdict in [Verdict::NoEffect, Verdict::NotResolved] {
        let mut results = good();
        results
            .rows
            .push(row(RowKind::Control, COMPARISON, verdict));
        assert_eq!(objections(&results), []);
    }
}

#[test]
fn a_base_that_changes_has_drifted() {
    let later = |factor| {
        after(move |block| {
            if block.round >= PAIRS / 2 {
                block.server_cpu_ns_per_request = Some(5000.0 * factor);
            }
        })
    };
    assert_only(&later(1.06), "drift", COMPARISON, &["5000 ns", "5300"]);
    assert_only(&later(0.94), "drift", COMPARISON, &["5000 ns", "4700"]);
    assert_eq!(later(1.04), []);
}

#[test]
fn steal_in_a_few_blocks_is_forgiven() {
    let until =
        |round| after(move |block| block.steal = if block.round < round { 0.025 } else { 0.01 });
    assert_eq!(until(3), []);
    assert_only(&until(4), "steal", "all", &["4 of 24", "2.5 %"]);
}

#[test]
fn littles_law_holds_to_two_percent() {
    let of = |mean_us| {
        after(move |block| {
            block.latency = Some(Percentiles {
                mean_us,
                ..Percentiles::default()
            });
        })
    };
    assert_eq!(of(650.0), []);
    assert_only(&of(660.0), "little", COMPARISON, &["66 requests", "64"]);
}

#[test]
fn pipelined_requests_are_all_in_flight() {
    let mut results = good();
    results.workloads.get_mut("keep-alive").unwrap().pipeline = 2;
    for block in &mut results.blocks {
        block.latency.as_mut().unwrap().mean_us = 1270.0;
    }
    assert_eq!(objections(&results), []);
}

#[test]
fn dropped_blocks_count_for_nothing() {
    let found = after(|block| {
        if block.round == 0 {
            block.errors = BTreeMap::from([("reset".to_owned(), 2)]);
            block.dropped = Some("errors".to_owned());
        }
    });
    assert_eq!(found, []);
}

#[test]
fn few_pairs_are_told() {
    let mut results = good();
    results.rows[0].cpu.as_mut().unwrap().pairs = 5;
    assert_only(
        &objections(&results),
        "few-pairs",
        COMPARISON,
        &["5 pairs", "6"],
    );
}

#[test]
fn thresholds_are_judged_on_medians() {
    let mut results = good();
    results.counters.push(Counters {
        subject: "full".to_owned(),
        workload: "keep-alive".to_owned(),
        instructions: Some(1200.0),
        ..Counters::default()
    });
    let judge = |expression| threshold::failed(&results, expression).unwrap();
    assert_eq!(judge("ns_per_request > limit * 1.3"), None);
    let why = judge("ns_per_request>limit*1.1").unwrap();
    assert!(
        why.contains("limit is 4000") && why.contains("ns_per_request is 5000"),
        "{why}"
    );
    assert!(judge("naive < 2 && rps >= 100000").is_some());
    assert!(judge("instructions > 1199.5 || naive > 100").is_some());
    assert!(judge("limit < 1 || rps > 1 && naive > 1").is_some());
    assert_eq!(judge("limit > 1 && rps < 1 || naive > 9"), None);
    assert!(judge("rps > 11/10 * 90000 && naive >= 1.8").is_some());
    assert_eq!(judge("ns_per_request_keep_alive < 5000"), None);
}

#[test]
fn a_threshold_that_cannot_be_judged_does_not_pass() {
    let results = good();
    for (expression, told) in [
        (
            "cost > 3",
            "cost is unknown; there are ns_per_request, limit,",
        ),
        ("limit0 > 3", "limit0 was not measured on keep-alive"),
        (
            "rps_pipelined_x16 < 3",
            "rps_pipelined_x16 was not measured on pipelined-x16",
        ),
        ("instructions > 3", "instructions was not measured"),
        ("limit * 2", "compares nothing"),
        ("limit && limit > 2", "compares nothing"),
        ("limit > * 2", "cannot be read"),
        ("", "cannot be read"),
    ] {
        let error = threshold::failed(&results, expression)
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "`{expression}`: {error}");
    }
}

#[test]
fn a_run_ends_by_its_threshold_unless_it_is_noise() {
    let mut results = good();
    let crossed = "ns_per_request > limit";
    assert_eq!(ending(&results, None).unwrap(), (Exit::Success, None));
    assert_eq!(
        ending(&results, Some("limit > 99999")).unwrap().0,
        Exit::Success
    );
    assert_eq!(ending(&results, Some(crossed)).unwrap().0, Exit::Threshold);
    assert!(ending(&results, Some("nothing > 1")).is_err());
    for block in &mut results.blocks {
        block.server_busy = Some(0.5);
    }
    assert_eq!(ending(&results, None).unwrap().0, Exit::Success);
    let (exit, why) = ending(&results, Some(crossed)).unwrap();
    assert_eq!(exit, Exit::Noisy);
    assert!(why.unwrap().contains("50.0 %"));
    for block in &mut results.blocks {
        block.steal = 0.2;
    }
    assert_eq!(ending(&results, None).unwrap().0, Exit::Noisy);
}
