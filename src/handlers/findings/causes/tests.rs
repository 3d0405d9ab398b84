//! What is called a cause, and when.

use std::time::{Duration, Instant};

use super::*;
use crate::accounts::{Figures, Window};
use crate::handlers::findings::Report;

/// A server with these off that has answered a thousand requests, with two allocations each.
fn report(off: &[&str], verdicts: &[Verdict], is_live: bool) -> Report {
    let mut config = Config {
        live: is_live,
        ..Config::default()
    };
    for name in off {
        let switch = techniques::find(name).and_then(|found| found.switch());
        let switch = switch.expect("a switch");
        assert!(switch.set(&mut config, switch.off));
    }
    let figures = Figures {
        requests: 1000,
        reads: 1000,
        writes: 1000,
        allocations: Some([0, 0, 0, 0, 2000, 0, 0]),
        ..Figures::default()
    };
    let window = Window {
        span: Duration::from_secs(1),
        cpu: Duration::from_secs(1),
        reactors: vec![figures],
    };
    Report::of("last_10s", &window, &config, verdicts, "localhost:8080")
}

fn verdict(technique: &'static str, ratio: f64, allocations: f64) -> Verdict {
    let mut without = Config::default();
    let switch = techniques::find(technique).and_then(|found| found.switch());
    let switch = switch.expect("a switch");
    assert!(switch.set(&mut without, switch.off));
    Verdict {
        arms: ["as it stands".to_owned(), format!("with {technique}")],
        techniques: [without.techniques, Config::default().techniques],
        sentence: format!("With {technique} a request costs so much."),
        ratio,
        interval: [ratio - 0.01, ratio + 0.01],
        is_resolved: (ratio - 1.0).abs() > 0.01,
        more: vec![("allocation", allocations)],
        at: Instant::now(),
    }
}

fn allocations(report: &Report) -> Vec<&str> {
    let mut findings = report.findings.iter();
    let found = findings.find(|found| found.unit == "allocations/request");
    let causes = &found.expect("allocations").causes;
    causes.iter().map(|cause| cause.technique).collect()
}

#[test]
fn without_a_duel_nothing_is_called_a_cause() {
    for is_live in [false, true] {
        let report = report(&["json-in-place", "head-template"], &[], is_live);
        assert!(report.findings.iter().all(|found| found.causes.is_empty()));
        let next = report.next.as_ref().expect("a way to find out");
        assert!(next.contains("curl -X POST 'http://localhost:8080/duel?with="));
        assert_eq!(next.contains("start the server with --live"), !is_live);
        let listed = report.text();
        assert!(listed.contains("2 techniques are off, and no duel has said"));
        assert!(listed.contains("head-template, json-in-place"), "{listed}");
    }
}

#[test]
fn the_cause_is_what_a_duel_has_measured() {
    let verdicts = [
        verdict("json-in-place", 1.0, 0.0),
        verdict("head-template", 0.9, -2.0),
    ];
    let report = report(&["json-in-place", "head-template"], &verdicts, true);
    assert_eq!(allocations(&report), ["head-template"]);
    assert!(report.next.is_none(), "all is known");
    let text = report.text();
    assert!(text.contains("a duel said 0 s ago: With head-template a request costs so much"));
    assert!(!text.contains("json-in-place"), "{text}");
}

#[test]
fn what_only_cpu_time_shows_is_told_by_itself() {
    let mut turned = verdict("static-routing", 1.25, 0.0);
    turned.techniques.reverse();
    let report = report(&["static-routing"], &[turned], true);
    assert!(allocations(&report).is_empty());
    let found = report
        .findings
        .iter()
        .find(|found| found.unit == "% of CPU time");
    let found = found.expect("the routing");
    assert_eq!(found.causes[0].technique, "static-routing");
    // The arm with it is the first: 1 / 1.25 of the other.
    assert!((found.causes[0].ratio - 0.8).abs() < 1e-9 && (found.number - 20.0).abs() < 1e-9);
}

#[test]
fn a_technique_that_is_on_is_no_cause() {
    let report = report(&[], &[verdict("head-template", 0.9, -2.0)], true);
    assert!(allocations(&report).is_empty() && report.next.is_none());
}
