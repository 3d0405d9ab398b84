//! The format: wrk's source fixes it to the digit.

use std::fmt::Display;

use super::{Finding, Impossible, Known, Note, Printed, Quantity, Rule};

/// Where amounts get their digits.
const UNITS: &str = "wrk 4.1.0, format_units in src/units.c";
/// Where lines get theirs.
const LINES: &str = "wrk 4.1.0, main in src/wrk.c";

pub(super) const RULES: &[Rule] = &[separators, decimals, units, header, missing];

fn separators(run: &Printed, _: &Known) -> Option<Finding> {
    let counts = [run.requests, run.rate].into_iter().flatten();
    let all = counts.chain(amounts(run));
    let listed = listed(all.filter(|figure| figure.text.contains(',')), ", ")?;
    let told = format!("{listed}: wrk prints plain digits, without separators of thousands.");
    Some(Impossible.finding("separators", LINES, told))
}

fn decimals(run: &Printed, _: &Known) -> Option<Finding> {
    let all = amounts(run).chain(run.rate);
    let listed = listed(all.filter(|figure| figure.decimals != 2), ", ")?;
    let told = format!("{listed}: wrk prints each of these with two decimals.");
    Some(Impossible.finding("decimals", UNITS, told))
}

fn units(run: &Printed, _: &Known) -> Option<Finding> {
    let below: Vec<_> = amounts(run).filter(Quantity::is_below_its_unit).collect();
    let first = below.first()?;
    let (listed, smaller) = (listed(&below, ", ")?, first.in_smaller_unit());
    let rule = "wrk takes a unit only from 0.85 of it on";
    let told = format!("{listed}: {rule}, and would print {smaller} for {first}.");
    Some(Impossible.finding("unit", UNITS, told))
}

/// The command line above against the two lines in which wrk repeats it.
fn header(run: &Printed, _: &Known) -> Option<Finding> {
    let told = [("threads", run.threads), ("connections", run.connections)];
    let differing = told.into_iter().filter(|(name, told)| {
        let asked = run.option(name).and_then(|word| word.parse::<u32>().ok());
        asked.zip(*told).is_some_and(|(asked, told)| asked != told)
    });
    let listed = listed(differing.map(|(name, _)| name), " and ")?;
    let told = format!("The command line and the output differ in their {listed}.");
    Some(Impossible.finding("command", LINES, told))
}

/// What was cut away is not checked, and whoever reads "nothing found" has to know.
fn missing(run: &Printed, _: &Known) -> Option<Finding> {
    let parts = [
        ("threads and connections", run.connections.is_some()),
        ("Latency", run.latency.is_some()),
        ("Req/Sec", run.thread_rate.is_some()),
        ("requests in", run.requests.and(run.runtime).is_some()),
        ("Requests/sec", run.rate.is_some()),
        ("Transfer/sec", run.transfer.is_some()),
    ];
    let missing = parts.into_iter().filter(|(_, is_there)| !is_there);
    let listed = listed(missing.map(|(part, _)| part), ", ")?;
    let rest = "What depends on them was not checked.";
    let told = format!("Missing or not to be read: {listed}. {rest}");
    Some(Note.finding("missing", LINES, told))
}

/// Everything with a unit.
fn amounts<'a>(run: &Printed<'a>) -> impl Iterator<Item = Quantity<'a>> {
    let spreads = [run.latency, run.thread_rate].into_iter().flatten();
    let spreads = spreads.flat_map(|spread| spread.figures());
    let totals = [run.runtime, run.read, run.transfer].into_iter().flatten();
    let percentiles = run.percentiles.iter().map(|(_, time)| *time);
    spreads.chain(totals).chain(percentiles)
}

/// All in a row; `None` if there are none.
fn listed(all: impl IntoIterator<Item = impl Display>, between: &str) -> Option<String> {
    let texts: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}
