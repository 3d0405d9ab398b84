//! `docs/article.md`, from a result file.

use std::fmt::Write as _;

use super::ledger::opened;
use super::quoted;
use super::runs::{WITH_WAIT, WITHOUT_WAIT};
use crate::results::{Block, Results};
use crate::statistics::median;

/// The whole document.
pub fn of(results: &Results) -> String {
    let mut text = String::from(
        "<!-- Made by `barewire-lab article --document`; whatever is changed here is lost. -->\n\
         # The article, sentence by sentence\n\n\
         \"Speed Revolution Asynchronous Modern Web Frameworks\" compares three servers by wrk. \
         This is the same comparison, run again with its own command line, and then what the \
         article says beside what was measured.\n\n## The runs\n\n",
    );
    let seconds = results.blocks.first().map_or(0.0, |block| block.seconds);
    let _ = writeln!(
        text,
        "`wrk -t{} -c{} -d{seconds:.0}s http://HOST:PORT/benchmark`, medians.\n\n\
         ```text\n{}\n```\n",
        quoted::THREADS,
        quoted::CONNECTIONS,
        runs(results).join("\n")
    );
    let _ = writeln!(
        text,
        "wrk opens {} connections with this line, {} for each thread. The ceiling is what that \
         many connections can ask for if each answer waits {} us. Server and wrk share the cores, \
         so wrk takes from what it measures: the CPU time for a request is the figure to compare. \
         There is no mean latency here, because wrk pads its own before printing it.\n",
        opened(),
        quoted::CONNECTIONS / quoted::THREADS,
        quoted::WAIT_US
    );
    conditions(results, &mut text);
    text.push_str("## The sentences\n");
    for (number, sentence) in results.ledger.iter().enumerate() {
        let _ = write!(
            text,
            "\n### {}. {}\n\n**{}.** {}\n\nMeasured here: {}.\n",
            number + 1,
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
    let mut lines = vec![format!(
        "{:<14} {:<24} {:>12} {:>10} {:>14} {:>6}",
        "server", "handler", "requests/s", "ceiling", "CPU ns/request", "errors"
    )];
    for workload in [WITH_WAIT, WITHOUT_WAIT] {
        for subject in results.subjects.keys() {
            let blocks = results.blocks.iter();
            let blocks: Vec<&Block> = blocks
                .filter(|block| block.subject == *subject && block.workload == workload)
                .collect();
            lines.extend(line(subject, workload, &blocks));
        }
    }
    lines
}

/// One line; `None` if there is no block.
fn line(subject: &str, workload: &str, blocks: &[&Block]) -> Option<String> {
    let middle = |figure: &dyn Fn(&Block) -> Option<f64>| {
        median(
            &blocks
                .iter()
                .filter_map(|block| figure(block))
                .collect::<Vec<_>>(),
        )
    };
    let rate = middle(&|block| Some(block.requests_per_second))?;
    let cpu = middle(&|block| block.server_cpu_ns_per_request);
    let cpu = cpu.map_or("-".to_owned(), |cpu| format!("{cpu:.0}"));
    let ceiling = if workload == WITH_WAIT {
        format!("{:.0}", opened() / f64::from(quoted::WAIT_US) * 1e6)
    } else {
        "none".to_owned()
    };
    let errors: u64 = blocks.iter().flat_map(|block| block.errors.values()).sum();
    Some(format!(
        "{subject:<14} {workload:<24} {rate:>12.0} {ceiling:>10} {cpu:>14} {errors:>6}"
    ))
}

fn conditions(results: &Results, text: &mut String) {
    let place = &results.environment;
    let commit = place.commit.as_deref().unwrap_or("unknown");
    let _ = writeln!(
        text,
        "{}, {} cores, {}, commit {commit}, {}: `{}`\n",
        plain(&place.cpu),
        place.cores,
        plain(&place.kernel),
        results.started_at,
        results.command.join(" ")
    );
    for (name, why) in &results.missing {
        let _ = writeln!(text, "- missing: {name} was not measured: {}", plain(why));
    }
    if !results.missing.is_empty() {
        text.push('\n');
    }
}

/// Text in one line, in which Markdown finds nothing to do.
fn plain(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '\n' | '\r' => text.push(' '),
            '<' => text.push_str("&lt;"),
            '*' | '_' | '[' | ']' | '|' | '\\' => text.extend(['\\', character]),
            _ => text.push(character),
        }
    }
    text
}
