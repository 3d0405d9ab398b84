//! What each technique is worth, what they are worth together, and whether the instrument holds.

use super::Table;
use crate::report::numbers::{change, estimate, or_dash, percent, whole};
use crate::results::{Results, Row, RowKind};
use crate::statistics::median;

/// Pairs that are shown: those whose techniques change each other's worth most.
const PAIRS_SHOWN: usize = 12;

/// Each technique left out, workload by workload, the dearest first.
pub(super) fn techniques(results: &Results) -> Option<Table> {
    let is_shown = |row: &&Row| matches!(row.kind, RowKind::LeaveOut | RowKind::Naive);
    let mut rows: Vec<&Row> = results.rows.iter().filter(is_shown).collect();
    let order = |workload: &str| {
        let first = results.rows.iter().position(|row| row.workload == workload);
        first.unwrap_or(usize::MAX)
    };
    rows.sort_by(|one, other| {
        let worth = |row: &Row| row.ratio.map_or(0.0, |ratio| ratio.median);
        let by_workload = order(&one.workload).cmp(&order(&other.workload));
        by_workload.then(worth(other).total_cmp(&worth(one)))
    });
    let rows = rows.into_iter().map(|row| {
        vec![
            row.workload.clone(),
            row.subject_or_about(),
            row.judged_by.clone(),
            or_dash(row.base_ns, whole),
            or_dash(row.more_ns(), |ns| change(ns.round())),
            or_dash(row.ratio.as_ref(), estimate),
            row.verdict.words().to_owned(),
            row.why.clone(),
            or_dash(row.predicted_ns.filter(|_| !row.why.is_empty()), |ns| {
                change(ns.round())
            }),
        ]
    });
    Table::new(
        "What each technique is worth",
        &[
            "workload",
            "the server ...",
            "judged by",
            "#whole, ns",
            "#more, ns",
            "#times",
            "verdict",
            "for a request",
            "#predicted, ns",
        ],
    )
    .note(
        "Times: what a request costs the changed server by what it costs the whole one, with an \
         interval; all intervals of the table together hold with 95 %. Predicted: the counts times \
         their prices, which says how much of the difference the counts explain. Half of what the \
         peer's kernel does with an answer runs inside the server's send(), the same for both, \
         which draws each ratio towards 1.",
    )
    .filled(rows.collect())
}

/// From the server without the eight that matter to the whole one.
pub(super) fn ladder(results: &Results) -> Option<Table> {
    let rows = rungs(results)
        .into_iter()
        .map(|(name, ns, ratio)| vec![name, whole(ns), ratio]);
    Table::new(
        "From naive to full",
        &["with", "#ns for a request", "#times the whole"],
    )
    .note("Each line adds a technique to those above it. All are on keep-alive.")
    .filled(rows.collect())
}

/// The rungs: what was added, what a request then costs in nanoseconds, and how many times the
/// whole.
pub(in crate::report) fn rungs(results: &Results) -> Vec<(String, f64, String)> {
    let rungs: Vec<&Row> = results.rows_of(RowKind::Rung).collect();
    let naive = results.row(RowKind::Naive, "naive", "keep-alive");
    let whole: Vec<f64> = rungs.iter().filter_map(|row| row.base_ns).collect();
    let Some(base) = median(&whole) else {
        return Vec::new();
    };
    let shown = |row: &&Row, name: String| {
        let ratio = row.ratio?;
        Some((name, base * ratio.median, estimate(&ratio)))
    };
    let mut all: Vec<_> = naive
        .and_then(|row| shown(&row, "nothing: naive".to_owned()))
        .into_iter()
        .collect();
    for (place, row) in rungs.iter().enumerate() {
        let name = match place {
            0 => format!("all but the {} below", rungs.len()),
            _ => format!("+ {}", row.about),
        };
        all.extend(shown(row, name));
    }
    all.push(("+ the last: the whole".to_owned(), base, "1".to_owned()));
    all
}

/// Pairs of techniques whose worth together is not the sum.
pub(super) fn interactions(results: &Results) -> Option<Table> {
    let alone = |name: &str| results.row(RowKind::LeaveOut, name, "keep-alive");
    let pairs = results.rows_of(RowKind::Pair);
    let mut found: Vec<(f64, Vec<String>)> = pairs
        .filter_map(|row| {
            let (one, other) = row.about.split_once(" and ")?;
            let parts = [alone(one)?.more_ns()?, alone(other)?.more_ns()?];
            let both = row.more_ns()?;
            let beyond = both - parts[0] - parts[1];
            let cells = [parts[0], parts[1], both, beyond].map(|ns| change(ns.round()));
            let mut line = vec![row.about.clone()];
            line.extend(cells);
            Some((beyond.abs(), line))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found.truncate(PAIRS_SHOWN);
    Table::new(
        "What two techniques are worth together",
        &[
            "without",
            "#the first, ns",
            "#the second, ns",
            "#both, ns",
            "#beyond the sum, ns",
        ],
    )
    .note(
        "Nanoseconds more for a request on keep-alive. Beyond the sum below 0: each does part of \
         what the other does; above 0: each needs the other.",
    )
    .filled(found.into_iter().map(|(_, line)| line).collect())
}

/// What tests the instrument itself.
pub(super) fn controls(results: &Results) -> Option<Table> {
    let rows = results.rows_of(RowKind::Control).map(|row| {
        vec![
            row.workload.clone(),
            row.about.clone(),
            or_dash(row.ratio.as_ref(), estimate),
            if row.has_failed() { "failed" } else { "holds" }.to_owned(),
            or_dash(row.base_busy, percent),
            or_dash(row.base_events, |events| format!("{events:.1}")),
        ]
    });
    Table::new(
        "Whether the instrument holds",
        &[
            "workload",
            "control",
            "#times",
            "verdict",
            "#busy",
            "#events of a poll",
        ],
    )
    .note("The same must not differ from itself; a cost that is known must be found.")
    .filled(rows.collect())
}

impl Row {
    /// What the subject costs more, in nanoseconds, by the ratio.
    pub(super) fn more_ns(&self) -> Option<f64> {
        Some(self.base_ns? * (self.ratio?.median - 1.0))
    }

    fn subject_or_about(&self) -> String {
        match self.subject.as_str() {
            "" => self.about.clone(),
            subject => subject.to_owned(),
        }
    }
}
