//! The figures of a run as one JSON object, and texts that name them.
//!
//! What the server answered is there as it came, under the names of `probes.rs`; `lab` has what
//! follows from that and from the runs. What was not measured is `null`, unless its text says so.

use serde_json::{Value, json};

use crate::article::quoted::{OPENED, THREE_RUNS};
use crate::article::runs::{EXPRESS, FRAMEWORK, SERVER, SPRING, WITH_WAIT, WITHOUT_WAIT, medians};
use crate::check::{self, Known, Severity};
use crate::peers;
use crate::results::Results;
use crate::rows::{self, Figure};
use crate::statistics::median;

/// How many times as fast a larger buffer may be read for "regardless of data size" to hold.
const REGARDLESS: f64 = 2.0;
/// Stages of a handler in `/profiler-stats`; the server's own come behind them.
const STAGES: usize = 3;

/// All of them.
pub(super) fn of(results: &Results, answers: &Value, others: &[Results]) -> Value {
    let number = |pointer| answers.pointer(pointer)?.as_f64();
    let built = rate(results, FRAMEWORK).map(|_| format!("{FRAMEWORK}, which sends: answered"));
    let since_1970 = number("/stats/total_requests").zip(number("/unix_seconds"));
    let stages = rows_of(answers, "/profiler/profiler_stats").iter();
    let sizes = rows_of(answers, "/efficiency/memory_efficiency_test");
    let files = rows_of(answers, "/files/io_benchmark_results");
    let mut figures = answers.clone();
    figures["lab"] = json!({
        "with_wait": medians(results, SERVER, WITH_WAIT),
        "without_wait": medians(results, SERVER, WITHOUT_WAIT),
        "barewire": told_rate(results, SERVER),
        "hyperlane-5": told_rate(results, FRAMEWORK),
        "express": told_rate(results, EXPRESS),
        "spring-boot": told_rate(results, SPRING),
        "by_express": ratio(results, EXPRESS),
        "by_spring-boot": ratio(results, SPRING),
        "means": mean_bounds(results),
        "plaintext": plaintext_costs(others),
        "built": built.unwrap_or_else(|| told_rate(results, FRAMEWORK)),
        "notes": notes(),
        "contradictions": contradictions(),
        "since_1970": since_1970.map(|(requests, seconds)| requests / seconds),
        "pid_x_1024": number("/pid").map(|pid| pid * 1024.0),
        "cpu_usage": answers.pointer("/stats/cpu_usage").map(cpu_usage),
        "stages": told(stages.take(STAGES), "{function_name} {avg_time_ns} ns"),
        "copied": told(rows_of(answers, "/zero_copy"), "{bytes_copied} of {input_size}"),
        "sizes": told(sizes, "{data_size_bytes}: {throughput_mb_per_sec}"),
        "regardless": regardless(sizes),
        "files": told(files, "{scenario} {operation} {throughput_files_per_sec}"),
    });
    figures
}

/// A text with the figures in the places of their names; `None` if one is missing.
pub(super) fn filled(text: &str, figures: &Value) -> Option<String> {
    let mut filled = String::new();
    // Text and names come in turns.
    for (number, part) in text.split(['{', '}']).enumerate() {
        match number % 2 {
            0 => filled += part,
            _ => filled += &figure(part, figures)?,
        }
    }
    Some(filled)
}

/// The figure of a name, `stats/total_requests`, or with decimals, `miss_ms:2`.
fn figure(name: &str, figures: &Value) -> Option<String> {
    let (path, decimals) = name.split_once(':').unwrap_or((name, "0"));
    let decimals: usize = decimals.parse().ok()?;
    match figures.pointer(&format!("/{path}"))? {
        Value::String(text) => Some(text.clone()),
        number => Some(format!("{:.decimals$}", number.as_f64()?)),
    }
}

/// The text for each row; `None` without any.
fn told<'a>(rows: impl IntoIterator<Item = &'a Value>, text: &str) -> Option<String> {
    listed(rows.into_iter().filter_map(|row| filled(text, row)))
}

fn listed(texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn rows_of<'a>(answers: &'a Value, pointer: &str) -> &'a [Value] {
    let rows = answers.pointer(pointer).and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

fn rate(results: &Results, subject: &str) -> Option<f64> {
    Some(medians(results, subject, WITH_WAIT)?.rate)
}

/// `barewire: 60000 requests a second`; or that it was not measured, and why.
fn told_rate(results: &Results, subject: &str) -> String {
    match (rate(results, subject), results.missing.get(subject)) {
        (Some(rate), _) => format!("{subject}: {rate:.0} requests a second"),
        (None, Some(reason)) => format!("{subject}: not measured, {reason}"),
        (None, None) => format!("{subject}: not measured"),
    }
}

/// How many times as fast the article's framework was here.
fn ratio(results: &Results, peer: &str) -> String {
    let told = |subject| told_rate(results, subject);
    match rate(results, FRAMEWORK).zip(rate(results, peer)) {
        Some((own, other)) => {
            let times = own / other;
            format!("{FRAMEWORK} by {peer}: {times:.1}; {}", told(SERVER))
        }
        None => format!("{}; {}", told(FRAMEWORK), told(peer)),
    }
}

/// The mean latency that so many connections and the rate leave room for (Little 1961).
fn mean_bounds(results: &Results) -> Option<String> {
    let subjects = [SERVER, FRAMEWORK, EXPRESS, SPRING].into_iter();
    listed(subjects.filter_map(|subject| {
        let mean_ms = f64::from(OPENED) / rate(results, subject)? * 1e3;
        Some(format!("{subject} {mean_ms:.2} ms"))
    }))
}

/// From result files of `compare`.
fn plaintext_costs(others: &[Results]) -> String {
    let subjects = [SERVER, FRAMEWORK, "axum", "nginx", EXPRESS, SPRING].into_iter();
    let costs = listed(subjects.filter_map(|subject| {
        let cost = |other| rows::figure(&rows::runs(other, subject, "keep-alive"), Figure::Cpu);
        let costs: Vec<f64> = others.iter().filter_map(cost).collect();
        Some(format!("{subject} {:.0} ns", median(&costs)?))
    }));
    match costs {
        Some(costs) => format!("CPU time for a request to /plaintext: {costs}"),
        None => "not measured in this run; `compare` does, and --with adds it".to_owned(),
    }
}

/// What the rivals' folder says about the article's framework.
fn notes() -> String {
    let peers = peers::folder(None).and_then(|folder| peers::all(&folder));
    let peers = peers.unwrap_or_default();
    let peer = peers.into_iter().find(|peer| peer.name == FRAMEWORK);
    let notes = peer.map(|peer| format!("peers/{FRAMEWORK} notes: {}", peer.about.notes));
    notes.unwrap_or_default()
}

/// What is impossible in each of the three runs.
fn contradictions() -> Vec<String> {
    let runs = check::examine(THREE_RUNS, &Known::default()).into_iter();
    let sentences = runs.map(|run| {
        let mut findings = run.findings;
        findings.retain(|finding| finding.severity == Severity::Impossible);
        let sentences = findings.into_iter().map(|finding| finding.sentence);
        sentences.collect::<Vec<_>>().join(" ")
    });
    sentences.collect()
}

fn cpu_usage(usage: &Value) -> String {
    match usage {
        Value::Null => "null: the process was not old enough for a figure".to_owned(),
        usage => format!("{usage} % over the last second"),
    }
}

/// The verdict on a throughput that is the same for every size.
fn regardless(sizes: &[Value]) -> &'static str {
    let rate_of = |row: &Value| row["throughput_mb_per_sec"].as_f64();
    let mut rates: Vec<f64> = sizes.iter().filter_map(rate_of).collect();
    rates.sort_by(f64::total_cmp);
    match rates[..] {
        [] => "simulated",
        [least, .., most] if most > REGARDLESS * least => "false",
        _ => "true",
    }
}
