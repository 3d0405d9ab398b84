//! What a reader needs in order to believe or to repeat: conditions and commands.

use super::Table;
use crate::environment::Environment;
use crate::process::Subject;
use crate::report::numbers::{NOT_MEASURED, percent};
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
        "article",
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
    Table::new("missing", "Not measured", &["subject", "why"]).filled(rows.collect())
}

/// The source, the compiler and the machine: what a fact is called, and what it is.
fn conditions(here: &Environment) -> Vec<(&'static str, String)> {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not shown".to_owned());
    vec![
        ("commit", known(&here.commit)),
        ("sources", known(&here.sources)),
        ("compiler", known(&here.compiler)),
        ("flags", here.flags.clone()),
        ("kernel", here.kernel.clone()),
        ("CPU", here.cpu.clone()),
        ("cores", here.cores.to_string()),
        ("governor", known(&here.governor)),
        (
            "hypervisor",
            here.hypervisor.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("congestion control", known(&here.congestion_control)),
    ]
}

/// Where the figures were made.
pub(super) fn environment(results: &Results) -> Option<Table> {
    let here = &results.environment;
    let mut rows = conditions(here);
    rows.push(("began", results.started_at.clone()));
    rows.push(("took", format!("{:.0} s", results.seconds)));
    rows.push(("taken by the hypervisor", percent(results.steal)));
    let tools: Vec<_> = here
        .tools
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    rows.push(("tools", tools.join("; ")));
    let faults = here
        .mitigations
        .iter()
        .filter(|(_, state)| *state != "Not affected");
    let faults: Vec<_> = faults
        .map(|(name, state)| format!("{name}: {state}"))
        .collect();
    rows.push(("mitigations", faults.join("; ")));
    let rows = rows.into_iter().map(|(name, value)| {
        let value = if value.is_empty() {
            NOT_MEASURED.to_owned()
        } else {
            value
        };
        vec![name.to_owned(), value]
    });
    Table::new(
        "environment",
        "Where the figures were made",
        &["what", "value"],
    )
    .filled(rows.collect())
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
    Table::new("commands", "Every command", &["kind", "name", "command"]).filled(rows)
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
    let method = if workload.upload.is_some() {
        "POST"
    } else {
        "GET"
    };
    let paths = match workload.paths.as_slice() {
        [one] => one.clone(),
        [first, .., last] => format!("{first} to {last}"),
        [] => String::new(),
    };
    let pace = workload
        .rate_share
        .map_or("closed loop".to_owned(), |share| {
            format!("open loop at {} of saturation", percent(share))
        });
    let together = workload.pipeline;
    let pieces = if workload.pieces {
        " in two pieces"
    } else {
        ""
    };
    let neighbour = if workload.neighbour {
        ", and a neighbour"
    } else {
        ""
    };
    format!("{method} {paths}, {text}, {together} sent together{pieces}, {pace}{neighbour}")
}
