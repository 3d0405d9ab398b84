//! What a reader needs in order to believe or to repeat: conditions and commands.

use serde_json::Value;

use super::Table;
use crate::process::Subject;
use crate::report::numbers::percent;
use crate::results::Results;
use crate::workload::Workload;

/// The article's sentences.
pub(super) fn article(results: &Results) -> Option<Table> {
    let rows = results.ledger.iter().map(|sentence| {
        vec![
            sentence.said.clone(),
            sentence.measured.clone(),
            sentence.verdict.clone(),
            sentence.reason.clone(),
        ]
    });
    Table::new(
        "The article, sentence by sentence",
        &["what it said", "what was measured here", "verdict", "why"],
    )
    .filled(rows.collect())
}

/// Who could not be measured.
pub(super) fn missing(results: &Results) -> Option<Table> {
    let rows = results
        .missing
        .iter()
        .map(|(name, why)| vec![name.clone(), why.clone()]);
    Table::new("Not measured", &["subject", "why"]).filled(rows.collect())
}

/// Where the figures were made: every fact of the environment, and how long it took.
pub(super) fn environment(results: &Results) -> Option<Table> {
    let here = serde_json::to_value(&results.environment).ok()?;
    let facts = here.as_object().into_iter().flatten();
    let mut rows: Vec<_> = facts
        .map(|(name, fact)| vec![name.replace('_', " "), told(fact)])
        .collect();
    rows.extend([
        vec!["began".to_owned(), results.started_at.clone()],
        vec!["took".to_owned(), format!("{:.0} s", results.seconds)],
        vec!["taken by the hypervisor".to_owned(), percent(results.steal)],
    ]);
    Table::new("Where the figures were made", &["what", "value"]).filled(rows)
}

fn told(fact: &Value) -> String {
    match fact {
        Value::Null => "not shown".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| (name, told(part)));
            // Of the processor's faults those that it has.
            let parts = parts.filter(|(_, part)| part != "Not affected");
            let parts = parts.map(|(name, part)| format!("{name}: {part}"));
            parts.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Every command: the experiment's, each subject's, each workload's.
pub(super) fn commands(results: &Results) -> Option<Table> {
    let mut rows = vec![vec![
        "experiment".to_owned(),
        String::new(),
        command_line(&results.command),
    ]];
    for (name, subject) in &results.subjects {
        rows.push(vec!["server".to_owned(), name.clone(), started(subject)]);
    }
    for (name, workload) in &results.workloads {
        rows.push(vec!["workload".to_owned(), name.clone(), asked(workload)]);
    }
    Table::new("Every command", &["kind", "name", "command"]).filled(rows)
}

/// Words as a shell takes them.
pub fn command_line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%{}".contains(letter);
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn started(subject: &Subject) -> String {
    let mut words: Vec<String> = subject
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    words.push(subject.program.display().to_string());
    words.extend(subject.arguments.iter().cloned());
    let line = command_line(&words);
    match &subject.directory {
        Some(directory) => format!("cd {} && {line}", directory.display()),
        None => line,
    }
}

fn asked(workload: &Workload) -> String {
    let many = workload.connections;
    let mut text = match (many, workload.reconnect) {
        (_, true) => format!("{many} connections at a time, a new one for each request"),
        (1, false) => "1 connection".to_owned(),
        (many, false) => format!("{many} connections"),
    };
    if workload.idle > 0 {
        text.extend([", ", &workload.idle.to_string(), " silent ones"]);
    }
    let method = workload.upload.as_ref().map_or("GET", |_| "POST");
    let paths = match workload.paths.as_slice() {
        [one] => one.clone(),
        [first, .., last] => format!("{first} to {last}"),
        [] => String::new(),
    };
    let share = workload.rate_share.map(percent);
    let pace = share.map_or("closed loop".to_owned(), |share| {
        format!("open loop at {share} of saturation")
    });
    let together = workload.pipeline;
    let only = |is_so, words| if is_so { words } else { "" };
    let pieces = only(workload.pieces, " in two pieces");
    let neighbour = only(workload.neighbour, ", and a neighbour");
    format!("{method} {paths}, {text}, {together} sent together{pieces}, {pace}{neighbour}")
}
