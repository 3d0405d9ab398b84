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
    let mut sorted: [Vec<String>; 4] = Default::default();
    for (row, _) in rows(results, RowKind::LeaveOut) {
        let place = match row.verdict {
            Verdict::Slower => 0,
            Verdict::Faster => 1,
            Verdict::NoEffect => 2,
            Verdict::NotResolved => 3,
        };
        sorted[place].push(format!("{} ({})", row.about, row.workload));
    }
    let words = [
        "Missed if left out:",
        "In the way (the server is faster without):",
        "Without effect on the time, within 1 %:",
        "Not resolved:",
    ];
    let parts = words
        .iter()
        .zip(&sorted)
        .filter(|(_, names)| !names.is_empty());
    let said: Vec<_> = parts
        .map(|(words, names)| format!("{words} {}.", list(names)))
        .collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn limit(results: &Results) -> Option<String> {
    let said: Vec<String> = rows(results, RowKind::Limit)
        .map(|(row, cpu)| {
            let share = inverse(&cpu);
            format!(
                "{} ({} to {}) for {} on {}",
                percent(share.median),
                percent(share.low),
                percent(share.high),
                row.base,
                row.workload
            )
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "Of the CPU time that the server takes, the limit would take {}.",
            list(&said)
        )
    })
}

fn rivals(results: &Results) -> Option<String> {
    let mut said = Vec::new();
    for workload in Sight(results).workloads_of(&[RowKind::Rival]) {
        let names = |verdict: Verdict| {
            rows(results, RowKind::Rival)
                .filter(|(row, _)| row.workload == workload && row.verdict == verdict)
                .map(|(row, cpu)| format!("{} ({})", row.subject, ratio(cpu.median)))
                .collect::<Vec<_>>()
        };
        let kinds = [
            (Verdict::Faster, "cheaper than the server:"),
            (Verdict::Slower, "dearer:"),
            (Verdict::NoEffect, "equal within 1 %:"),
            (Verdict::NotResolved, "not resolved:"),
        ];
        let parts = kinds.map(|(verdict, words)| (words, names(verdict)));
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<_> = parts
            .map(|(words, names)| format!("{words} {}", list(names)))
            .collect();
        if !parts.is_empty() {
            said.push(format!(
                "On {workload}, by CPU time for a request, {}.",
                parts.join("; ")
            ));
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
