//! `barewire techniques` and `barewire explain`: the table of techniques, and the document about
//! them, as text.
//!
//! Invariant: a technique is a line, and its name the first word of it, so that the list can be cut
//! up by scripts; what they should not have to cut is there as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::Config;
use crate::techniques::{self, Form, Switch, Technique};

/// Columns of what is printed for people: those of the narrowest usual terminal.
const COLUMNS: usize = 80;

/// All techniques with the state that `config` gives them, a line each or as JSON.
pub(super) fn list(config: &Config, as_json: bool) -> String {
    let rows: Vec<_> = techniques::all()
        .map(|technique| row(technique, config))
        .collect();
    if as_json {
        return format!("{:#}\n", Value::from(rows));
    }
    let mut text = String::new();
    for row in rows {
        let origin = match (&row["value"], &row["default"]) {
            (_, Value::Null) => "-",
            (value, default) if value == default => "default",
            _ => "changed",
        };
        let word = |key: &str| row[key].as_str().unwrap_or_default();
        let (name, claim, file) = (word("name"), word("claim"), word("file"));
        let state = match word("value") {
            // It would say no more than the state.
            "" | "on" | "off" => word("state").to_owned(),
            value => format!("{} {value}", word("state")),
        };
        let _ = writeln!(text, "{name:<15} {state:<12} {origin:<8} {claim} ({file})");
    }
    text
}

/// A technique for programs. What a build technique has not is null, and so is `value` where an
/// option gave one that the technique does not have (`--linger 3s`).
fn row(technique: &Technique, config: &Config) -> Value {
    let switch = technique.switch();
    let value = switch.map(|switch| switch.get(config));
    let (state, build) = match &technique.form {
        Form::Switch(switch) if switch.is_on(config) => ("on", None),
        Form::Switch(_) => ("off", None),
        Form::Build(command) => ("build", Some(command)),
    };
    json!({
        "name": technique.name,
        "group": technique.group.name(),
        "claim": technique.claim,
        "file": technique.file,
        "state": state,
        "value": value.filter(|value| !value.is_empty()),
        "default": switch.map(Switch::default_value),
        "on": switch.map(|switch| switch.on),
        "off": switch.map(|switch| switch.off),
        "allowed": switch.map(Switch::allowed),
        "demonstration": switch.is_some_and(|switch| switch.is_demonstration),
        // Whether it can change while a server with --live runs.
        "live": switch.is_some_and(Switch::is_live),
        "judged_by": technique.judge.name(),
        "shows_on": technique.shows_on.name(),
        // Who does without it.
        "naive_form": technique.naive_form.who(),
        "beginner": technique.naive_form.is_beginners(),
        // The command for another build.
        "build": build,
    })
}

/// The entry of a technique, without the document's markup.
pub(super) fn explain(name: &str) -> String {
    let mut text = format!("{name}\n");
    for paragraph in techniques::find(name)
        .into_iter()
        .flat_map(Technique::paragraphs)
    {
        let labelled = paragraph
            .strip_prefix("**")
            .and_then(|rest| rest.split_once(".**"));
        let _ = match labelled {
            Some((label, body)) => writeln!(text, "\n{label}\n{}", wrapped(body, "  ")),
            None => writeln!(text, "\n{}", wrapped(paragraph, "")),
        };
    }
    text
}

/// The words of `text` in lines that end in time, each behind `indent`. What stands between
/// backticks stays in one piece, to be copied.
fn wrapped(text: &str, indent: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pieces = words
        .split('`')
        .enumerate()
        .map(|(at, piece)| match at % 2 {
            0 => piece.to_owned(),
            _ => piece.replace(' ', "\u{a0}"),
        });
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(indent)
        .subsequent_indent(indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(&pieces.collect::<Vec<_>>().join("`"), options).replace('\u{a0}', " ")
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
