//! `docs/article.md`, from a result file.

use std::fmt::Write as _;

use super::quoted::{CONNECTIONS, OPENED, THREADS, WAIT_US};
use super::runs::{WITH_WAIT, WITHOUT_WAIT, medians};
use crate::results::Results;

/// Above the runs.
const HEADING: &str =
    "server         handler                    requests/s    ceiling CPU ns/request errors";

/// The whole document.
pub fn of(results: &Results) -> String {
    let seconds = results.blocks.first().map_or(0.0, |block| block.seconds);
    let mut text = format!(
        "<!-- Made by `barewire-lab article --document`; whatever is changed here is lost. -->\n\
         # The article, sentence by sentence\n\n\
         \"Speed Revolution Asynchronous Modern Web Frameworks\" compares three servers by wrk. \
         This is the same comparison, run again with its own command line, and then what the \
         article says beside what was measured.\n\n## The runs\n\n\
         `wrk -t{THREADS} -c{CONNECTIONS} -d{seconds:.0}s http://HOST:PORT/benchmark`, medians.\n\n\
         ```text\n{}\n```\n\n\
         wrk opens {OPENED} connections with this line, {} for each thread. The ceiling is what \
         that many connections can ask for if each answer waits {WAIT_US} us. Server and wrk share \
         the cores, so wrk takes from what it measures: the CPU time for a request is the figure \
         to compare. There is no mean latency here, because wrk pads its own before printing it.\
         \n\n{}## The sentences\n",
        runs(results).join("\n"),
        CONNECTIONS / THREADS,
        conditions(results)
    );
    for (number, sentence) in (1..).zip(&results.ledger) {
        let _ = write!(
            text,
            "\n### {number}. {}\n\n**{}.** {}\n\nMeasured here: {}.\n",
            plain(&sentence.said),
            plain(&sentence.verdict),
            plain(&sentence.reason),
            plain(sentence.measured.trim_end_matches('.'))
        );
    }
    text
}

/// The runs as lines of a table, with a heading.
pub fn runs(results: &Results) -> Vec<String> {
    let mut lines = vec![HEADING.to_owned()];
    let ceiling = (u32::from(OPENED) * 1_000_000 / WAIT_US).to_string();
    for (workload, ceiling) in [(WITH_WAIT, ceiling.as_str()), (WITHOUT_WAIT, "none")] {
        let subjects = results.subjects.keys();
        lines.extend(subjects.filter_map(|subject| {
            let found = medians(results, subject, workload)?;
            let (rate, errors) = (found.rate, found.errors);
            let cpu = found.cpu_ns.map_or("-".to_owned(), |ns| format!("{ns:.0}"));
            Some(format!(
                "{subject:<14} {workload:<24} {rate:>12.0} {ceiling:>10} {cpu:>14} {errors:>6}"
            ))
        }));
    }
    lines
}

fn conditions(results: &Results) -> String {
    let place = &results.environment;
    let mut text = format!(
        "{}, {} cores, {}, commit {}, {}: `{}`\n\n",
        plain(&place.cpu),
        place.cores,
        plain(&place.kernel),
        place.commit.as_deref().unwrap_or("unknown"),
        results.started_at,
        results.command.join(" ")
    );
    for (name, why) in &results.missing {
        let _ = writeln!(text, "- missing: {name} was not measured: {}", plain(why));
    }
    if !results.missing.is_empty() {
        text.push('\n');
    }
    text
}

/// Text in one line, in which Markdown finds nothing to do.
fn plain(content: &str) -> String {
    let mut text = content.replace(['\n', '\r'], " ").replace('<', "&lt;");
    // The backslash first: the others bring new ones.
    for special in ["\\", "*", "_", "[", "]", "|"] {
        text = text.replace(special, &format!("\\{special}"));
    }
    text
}
