//! Servers beside each other: the rivals beside barewire, and all that have a limit beside L0.

use super::Table;
use crate::grouped;
use crate::report::numbers::{NOT_MEASURED, count, estimate, mebibytes, or_dash, percent, whole};
use crate::results::{Results, Row, RowKind};
use crate::rows::{self, Figure};

const HEADINGS: [&str; 10] = [
    "workload",
    "server",
    "#CPU ns/request",
    "#times",
    "verdict",
    "#requests/s",
    "#busy",
    "#generator busy",
    "#memory",
    "#system calls",
];
const NOTE: &str = "CPU time of all threads and processes of a server, user and system. Times: by \
     what the server on the line of 1 costs, within rounds, mean over the sets with an interval; \
     all intervals of the table together hold with 95 %. Requests per second belong to both sides: \
     the generator never sleeps. Half of what the peer's kernel does with an \
     answer runs inside send(), the same for all, which draws each ratio towards 1.";

/// The server and its rivals, the cheapest first.
pub(super) fn comparison(results: &Results) -> Option<Table> {
    let rows = of(results, RowKind::Rival);
    Table::new("The server and its rivals", &HEADINGS)
        .note(NOTE)
        .filled(rows)
}

/// How far from the limit.
pub(super) fn limit(results: &Results) -> Option<Table> {
    let rows = of(results, RowKind::Limit);
    let note = format!(
        "L0 sends a canned answer for whatever it reads, L1 finds the end of each request's head, \
         L2 parses it with httparse: the price of this sequence of calls here, no law of \
         nature. {NOTE}"
    );
    Table::new("How far the server is from the limit", &HEADINGS)
        .note(note)
        .filled(rows)
}

/// Instructions of a request, where they were counted.
pub(super) fn instructions(results: &Results) -> Option<Table> {
    let rows = results.counters.iter().filter_map(|counters| {
        let (workload, subject) = (counters.workload.clone(), counters.subject.clone());
        Some(vec![workload, subject, whole(counters.instructions?)])
    });
    Table::new(
        "Instructions in user space for one request",
        &["workload", "server", "#instructions"],
    )
    .note("By callgrind, of two runs on one connection. They explain; they do not rank.")
    .filled(rows.collect())
}

fn of(results: &Results, kind: RowKind) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for (workload, rows) in grouped(results.rows_of(kind), |row| row.workload.as_str()) {
        let mut servers: Vec<(&str, Option<&Row>)> = rows
            .iter()
            .map(|row| (row.subject.as_str(), Some(*row)))
            .collect();
        servers.extend(rows.first().map(|row| (row.base.as_str(), None)));
        let worth = |row: Option<&Row>| match row {
            Some(row) => row.ratio.map_or(f64::INFINITY, |ratio| ratio.median),
            None => 1.0,
        };
        servers.sort_by(|one, other| worth(one.1).total_cmp(&worth(other.1)));
        let servers = servers.into_iter();
        lines.extend(servers.map(|(name, row)| line(results, workload, name, row)));
    }
    lines
}

fn line(results: &Results, workload: &str, name: &str, row: Option<&Row>) -> Vec<String> {
    let runs = rows::runs(results, name, workload);
    let generator = rows::generator_busy(&runs);
    let rate = or_dash(rows::rate(&runs), whole);
    let calls = results.counters(name, workload);
    vec![
        workload.to_owned(),
        name.to_owned(),
        or_dash(rows::figure(&runs, Figure::Cpu), whole),
        row.map_or("1".to_owned(), |row| or_dash(row.ratio.as_ref(), estimate)),
        row.map_or(NOT_MEASURED, |row| row.verdict.words())
            .to_owned(),
        rate,
        or_dash(rows::busy(&runs), percent),
        or_dash(generator, percent),
        or_dash(rows::memory(&runs), mebibytes),
        or_dash(calls.map(|calls| calls.system_calls.values().sum()), count),
    ]
}
