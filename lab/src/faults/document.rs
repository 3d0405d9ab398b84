//! `docs/faults.md`, from what was found.

use std::fmt::Write as _;

use super::Finding;
use crate::environment::Environment;
use crate::generator::Outcome;

/// The whole document.
pub(super) fn of(findings: &[Finding], place: &Environment) -> String {
    let mut text = String::from(
        "<!-- Made by `barewire-lab faults --document`; whatever is changed here is lost. -->\n\
         # Under faults\n\n\
         One reactor, to which one thing is done at a time, while a neighbour who does nothing \
         wrong sends 500 requests a second over four connections. Its latency counts from when a \
         request was due; server, neighbour and whoever does wrong share the cores.\n\n",
    );
    let commit = place.commit.as_deref().unwrap_or("unknown");
    let _ = writeln!(
        text,
        "{}, {} cores, {}, commit {commit}: `{}`\n",
        place.cpu,
        place.cores,
        place.kernel,
        command()
    );
    text.push_str(
        "| what is done | neighbour before: 50 %, 99 %, slowest (us) | meanwhile | its failures \
         | server busy |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for finding in findings {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} % |",
            finding.name,
            times(&finding.quiet),
            times(&finding.meanwhile),
            finding.meanwhile.errors,
            100.0 * finding.server_busy
        );
    }
    for finding in findings {
        let _ = write!(
            text,
            "\n## {}\n\n{}. What must hold: {}.\n\n",
            finding.name,
            capitalised(finding.what),
            finding.promise
        );
        for fact in &finding.facts {
            let _ = writeln!(text, "- {fact}");
        }
        for broken in &finding.broken {
            let _ = writeln!(text, "- **Broken**: {broken}");
        }
    }
    text
}

/// The line that was typed, without the folder of the program.
fn command() -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if let Some(program) = words.first_mut()
        && let Some((_, name)) = program.rsplit_once('/')
    {
        *program = name.to_owned();
    }
    words.join(" ")
}

fn times(outcome: &Outcome) -> String {
    outcome.latency.as_ref().map_or("–".to_owned(), |latency| {
        let (half, most, all) = (latency.p50_us, latency.p99_us, latency.max_us);
        format!("{half:.0}, {most:.0}, {all:.0}")
    })
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
