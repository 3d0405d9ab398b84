//! The format: wrk's source fixes it to the digit.

use super::printed::Printed;
use super::quantity::Quantity;
use super::{Finding, Severity};

/// Where amounts get their digits.
const UNITS: &str = "wrk 4.1.0, format_units in src/units.c";
/// Where lines get theirs.
const LINES: &str = "wrk 4.1.0, main in src/wrk.c";

/// What no wrk prints like this.
pub(super) fn findings(run: &Printed) -> Vec<Finding> {
    let all = [
        separators(run),
        decimals(run),
        units(run),
        header(run),
        missing(run),
    ];
    all.into_iter().flatten().collect()
}

/// Everything with a unit.
fn amounts<'a>(run: &Printed<'a>) -> Vec<Quantity<'a>> {
    let spreads = [run.latency, run.thread_rate];
    let spreads = spreads
        .into_iter()
        .flatten()
        .flat_map(|spread| spread.figures());
    let totals = [run.runtime, run.read, run.transfer];
    let percentiles = run.percentiles.iter().map(|(_, time)| *time);
    spreads
        .chain(totals.into_iter().flatten())
        .chain(percentiles)
        .collect()
}

fn listed<'a>(figures: impl IntoIterator<Item = Quantity<'a>>) -> Option<String> {
    let texts: Vec<&str> = figures.into_iter().map(|figure| figure.text).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn separators(run: &Printed) -> Option<Finding> {
    let counts = [run.requests, run.rate].into_iter().flatten();
    let all = counts.chain(amounts(run));
    let listed = listed(all.filter(|figure| figure.has_separators))?;
    let sentence = format!("{listed}: wrk prints plain digits, without separators of thousands.");
    Some(Finding::new(
        Severity::Impossible,
        "separators",
        sentence,
        LINES,
    ))
}

fn decimals(run: &Printed) -> Option<Finding> {
    let all = amounts(run).into_iter().chain(run.rate);
    let listed = listed(all.filter(|figure| figure.decimals != 2))?;
    let sentence = format!("{listed}: wrk prints each of these with two decimals.");
    Some(Finding::new(
        Severity::Impossible,
        "decimals",
        sentence,
        UNITS,
    ))
}

fn units(run: &Printed) -> Option<Finding> {
    let all = amounts(run).into_iter();
    let below: Vec<_> = all.filter(Quantity::is_below_its_unit).collect();
    let first = below.first()?;
    let sentence = format!(
        "{}: wrk takes a unit only from 0.85 of it on, and would print {} for {}.",
        listed(below.iter().copied())?,
        first.in_smaller_unit(),
        first.text
    );
    Some(Finding::new(Severity::Impossible, "unit", sentence, UNITS))
}

/// The command line above against the two lines in which wrk repeats it.
fn header(run: &Printed) -> Option<Finding> {
    let number = |short, long| run.option(short, long)?.parse::<u64>().ok();
    let differs = |asked: Option<u64>, told: Option<u64>| {
        asked.zip(told).is_some_and(|(asked, told)| asked != told)
    };
    let mut wrong = Vec::new();
    if differs(number("-t", "--threads"), run.threads) {
        wrong.push("threads");
    }
    if differs(number("-c", "--connections"), run.connections) {
        wrong.push("connections");
    }
    if !wrong.is_empty() {
        let sentence = format!(
            "The command line and the output differ in their {}.",
            wrong.join(" and ")
        );
        return Some(Finding::new(
            Severity::Impossible,
            "command",
            sentence,
            LINES,
        ));
    }
    None
}

/// What was cut away is not checked, and whoever reads "nothing found" has to know.
fn missing(run: &Printed) -> Option<Finding> {
    let parts = [
        ("threads and connections", run.connections.is_none()),
        ("Latency", run.latency.is_none()),
        ("Req/Sec", run.thread_rate.is_none()),
        (
            "requests in",
            run.requests.is_none() || run.runtime.is_none(),
        ),
        ("Requests/sec", run.rate.is_none()),
        ("Transfer/sec", run.transfer.is_none()),
    ];
    let missing: Vec<&str> = parts
        .into_iter()
        .filter_map(|(part, is_missing)| is_missing.then_some(part))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let sentence = format!(
        "Missing or not to be read: {}. What depends on them was not checked.",
        missing.join(", ")
    );
    Some(Finding::new(Severity::Note, "missing", sentence, LINES))
}
