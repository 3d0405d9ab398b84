//! What a reader needs in order to believe or to repeat: conditions, commands, objections.

use super::Table;
use crate::environment::Environment;
use crate::process::Subject;
use crate::report::numbers::NOT_MEASURED;
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

/// What forbids a headline.
pub(super) fn objections(results: &Results) -> Option<Table> {
    let rows = results.objections.iter().map(|objection| {
        vec![
            objection.about.clone(),
            objection.kind.clone(),
            objection.what.clone(),
            objection.remedy.clone(),
        ]
    });
    Table::new(
        "objections",
        "What speaks against these figures",
        &["about", "kind", "what was seen", "what to do"],
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

/// How a fact is told that the machine did not show: what it says of most of them, and of the
/// hypervisor.
pub struct Unknown {
    /// Of a commit, a compiler, an option of the kernel.
    pub fact: &'static str,
    /// Of a machine that names no hypervisor.
    pub hypervisor: &'static str,
}

/// The source, the compiler and the machine: what a fact is called, and what it is.
pub fn conditions(here: &Environment, unknown: &Unknown) -> Vec<(&'static str, String)> {
    let or =
        |value: &Option<String>, unknown: &str| value.clone().unwrap_or_else(|| unknown.to_owned());
    let known = |value| or(value, unknown.fact);
    vec![
        ("commit", known(&here.commit)),
        ("compiler", known(&here.compiler)),
        ("flags", here.flags.clone()),
        ("kernel", here.kernel.clone()),
        ("CPU", here.cpu.clone()),
        ("cores", here.cores.to_string()),
        ("governor", known(&here.governor)),
        ("hypervisor", or(&here.hypervisor, unknown.hypervisor)),
        ("congestion control", known(&here.congestion_control)),
    ]
}

/// Where the figures were made.
pub(super) fn environment(results: &Results) -> Option<Table> {
    let here = &results.environment;
    let unknown = Unknown {
        fact: "not shown",
        hypervisor: "none",
    };
    let mut rows = conditions(here, &unknown);
    rows.push(("began", results.started_at.clone()));
    rows.push(("took", format!("{:.0} s", results.seconds)));
    let kept = results
        .blocks
        .iter()
        .filter(|block| block.dropped.is_none())
        .count();
    rows.push((
        "blocks",
        format!("{} of {} counted", kept, results.blocks.len()),
    ));
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
    let connections = match (workload.connections, workload.reconnect) {
        (_, true) => format!(
            "{} connections at a time, a new one for each request",
            workload.connections
        ),
        (1, false) => "1 connection".to_owned(),
        (many, false) => format!("{many} connections"),
    };
    let pace = workload.rate.map_or_else(
        || "closed loop".to_owned(),
        |rate| format!("{rate:.0} requests/s, open loop"),
    );
    format!(
        "GET {}, {connections}, {} sent together, {pace}",
        workload.path, workload.pipeline
    )
}
