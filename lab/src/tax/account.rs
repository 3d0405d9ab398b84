//! The account: what layers cost, added up from the limit to a framework, and what is left.
//!
//! Pure: rows in, bars out. Intervals are added end to end, which is wider than need be, and never
//! too narrow.

use std::collections::BTreeMap;

use super::ladder::{PRICES, rung};
use super::{TASKS, TASKS_STEALING, TASKS_VECTORED};
use crate::compare::{L0, SERVER};
use crate::results::{Account, Bar, Results, Row, RowKind};
use crate::rows::{self, Figure};

/// The last bar.
pub const NOT_EXPLAINED: &str = "not explained";

/// A difference with its interval, in nanoseconds of a request, and in instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    ns: f64,
    low: f64,
    high: f64,
    instructions: Option<f64>,
    allocations: f64,
}

impl Cost {
    fn less(self, other: Self) -> Self {
        let instructions = self.instructions.zip(other.instructions);
        Self {
            ns: self.ns - other.ns,
            low: self.low - other.high,
            high: self.high - other.low,
            instructions: instructions.map(|(all, part)| all - part),
            allocations: self.allocations - other.allocations,
        }
    }

    fn bar(self, name: &str, predicted_ns: Option<[f64; 2]>) -> Bar {
        Bar {
            name: name.to_owned(),
            ns: self.ns,
            range_ns: [self.low, self.high],
            predicted_ns,
            instructions: self.instructions,
        }
    }
}

/// Accounts of all that can be closed on a workload.
pub fn all(results: &Results, workload: &str) -> Vec<Account> {
    let books = Books { results, workload };
    let all = [
        books.of("hyper", |books| {
            Some(vec![books.types()?, books.connection()?])
        }),
        books.of("axum", Books::axum),
        books.of("hyperlane-5", Books::hyperlane),
        books.of(SERVER, |_| Some(Vec::new())),
        books.of(TASKS_STEALING, |_| Some(Vec::new())),
    ];
    all.into_iter().flatten().collect()
}

/// The rows of one workload.
#[derive(Clone, Copy)]
struct Books<'a> {
    results: &'a Results,
    workload: &'a str,
}

impl Books<'_> {
    /// The account of one: limit, parser and runtime, then what `layers` says.
    fn of(self, name: &str, layers: impl FnOnce(Self) -> Option<Vec<Bar>>) -> Option<Account> {
        let limit = self.measured(L0)?;
        let mut bars = vec![limit.bar("the limit (L0)", None)];
        bars.push(self.process("L2", L0)?.bar("parsing (httparse)", None));
        if name != SERVER {
            let runtime = self.process(TASKS, "L2")?;
            bars.push(runtime.bar("runtime (a task for each connection)", None));
        }
        bars.extend(layers(self)?);
        let measured = self.measured(name)?;
        let way = cost(self.row(RowKind::Process, name, L0)?)?;
        let rest = Cost {
            ns: measured.ns,
            low: measured.ns - (way.ns - way.low),
            high: measured.ns + (way.high - way.ns),
            ..measured
        };
        let rest = rest.less(sum(&bars));
        bars.push(match name {
            // Limits, deadlines, accounts, the answer's own fields.
            SERVER => rest.bar("barewire beyond L2", None),
            TASKS_STEALING => rest.bar("the runtime that steals work", None),
            _ => rest.bar(NOT_EXPLAINED, None),
        });
        Some(Account {
            of: name.to_owned(),
            workload: self.workload.to_owned(),
            bars,
            measured_ns: measured.ns,
            unexplained_share: rest.ns / (measured.ns - limit.ns),
        })
    }

    /// `http`'s types, in place of barewire's own answer.
    fn types(self) -> Option<Bar> {
        let types = self.layer("types")?.less(self.layer("write-again")?);
        Some(self.bar("http types: a map of fields, and an answer from one", types))
    }

    /// What hyper does beyond parsing and types.
    fn connection(self) -> Option<Bar> {
        let hyper = self.layer("hyper")?.less(self.layer("types")?);
        let own = hyper.less(self.layer("parse-again")?);
        Some(self.bar("hyper's own connection", own))
    }

    /// axum sends head and body as two pieces.
    fn axum(self) -> Option<Vec<Bar>> {
        let axum = self.layer("axum")?;
        let pieces = self.process(TASKS_VECTORED, TASKS)?;
        Some(vec![
            self.types()?,
            self.connection()?,
            self.bar("axum: router, boxed bodies and futures", axum),
            pieces.bar("head and body by writev in place of send", None),
        ])
    }

    /// hyperlane parses by itself, so the parser that the runtime's bar has is taken off.
    fn hyperlane(self) -> Option<Vec<Bar>> {
        let read = self.layer("hyperlane-read")?;
        let read = read.less(self.layer("parse-again")?);
        let context = self.layer("hyperlane-context")?;
        let answer = self.layer("hyperlane")?;
        let answer = answer.less(self.layer("write-again")?);
        Some(vec![
            self.bar("reading into strings, 8 KiB a line", read),
            self.bar("a context with a copy of the request", context),
            self.bar(
                "getters and setters with a lock each, and the answer",
                answer,
            ),
        ])
    }

    /// A part that was counted, with what its counts predict.
    fn bar(self, name: &str, cost: Cost) -> Bar {
        let counts = [
            ("allocations", Some(cost.allocations)),
            ("instructions", cost.instructions),
        ];
        let counts = counts.into_iter();
        let counts = counts.filter_map(|(name, count)| Some((name.to_owned(), count?)));
        let counts: BTreeMap<String, f64> = counts.collect();
        let prices = Prices::of(self.results, self.workload);
        cost.bar(name, prices.map(|prices| prices.of_layer(&counts)))
    }

    /// What a level costs more than the one below it: as a process among the others, in the same
    /// rounds, so that all parts are of the same moments. Its counts are those of its duel.
    fn layer(self, name: &str) -> Option<Cost> {
        let duel = self.results.row(RowKind::Layer, name, self.workload)?;
        let count = |name| duel.counts.get(name).copied();
        let row = self.row(RowKind::Process, &rung(name), &rung(&duel.base))?;
        Some(Cost {
            instructions: count("instructions"),
            allocations: count("allocations").unwrap_or_default(),
            ..cost(row)?
        })
    }

    fn process(self, name: &str, below: &str) -> Option<Cost> {
        let instructions = self.instructions(name).zip(self.instructions(below));
        Some(Cost {
            instructions: instructions.map(|(all, part)| all - part),
            ..cost(self.row(RowKind::Process, name, below)?)?
        })
    }

    fn row(&self, kind: RowKind, name: &str, below: &str) -> Option<&Row> {
        let mut rows = self.results.rows_of(kind);
        rows.find(|row| row.about == name && row.base == below && row.workload == self.workload)
    }

    /// What a request costs one of the processes: the point that its bars lead to.
    fn measured(self, name: &str) -> Option<Cost> {
        let ns = rows::figure(&rows::runs(self.results, name, self.workload), Figure::Cpu)?;
        let instructions = self.instructions(name);
        Some(Cost {
            ns,
            low: ns,
            high: ns,
            instructions,
            allocations: 0.0,
        })
    }

    fn instructions(self, name: &str) -> Option<f64> {
        self.results.counters(name, self.workload)?.instructions
    }
}

/// All parts together; instructions only if all of them have any.
fn sum(bars: &[Bar]) -> Cost {
    let instructions: Option<Vec<f64>> = bars.iter().map(|bar| bar.instructions).collect();
    Cost {
        ns: bars.iter().map(|bar| bar.ns).sum(),
        low: bars.iter().map(|bar| bar.range_ns[0]).sum(),
        high: bars.iter().map(|bar| bar.range_ns[1]).sum(),
        instructions: instructions.map(|all| all.iter().sum()),
        allocations: 0.0,
    }
}

/// What the subject of a row costs more than its base.
fn cost(row: &Row) -> Option<Cost> {
    let (base, ratio) = (row.base_ns?, row.ratio?);
    let of = |ratio: f64| base * (ratio - 1.0);
    Some(Cost {
        ns: of(ratio.median),
        low: of(ratio.low),
        high: of(ratio.high),
        ..Cost::default()
    })
}

/// What counts cost: ranges, from duels that vary one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// Nanoseconds of an allocation that is freed again.
    allocation: [f64; 2],
    /// Its instructions.
    allocation_instructions: f64,
    /// Nanoseconds of an instruction that is neither.
    instruction: [f64; 2],
}

impl Prices {
    /// Those of a workload; `None` if a price was not measured.
    pub fn of(results: &Results, workload: &str) -> Option<Self> {
        let mut all = PRICES.into_iter().map(|(name, each)| {
            let row = results.row(RowKind::Price, name, workload)?;
            let (cost, counted) = (cost(row)?, row.counts.get("instructions").copied()?);
            Some(([cost.low, cost.high], each, counted))
        });
        let (allocation, each, counted) = all.next()??;
        let others = all.collect::<Option<Vec<_>>>()?;
        let of_one = others
            .iter()
            .map(|(range, _, counted)| range.map(|ns| ns / counted));
        let instruction = of_one.fold([f64::INFINITY, 0.0], |[low, high], [lower, upper]| {
            [f64::min(low, lower.max(0.0)), f64::max(high, upper)]
        });
        Some(Self {
            allocation: allocation.map(|ns| (ns / each).max(0.0)),
            allocation_instructions: counted / each,
            instruction,
        })
    }

    /// From the least to the most that a layer of these counts should cost.
    pub fn of_layer(&self, counts: &BTreeMap<String, f64>) -> [f64; 2] {
        let count = |name| counts.get(name).copied().unwrap_or_default();
        let allocations = count("allocations");
        let rest = count("instructions") - allocations * self.allocation_instructions;
        [0, 1].map(|end| allocations * self.allocation[end] + rest.max(0.0) * self.instruction[end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Counters, Run};
    use crate::statistics::Estimate;

    const LOAD: &str = "keep-alive";

    fn row(kind: RowKind, about: &str, base: &str, base_ns: f64, more: f64, count: f64) -> Row {
        let of = |ns: f64| (base_ns + ns) / base_ns;
        Row {
            about: about.to_owned(),
            kind,
            workload: LOAD.to_owned(),
            subject: about.to_owned(),
            base: base.to_owned(),
            base_ns: Some(base_ns),
            ratio: Some(Estimate {
                median: of(more),
                low: of(more - 10.0),
                high: of(more + 10.0),
                coverage: 0.95,
                pairs: 100,
            }),
            counts: [("instructions".to_owned(), count)].into(),
            ..Row::default()
        }
    }

    /// Processes that cost so much, and layers that explain all of hyper but 100 ns.
    fn results() -> Results {
        let processes = [
            (L0, L0, 3000.0, 100.0),
            ("L2", L0, 3100.0, 800.0),
            (TASKS, "L2", 3500.0, 2800.0),
            ("hyper", TASKS, 4300.0, 7500.0),
        ];
        let mut results = Results::default();
        for (name, below, ns, instructions) in processes {
            results.runs.push(Run {
                subject: name.to_owned(),
                workload: LOAD.to_owned(),
                ns: vec![ns],
                ..Run::default()
            });
            results.counters.push(Counters {
                subject: name.to_owned(),
                workload: LOAD.to_owned(),
                instructions: Some(instructions),
                ..Counters::default()
            });
            for base in [below, L0] {
                let (_, _, base_ns, _) = processes.into_iter().find(|one| one.0 == base).unwrap();
                let more = ns - base_ns;
                let row = row(RowKind::Process, name, base, base_ns, more, 0.0);
                results.rows.push(row);
            }
        }
        for (layer, more, instructions) in [
            ("write-again", 20.0, 50.0),
            ("parse-again", 80.0, 600.0),
            ("types", 320.0, 3150.0),
            ("hyper", 800.0, 5850.0),
        ] {
            let duel = row(
                RowKind::Layer,
                layer,
                "bare",
                6400.0,
                2.0 * more,
                instructions,
            );
            let (layer, bare) = (rung(layer), rung("bare"));
            let turns = row(RowKind::Process, &layer, &bare, 3200.0, more, 0.0);
            results.rows.extend([duel, turns]);
        }
        results
    }

    #[test]
    fn the_bars_add_up_to_what_was_measured() {
        let account = all(&results(), LOAD)
            .into_iter()
            .find(|one| one.of == "hyper")
            .unwrap();
        let ns: Vec<f64> = account.bars.iter().map(|bar| bar.ns.round()).collect();
        assert_eq!(ns, [3000.0, 100.0, 400.0, 300.0, 400.0, 100.0]);
        let sum: f64 = account.bars.iter().map(|bar| bar.ns).sum();
        assert!((sum - 4300.0).abs() < 1e-6);
        let (rest, share) = (account.bars.last().unwrap(), account.unexplained_share);
        assert_eq!(rest.name, NOT_EXPLAINED);
        assert!((share - 100.0 / 1300.0).abs() < 1e-6, "{share}");
        // Two from duels on each of three layers, and one for each of three processes.
        let reach = (rest.range_ns[1] - rest.range_ns[0]) / 2.0;
        assert!((reach - (10.0 * 8.0)).abs() < 1e-6, "{reach}");
    }

    #[test]
    fn instructions_are_added_up_as_well() {
        let account = all(&results(), LOAD)
            .into_iter()
            .find(|one| one.of == "hyper")
            .unwrap();
        let counted: Option<Vec<f64>> = account.bars.iter().map(|bar| bar.instructions).collect();
        let counted = counted.unwrap();
        assert_eq!(counted, [100.0, 700.0, 2000.0, 3100.0, 2100.0, -500.0]);
    }

    #[test]
    fn an_account_without_one_of_its_parts_is_none() {
        let mut results = results();
        results.rows.retain(|row| row.about != rung("types"));
        assert!(
            all(&results, LOAD)
                .iter()
                .all(|account| account.of != "hyper")
        );
    }

    #[test]
    fn a_layer_is_predicted_from_its_counts() {
        let mut results = Results::default();
        for (name, more, instructions) in [
            ("allocations", 400.0, 3400.0),
            ("calls", 100.0, 1000.0),
            ("hashes", 510.0, 5000.0),
            ("atomics", 70.0, 300.0),
        ] {
            let row = row(RowKind::Price, name, "bare", 3000.0, more, instructions);
            results.rows.push(row);
        }
        let prices = Prices::of(&results, LOAD).unwrap();
        let counts = [("allocations", 2.0), ("instructions", 1340.0)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let [low, high] = prices.of_layer(&counts);
        // Two allocations at 19.5 to 20.5 ns; 1,000 instructions at 0.09 to 0.267 ns.
        assert!((low - (39.0 + 90.0)).abs() < 1e-6, "{low}");
        assert!((high - (41.0 + 80.0 / 0.3)).abs() < 1e-6, "{high}");
    }
}
