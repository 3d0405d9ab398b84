//! Layers, prices and accounts: where the time of frameworks goes.

use super::Table;
use crate::compare::L0;
use crate::report::numbers::{change, count, estimate, or_dash, percent, ratio, whole};
use crate::results::{Account, Results, Row, RowKind};
use crate::statistics::Estimate;
use crate::tax::account::NOT_EXPLAINED;
use crate::tax::{BARE, rung};

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

/// Layers beside the frameworks that they are taken from: who, whose crates, and beside whom.
const HONEST: [(&str, &str, &str); 6] = [
    ("types", "http", "hyper"),
    ("parse-again", "httparse", "hyper"),
    ("body", "http-body-util", "axum"),
    ("tower", "tower", "axum"),
    ("router", "matchit", "axum"),
    ("hyper", "hyper", "axum"),
];

/// The instructions of a layer in its crate, beside those of a framework in the same crate.
pub(super) fn crates(results: &Results) -> Option<Table> {
    let counted = |layer: &str, name: &str| {
        let counters = results.counters(&rung(layer), "keep-alive")?;
        counters.instructions_by_crate.get(name).copied()
    };
    let more = |layer: &str, name: &str| {
        let bare = counted(BARE, name).unwrap_or_default();
        Some(counted(layer, name)? - bare)
    };
    let rows = HONEST.iter().filter_map(|(layer, name, framework)| {
        let (own, theirs) = (more(layer, name)?, more(framework, name)?);
        Some(vec![
            (*name).to_owned(),
            (*layer).to_owned(),
            whole(own),
            (*framework).to_owned(),
            whole(theirs),
            ratio(own / theirs),
        ])
    });
    Table::new(
        "Layers beside what they are taken from",
        &[
            "crate",
            "layer",
            "#instructions",
            "framework",
            "#instructions",
            "#times",
        ],
    )
    .note("Instructions of a request by the crate of the innermost inlined frame, by callgrind.")
    .filled(rows.collect())
}

/// All servers that took part, by what they cost.
pub(super) fn processes(results: &Results) -> Option<Table> {
    let to_limit = results
        .rows_of(RowKind::Process)
        .filter(|row| row.base == L0);
    let mut rows: Vec<&Row> = to_limit.collect();
    rows.sort_by(|one, other| {
        let worth = |row: &Row| row.ratio.map_or(f64::INFINITY, |ratio| ratio.median);
        let by_workload = one.workload.cmp(&other.workload);
        by_workload.then(worth(one).total_cmp(&worth(other)))
    });
    let rows = rows.into_iter().map(|row| {
        let counters = results.counters(&row.subject, &row.workload);
        vec![
            row.workload.clone(),
            row.subject.clone(),
            or_dash(row.subject_ns, whole),
            or_dash(row.ratio.as_ref(), estimate),
            or_dash(row.subject_busy, percent),
            or_dash(counters.and_then(|counters| counters.instructions), whole),
        ]
    });
    Table::new(
        "All that took part",
        &[
            "workload",
            "server",
            "#ns",
            "#times L0",
            "#busy",
            "#instructions",
        ],
    )
    .note(
        "CPU time of all threads of a server for a request, in turns. Half of what the peer's \
         kernel does with an answer runs inside send(), the same for all, which draws each ratio \
         towards 1.",
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
            measured(account),
            whole(account.measured_ns),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    Table::new(
        "Where the time goes",
        &[
            "workload",
            "server",
            "part",
            "#ns",
            "#from, to",
            "#predicted",
            "#instructions",
        ],
    )
    .note(
        "The parts of a server add up to what it was measured to cost. \"Not explained\" is what \
         is left, of either sign. All are means over sets of fresh processes, with intervals that \
         hold together with 95 %.",
    )
    .filled(rows)
}

/// The line below the parts of an account.
fn measured(account: &Account) -> String {
    let mut open = account.bars.iter();
    let Some(open) = open.find(|bar| bar.name == NOT_EXPLAINED) else {
        return "measured".to_owned();
    };
    let way = open.ns / account.unexplained_share;
    let [low, high] = open.range_ns.map(|ns| percent(ns / way));
    let share = percent(account.unexplained_share);
    format!("measured; not explained: {share} ({low} to {high}) of what it costs above L0")
}

/// The interval of a row, in nanoseconds.
fn range(row: &Row) -> Option<[f64; 2]> {
    let (base, Estimate { low, high, .. }) = (row.base_ns?, row.ratio?);
    Some([low, high].map(|ratio| base * (ratio - 1.0)))
}

fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", whole(low), whole(high))
}
