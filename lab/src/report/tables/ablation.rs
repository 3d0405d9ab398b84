//! What each technique is worth: by time, by counts, and as a share of the whole way.

use std::collections::BTreeSet;

use super::Table;
use crate::report::numbers::{NOT_MEASURED, change, estimate, or_dash, percent, whole};
use crate::report::sight::{Sight, Worth};
use crate::results::{Counters, Results, Row, RowKind};
use crate::statistics::Verdict;

/// Leave-one-out and add-one, side by side.
pub(super) fn ratios(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for workload in Sight(results).workloads_of(&[RowKind::LeaveOut, RowKind::AddOne]) {
        rows.extend(kind_rows(results, workload, RowKind::Control));
        rows.extend(kind_rows(results, workload, RowKind::Naive));
        for technique in Sight(results).techniques(workload) {
            rows.push(side_by_side(results, workload, technique));
        }
    }
    Table::new(
        "ablation",
        "What each technique is worth in CPU time",
        &[
            "workload",
            "technique",
            "#left out: CPU time / full",
            "verdict",
            "#added alone: CPU time / naive",
            "verdict",
        ],
    )
    .note(
        "Median of the ratios of pairs with its 95 % interval. Left out, above 1: the server is \
         slower without it. Added alone, below 1: the naive server is faster with it. `no effect` \
         only if the whole interval lies within 1 % of 1.",
    )
    .filled(rows)
}

/// Rows of a kind that has no techniques.
fn kind_rows(results: &Results, workload: &str, kind: RowKind) -> Vec<Vec<String>> {
    let about = |row: &Row| match kind {
        RowKind::Control => format!("control: {} against itself", row.base),
        _ => format!("all: {} / {}", row.subject, row.base),
    };
    results
        .rows
        .iter()
        .filter(|row| row.kind == kind && row.workload == workload)
        .map(|row| {
            vec![
                workload.to_owned(),
                about(row),
                row.cpu.as_ref().map_or_else(dash, estimate),
                verdict(row).to_owned(),
                dash(),
                dash(),
            ]
        })
        .collect()
}

fn side_by_side(results: &Results, workload: &str, technique: &str) -> Vec<String> {
    let find = |kind| Sight(results).row(kind, workload, technique);
    let mut cells = vec![workload.to_owned(), technique.to_owned()];
    for kind in [RowKind::LeaveOut, RowKind::AddOne] {
        let row = find(kind);
        let cpu = row.and_then(|row| row.cpu.as_ref());
        cells.push(cpu.map_or_else(dash, estimate));
        cells.push(row.map_or_else(dash, |row| verdict(row).to_owned()));
    }
    cells
}

/// The verdict in words that say which side it is about.
pub(in crate::report) fn verdict(row: &Row) -> &'static str {
    match (row.verdict, row.kind) {
        (Verdict::Faster, RowKind::LeaveOut) => "faster without",
        (Verdict::Slower, RowKind::LeaveOut) => "slower without",
        (Verdict::Faster, RowKind::AddOne) => "faster with",
        (Verdict::Slower, RowKind::AddOne) => "slower with",
        (Verdict::Faster, _) => "faster",
        (Verdict::Slower, _) => "slower",
        (Verdict::NoEffect, _) => "no effect",
        (Verdict::NotResolved, _) if row.cpu.is_none() => "not timed",
        (Verdict::NotResolved, _) => "not resolved",
    }
}

/// The share of each technique in the way from naive to full, averaged over the ladders' orders.
pub(super) fn shares(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for ladders in Worth::all(results) {
        for step in &ladders.steps {
            rows.push(vec![
                ladders.workload.clone(),
                ladders.unit.clone(),
                step.technique.clone(),
                change(-step.saved),
                format!("{} to {}", change(-step.most), change(-step.least)),
                percent(ladders.share(step)),
            ]);
        }
        rows.push(vec![
            ladders.workload.clone(),
            ladders.unit.clone(),
            format!(
                "all, from {} to {}",
                whole(ladders.naive),
                whole(ladders.full)
            ),
            change(ladders.full - ladders.naive),
            dash(),
            percent(1.0),
        ]);
    }
    Table::new(
        "shares",
        "From the naive server to the full one, technique by technique",
        &[
            "workload",
            "unit",
            "technique",
            "#change",
            "#over the orders",
            "#share",
        ],
    )
    .note(
        "What adding the technique changes in the cost of a request: the mean over all orders of \
         adding, its extremes, and its share of the whole way.",
    )
    .filled(rows)
}

/// What leaving each technique out changes in what a request asks for.
pub(super) fn counters(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for (workload, full) in Sight(results).bases() {
        let Some(base) = Sight(results).counters(full, workload) else {
            continue;
        };
        rows.push(counted(
            base,
            base.subject.clone(),
            |value, _| value.map(whole_or_count),
            base,
        ));
        for other in Sight(results)
            .counted_of_server()
            .filter(|other| other.workload == workload)
        {
            if other.subject != full {
                let name = other.subject.clone();
                rows.push(counted(other, name, difference, base));
            }
        }
    }
    Table::new(
        "counters",
        "What each technique changes for one request",
        &[
            "workload",
            "subject",
            "#system calls",
            "which",
            "#EAGAIN",
            "#timers set",
            "#bytes copied",
            "#allocations",
            "#instructions",
        ],
    )
    .note(
        "The first row of a workload is the full server's; each other row is the difference from \
         it. These are counts, not times: they repeat.",
    )
    .filled(rows)
}

fn whole_or_count(value: f64) -> String {
    crate::report::numbers::count(value)
}

fn difference(value: Option<f64>, base: Option<f64>) -> Option<String> {
    Some(change(value? - base?))
}

fn counted(
    row: &Counters,
    name: String,
    written: impl Fn(Option<f64>, Option<f64>) -> Option<String>,
    base: &Counters,
) -> Vec<String> {
    let cell = |of: fn(&Counters) -> Option<f64>| written(of(row), of(base)).unwrap_or_else(dash);
    let is_base = row.subject == base.subject;
    vec![
        row.workload.clone(),
        name,
        cell(calls),
        if is_base {
            listed(row)
        } else {
            changed_calls(row, base)
        },
        cell(|counters| counters.eagains),
        cell(|counters| counters.timers_set),
        cell(|counters| counters.bytes_copied),
        cell(|counters| counters.allocations),
        cell(|counters| counters.instructions),
    ]
}

/// System calls of all kinds; `None` where none were counted.
pub(in crate::report) fn calls(counters: &Counters) -> Option<f64> {
    (!counters.system_calls.is_empty()).then(|| counters.system_calls.values().sum())
}

fn listed(row: &Counters) -> String {
    let calls = row.system_calls.iter();
    joined(calls.map(|(name, count)| format!("{name} {}", whole_or_count(*count))))
}

/// The kinds of call whose number differs by more than what start and end can explain.
fn changed_calls(row: &Counters, base: &Counters) -> String {
    if row.system_calls.is_empty() || base.system_calls.is_empty() {
        return dash();
    }
    let names: BTreeSet<_> = row
        .system_calls
        .keys()
        .chain(base.system_calls.keys())
        .collect();
    joined(names.into_iter().filter_map(|name| {
        let of = |counters: &Counters| counters.system_calls.get(name).copied().unwrap_or(0.0);
        let moved = of(row) - of(base);
        (moved.abs() >= 0.001).then(|| format!("{name} {}", change(moved)))
    }))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let joined = parts.collect::<Vec<_>>().join(", ");
    if joined.is_empty() { dash() } else { joined }
}

/// Instructions of every subject.
pub(super) fn instructions(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for counters in Sight(results)
        .counted()
        .filter(|row| row.instructions.is_some())
    {
        let base = Sight(results)
            .bases()
            .into_iter()
            .find(|(workload, _)| *workload == counters.workload)
            .and_then(|(workload, full)| Sight(results).counters(full, workload)?.instructions);
        let against = counters
            .instructions
            .zip(base)
            .map(|(own, base)| own / base);
        rows.push(vec![
            counters.workload.clone(),
            counters.subject.clone(),
            or_dash(counters.instructions, whole),
            or_dash(against, |ratio| format!("{ratio:.2}")),
        ]);
    }
    Table::new(
        "instructions",
        "Instructions in user space for one request",
        &["workload", "subject", "#instructions", "#/ the full server"],
    )
    .note("By callgrind, from the difference of two runs of different length.")
    .filled(rows)
}

fn dash() -> String {
    NOT_MEASURED.to_owned()
}
