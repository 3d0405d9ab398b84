//! The ledger and its document from constructed results: every figure comes from somewhere.

use barewire_lab::article::{document, ledger, quoted};
use barewire_lab::check::printed::Printed;
use barewire_lab::process::Subject;
use barewire_lab::results::{Block, Results, Run, Sentence};
use serde_json::{Value, json};

/// A run of these: (subject, workload, requests per second, CPU ns).
fn results(runs: &[(&str, &str, f64, f64)]) -> Results {
    let mut results = Results::default();
    for (subject, workload, rate, cost) in runs {
        results
            .subjects
            .insert((*subject).to_owned(), Subject::default());
        results.blocks.push(Block {
            subject: (*subject).to_owned(),
            workload: (*workload).to_owned(),
            seconds: 30.0,
            requests_per_second: *rate,
            server_cpu_ns_per_request: Some(*cost),
            ..Block::default()
        });
    }
    results
}

fn all() -> Results {
    results(&[
        ("barewire", "benchmark", 60_000.0, 8111.0),
        ("barewire", "benchmark-without-wait", 70_000.0, 6222.0),
        ("hyperlane-5", "benchmark", 50_000.0, 12_333.0),
        ("express", "benchmark", 10_000.0, 99_444.0),
        ("spring-boot", "benchmark", 20_000.0, 55_555.0),
    ])
}

/// What the server answered.
fn answers() -> Value {
    json!({
        "pid": 4321,
        "unix_seconds": 2e9,
        "stats": {
            "total_requests": 200, "requests_per_second_since_start": 345.6,
            "memory_usage": 5_000_001, "cpu_usage": 12.5
        },
        "miss_ms": 50.31,
        "hit_ms": 0.17,
        "memory": {
            "allocation_efficiency": 85.8, "current_usage_bytes": 225_675,
            "resident_bytes": 4_501_504
        },
        "profiler": {"profiler_stats": [
            {"function_name": "request_parsing", "avg_time_ns": 621.0},
            {"function_name": "business_logic", "avg_time_ns": null},
            {"function_name": "response_serialization", "avg_time_ns": 433.4},
            {"function_name": "wait", "avg_time_ns": 99.0}
        ]},
        "zero_copy": [null, {"input_size": 16_384, "bytes_copied": 77}],
        "efficiency": {"memory_efficiency_test": [
            {"data_size_bytes": 1024, "throughput_mb_per_sec": 1000.0},
            {"data_size_bytes": 262_144, "throughput_mb_per_sec": 2100.0}
        ]},
        "files": {"io_benchmark_results": [
            {"scenario": "small_files", "operation": "read", "throughput_files_per_sec": 8765.4}
        ]},
    })
}

/// The sentence whose statement has this in it.
fn about<'a>(ledger: &'a [Sentence], said: &str) -> &'a Sentence {
    let mut found = ledger
        .iter()
        .filter(|sentence| sentence.said.contains(said));
    let sentence = found
        .next()
        .unwrap_or_else(|| panic!("nothing about {said}"));
    assert!(found.next().is_none(), "{said} twice");
    sentence
}

fn assert_told(ledger: &[Sentence], said: &str, verdict: &str, measured: &[&str]) {
    let sentence = about(ledger, said);
    assert_eq!(sentence.verdict, verdict, "{said}");
    for part in measured {
        assert!(
            sentence.measured.contains(part),
            "no `{part}` in: {}",
            sentence.measured
        );
    }
}

#[test]
fn measured_figures_stand_in_the_ledger() {
    let ledger = ledger::of(&all(), &answers(), &[]);
    for (said, verdict, measured) in [
        (
            "compute-intensive",
            "simulated",
            &["8111 ns", "6222 without"][..],
        ),
        (
            "async I/O operations",
            "not comparable",
            &["60000", "70000", "50000"],
        ),
        ("requests_per_second", "false", &["345.6", "0.000000100"]),
        ("memory_usage", "simulated", &["5000001", "4321", "4424704"]),
        ("cpu_usage", "simulated", &["12.5 %"]),
        ("7.2x", "not comparable", &["5.0", "60000"]),
        ("11.7x", "not comparable", &["2.5"]),
        (
            "reduction in latency",
            "impossible",
            &["barewire 6.60 ms", "express 39.60 ms"],
        ),
        ("cache", "simulated", &["50.31 ms", "0.17 ms"]),
        ("memory efficiency", "false", &["85.8", "225675", "4501504"]),
        (
            "Flame graph",
            "false",
            &["request_parsing 621 ns, response_serialization 433 ns"],
        ),
        ("Zero-copy", "false", &["77 of 16384"]),
        ("regardless", "false", &["1024: 1000", "262144: 2100"]),
        ("Async I/O", "not comparable", &["small_files read 8765"]),
    ] {
        assert_told(&ledger, said, verdict, measured);
    }
}

/// Requests a second and mean latency in milliseconds of each of the article's runs.
fn quoted_runs() -> [(f64, f64); 3] {
    let runs = Printed::all(quoted::THREE_RUNS);
    [0, 1, 2].map(|run: usize| {
        let (rate, latency) = (runs[run].rate.unwrap(), runs[run].latency.unwrap());
        (rate.value, latency.mean.value / 1e3)
    })
}

/// What the text has written out is what comes of the quoted runs.
#[test]
fn the_articles_own_figures_are_computed_with() {
    let ledger = ledger::of(&all(), &answers(), &[]);
    let runs = ["this framework", "Express.js", "Spring Boot"];
    for ((rate, mean_ms), name) in quoted_runs().into_iter().zip(runs) {
        let said = format!("wrk's output for {name}: {rate:.2} requests a second, {mean_ms:.2} ms");
        assert_told(&ledger, &said, "impossible", &["barewire: 60000"]);
        let reason = &about(&ledger, &said).reason;
        assert!(
            reason.contains("without separators of thousands"),
            "{reason}"
        );
    }
    let [
        (framework, framework_ms),
        (express, express_ms),
        (spring, _),
    ] = quoted_runs();
    let wait_s = f64::from(quoted::WAIT_US) / 1e6;
    let opened = f64::from(quoted::OPENED);
    for (said, told) in [
        ("output for Express", "1151 requests in flight".to_owned()),
        ("7.2x", format!("{:.2} is what", framework / express)),
        ("11.7x", format!("{:.2} is what", framework / spring)),
        (
            "reduction in latency",
            format!("From {express_ms:.2} ms to {framework_ms:.2} ms"),
        ),
        (
            "reduction in latency",
            format!("{:.1} % less", 100.0 * (1.0 - framework_ms / express_ms)),
        ),
        (
            "reduction in latency",
            format!("{:.2} times the rate", framework / express),
        ),
        (
            "reduction in latency",
            format!("{:.1} % less", 100.0 * (1.0 - express / framework)),
        ),
        (
            "async I/O operations",
            format!(
                "loop of {opened} connections that wait {} us",
                quoted::WAIT_US
            ),
        ),
        (
            "async I/O operations",
            format!("more than {:.0} times", opened / wait_s),
        ),
        (
            "async I/O operations",
            format!("{:.0} to {:.0}:", opened / 2e-3, opened / 1e-3),
        ),
    ] {
        let reason = &about(&ledger, said).reason;
        assert!(reason.contains(&told), "no `{told}` in: {reason}");
    }
}

/// Each name in the text is that of a figure: a name that is none would read as not measured.
#[test]
fn where_all_was_measured_only_claims_are_left() {
    let ledger = ledger::of(&all(), &answers(), &[]);
    let left = ledger
        .iter()
        .filter(|sentence| sentence.measured == "not measured");
    let left: Vec<&str> = left.map(|sentence| sentence.said.as_str()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].contains("scalable") && left[1].contains("real application"),
        "{left:?}"
    );
    for Sentence {
        said,
        measured,
        verdict,
        reason,
    } in &ledger
    {
        for text in [said, measured, verdict, reason] {
            assert!(
                !text.is_empty() && !text.contains(['{', '}', '\n']),
                "{said}: {text}"
            );
        }
        assert!(
            verdict != "not measured" && reason != "not measured",
            "{said}"
        );
    }
}

#[test]
fn what_was_not_measured_says_so() {
    let mut results = Results::default();
    let missing = &mut results.missing;
    missing.insert("express".to_owned(), "npm is not installed".to_owned());
    let ledger = ledger::of(&results, &Value::Null, &[]);
    assert_eq!(ledger.len(), ledger::of(&all(), &answers(), &[]).len());
    // Only what the article's own figures contradict, or its source, may still be judged.
    for sentence in &ledger {
        let measured = &sentence.measured;
        assert!(
            measured.contains("not measured"),
            "{}: {measured}",
            sentence.said
        );
        assert_ne!(sentence.verdict, "true");
    }
    assert_told(&ledger, "7.2x", "not comparable", &["npm is not installed"]);
}

#[test]
fn a_consistent_throughput_would_be_true() {
    let mut answers = answers();
    answers["efficiency"] = json!({"memory_efficiency_test": [
        {"data_size_bytes": 1024, "throughput_mb_per_sec": 1000.0},
        {"data_size_bytes": 4096, "throughput_mb_per_sec": 1900.0}
    ]});
    let ledger = ledger::of(&all(), &answers, &[]);
    assert_told(&ledger, "regardless", "true", &["4096: 1900"]);
}

#[test]
fn figures_of_a_comparison_stand_beside() {
    let run = |subject: &str, ns| Run {
        subject: subject.to_owned(),
        workload: "keep-alive".to_owned(),
        ns: vec![ns],
        ..Run::default()
    };
    let comparison = Results {
        runs: vec![run("barewire", 4567.0), run("axum", 6789.0)],
        ..Results::default()
    };
    let ledger = ledger::of(&all(), &answers(), &[comparison]);
    let told = ["barewire 4567 ns", "axum 6789 ns"];
    assert_told(&ledger, "Traditional", "not comparable", &told);
}

#[test]
fn the_quoted_runs_are_read() {
    let [(framework, framework_ms), _, (spring, _)] = quoted_runs();
    assert!((framework - 182_241.13).abs() < 1e-6);
    assert!((framework_ms - 2.15).abs() < 1e-9);
    assert!((spring - 15_596.33).abs() < 1e-6);
}

#[test]
fn the_document_has_every_run_and_every_sentence() {
    let mut results = all();
    results.ledger = ledger::of(&results, &answers(), &[]);
    results
        .missing
        .insert("fastify".to_owned(), "a|b\nc".to_owned());
    results.command = vec!["barewire-lab".to_owned(), "article".to_owned()];
    let text = document::of(&results);
    for part in [
        "`wrk -t12 -c400 -d30s http://HOST:PORT/benchmark`",
        "barewire-lab article",
        "missing: fastify was not measured: a\\|b c",
        "wrk opens 396 connections",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for (number, sentence) in results.ledger.iter().enumerate() {
        let heading = format!("\n### {}. ", number + 1);
        assert!(text.contains(&heading), "{}", sentence.said);
    }
    let rows = document::runs(&results);
    assert_eq!(rows.len(), 1 + results.blocks.len());
    let row = rows
        .iter()
        .find(|row| row.contains("without-wait"))
        .unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "barewire",
            "benchmark-without-wait",
            "70000",
            "none",
            "6222",
            "0"
        ]
    );
    let row = rows.iter().find(|row| row.starts_with("express")).unwrap();
    assert!(row.contains("3960000"), "{row}");
}
