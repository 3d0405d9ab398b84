//! Thresholds: `--fail-if 'ns_per_request > limit * 1.1'`.
//!
//! Arithmetic, comparisons, `&&` and `||`, by exmex; of its operators only these, for others would
//! be taken for something else (`a < b < c`, `a & b`). Which variables there are is each command's;
//! an unknown one is told before anything is measured. A variable that was not measured is an error
//! and never 0: a threshold that cannot be judged must not pass.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail, ensure};
use exmex::{
    BinOp, Express, FlatEx, MakeOperators, MatchLiteral, Operator, Val, ValOpsFactory,
    literal_matcher_from_pattern,
};

use crate::statistics::Estimate;

/// An expression that must not hold.
#[derive(Clone, Debug)]
pub struct Threshold {
    text: String,
    parsed: FlatEx<Val, Operators, Numbers>,
}

/// The variables of a comparison of two: the second by the first, and what each costs.
pub const OF_TWO: [&str; 5] = ["ratio", "low", "high", "ns_a", "ns_b"];

/// Their values.
pub fn of_two(ratio: &Estimate, ns: [Option<f64>; 2]) -> BTreeMap<String, f64> {
    let [a, b] = ns;
    let values = [Some(ratio.median), Some(ratio.low), Some(ratio.high), a, b];
    let named = OF_TWO.iter().zip(values);
    named
        .filter_map(|(name, value)| Some(((*name).to_owned(), value?)))
        .collect()
}

impl Threshold {
    /// Reads what `--fail-if` says, if anything does; `known` are the variables that it may name.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or names what is unknown.
    pub fn given(text: Option<&str>, known: &[String]) -> Result<Option<Self>> {
        let Some(text) = text.map(str::to_owned) else {
            return Ok(None);
        };
        let parsed = FlatEx::<Val, Operators, Numbers>::parse(&text)
            .map_err(|error| anyhow!("--fail-if: `{text}` cannot be read: {error}"))?;
        for name in parsed.var_names() {
            ensure!(
                known.contains(name),
                "--fail-if: {name} is unknown; there are {}",
                known.join(", ")
            );
        }
        Ok(Some(Self { text, parsed }))
    }

    /// Whether there is one and it is crossed; then it is told.
    ///
    /// # Errors
    ///
    /// As [`Threshold::crossed`].
    pub fn is_crossed(given: Option<&Self>, values: &BTreeMap<String, f64>) -> Result<bool> {
        let Some(told) = given.map_or(Ok(None), |threshold| threshold.crossed(values))? else {
            return Ok(false);
        };
        println!("{told}");
        Ok(true)
    }

    /// Whether it holds, that is, whether the threshold is crossed: then a sentence with all values
    /// in it.
    ///
    /// # Errors
    ///
    /// If it is neither true nor false, or a variable was not measured.
    fn crossed(&self, values: &BTreeMap<String, f64>) -> Result<Option<String>> {
        let text = &self.text;
        let mut given = Vec::new();
        let mut told = Vec::new();
        for name in self.parsed.var_names() {
            let value = values.get(name).copied();
            let value = value.ok_or_else(|| anyhow!("--fail-if: {name} was not measured"))?;
            given.push(Val::Float(value));
            told.push(format!("{name} is {}", shown(value)));
        }
        let outcome = self.parsed.eval(&given);
        let outcome = outcome.map_err(|error| anyhow!("`{text}` cannot be worked out: {error}"))?;
        let Val::Bool(holds) = outcome else {
            bail!("`{text}` compares nothing; what would do is `ns_per_request > limit * 1.1`");
        };
        Ok(holds.then(|| format!("`{text}` holds: {}", told.join(", "))))
    }
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

/// Small numbers are ratios and need their decimals; of nanoseconds nobody wants any.
fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossed(text: &str) -> Result<Option<String>> {
        let known = ["ns", "limit", "rps"].map(str::to_owned);
        let values = [("ns".to_owned(), 3_100.0), ("limit".to_owned(), 3_000.0)];
        let threshold = Threshold::given(Some(text), &known)?;
        threshold.unwrap().crossed(&values.into())
    }

    #[test]
    fn a_threshold_holds_or_not() {
        let told = crossed("ns > limit * 1.01").unwrap().unwrap();
        assert_eq!(told, "`ns > limit * 1.01` holds: limit is 3000, ns is 3100");
        for (text, holds) in [
            ("ns > limit * 1.1", false),
            ("ns / limit > 1.03 && limit < 3001", true),
            ("ns < 3000 || limit < 3000", false),
            ("11 / 10 > 1", true),
        ] {
            assert_eq!(crossed(text).unwrap().is_some(), holds, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_judged_does_not_pass() {
        for (text, said) in [
            ("nanos > 3", "nanos is unknown; there are ns, limit, rps"),
            ("rps < 3", "rps was not measured"),
            ("ns + 1", "compares nothing"),
            ("ns >", "cannot be read"),
        ] {
            let error = format!("{:#}", crossed(text).unwrap_err());
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
