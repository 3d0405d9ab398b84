//! `docs/faults.md`, from what was found.

use super::Finding;
use crate::{environment::Environment, generator::Outcome};

/// The whole document.
pub(super) fn of(findings: &[Finding], place: &Environment) -> String {
    let commit = place.commit.as_deref().unwrap_or("unknown");
    let (cpu, cores, kernel) = (&place.cpu, place.cores, &place.kernel);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words = words.join(" ");
    let rows: String = findings.iter().map(row).collect();
    let sections: String = findings.iter().map(section).collect();
    format!(
        "<!-- Made by `barewire-lab faults --document`; whatever is changed here is lost. -->\n\
         # Under faults\n\n\
         One reactor, to which one thing is done at a time, while a neighbour who does nothing \
         wrong sends 500 requests a second over four connections. Its latency counts from when a \
         request was due; server, neighbour and whoever does wrong share the cores.\n\n\
         {cpu}, {cores} cores, {kernel}, commit {commit}: `barewire-lab {words}`\n\n\
         | what is done | neighbour before: 50 %, 99 %, slowest (us) | meanwhile | its failures \
         | server busy | what must hold |\n| --- | ---: | ---: | ---: | ---: | --- |\n\
         {rows}{sections}"
    )
}

/// A case in the table.
fn row(finding: &Finding) -> String {
    let [quiet, meanwhile] = [&finding.quiet, &finding.meanwhile].map(times);
    let (name, errors, verdict) = (&finding.name, finding.meanwhile.errors, finding.verdict());
    let busy = 100.0 * finding.server_busy;
    format!("| {name} | {quiet} | {meanwhile} | {errors} | {busy:.0} % | {verdict} |\n")
}

/// What a case is, and what it found.
fn section(finding: &Finding) -> String {
    let (first, rest) = finding.what.split_at(1);
    let (name, promise) = (&finding.name, &finding.promise);
    let what = first.to_uppercase() + rest;
    let facts = finding.facts.iter().map(|fact| format!("- {fact}"));
    let broken = finding.broken.iter();
    let broken = broken.map(|broken| format!("- **Broken**: {broken}"));
    let items = facts.chain(broken).collect::<Vec<_>>().join("\n");
    format!("\n## {name}\n\n{what}. What must hold: {promise}.\n\n{items}\n")
}

fn times(outcome: &Outcome) -> String {
    outcome.latency.as_ref().map_or("–".to_owned(), |latency| {
        let (half, most, all) = (latency.p50_us, latency.p99_us, latency.max_us);
        format!("{half:.0}, {most:.0}, {all:.0}")
    })
}
