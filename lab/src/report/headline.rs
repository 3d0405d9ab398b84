//! The sentence above everything else: what was found, or why nothing may be said.
//!
//! A figure is in the sentence only if no objection stands against it.

use super::numbers::{inverse, percent, ratio};
use super::sight::{Sight, Worth};
use crate::results::{Objection, Results, Row, RowKind};
use crate::statistics::{Estimate, Verdict};

/// What a result file allows to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headline {
    /// Sentences, the most important one first; empty if nothing may be said.
    pub findings: Vec<String>,
    /// How many comparisons were left out because of an objection.
    pub withheld: usize,
}

/// The headline of a result file.
pub fn headline(results: &Results) -> Headline {
    let allowed = |row: &&Row| !withheld(&results.objections, row);
    let findings = [
        naive(results),
        techniques(results),
        limit(results),
        rivals(results),
    ];
    Headline {
        findings: findings
            .into_iter()
            .flatten()
            .chain(counted(results))
            .collect(),
        withheld: results.rows.iter().filter(|row| !allowed(row)).count(),
    }
}

/// Whether an objection stands against a row: against all, its comparison, or one of its subjects.
pub fn withheld(objections: &[Objection], row: &Row) -> bool {
    let against = ["all", &row.comparison, &row.subject, &row.base];
    objections
        .iter()
        .any(|objection| against.contains(&objection.about.as_str()))
}

fn rows(results: &Results, kind: RowKind) -> impl Iterator<Item = (&Row, Estimate)> {
    let rows = results.rows.iter().filter(move |row| row.kind == kind);
    rows.filter(|row| !withheld(&results.objections, row))
        .filter_map(|row| Some((row, row.cpu?)))
}

fn naive(results: &Results) -> Option<String> {
    let said: Vec<String> = rows(results, RowKind::Naive)
        .map(|(row, cpu)| {
            format!(
                "{} times ({} to {}) on {}",
                ratio(cpu.median),
                ratio(cpu.low),
                ratio(cpu.high),
                row.workload
            )
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "Without any technique, a request costs the full server's CPU time {}.",
            list(&said)
        )
    })
}

fn techniques(results: &Results) -> Option<String> {
    let kinds = [
        (Verdict::Slower, "missed if left out:"),
        (
            Verdict::Faster,
            "in the way, for the server is faster without:",
        ),
        (Verdict::NoEffect, "without effect within 1 %:"),
        (Verdict::NotResolved, "not resolved:"),
    ];
    by_workload(results, RowKind::LeaveOut, &kinds, |row, _| {
        row.about.clone()
    })
}

fn limit(results: &Results) -> Option<String> {
    let mut said = Vec::new();
    for workload in Sight(results).workloads_of(&[RowKind::Limit]) {
        let shares: Vec<String> = rows(results, RowKind::Limit)
            .filter(|(row, _)| row.workload == workload)
            .map(|(row, cpu)| {
                let share = inverse(&cpu);
                let (median, low, high) = (share.median, share.low, share.high);
                format!(
                    "{} {} ({} to {})",
                    row.base,
                    percent(median),
                    percent(low),
                    percent(high)
                )
            })
            .collect();
        if !shares.is_empty() {
            said.push(format!("{} on {workload}", list(&shares)));
        }
    }
    (!said.is_empty()).then(|| {
        format!(
            "Of the CPU time that the server takes, the limit takes {}.",
            said.join("; ")
        )
    })
}

fn rivals(results: &Results) -> Option<String> {
    let kinds = [
        (
            Verdict::Faster,
            "cheaper than the server by CPU time for a request:",
        ),
        (Verdict::Slower, "dearer by CPU time for a request:"),
        (Verdict::NoEffect, "equal within 1 %:"),
        (Verdict::NotResolved, "not resolved:"),
    ];
    by_workload(results, RowKind::Rival, &kinds, |row, cpu| {
        format!("{} ({})", row.subject, ratio(cpu.median))
    })
}

/// A sentence for each workload: who has which verdict.
fn by_workload(
    results: &Results,
    kind: RowKind,
    kinds: &[(Verdict, &str)],
    written: impl Fn(&Row, &Estimate) -> String,
) -> Option<String> {
    let mut said = Vec::new();
    for workload in Sight(results).workloads_of(&[kind]) {
        let parts = kinds.iter().filter_map(|(verdict, words)| {
            let names: Vec<String> = rows(results, kind)
                .filter(|(row, _)| row.workload == workload && row.verdict == *verdict)
                .map(|(row, cpu)| written(row, &cpu))
                .collect();
            (!names.is_empty()).then(|| format!("{words} {}", list(&names)))
        });
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            said.push(format!("On {workload}, {}.", parts.join("; ")));
        }
    }
    (!said.is_empty()).then(|| said.join(" "))
}

/// Instructions need no quiet machine: no objection but one against everything stops them.
fn counted(results: &Results) -> Option<String> {
    if results
        .objections
        .iter()
        .any(|objection| objection.kind == "answers-differ")
    {
        return None;
    }
    let worth = Worth::all(results)
        .into_iter()
        .find(|worth| worth.unit == "instructions")?;
    let dearest = worth
        .steps
        .iter()
        .max_by(|a, b| a.saved.total_cmp(&b.saved))?;
    Some(format!(
        "In instructions ({}), the full server takes {} of the naive one's; the largest share of \
         what is saved, {}, is {}'s.",
        worth.workload,
        percent(worth.full / worth.naive),
        percent(worth.share(dearest)),
        dearest.technique
    ))
}

/// `a, b and c`.
fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
