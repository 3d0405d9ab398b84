//! Servers on Node and the JVM, taken apart from outside.

use super::Table;
use crate::compare::L0;
use crate::report::numbers::{change, count, estimate, or_dash, percent, whole};
use crate::results::{Outside, Results, RowKind, Work};
use crate::statistics::float;
use crate::tax::rung;

/// What is less than this for a request is left out of a list of system calls.
const LEAST_CALLS: f64 = 0.01;

/// What each costs more than the one that it stands on.
pub(super) fn above(results: &Results) -> Option<Table> {
    let is_ladder = |name: &str| name.starts_with(&rung(""));
    let rows = results
        .rows_of(RowKind::Process)
        .filter(|row| row.base != L0 && !is_ladder(&row.subject));
    let rows = rows.map(|row| {
        vec![
            row.workload.clone(),
            row.subject.clone(),
            row.base.clone(),
            or_dash(row.base_ns, whole),
            or_dash(row.more_ns(), |ns| change(ns.round())),
            or_dash(row.ratio.as_ref(), estimate),
            row.verdict.words().to_owned(),
        ]
    });
    Table::new(
        "What each costs more than the one below",
        &[
            "workload",
            "server",
            "over",
            "#ns below",
            "#ns more",
            "#times",
            "verdict",
        ],
    )
    .note("CPU time of all threads for a request, by turns of both within each round.")
    .filled(rows.collect())
}

/// A line for each server: by what its threads are there for, and what its runtime tells.
pub(super) fn outside(results: &Results) -> Option<Table> {
    let rows = results.outside.iter().map(|one| {
        let of = |work| or_dash(Some(one.ns_of(work)).filter(|ns| *ns > 0.0), whole);
        vec![
            one.workload.clone(),
            one.of.clone(),
            whole(one.ns()),
            of(Work::Serves),
            of(Work::Compiles),
            of(Work::Collects),
            of(Work::CompilesOrCollects),
            of(Work::Other),
            in_kernel(one),
            or_dash(one.collections, |all| {
                whole(1e6 * float(all.count) / float(one.requests.max(1)))
            }),
            or_dash(one.collections, |all| {
                format!("{:.1}", 1e3 * all.paused_seconds / one.seconds)
            }),
            calls(results, one),
        ]
    });
    Table::new(
        "Node and the JVM from outside",
        &[
            "workload",
            "server",
            "#ns",
            "#serves",
            "#compiles",
            "#collects",
            "#either",
            "#other",
            "#in the kernel",
            "#collections",
            "#pauses",
            "system calls",
        ],
    )
    .note(
        "CPU time of a request in ns, by what a thread is there for. A worker of V8 does either, \
         and does not say which. In the kernel: the share of all CPU time, by ticks. \
         Collections for a million requests, and milliseconds of a second in which they stopped \
         the program, as the runtime tells. Calls of a request.",
    )
    .filled(rows.collect())
}

fn in_kernel(one: &Outside) -> String {
    let share = one.system_share.zip(one.system_share_error);
    or_dash(share, |(share, error)| within(share, error))
}

pub(super) fn within(share: f64, error: f64) -> String {
    format!("{} ± {:.1}", percent(share), 100.0 * error)
}

/// The system calls of a request, the most frequent first.
fn calls(results: &Results, one: &Outside) -> String {
    let counters = results.counters.iter();
    let mut counters = counters.filter(|counted| {
        counted.subject == one.of
            && counted.workload == one.workload
            && !counted.system_calls.is_empty()
    });
    let Some(counters) = counters.next() else {
        return or_dash(None::<f64>, count);
    };
    let calls = counters.system_calls.iter();
    let mut calls: Vec<_> = calls.filter(|(_, each)| **each >= LEAST_CALLS).collect();
    calls.sort_by(|one, other| other.1.total_cmp(one.1));
    let told = calls.iter().map(|(name, each)| format!("{name} {each:.2}"));
    told.collect::<Vec<_>>().join(", ")
}

/// The threads by name.
pub(super) fn threads(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for one in &results.outside {
        for thread in one.threads.iter().filter(|thread| thread.ns >= 1.0) {
            rows.push(vec![
                one.workload.clone(),
                one.of.clone(),
                thread.name.clone(),
                thread.work.words().to_owned(),
                thread.threads.to_string(),
                whole(thread.ns),
            ]);
        }
    }
    Table::new(
        "Threads by name",
        &[
            "workload",
            "server",
            "thread",
            "what it does",
            "#of them",
            "#ns",
        ],
    )
    .note("CPU time of a request; what is below 1 ns is left out.")
    .filled(rows)
}

/// Whose code ran.
pub(super) fn code(results: &Results) -> Option<Table> {
    let mut rows = Vec::new();
    for one in &results.outside {
        for part in &one.code {
            rows.push(vec![
                one.workload.clone(),
                one.of.clone(),
                part.name.clone(),
                within(part.share, part.error),
            ]);
        }
    }
    Table::new(
        "Whose code ran",
        &["workload", "server", "code of", "#share"],
    )
    .note(
        "Samples of a run of its own. Node: the time of its core, by the file of the innermost \
         function of the main thread. The JVM: threads that run Java, by the innermost class that \
         is not the JDK's; what they do in the kernel is not in it.",
    )
    .filled(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{CodeShare, Collections, Counters, ThreadTime};

    fn results() -> Results {
        let thread = |name: &str, work, ns| ThreadTime {
            name: name.to_owned(),
            work,
            threads: 1,
            ns,
        };
        let outside = Outside {
            of: "spring-boot".to_owned(),
            workload: "keep-alive".to_owned(),
            seconds: 30.0,
            requests: 500_000,
            threads: vec![
                thread("exec", Work::Serves, 40_000.0),
                thread("Poller", Work::Serves, 3_000.0),
                thread("C2", Work::Compiles, 700.0),
                thread("Finalizer", Work::Other, 0.2),
            ],
            system_share: Some(0.412),
            system_share_error: Some(0.011),
            collections: Some(Collections {
                count: 100,
                paused_seconds: 0.6,
            }),
            code: vec![CodeShare {
                name: "org.apache.tomcat".to_owned(),
                share: 0.25,
                error: 0.0123,
            }],
        };
        let calls = [("read", 1.0), ("futex", 2.5), ("poll", 0.001)];
        Results {
            outside: vec![outside],
            counters: vec![Counters {
                subject: "spring-boot".to_owned(),
                workload: "keep-alive".to_owned(),
                system_calls: calls.map(|(name, each)| (name.to_owned(), each)).into(),
                ..Counters::default()
            }],
            ..Results::default()
        }
    }

    #[test]
    fn a_server_has_a_line_with_its_sums() {
        let table = outside(&results()).unwrap();
        let expected = [
            "keep-alive",
            "spring-boot",
            "43,700",
            "43,000",
            "700",
            "–",
            "–",
            "0",
            "41.2 % ± 1.1",
            "200",
            "20.0",
            "futex 2.50, read 1.00",
        ];
        assert_eq!(table.rows, [expected]);
    }

    #[test]
    fn what_was_not_counted_is_a_dash() {
        let mut results = results();
        results.counters.clear();
        results.outside[0].collections = None;
        results.outside[0].system_share_error = None;
        let table = outside(&results).unwrap();
        assert_eq!(table.rows[0][8..], ["–", "–", "–", "–"]);
    }

    #[test]
    fn threads_and_code_have_lines_of_their_own() {
        let results = results();
        let names = |table: Table| -> Vec<String> {
            let rows = table.rows.iter();
            rows.map(|row| row[2..].join("|")).collect()
        };
        let found = names(threads(&results).unwrap());
        assert_eq!(
            found,
            [
                "exec|serves|1|40,000",
                "Poller|serves|1|3,000",
                "C2|compiles|1|700"
            ]
        );
        assert_eq!(
            names(code(&results).unwrap()),
            ["org.apache.tomcat|25.0 % ± 1.2"]
        );
        assert_eq!(code(&Results::default()), None);
    }
}
