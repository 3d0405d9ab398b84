//! `barewire techniques` and `barewire explain`: the table of techniques, and the document about
//! them, as text.
//!
//! Invariant: a technique is a line, and its name the first word of it, so that the list can be cut
//! up by scripts; what they should not have to cut is there as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::selection;
use crate::config::Config;
use crate::techniques::{self, Form, Switch, Technique};

/// The entries that `explain` prints.
const DOCUMENT: &str = include_str!("../../docs/techniques.md");

/// Columns of what is printed for people: those of the narrowest usual terminal.
const COLUMNS: usize = 80;

/// A technique for programs. What a build technique has not is null, and so is `value` where an
/// option gave one that the technique does not have (`--linger 3s`).
#[derive(Serialize)]
struct Row {
    name: &'static str,
    group: &'static str,
    claim: &'static str,
    file: &'static str,
    /// on, off, or build.
    state: &'static str,
    value: Option<String>,
    default: Option<String>,
    on: Option<&'static str>,
    off: Option<&'static str>,
    allowed: Option<String>,
    demonstration: bool,
    /// The command for another build.
    build: Option<&'static str>,
}

/// All techniques with the state that `config` gives them, a line each or as JSON.
pub(super) fn list(config: &Config, as_json: bool) -> String {
    let rows = techniques::all().map(|technique| Row::of(technique, config));
    if as_json {
        let rows: Vec<_> = rows.collect();
        // Texts and booleans cannot fail to be JSON.
        return serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n";
    }
    let mut text = String::new();
    for row in rows {
        let origin = match (&row.value, &row.default) {
            (_, None) => "-",
            (value, default) if value == default => "default",
            _ => "changed",
        };
        let state = state(&row);
        let (name, claim, file) = (row.name, row.claim, row.file);
        let _ = writeln!(text, "{name:<15} {state:<12} {origin:<8} {claim} ({file})");
    }
    text
}

/// The entry of a technique.
///
/// # Errors
///
/// A sentence, if there is no name, or no technique of that name.
pub(super) fn explain(name: Option<&str>) -> Result<String, String> {
    let Some(name) = name else {
        let names: Vec<_> = techniques::all().map(|technique| technique.name).collect();
        return Err(wrapped(
            &format!("NAME is missing; allowed: {}", names.join(", ")),
            "",
        ));
    };
    let technique =
        selection::known(name).map_err(|reason| format!("NAME is {name:?}; {reason}"))?;
    let mut text = format!("{}\n", technique.name);
    for paragraph in entry(technique.name).split("\n\n") {
        text.push('\n');
        let (label, body) = match paragraph.strip_prefix("**") {
            Some(rest) => rest.split_once(".**").unwrap_or(("", rest)),
            None => ("", paragraph),
        };
        if !label.is_empty() {
            let _ = writeln!(text, "{label}");
        }
        text.push_str(&wrapped(body, if label.is_empty() { "" } else { "  " }));
        text.push('\n');
    }
    Ok(text)
}

/// What stands below the technique's heading.
fn entry(name: &str) -> &'static str {
    let heading = format!("\n## {name}\n");
    let rest = DOCUMENT.split_once(&heading).map_or("", |(_, rest)| rest);
    rest.split("\n## ").next().unwrap_or("").trim()
}

/// The words of `text` in lines that end in time, each behind `indent`. What stands between
/// backticks stays in one piece, to be copied.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    let mut is_code = false;
    for word in text.split_whitespace() {
        let columns = lines.last().map_or(0, |line| line.chars().count());
        let fits = indent.len() + columns + 1 + word.chars().count() <= COLUMNS;
        match lines.last_mut() {
            Some(line) if columns == 0 => line.push_str(word),
            Some(line) if fits || is_code => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
        is_code ^= word.matches('`').count() % 2 == 1;
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("{indent}{line}")).collect();
    lines.join("\n")
}

/// `on`, `off 1`, `build`: a value that says no more than the state is left out.
fn state(row: &Row) -> String {
    match row.value.as_deref() {
        None | Some("on" | "off") => row.state.to_owned(),
        Some(value) => format!("{} {value}", row.state),
    }
}

impl Row {
    fn of(technique: &'static Technique, config: &Config) -> Self {
        let switch = technique.switch();
        Self {
            name: technique.name,
            group: technique.group.name(),
            claim: technique.claim,
            file: technique.file,
            state: match switch {
                Some(switch) if switch.is_on(config) => "on",
                Some(_) => "off",
                None => "build",
            },
            value: switch
                .map(|switch| switch.get(config))
                .filter(|value| !value.is_empty()),
            default: switch.map(Switch::default_value),
            on: switch.map(|switch| switch.on),
            off: switch.map(|switch| switch.off),
            allowed: switch.map(Switch::allowed),
            demonstration: switch.is_some_and(|switch| switch.is_demonstration),
            build: match technique.form {
                Form::Build(command) => Some(command),
                Form::Switch(_) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_time_and_code_stays_whole() {
        let text = "word ".repeat(30) + "`a command that is not to be broken`. " + &"x ".repeat(9);
        let lines = wrapped(&text, "  ");
        assert!(lines.lines().all(|line| line.starts_with("  ")), "{lines}");
        let long = |line: &&str| line.chars().count() > COLUMNS;
        assert!(
            lines.lines().filter(long).all(|line| line.contains('`')),
            "{lines}"
        );
        assert!(
            lines.contains("`a command that is not to be broken`."),
            "{lines}"
        );
        let words: Vec<_> = lines.split_whitespace().collect();
        assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
    }
}
