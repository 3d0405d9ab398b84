use super::*;
use crate::results::Sentence;

fn results(rates: &[(&str, &str, f64)]) -> Results {
    let blocks = rates.iter().map(|(subject, run, rate)| Block {
        subject: (*subject).to_owned(),
        workload: (*run).to_owned(),
        requests_per_second: *rate,
        server_busy: Some(0.5),
        resident_bytes: Some(5_000_000),
        ..Block::default()
    });
    Results {
        blocks: blocks.collect(),
        ..Results::default()
    }
}

fn about<'a>(ledger: &'a [Sentence], said: &str) -> &'a Sentence {
    let found = ledger.iter().find(|sentence| sentence.said.contains(said));
    found.unwrap_or_else(|| panic!("nothing about {said}"))
}

#[test]
fn two_of_its_latencies_cannot_be() {
    let ledger = ledger::of(&Results::default());
    assert_eq!(about(&ledger, "latency of 2.15 ms").verdict, "possible");
    assert_eq!(about(&ledger, "latency of 45.67 ms").verdict, "impossible");
    assert_eq!(about(&ledger, "latency of 78.9 ms").verdict, "impossible");
    assert!(about(&ledger, "45.67").reason.contains("at most 15.9 ms"));
}

#[test]
fn what_was_not_measured_says_so() {
    for sentence in ledger::of(&Results::default()) {
        let own = ["over 95 %", "5,467,234"]
            .iter()
            .any(|said| sentence.said.contains(said));
        assert!(own || sentence.measured == "not measured", "{sentence:?}");
    }
}

#[test]
fn factors_are_those_of_the_runs() {
    let run = "as in the article";
    let slow = results(&[
        ("hyperlane-5", run, 50_000.0),
        ("express", run, 10_000.0),
        ("barewire", run, 100_000.0),
    ]);
    let ledger = ledger::of(&slow);
    let sentence = about(&ledger, "7.2 x faster");
    assert_eq!(
        sentence.measured,
        "hyperlane-5 by express: 5.0 x, barewire by express: 10.0 x"
    );
    assert_eq!(sentence.verdict, "false here");
    assert_eq!(about(&ledger, "11.7 x").verdict, "not measured");
    assert!(about(&ledger, "memory_usage").measured.contains("5.0 MB"));
}

#[test]
fn the_document_has_every_run_and_sentence() {
    let mut results = results(&[("barewire", "one connection", 5_000.0)]);
    results.ledger = ledger::of(&results);
    let page = document::of(&results, Path::new("docs/results/article.json"));
    assert!(
        page.contains("| barewire | one connection | 5000 | - | 50 % |"),
        "{page}"
    );
    assert!(page.contains("a request by itself takes barewire: 200 us"));
    let rows = page.lines().filter(|line| line.starts_with("| "));
    assert_eq!(rows.count(), results.ledger.len() + 1 + 2);
}
