//! The account: what layers cost, added up from the limit to a framework, and what is left.
//!
//! Pure: runs and counts in, bars out. A part is a sum of processes, such as "tokio less L2", and
//! is summed within each round, so that what drifts in the machine drifts for all of them. Parts
//! are linear, so they add up exactly to what was measured.

use std::collections::BTreeMap;

use super::ladder::{BARE, rung};
use super::prices::Prices;
use super::{LIBRARY, TASKS, TASKS_MULTI_THREAD, TASKS_VECTORED};
use crate::compare::{L0, SERVER};
use crate::results::{Account, Bar, Results};
use crate::rows::runs;
use crate::statistics::{Mean, count, level_of_each, mean_of_sets};

/// The last bar.
pub const NOT_EXPLAINED: &str = "not explained";
/// The first one.
const LIMIT: &str = "the limit (L0)";
/// What makes another system call than what it is compared with: its counts predict nothing.
pub const PIECES: &str = "each answer sent at once, by its own writev (hyper's default)";
/// What axum's level has above hyper's. The two differ in how they write, too: hyper queues head
/// and body here, and copies them there.
pub const AXUM: &str = "axum and hyper-util: router, boxes, adapters, and hyper's queue of pieces";
/// The other scheduler of tokio. With one worker there is nobody to steal from.
pub const MULTI_THREAD: &str = "multi-thread scheduler, one worker (and a second thread)";
/// The same calls, and a return right behind the kernel: what it costs is no matter of counts.
const CALLS: &str = "recv and send by the C library";
/// Bars of all accounts of a workload, whose intervals hold together.
const BARS: usize = 34;

/// A part: processes by name, each as often as it counts.
struct Part {
    name: &'static str,
    terms: Vec<(f64, String)>,
}

impl Part {
    fn new(name: &'static str, plus: &[&str], minus: &[&str]) -> Self {
        let plus = plus.iter().map(|name| (1.0, (*name).to_owned()));
        let minus = minus.iter().map(|name| (-1.0, (*name).to_owned()));
        Self {
            name,
            terms: plus.chain(minus).collect(),
        }
    }

    /// The same of levels of the ladder.
    fn of_levels(name: &'static str, plus: &[&str], minus: &[&str]) -> Self {
        let part = Self::new(name, plus, minus);
        let terms = part.terms.into_iter();
        let terms = terms.map(|(times, level)| (times, rung(&level)));
        Self {
            terms: terms.collect(),
            ..part
        }
    }

    /// What is left of `whole` without all these.
    fn rest(name: &'static str, whole: &str, parts: &[Self]) -> Self {
        let of_parts = parts.iter().flat_map(|part| &part.terms);
        let less = of_parts.map(|(times, process)| (-times, process.clone()));
        let mut terms = vec![(1.0, whole.to_owned())];
        terms.extend(less);
        Self { name, terms }
    }

    /// Its count, if all its processes have one.
    fn count(&self, counted: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let terms = self.terms.iter();
        terms
            .map(|(times, name)| Some(times * counted(name)?))
            .sum()
    }
}

/// Accounts of all that can be closed on a workload.
pub fn all(results: &Results, workload: &str) -> Vec<Account> {
    let books = Books { results, workload };
    let hyper = || vec![types(), connection()];
    let axum = || {
        let axum = Part::of_levels(AXUM, &["axum"], &["hyper"]);
        let pieces = Part::new(PIECES, &[TASKS_VECTORED], &[TASKS]);
        vec![types(), connection(), axum, pieces]
    };
    let all = [
        books.of("hyper", NOT_EXPLAINED, hyper()),
        books.of("axum", NOT_EXPLAINED, axum()),
        books.of("hyperlane-5", NOT_EXPLAINED, hyperlane()),
        // Limits, deadlines, accounts, the answer's own fields.
        books.of(SERVER, "barewire beyond L2", Vec::new()),
        books.of(TASKS_MULTI_THREAD, MULTI_THREAD, Vec::new()),
    ];
    all.into_iter().flatten().collect()
}

/// `http`'s types, in place of barewire's own answer.
fn types() -> Part {
    let name = "http types: a map of fields, and an answer from one";
    Part::of_levels(name, &["types"], &["write-again"])
}

/// What hyper does beyond parsing and types. The wire in memory is no part of it.
fn connection() -> Part {
    let (plus, minus) = (["hyper", BARE, BARE], ["types", "parse-again", "memory"]);
    Part::of_levels("hyper's own connection", &plus, &minus)
}

/// hyperlane parses by itself, so the parser that the runtime's bar has is taken off.
fn hyperlane() -> Vec<Part> {
    let (read, context, all) = ("hyperlane-read", "hyperlane-context", "hyperlane");
    vec![
        Part::of_levels(
            "reading into strings, 8 KiB a line",
            &[read],
            &["parse-again"],
        ),
        Part::of_levels("a context with a copy of the request", &[context], &[read]),
        Part::of_levels(
            "getters and setters with a lock each, and the answer",
            &[all, BARE],
            &[context, "write-again"],
        ),
    ]
}

/// The figures of one workload.
#[derive(Clone, Copy)]
struct Books<'a> {
    results: &'a Results,
    workload: &'a str,
}

impl Books<'_> {
    /// The account of one: limit, parser and runtime, then its layers, then what is left.
    fn of(self, name: &str, rest: &'static str, layers: Vec<Part>) -> Option<Account> {
        let mut parts = vec![
            Part::new(LIMIT, &[L0], &[]),
            Part::new("parsing (httparse)", &["L2"], &[L0]),
        ];
        if name != SERVER {
            parts.push(Part::new(CALLS, &[LIBRARY], &["L2"]));
            let runtime = "runtime (a task for each connection)";
            parts.push(Part::new(runtime, &[TASKS], &[LIBRARY]));
        }
        parts.extend(layers);
        parts.push(Part::rest(rest, name, &parts));
        let bars: Option<Vec<Bar>> = parts.iter().map(|part| self.bar(part)).collect();
        let bars = bars?;
        let measured_ns: f64 = bars.iter().map(|bar| bar.ns).sum();
        Some(Account {
            of: name.to_owned(),
            workload: self.workload.to_owned(),
            measured_ns,
            unexplained_share: bars.last()?.ns / (measured_ns - bars.first()?.ns),
            bars,
        })
    }

    fn bar(self, part: &Part) -> Option<Bar> {
        let Mean { mean, low, high } = self.cost(part)?;
        let counted = |name: &str| self.results.counters(name, self.workload);
        let instructions = part.count(|name| counted(name)?.instructions);
        let allocations = part.count(|name| counted(name)?.allocations);
        let counts = [("allocations", allocations), ("instructions", instructions)];
        let counts = counts.into_iter();
        let counts = counts.filter_map(|(name, count)| Some((name.to_owned(), count?)));
        let counts: BTreeMap<String, f64> = counts.collect();
        let is_predicted =
            instructions.is_some() && ![LIMIT, CALLS, PIECES, NOT_EXPLAINED].contains(&part.name);
        let prices = Prices::of(self.results, self.workload).filter(|_| is_predicted);
        Some(Bar {
            name: part.name.to_owned(),
            ns: mean,
            range_ns: [low, high],
            predicted_ns: prices.map(|prices| prices.of_layer(&counts)),
            instructions,
        })
    }

    /// Nanoseconds of a request: summed within each round, the mean of each set, the mean of all.
    fn cost(self, part: &Part) -> Option<Mean> {
        let terms = part.terms.iter();
        let terms: Vec<_> = terms
            .map(|(times, name)| (*times, runs(self.results, name, self.workload)))
            .collect();
        let sets = terms.first()?.1.iter().map(|run| run.set);
        let of_set = |set| {
            let terms = terms.iter().map(|(times, runs)| {
                let run = runs.iter().find(|run| run.set == set)?;
                Some((*times, run.ns.as_slice()))
            });
            let terms = terms.collect::<Option<Vec<_>>>()?;
            let rounds = terms.iter().map(|(_, ns)| ns.len()).min()?;
            let sum =
                |round: usize| -> f64 { terms.iter().map(|(times, ns)| times * ns[round]).sum() };
            Some((0..rounds).map(sum).sum::<f64>() / count(rounds))
        };
        let sets: Vec<f64> = sets
            .filter_map(of_set)
            .filter(|mean| mean.is_finite())
            .collect();
        mean_of_sets(&sets, level_of_each(BARS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Counters, Run};

    const LOAD: &str = "keep-alive";

    /// Processes that cost so much, in two sets of two rounds that drift, and layers that explain
    /// all of hyper but 100 ns.
    fn results() -> Results {
        let level = |name| rung(name);
        let processes = [
            (L0.to_owned(), 3000.0, 100.0),
            ("L2".to_owned(), 3100.0, 800.0),
            (LIBRARY.to_owned(), 3300.0, 820.0),
            (TASKS.to_owned(), 3500.0, 2800.0),
            ("hyper".to_owned(), 4300.0, 7500.0),
            (level(BARE), 3200.0, 1400.0),
            (level("write-again"), 3220.0, 1450.0),
            (level("parse-again"), 3280.0, 2000.0),
            (level("memory"), 3210.0, 1500.0),
            (level("types"), 3520.0, 4550.0),
            (level("hyper"), 4010.0, 7250.0),
        ];
        let mut results = Results::default();
        for (subject, ns, instructions) in processes {
            for set in 0..2 {
                let drifts = [0.0, 700.0].map(|drift| ns + drift + f64::from(set));
                results.runs.push(Run {
                    subject: subject.clone(),
                    workload: LOAD.to_owned(),
                    set,
                    ns: drifts.to_vec(),
                    ..Run::default()
                });
            }
            results.counters.push(Counters {
                subject,
                workload: LOAD.to_owned(),
                instructions: Some(instructions),
                ..Counters::default()
            });
        }
        results
    }

    fn of_hyper(results: &Results) -> Option<Account> {
        all(results, LOAD).into_iter().find(|one| one.of == "hyper")
    }

    #[test]
    fn the_bars_add_up_to_what_was_measured() {
        let account = of_hyper(&results()).unwrap();
        let ns: Vec<f64> = account.bars.iter().map(|bar| bar.ns.round()).collect();
        // The drift is the limit's alone: it is the same for all.
        assert_eq!(ns, [3351.0, 100.0, 200.0, 200.0, 300.0, 400.0, 100.0]);
        assert!((account.measured_ns - 4650.5).abs() < 1e-6, "{account:?}");
        let (rest, share) = (account.bars.last().unwrap(), account.unexplained_share);
        assert_eq!(rest.name, NOT_EXPLAINED);
        assert!((share - 100.0 / 1300.0).abs() < 1e-6, "{share}");
        // What is the same in all sets has an interval of no width; the limit has one.
        assert!(
            (rest.range_ns[1] - rest.range_ns[0]).abs() < 1e-6,
            "{rest:?}"
        );
        let limit = &account.bars[0];
        assert!(limit.range_ns[1] - limit.range_ns[0] > 1.0, "{limit:?}");
    }

    #[test]
    fn instructions_are_added_up_as_well() {
        let account = of_hyper(&results()).unwrap();
        let counted: Option<Vec<f64>> = account.bars.iter().map(|bar| bar.instructions).collect();
        let counted = counted.unwrap();
        assert_eq!(
            counted,
            [100.0, 700.0, 20.0, 1980.0, 3100.0, 2000.0, -400.0]
        );
    }

    #[test]
    fn an_account_without_one_of_its_parts_is_none() {
        let mut results = results();
        results.runs.retain(|run| run.subject != rung("types"));
        assert_eq!(of_hyper(&results), None);
    }
}
