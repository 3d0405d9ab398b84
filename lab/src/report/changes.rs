//! Two result files, row by row: what differs, and what else was different when they were made.
//!
//! Ratios differ only if their intervals do not overlap. Counts repeat, so that any change of them
//! is one; below half a per cent it is left out, because code that moved in memory does as much.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use super::numbers::{NOT_MEASURED, change, count, estimate, or_dash, percent, whole};
use super::sight::Sight;
use super::tables::{self, Table, Unknown};
use super::terminal;
use crate::Exit;
use crate::results::{Counters, Results, Row};
use crate::statistics::Estimate;

/// Share of a count below which it did not change.
const UNCHANGED: f64 = 0.005;

/// Which files.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The earlier result file.
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// The later one.
    #[arg(value_name = "B.json")]
    after: PathBuf,
}

/// Prints what changed from the first file to the second.
///
/// # Errors
///
/// One of them cannot be read, or is no result file.
pub fn run(options: &Options) -> Result<Exit> {
    let (before, after) = (
        Results::load(&options.before)?,
        Results::load(&options.after)?,
    );
    let tables = changes(&before, &after);
    if tables.is_empty() {
        println!(
            "Nothing that is in both files differs, and they were made under the same conditions."
        );
    }
    for table in tables {
        println!("{}", terminal::drawn(&table));
    }
    Ok(Exit::Success)
}

/// Rows, counts and conditions; a table is absent if there is nothing in it.
pub fn changes(before: &Results, after: &Results) -> Vec<Table> {
    [
        rows(before, after),
        counts(before, after),
        conditions(before, after),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn rows(before: &Results, after: &Results) -> Option<Table> {
    let find =
        |results: &'_ Results, row: &Row| results.rows.iter().position(|other| is_same(other, row));
    let mut rows: Vec<_> = before
        .rows
        .iter()
        .map(|row| {
            changed(
                row,
                Some(row),
                find(after, row).map(|place| &after.rows[place]),
            )
        })
        .collect();
    let new = after.rows.iter().filter(|row| find(before, row).is_none());
    rows.extend(new.map(|row| changed(row, None, Some(row))));
    Table::new(
        "changes",
        "Comparisons",
        &["workload", "subject / base", "#A", "#B", "verdict"],
    )
    .note(
        "Ratio of CPU times with its 95 % interval; it differs only if the intervals do not \
        overlap.",
    )
    .filled(rows)
}

fn is_same(one: &Row, other: &Row) -> bool {
    (one.kind, &one.workload, &one.subject, &one.base)
        == (other.kind, &other.workload, &other.subject, &other.base)
}

fn changed(row: &Row, before: Option<&Row>, after: Option<&Row>) -> Vec<String> {
    let (old, new) = (
        before.and_then(|row| row.cpu),
        after.and_then(|row| row.cpu),
    );
    let written = |ratio: Option<Estimate>| {
        ratio
            .as_ref()
            .map_or_else(|| NOT_MEASURED.to_owned(), estimate)
    };
    let verdict = match (old, new) {
        (Some(old), Some(new)) if overlap(&old, &new) => "no difference shown",
        (Some(_), Some(_)) => "differs",
        (Some(_), None) => "only in A",
        (None, Some(_)) => "only in B",
        (None, None) => "not measured",
    };
    vec![
        row.workload.clone(),
        format!("{} / {}", row.subject, row.base),
        written(old),
        written(new),
        verdict.to_owned(),
    ]
}

fn overlap(one: &Estimate, other: &Estimate) -> bool {
    one.low <= other.high && other.low <= one.high
}

/// A count of a request, and how it is called.
type Figure = (&'static str, fn(&Counters) -> Option<f64>);

const FIGURES: [Figure; 6] = [
    ("instructions", |counters| counters.instructions),
    ("system calls", |counters| {
        let calls = &counters.system_calls;
        (!calls.is_empty()).then(|| calls.values().sum())
    }),
    ("EAGAIN", |counters| counters.eagains),
    ("timers set", |counters| counters.timers_set),
    ("bytes copied", |counters| counters.bytes_copied),
    ("allocations", |counters| counters.allocations),
];

fn counts(before: &Results, after: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for old in Sight(before).counted() {
        let Some(new) = Sight(after).counters(&old.subject, &old.workload) else {
            continue;
        };
        for (name, figure) in FIGURES {
            rows.extend(moved(old, name, figure(old), figure(new)));
        }
    }
    Table::new(
        "changed-counts",
        "Counts for one request that changed",
        &[
            "workload", "subject", "what", "#A", "#B", "#change", "#of A",
        ],
    )
    .filled(rows)
}

fn moved(row: &Counters, name: &str, old: Option<f64>, new: Option<f64>) -> Option<Vec<String>> {
    let by = match (old, new) {
        (Some(old), Some(new)) => Some(new - old),
        (None, None) => return None,
        _ => None,
    };
    let share = by
        .zip(old)
        .filter(|(_, old)| *old > 0.0)
        .map(|(by, old)| by / old);
    if by == Some(0.0) || share.is_some_and(|share| share.abs() < UNCHANGED) {
        return None;
    }
    let size = |value| {
        if name == "instructions" {
            whole(value)
        } else {
            count(value)
        }
    };
    Some(vec![
        row.workload.clone(),
        row.subject.clone(),
        name.to_owned(),
        or_dash(old, size),
        or_dash(new, size),
        or_dash(by, change),
        or_dash(share, percent),
    ])
}

/// What was different around the experiment.
fn conditions(before: &Results, after: &Results) -> Option<Table> {
    let facts = |results: &Results| {
        let here = &results.environment;
        let listed = |map: &BTreeMap<String, String>| {
            map.iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let unknown = Unknown {
            fact: NOT_MEASURED,
            hypervisor: NOT_MEASURED,
        };
        let mut facts = tables::conditions(here, &unknown);
        facts.push(("mitigations", listed(&here.mitigations)));
        facts.push(("tools", listed(&here.tools)));
        facts.push(("command", tables::command_line(&results.command)));
        facts
    };
    let both = facts(before).into_iter().zip(facts(after));
    let different = both.filter(|((_, old), (_, new))| old != new);
    let rows = different.map(|((name, old), (_, new))| vec![name.to_owned(), old, new]);
    Table::new("conditions", "What else was different", &["what", "A", "B"]).filled(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::RowKind;
    use crate::statistics::verdict;

    fn with_row(low: f64, high: f64) -> Results {
        let cpu = Estimate {
            median: f64::midpoint(low, high),
            low,
            high,
            pairs: 10,
        };
        let row = Row {
            comparison: "a".to_owned(),
            about: "slab".to_owned(),
            kind: RowKind::LeaveOut,
            workload: "keep-alive".to_owned(),
            subject: "without slab".to_owned(),
            base: "full".to_owned(),
            cpu: Some(cpu),
            verdict: verdict(Some(&cpu)),
            rate: None,
            instructions: None,
        };
        Results {
            rows: vec![row],
            ..Results::default()
        }
    }

    fn verdict_of(before: &Results, after: &Results) -> String {
        changes(before, after)[0].rows[0][4].clone()
    }

    #[test]
    fn only_intervals_apart_differ() {
        let base = with_row(1.02, 1.06);
        assert_eq!(
            verdict_of(&base, &with_row(1.05, 1.09)),
            "no difference shown"
        );
        assert_eq!(verdict_of(&base, &with_row(1.07, 1.09)), "differs");
        assert_eq!(verdict_of(&with_row(1.07, 1.09), &base), "differs");
        assert_eq!(verdict_of(&base, &Results::default()), "only in A");
        assert_eq!(verdict_of(&Results::default(), &base), "only in B");
    }

    #[test]
    fn counts_and_conditions_are_told_if_they_changed() {
        let with = |instructions, kernel: &str| {
            let mut results = Results::default();
            results.environment.kernel = kernel.to_owned();
            results.counters.push(Counters {
                subject: "full".to_owned(),
                workload: "keep-alive".to_owned(),
                instructions: Some(instructions),
                ..Counters::default()
            });
            results
        };
        assert_eq!(changes(&with(1_000.0, "a"), &with(1_004.0, "a")), []);
        let told = changes(&with(1_000.0, "a"), &with(1_100.0, "b"));
        assert_eq!(told[0].rows[0][5..], ["+100", "10.0 %"]);
        assert_eq!(told[1].rows, [["kernel", "a", "b"].map(str::to_owned)]);
    }
}
