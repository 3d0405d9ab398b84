//! Results that no server ever gave: numbers made up for these tests, and for nothing else.

use std::collections::BTreeMap;

use barewire_lab::process::Subject;
use barewire_lab::report::Source;
use barewire_lab::results::{
    Block, Counters, FORMAT, Flame, Ladder, Latency, Percentiles, Results, Row, RowKind, Sentence,
    Step,
};
use barewire_lab::statistics::{Estimate, verdict};
use barewire_lab::workload::Workload;

const TECHNIQUES: [&str; 9] = [
    "register-once",
    "write-first",
    "read-until-short",
    "slab",
    "buffer-pool",
    "coarse-date",
    "lazy-timers",
    "fixed-answers",
    "static-routing",
];
const RIVALS: [(&str, f64); 6] = [
    ("may_minihttp", 1.02),
    ("hyper", 1.31),
    ("axum", 1.48),
    ("nginx", 1.55),
    ("actix-web", 1.9),
    ("hyperlane", 2.7),
];

/// A file with something in every section.
pub(crate) fn source() -> Source {
    Source {
        name: "constructed/everything.json".to_owned(),
        results: results(),
    }
}

pub(crate) fn results() -> Results {
    let mut results = Results {
        format: FORMAT,
        command: ["barewire-lab", "ablate", "--output", "a file.json"]
            .map(str::to_owned)
            .to_vec(),
        started_at: "2001-02-03T04:05:06Z".to_owned(),
        seconds: 1_234.0,
        ..Results::default()
    };
    let here = &mut results.environment;
    here.commit = Some("0123456789abcdef0123456789abcdef01234567 with changes".to_owned());
    "Constructed CPU".clone_into(&mut here.cpu);
    "Linux 0.0".clone_into(&mut here.kernel);
    "release".clone_into(&mut here.flags);
    here.cores = 2;
    here.mitigations = BTreeMap::from([(
        "spectre_v2".to_owned(),
        "Mitigation: constructed".to_owned(),
    )]);
    for workload in [Workload::keep_alive(), Workload::pipelined()] {
        ablation(&mut results, &workload.name);
        comparison(&mut results, &workload.name);
        results.workloads.insert(workload.name.clone(), workload);
    }
    ladders(&mut results);
    latencies(&mut results);
    results.ledger.push(Sentence {
        said: "324,323 requests a second".to_owned(),
        measured: "a number made up for a test".to_owned(),
        verdict: "not comparable".to_owned(),
        reason: "no conditions were given | and a column's sign must not break a table".to_owned(),
    });
    results
        .missing
        .insert("h2o".to_owned(), "not installed".to_owned());
    flames(&mut results);
    results
}

fn estimate(median: f64, half: f64) -> Estimate {
    Estimate {
        median,
        low: median - half,
        high: median + half,
        pairs: 12,
    }
}

fn compare(
    results: &mut Results,
    kind: RowKind,
    workload: &str,
    about: &str,
    names: (&str, &str),
    cpu: Estimate,
) {
    results.rows.push(Row {
        comparison: format!("{}/{workload}", names.0),
        about: about.to_owned(),
        kind,
        workload: workload.to_owned(),
        subject: names.0.to_owned(),
        base: names.1.to_owned(),
        cpu: Some(cpu),
        verdict: verdict(Some(&cpu)),
        rate: None,
        instructions: None,
    });
}

fn ablation(results: &mut Results, workload: &str) {
    compare(
        results,
        RowKind::Control,
        workload,
        "full",
        ("full", "full"),
        estimate(1.001, 0.004),
    );
    compare(
        results,
        RowKind::Naive,
        workload,
        "naive",
        ("naive", "full"),
        estimate(1.62, 0.03),
    );
    subject(results, "full", workload, 5_000.0, 1_650.0);
    subject(results, "naive", workload, 8_100.0, 9_300.0);
    for (place, name) in (0..).zip(TECHNIQUES) {
        let place = f64::from(place);
        let (out, alone) = (format!("without {name}"), format!("naive with {name}"));
        let cpu = estimate(0.995 + 0.02 * place, 0.004 + 0.006 * (place % 3.0));
        compare(
            results,
            RowKind::LeaveOut,
            workload,
            name,
            (&out, "full"),
            cpu,
        );
        let cpu = estimate(1.004 - 0.03 * place, 0.005 + 0.01 * (place % 2.0));
        compare(
            results,
            RowKind::AddOne,
            workload,
            name,
            (&alone, "naive"),
            cpu,
        );
        subject(
            results,
            &out,
            workload,
            5_000.0 + 100.0 * place,
            1_650.0 + 210.0 * place,
        );
    }
}

fn comparison(results: &mut Results, workload: &str) {
    for (name, ratio) in RIVALS {
        compare(
            results,
            RowKind::Rival,
            workload,
            name,
            (name, "full"),
            estimate(ratio, 0.02 * ratio),
        );
        subject(
            results,
            name,
            workload,
            5_000.0 * ratio,
            1_650.0 * ratio * ratio,
        );
    }
    for (name, cost) in [("L0", 4_400.0), ("L1", 4_500.0), ("L2", 4_650.0)] {
        compare(
            results,
            RowKind::Limit,
            workload,
            name,
            ("full", name),
            estimate(5_000.0 / cost, 0.01),
        );
        subject(results, name, workload, cost, cost / 10.0);
    }
}

fn subject(results: &mut Results, name: &str, workload: &str, cpu_ns: f64, instructions: f64) {
    results.subjects.insert(
        name.to_owned(),
        Subject {
            name: name.to_owned(),
            program: "target/release/barewire".into(),
            arguments: ["--workers", "{workers}", "--port", "0", "--without", name]
                .map(str::to_owned)
                .to_vec(),
            announces: true,
            ..Subject::default()
        },
    );
    for round in 0..3 {
        results.blocks.push(Block {
            subject: name.to_owned(),
            workload: workload.to_owned(),
            round,
            requests_per_second: 1e9 / cpu_ns,
            server_cpu_ns_per_request: Some(cpu_ns + f64::from(round)),
            server_busy: Some(if name == "nginx" { 0.71 } else { 0.99 }),
            generator_busy: 0.8,
            resident_bytes: Some(9_000_000),
            ..Block::default()
        });
    }
    results.counters.push(Counters {
        subject: name.to_owned(),
        workload: workload.to_owned(),
        system_calls: BTreeMap::from([
            ("recvfrom".to_owned(), 1.0),
            ("sendto".to_owned(), cpu_ns / 5_000.0),
        ]),
        source: "accounts".to_owned(),
        eagains: Some(0.5),
        timers_set: None,
        bytes_copied: Some(cpu_ns / 100.0),
        allocations: Some(0.0),
        instructions: Some(instructions),
    });
}

fn ladders(results: &mut Results) {
    for (order, turned) in [("fixed", false), ("random-1", true)] {
        let mut names = TECHNIQUES.to_vec();
        if turned {
            names.reverse();
        }
        let steps = (1..).zip(&names).map(|(place, name)| Step {
            technique: (*name).to_owned(),
            // Falls from 9,300 to 1,650, the steeper the later.
            cost: 9_300.0 - 7_650.0 * f64::from(place * place) / 81.0,
            interval: None,
        });
        results.ladders.push(Ladder {
            order: order.to_owned(),
            workload: "keep-alive".to_owned(),
            unit: "instructions".to_owned(),
            naive: 9_300.0,
            steps: steps.collect(),
        });
    }
}

fn latencies(results: &mut Results) {
    for (name, slow) in [
        ("full", 1.0),
        ("axum", 1.4),
        ("nginx", 1.5),
        ("hyperlane", 3.0),
    ] {
        let us = |percentile: f64| 40.0 * slow * (100.0 / (100.0 - percentile)).powf(0.35);
        let curve =
            [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99].map(|p| (p, us(p)));
        results.latencies.push(Latency {
            subject: name.to_owned(),
            workload: "keep-alive".to_owned(),
            share: 0.7,
            rate: 70_000.0,
            answered_per_second: 69_990.0,
            percentiles: Percentiles {
                count: 700_000,
                mean_us: us(50.0),
                p50_us: us(50.0),
                p90_us: us(90.0),
                p99_us: us(99.0),
                p999_us: us(99.9),
                max_us: us(99.999),
                curve: curve.into_iter().chain([(100.0, us(99.999))]).collect(),
            },
        });
    }
}

fn flames(results: &mut Results) {
    let svg = r##"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"
        width="1200" height="120" viewBox="0 0 1200 120"><rect width="1200" height="120"
        fill="#fe8"/><text x="20" y="60"
        id="title">constructed</text></svg>"##;
    let flame = |title: &str, svg: Option<&str>, missing: Option<&str>| Flame {
        title: title.to_owned(),
        svg: svg.map(str::to_owned),
        missing: missing.map(str::to_owned),
    };
    results.flames.push(flame("full", Some(svg), None));
    results.flames.push(flame(
        "naive",
        None,
        Some("install perf (Debian: apt install linux-perf)"),
    ));
}
