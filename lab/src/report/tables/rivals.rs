//! The server beside others: rivals, the limit, latencies, and the generators among themselves.

use std::collections::BTreeSet;

use super::Table;
use super::ablation::{calls, verdict};
use crate::report::numbers::{
    NOT_MEASURED, count, estimate, inverse, mebibytes, microseconds, or_dash, percent, whole,
};
use crate::report::sight::Sight;
use crate::results::{Results, Row, RowKind};

/// The server and its rivals, the cheapest first.
pub(super) fn comparison(results: &Results) -> Option<Table> {
    let sight = Sight(results);
    let mut rows = Vec::new();
    for workload in sight.workloads_of(&[RowKind::Rival]) {
        let rivals: Vec<&Row> = sight.rows_of(RowKind::Rival, workload).collect();
        let servers: BTreeSet<&str> = rivals.iter().map(|row| row.base.as_str()).collect();
        let mut lines: Vec<(&str, Option<&Row>)> =
            servers.iter().map(|name| (*name, None)).collect();
        lines.extend(rivals.iter().map(|row| (row.subject.as_str(), Some(*row))));
        lines.sort_by(|a, b| {
            let cost = |name| sight.cpu_ns(name, workload).unwrap_or(f64::INFINITY);
            cost(a.0).total_cmp(&cost(b.0))
        });
        rows.extend(
            lines
                .iter()
                .map(|(name, row)| rival(sight, workload, name, *row)),
        );
    }
    Table::new(
        "comparison",
        "The server and its rivals",
        &[
            "workload",
            "server",
            "#CPU ns/request",
            "#/ the server's",
            "verdict",
            "#requests/s",
            "#server busy",
            "#generator busy",
            "#memory",
            "#instructions",
            "#system calls",
        ],
    )
    .note(
        "Requests per second are a server's only where it was busy for at least 95 % of the time; \
         elsewhere the generator was the bottleneck, and only CPU time can be compared.",
    )
    .filled(rows)
}

fn rival(sight: Sight, workload: &str, name: &str, row: Option<&Row>) -> Vec<String> {
    let counters = sight.counters(name, workload);
    let busy = sight.server_busy(name, workload);
    let bound = busy.is_none_or(|busy| busy < 0.95);
    let rate = or_dash(sight.rate(name, workload), whole);
    let ratio = row.and_then(|row| row.cpu.as_ref());
    vec![
        workload.to_owned(),
        name.to_owned(),
        or_dash(sight.cpu_ns(name, workload), whole),
        ratio.map_or_else(|| NOT_MEASURED.to_owned(), estimate),
        row.map_or("the server", verdict).to_owned(),
        if bound && rate != NOT_MEASURED {
            format!("{rate} (client-bound)")
        } else {
            rate
        },
        or_dash(busy, percent),
        or_dash(sight.generator_busy(name, workload), percent),
        or_dash(sight.memory(name, workload), mebibytes),
        or_dash(counters.and_then(|counters| counters.instructions), whole),
        or_dash(counters.and_then(calls), count),
    ]
}

/// The limit as a share of what the server costs.
pub(super) fn limit(results: &Results) -> Option<Table> {
    let sight = Sight(results);
    let rows = results
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::Limit)
        .map(|row| {
            let share = row.cpu.as_ref().map(inverse);
            let instructions = |name| sight.counters(name, &row.workload)?.instructions;
            vec![
                row.workload.clone(),
                row.base.clone(),
                or_dash(sight.cpu_ns(&row.base, &row.workload), whole),
                or_dash(sight.cpu_ns(&row.subject, &row.workload), whole),
                share
                    .as_ref()
                    .map_or_else(|| NOT_MEASURED.to_owned(), |share| percent(share.median)),
                share.map_or_else(
                    || NOT_MEASURED.to_owned(),
                    |share| format!("{} to {}", percent(share.low), percent(share.high)),
                ),
                or_dash(instructions(&row.base), whole),
                or_dash(instructions(&row.subject), whole),
            ]
        });
    Table::new(
        "limit",
        "How far the server is from the limit",
        &[
            "workload",
            "limit",
            "#its CPU ns/request",
            "#the server's",
            "#limit / server",
            "#95 % interval",
            "#its instructions",
            "#the server's instructions",
        ],
    )
    .note(
        "100 % would be a server that costs no more than the loop. L0 sends a canned answer for \
         whatever it reads, L1 finds the end of each request's head, L2 parses it with httparse.",
    )
    .filled(rows.collect())
}

/// Percentiles at fixed rates.
pub(super) fn latency(results: &Results) -> Option<Table> {
    let rows = results.latencies.iter().map(|latency| {
        let seen = &latency.percentiles;
        let mut cells = vec![
            latency.workload.clone(),
            latency.subject.clone(),
            percent(latency.share),
            whole(latency.rate),
            whole(latency.answered_per_second),
        ];
        let percentiles = [
            seen.p50_us,
            seen.p90_us,
            seen.p99_us,
            seen.p999_us,
            seen.max_us,
        ];
        cells.extend(percentiles.map(|value| {
            if latency.is_held() {
                microseconds(value)
            } else {
                "not held".to_owned()
            }
        }));
        cells
    });
    Table::new(
        "latency",
        "Latency at a fixed rate, in microseconds",
        &[
            "workload",
            "server",
            "#of saturation",
            "#sent/s",
            "#answered/s",
            "#50 %",
            "#90 %",
            "#99 %",
            "#99.9 %",
            "#max",
        ],
    )
    .note(
        "Open loop: from the time at which a request should have been sent. Not held: less than \
         99 % of the requests were answered in time to send the next ones, so they piled up. The \
         rates are shares of each server's own median rate of the rounds: where the machine gave \
         less in that moment, 90 % of it is too much for anybody.",
    )
    .filled(rows.collect())
}

/// The load generators on the canned loop; only in a file made by `generators`.
pub(super) fn generators(results: &Results) -> Option<Table> {
    if !results.command.iter().any(|word| word == "generators") {
        return None;
    }
    let sight = Sight(results);
    let seen: BTreeSet<(&str, &str, &str)> = results
        .blocks
        .iter()
        .filter(|block| block.dropped.is_none())
        .map(|block| {
            (
                block.workload.as_str(),
                block.comparison.as_str(),
                block.subject.as_str(),
            )
        })
        .collect();
    let rows = seen.into_iter().map(|(workload, comparison, subject)| {
        let of = |figure: fn(&crate::results::Block) -> Option<f64>| {
            sight.median(figure, |block| {
                block.workload == workload
                    && block.comparison == comparison
                    && block.subject == subject
            })
        };
        vec![
            workload.to_owned(),
            comparison.to_owned(),
            subject.to_owned(),
            or_dash(of(|block| Some(block.generator_cpu_ns_per_request)), whole),
            or_dash(of(|block| block.server_cpu_ns_per_request), whole),
            or_dash(of(|block| Some(block.requests_per_second)), whole),
            or_dash(of(|block| Some(block.generator_busy)), percent),
            or_dash(of(|block| block.server_busy), percent),
        ]
    });
    Table::new(
        "generators",
        "The load generators themselves",
        &[
            "workload",
            "generator",
            "server",
            "#its CPU ns/request",
            "#the server's",
            "#requests/s",
            "#generator busy",
            "#server busy",
        ],
    )
    .note("A generator that costs more than the server finds its own limit, not the server's.")
    .filled(rows.collect())
}
