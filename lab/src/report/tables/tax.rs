//! Layers, prices and accounts: where the time of frameworks goes.

use super::Table;
use crate::report::numbers::{change, count, or_dash, percent, whole};
use crate::results::{Results, Row, RowKind};
use crate::statistics::Estimate;

/// What each layer costs, beside what was predicted from its counts.
pub(super) fn layers(results: &Results) -> Option<Table> {
    let rows = results.rows_of(RowKind::Layer).map(|row| {
        let counted = |name| row.counts.get(name).copied();
        vec![
            row.workload.clone(),
            row.about.clone(),
            row.base.clone(),
            or_dash(row.more_ns(), |ns| change(ns.round())),
            or_dash(range(row), interval),
            or_dash(row.predicted_range_ns, interval),
            or_dash(counted("allocations"), |count| {
                change((count * 10.0).round() / 10.0)
            }),
            or_dash(counted("instructions"), |count| change(count.round())),
            row.verdict.words().to_owned(),
        ]
    });
    Table::new(
        "What each layer costs",
        &[
            "workload",
            "layer",
            "over",
            "#ns",
            "#interval",
            "#predicted",
            "#allocations",
            "#instructions",
            "verdict",
        ],
    )
    .note(
        "CPU time of a request in ns more than at the level below, by duels in the running server; \
         all intervals of a workload together hold with 95 %. Predicted: its allocations and \
         instructions, counted before it was timed, at the prices of this machine. The level \
         write-again is what a layer that writes an answer replaces, parse-again what one that \
         parses replaces: an account takes them off.",
    )
    .filled(rows.collect())
}

/// What layers are predicted from.
pub(super) fn prices(results: &Results) -> Option<Table> {
    let rows = results.rows_of(RowKind::Price).map(|row| {
        let instructions = row.counts.get("instructions").copied();
        let each = row
            .more_ns()
            .zip(instructions)
            .map(|(ns, counted)| ns / counted);
        vec![
            row.workload.clone(),
            row.about.clone(),
            or_dash(row.more_ns(), |ns| change(ns.round())),
            or_dash(range(row), interval),
            or_dash(instructions, |counted| change(counted.round())),
            or_dash(each, count),
        ]
    });
    Table::new(
        "What the prices are made of",
        &[
            "workload",
            "for a request",
            "#ns",
            "#interval",
            "#instructions",
            "#ns/instruction",
        ],
    )
    .note(
        "Each varies one thing: 20 allocations of 64 bytes, 100 calls, 20 look-ups, 20 counts of \
           a shared pointer up and down.",
    )
    .filled(rows.collect())
}

/// The accounts, part by part.
pub(super) fn accounts(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for account in &results.accounts {
        for bar in &account.bars {
            rows.push(vec![
                account.workload.clone(),
                account.of.clone(),
                bar.name.clone(),
                whole(bar.ns),
                interval(bar.range_ns),
                or_dash(bar.predicted_ns, interval),
                or_dash(bar.instructions, whole),
            ]);
        }
        rows.push(vec![
            account.workload.clone(),
            account.of.clone(),
            format!(
                "measured; of the way, the last part is {}",
                percent(account.unexplained_share)
            ),
            whole(account.measured_ns),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    Table::new(
        "Where the time goes",
        &["workload", "server", "part", "#ns", "#from, to", "#predicted", "#instructions"],
    )
    .note(
        "The parts of a server add up to what it was measured to cost. \"Not explained\" is what is \
         left, of either sign; the intervals of all other parts are added to its own, end to end.",
    )
    .filled(rows)
}

/// The interval of a row, in nanoseconds.
fn range(row: &Row) -> Option<[f64; 2]> {
    let (base, Estimate { low, high, .. }) = (row.base_ns?, row.ratio?);
    Some([low, high].map(|ratio| base * (ratio - 1.0)))
}

fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", whole(low), whole(high))
}
