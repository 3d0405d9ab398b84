//! Thresholds: `--fail-if 'ns_per_request > limit * 1.1'`.
//!
//! Arithmetic, comparisons, `&&` and `||`, by exmex; of its operators only these, for others would
//! be taken for something else (`a < b < c`, `a & b`). The variables, each the median of the blocks
//! that count:
//!
//! | variable | what it is |
//! |---|---|
//! | `ns_per_request` | CPU time of the full server for one request |
//! | `limit` | the same of L1, the canned loop that finds the end of each head |
//! | `limit0` | the same of L0, the canned loop that looks at nothing |
//! | `naive` | CPU time of the naive server divided by the full one's |
//! | `rps` | requests per second of the full server |
//! | `instructions` | instructions in user space of the full server for one request |
//!
//! They are those of the workload `keep-alive`; of another one with its name behind:
//! `ns_per_request_pipelined_x16`. A variable that was not measured is an error and never 0: a
//! threshold that cannot be judged must not pass.

use anyhow::{Result, anyhow, bail};
use exmex::{
    BinOp, Express, FlatEx, MakeOperators, MatchLiteral, Operator, Val, ValOpsFactory,
    literal_matcher_from_pattern,
};

use crate::results::{Block, Results};
use crate::statistics::median;

/// The variables without their workloads.
const VARIABLES: [&str; 6] = [
    "ns_per_request",
    "limit",
    "limit0",
    "naive",
    "rps",
    "instructions",
];
/// The workload of a variable that names none.
const WORKLOAD: &str = "keep-alive";
/// Names of the server: in an ablation, and in a comparison.
const SERVERS: [&str; 2] = ["full", "barewire"];

/// Whether the expression holds, that is, whether the threshold is crossed: then a sentence with
/// all values in it.
///
/// # Errors
///
/// If it cannot be read, is neither true nor false, or names what is unknown or was not measured.
pub fn failed(results: &Results, expression: &str) -> Result<Option<String>> {
    let parsed = FlatEx::<Val, Operators, Numbers>::parse(expression)
        .map_err(|error| anyhow!("`{expression}` cannot be read: {error}"))?;
    let mut values = Vec::new();
    let mut told = Vec::new();
    for name in parsed.var_names() {
        let value = value(results, name)?;
        values.push(Val::Float(value));
        told.push(format!("{name} is {}", shown(value)));
    }
    let outcome = parsed
        .eval(&values)
        .map_err(|error| anyhow!("`{expression}` cannot be worked out: {error}"))?;
    let Val::Bool(holds) = outcome else {
        bail!("`{expression}` compares nothing; what would do is `ns_per_request > limit * 1.1`");
    };
    Ok(holds.then(|| format!("`{expression}` holds: {}", told.join(", "))))
}

literal_matcher_from_pattern!(Numbers, r"^[0-9]+(\.[0-9]+)?");

/// exmex's operators, without those that a threshold does not need, and with `&&` and `||` below
/// the comparisons: exmex has them above, and would read `a < b && c < d` as `a < (b && c) < d`,
/// which never holds. Its division of whole numbers drops the rest, and `11 / 10` would be 1.
#[derive(Clone, Debug)]
struct Operators;

const TAKEN: [&str; 9] = ["+", "-", "*", "<", ">", "<=", ">=", "==", "!="];

impl MakeOperators<Val> for Operators {
    fn make<'a>() -> Vec<Operator<'a, Val>> {
        let mut operators = ValOpsFactory::<i32, f64>::make();
        operators.retain(|operator| TAKEN.contains(&operator.repr()));
        let own = |repr, prio, is_commutative, apply| {
            let operator = BinOp {
                apply,
                prio,
                is_commutative,
            };
            Operator::make_bin(repr, operator)
        };
        operators.push(own("/", 4, false, |above, below| match (above, below) {
            (Val::Float(_) | Val::Int(_), Val::Int(0)) => Val::None,
            (Val::Float(above), Val::Float(below)) => Val::Float(above / below),
            (Val::Float(above), Val::Int(below)) => Val::Float(above / f64::from(below)),
            (Val::Int(above), Val::Float(below)) => Val::Float(f64::from(above) / below),
            (Val::Int(above), Val::Int(below)) => Val::Float(f64::from(above) / f64::from(below)),
            _ => Val::None,
        }));
        operators.push(own("&&", 0, true, |left, right| match (left, right) {
            (Val::Bool(left), Val::Bool(right)) => Val::Bool(left && right),
            _ => Val::None,
        }));
        operators.push(own("||", -1, true, |left, right| match (left, right) {
            (Val::Bool(left), Val::Bool(right)) => Val::Bool(left || right),
            _ => Val::None,
        }));
        operators
    }
}

fn value(results: &Results, name: &str) -> Result<f64> {
    let Some((variable, workload)) = split(results, name) else {
        let workloads: Vec<&str> = results.workloads.keys().map(String::as_str).collect();
        bail!(
            "{name} is unknown; there are {}, each also with a workload behind it, such as \
             ns_per_request_pipelined_x16 (in this file: {})",
            VARIABLES.join(", "),
            workloads.join(", ")
        );
    };
    let server = SERVERS
        .iter()
        .find(|server| results.subjects.contains_key(**server))
        .copied()
        .unwrap_or(SERVERS[0]);
    let cpu = |subject: &str| {
        median_of(results, subject, workload, |block| {
            block.server_cpu_ns_per_request
        })
    };
    let found = match variable {
        "ns_per_request" => cpu(server),
        "limit" => cpu("L1"),
        "limit0" => cpu("L0"),
        "naive" => cpu("naive")
            .zip(cpu(server))
            .map(|(naive, full)| naive / full),
        "rps" => median_of(results, server, workload, |block| {
            Some(block.requests_per_second)
        }),
        _ => instructions(results, server, workload),
    };
    found.ok_or_else(|| anyhow!("{name} was not measured on {workload} in this file"))
}

/// A variable, and the workload that is meant.
fn split<'a>(results: &'a Results, name: &str) -> Option<(&'static str, &'a str)> {
    if let Some(variable) = VARIABLES.iter().find(|variable| **variable == name) {
        return Some((variable, WORKLOAD));
    }
    VARIABLES.iter().find_map(|variable| {
        let behind = name.strip_prefix(variable)?.strip_prefix('_')?;
        let mut workloads = results.workloads.keys();
        let workload = workloads.find(|workload| workload.replace('-', "_") == behind)?;
        Some((*variable, workload.as_str()))
    })
}

fn median_of(
    results: &Results,
    subject: &str,
    workload: &str,
    figure: impl Fn(&Block) -> Option<f64>,
) -> Option<f64> {
    let counts = |block: &&Block| {
        block.subject == subject && block.workload == workload && block.dropped.is_none()
    };
    let figures = results.blocks.iter().filter(counts);
    median(&figures.filter_map(figure).collect::<Vec<_>>())
}

fn instructions(results: &Results, subject: &str, workload: &str) -> Option<f64> {
    let mut counters = results.counters.iter();
    counters
        .find(|counters| counters.subject == subject && counters.workload == workload)?
        .instructions
}

/// Small numbers are ratios and need their decimals; of nanoseconds nobody wants any.
fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.0}")
    }
}
