//! The documents against the source: what they name exists, and what they list is complete.
//!
//! A document that nobody checks is true on the day it was written. Sentences are left to their
//! readers; names, tables, paths, options and commands are held here.
#![cfg(feature = "cli")]

use std::collections::HashSet;
use std::path::PathBuf;

use assert_cmd::Command;
use barewire::handlers::TABLE;
use sources::{read, root};

mod sources;

const DOCUMENTS: [&str; 11] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/framework-tax.md",
    "docs/glossary.md",
    "docs/lab.md",
    "docs/measuring.md",
    "docs/profiling.md",
    "docs/reliability.md",
    "docs/techniques.md",
    "docs/testing.md",
];

/// Those that name the lab's options, which `lab/tests/documents.rs` holds.
const OF_THE_LAB: [&str; 2] = ["docs/lab.md", "docs/framework-tax.md"];

/// What a command of a code block may begin with, besides scripts of this repository.
const PROGRAMS: [&str; 5] = ["cargo", "curl", "wrk", "perf", "samply"];

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The lines inside fences of this language, and those outside of all fences.
fn fenced(text: &str, language: &str) -> (Vec<String>, Vec<String>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(opened), None) => fence = Some(opened),
            (Some(_), Some(_)) => fence = None,
            (None, Some(of)) if of == language => inside.push(line.to_owned()),
            (None, Some(_)) => {}
            (None, None) => outside.push(line.to_owned()),
        }
    }
    (inside, outside)
}

/// The commands of a document: lines of its `sh` fences, without their comments.
fn commands(text: &str) -> Vec<String> {
    let lines = fenced(text, "sh").0;
    let bare = lines.iter().map(|line| {
        let end = line.find(" #").unwrap_or(line.len());
        line[..end].trim().to_owned()
    });
    bare.filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// What stands between single backticks, outside of fences.
fn code_spans(text: &str) -> Vec<String> {
    let prose = fenced(text, "").1.join("\n");
    let spans = prose.split('`').skip(1).step_by(2);
    spans.map(str::to_owned).collect()
}

/// Words that look like a file of this repository.
fn paths(text: &str) -> HashSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let roots = [
        "src/",
        "tests/",
        "benches/",
        "examples/",
        "contrib/",
        "docs/",
        "lab/",
        "peers/",
        "tax/",
        ".ci/",
    ];
    text.split(|c| !is_part(c))
        .map(|word| word.trim_end_matches(['.', '/']))
        .filter(|word| roots.iter().any(|root| word.starts_with(root)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_readme_lists_the_routes_as_they_are() {
    let readme = read("README.md");
    let rows: Vec<_> = readme
        .lines()
        .filter(|line| line.starts_with("| GET ") || line.starts_with("| POST "))
        .collect();
    for (at, route) in TABLE.iter().enumerate() {
        let (method, path, about) = (route.method.as_str(), route.path, route.about);
        let row = format!("| {method} | `{path}` | {about} |");
        let there = rows.get(at).copied().unwrap_or("no row");
        assert!(
            there == row,
            "README.md, The routes: add this row, in the order of src/handlers/table.rs:\n{row}\n\
             at its place there is now:\n{there}"
        );
    }
    let surplus = &rows[TABLE.len()..];
    assert!(
        surplus.is_empty(),
        "README.md, The routes: take these rows away, src/handlers/table.rs has no such route:\n{}",
        surplus.join("\n")
    );
}

#[test]
fn every_file_that_a_document_names_exists() {
    for document in DOCUMENTS {
        let named = paths(&read(document));
        assert!(
            !named.is_empty() || document == "docs/glossary.md",
            "{document}"
        );
        for path in named {
            assert!(exists(&path), "{document} names {path}");
        }
    }
}

/// `Type::function` and its like: both words stand in the source.
#[test]
fn every_name_that_a_document_gives_exists() {
    let source: Vec<_> = sources::below(&["src"])
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let is_word = |next: char| next.is_ascii_alphanumeric() || next == '_';
    let words: HashSet<&str> = source
        .iter()
        .flat_map(|text| text.split(|next| !is_word(next)))
        .collect();
    let mut seen = 0;
    for document in DOCUMENTS {
        for span in code_spans(&read(document)) {
            let is_name = span.starts_with(|first: char| first.is_ascii_uppercase())
                && span.contains("::")
                && span.chars().all(|next| is_word(next) || next == ':');
            if is_name {
                let lacks = span.split("::").find(|word| !words.contains(word));
                assert_eq!(
                    lacks, None,
                    "{document} names {span}, which the source lacks"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen} names were found");
}

#[test]
fn every_link_inside_the_repository_leads_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = PathBuf::from(document);
        let folder = folder.parent().expect("a file has a folder");
        for target in text.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") {
                let place = folder.join(target);
                assert!(exists(&place.to_string_lossy()), "{document}: {target}");
            }
        }
    }
}

#[test]
fn every_command_is_one_that_can_be_given() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    for document in DOCUMENTS {
        for command in commands(&read(document)) {
            let mut words = command.split_whitespace();
            let is_setting = |word: &&str| word.contains('=') && !word.starts_with('-');
            let program = words.find(|word| !is_setting(word)).unwrap_or("");
            let known = PROGRAMS.contains(&program) || exists(program);
            assert!(
                known || program.starts_with("target/"),
                "{document}: {command}"
            );
            let words: Vec<_> = words.collect();
            let is_target = |folder: &str, name: &str| {
                exists(&format!("{folder}/{name}.rs"))
                    || exists(&format!("{folder}/{name}/main.rs"))
            };
            for pair in words.windows(2) {
                let exists = match pair[0] {
                    "--example" => is_target("examples", pair[1]),
                    "--bench" => is_target("benches", pair[1]),
                    "--test" => is_target("tests", pair[1]),
                    "--profile" => manifest["profile"].get(pair[1]).is_some(),
                    "-s" => exists(pair[1]),
                    _ => true,
                };
                assert!(exists, "{document}: {command}");
            }
        }
    }
}

#[test]
fn one_command_runs_every_test() {
    let tests: Vec<_> = commands(&read("README.md"))
        .into_iter()
        .filter(|command| command.starts_with("cargo test"))
        .collect();
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let has_members = manifest
        .get("workspace")
        .is_some_and(|workspace| workspace.get("members").is_some());
    let expected = if has_members {
        "cargo test --workspace"
    } else {
        "cargo test"
    };
    assert_eq!(tests, [expected]);
}

/// An option stands in backticks, or behind the name of the program.
fn options_named(text: &str) -> HashSet<String> {
    let spans = code_spans(text)
        .into_iter()
        .filter(|span| span.starts_with("--"));
    let lines = commands(text).into_iter().filter_map(|command| {
        let own = command.split_once(" -- ").map(|(_, own)| own.to_owned());
        let is_other = |word: &str| ["--example", "-p"].contains(&word);
        own.filter(|_| command.starts_with("cargo run") && !command.split(' ').any(is_other))
    });
    spans
        .chain(lines)
        .flat_map(|text| {
            text.split([' ', '=', '\n'])
                .filter(|word| word.starts_with("--"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_option_that_a_document_names_exists() {
    let help_of = |command: &[&str]| {
        let mut barewire = Command::new(assert_cmd::cargo::cargo_bin!("barewire"));
        let help = barewire.args(command).arg("--help").env_clear().output();
        String::from_utf8(help.expect("the help").stdout).expect("UTF-8")
    };
    let help = help_of(&[]) + &help_of(&["demo"]);
    let known: HashSet<_> = help
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--"))
        .collect();
    // Not barewire's: cargo's and rustc's.
    let others = ["--cfg", "--no-default-features"];
    let mut seen = 0;
    for document in DOCUMENTS
        .into_iter()
        .filter(|path| !OF_THE_LAB.contains(path))
    {
        for option in options_named(&read(document)) {
            let exists = known.contains(option.as_str()) || others.contains(&option.as_str());
            assert!(exists, "{document} names {option}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} options were found");
}

#[test]
fn the_reading_order_is_that_of_the_library() {
    let library = read("src/lib.rs");
    let modules: Vec<_> = library
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .map(|module| {
            let file = format!("src/{module}.rs");
            if exists(&file) {
                file
            } else {
                format!("src/{module}/mod.rs")
            }
        })
        .collect();
    let readme = read("README.md");
    let listed: Vec<_> = readme
        .lines()
        .filter_map(|line| line.split_once(". `src/"))
        .filter(|(number, _)| number.parse::<usize>().is_ok())
        .map(|(_, rest)| format!("src/{}", rest.split('`').next().unwrap_or("")))
        .collect();
    assert_eq!(listed, modules);
}

/// A row of ARCHITECTURE.md's path: a function and its file.
fn path_row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| `")?.split('`');
    Some((cells.next()?, cells.nth(1)?))
}

/// ARCHITECTURE.md: what stands before the path of a GET, that path, and what stands behind it.
fn architecture() -> (String, String, String) {
    let text = read("ARCHITECTURE.md");
    let (before, rest) = text.split_once("<!-- path:begin -->").expect("a path");
    let (listed, after) = rest.split_once("<!-- path:end -->").expect("its end");
    (before.to_owned(), listed.to_owned(), after.to_owned())
}

#[test]
fn the_architecture_has_two_pages() {
    let (before, _, after) = architecture();
    let lines = before.lines().count() + after.lines().count();
    assert!(
        lines <= 150,
        "ARCHITECTURE.md: {lines} lines beside the path, 150 allowed"
    );
}

/// The README's landmarks are functions of the path that ARCHITECTURE.md lists, in its order; that
/// list is taken from a run by `tests/path`.
#[test]
fn the_way_of_a_request_is_the_one_that_it_takes() {
    let (_, listed, _) = architecture();
    let mut path = listed.lines().filter_map(path_row);
    let mut numbers = Vec::new();
    for line in fenced(&read("README.md"), "text").0 {
        let mut words = line.split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            continue;
        };
        let (Some(function), Some(file)) = (words.next(), words.next()) else {
            continue;
        };
        if file.starts_with("src/") {
            numbers.push(number);
            assert!(
                path.any(|row| row == (function, file)),
                "README.md, Read it: {function} in {file} is not on the path that ARCHITECTURE.md \
                 lists, or stands out of its order there"
            );
        }
    }
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
}

#[test]
fn the_example_of_the_readme_is_the_one_that_compiles() {
    let example = read("examples/hello.rs");
    let code = fenced(&read("README.md"), "rust").0.join("\n");
    assert!(example.contains(code.trim()), "{code}");
}

#[test]
fn the_dependencies_are_those_of_the_manifest() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    let names: HashSet<_> = dependencies.keys().map(String::as_str).collect();
    let tree = fenced(&read("README.md"), "text").0;
    let shown: HashSet<_> = tree
        .iter()
        .filter_map(|line| line.strip_prefix("├── ").or(line.strip_prefix("└── ")))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(shown, names);
}

/// In the table of invariants, the last column names the tests that hold them.
#[test]
fn every_invariant_is_held_by_tests_that_exist() {
    let architecture = read("ARCHITECTURE.md");
    let table = architecture
        .split("| what never happens |")
        .nth(1)
        .expect("the table of invariants");
    let mut rows = 0;
    for row in table.lines().skip(2).take_while(|row| row.starts_with('|')) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let held_by = code_spans(cells.last().expect("a row has cells"));
        assert!(!held_by.is_empty(), "{row}");
        for pair in held_by.chunks(2) {
            let [file, test] = pair else {
                panic!("a file and a test: {row}");
            };
            let source = read(file);
            let has_test = source.contains(&format!("fn {test}("));
            assert!(has_test, "{test} is not in {file}");
        }
        rows += 1;
    }
    assert!(rows >= 8, "{rows} invariants");
}
