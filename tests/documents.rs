//! The documents against the source: what they name exists, and what they list is complete.
//!
//! A document that nobody checks is true on the day it was written. Sentences are left to their
//! readers; names, tables, paths, options and commands are held here.
#![cfg(feature = "cli")]

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use assert_cmd::Command;
use barewire::handlers::TABLE;
use sources::{exists, read, root};

mod sources;

const DOCUMENTS: [&str; 22] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/correctness.md",
    "docs/framework-tax.md",
    "docs/glossary.md",
    "docs/lab.md",
    "docs/library.md",
    "docs/limits.md",
    "docs/live.md",
    "docs/measuring.md",
    "docs/operations.md",
    "docs/path.md",
    "docs/performance.md",
    "docs/profiling.md",
    "docs/reliability.md",
    "docs/routes.md",
    "docs/sizing.md",
    "docs/techniques.md",
    "docs/testing.md",
    "docs/zero-copy.md",
];

/// Those that are written from something else, whose tests hold them.
const WRITTEN: [&str; 3] = ["docs/article.md", "docs/conformance.md", "docs/faults.md"];

/// The front page is read in two minutes.
const FRONT_LINES_MAX: usize = 180;
const FRONT_WORDS_MAX: usize = 1400;
const FRONT_ROWS_MAX: usize = 12;

/// Those that name the lab's options, which `lab/tests/documents.rs` holds.
const OF_THE_LAB: [&str; 2] = ["docs/lab.md", "docs/framework-tax.md"];

/// What a command of a code block may begin with, besides scripts of this repository.
const PROGRAMS: [&str; 5] = ["cargo", "curl", "wrk", "perf", "samply"];

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
fn the_page_of_the_routes_lists_them_as_they_are() {
    let page = read("docs/routes.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| GET ") || line.starts_with("| POST "))
        .collect();
    for (at, route) in TABLE.iter().enumerate() {
        let (method, path, about) = (route.method.as_str(), route.path, route.about);
        let row = format!("| {method} | `{path}` | {about} |");
        let there = rows.get(at).copied().unwrap_or("no row");
        assert!(
            there == row,
            "docs/routes.md: add this row, in the order of src/handlers/table.rs:\n{row}\n\
             at its place there is now:\n{there}"
        );
    }
    let surplus = &rows[TABLE.len()..];
    assert!(
        surplus.is_empty(),
        "docs/routes.md: take these rows away, src/handlers/table.rs has no such route:\n{}",
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

/// The links of a document to this repository: a path from its root, and a heading or nothing.
fn links(document: &str) -> Vec<(String, String)> {
    let text = read(document);
    let folder = PathBuf::from(document);
    let folder = folder.parent().expect("a file has a folder");
    let targets = text
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap_or(""));
    targets
        .filter(|target| !target.contains("://"))
        .map(
            |target| match target.split_once('#').unwrap_or((target, "")) {
                ("", heading) => (document.to_owned(), heading.to_owned()),
                (file, heading) => (without_parents(&folder.join(file)), heading.to_owned()),
            },
        )
        .collect()
}

/// The same path without `..`, as documents are listed.
fn without_parents(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain.to_string_lossy().into_owned()
}

/// A heading as GitHub makes a link of it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|next| match next {
        ' ' => Some('-'),
        '-' | '_' => Some(next),
        _ => next.is_alphanumeric().then_some(next),
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[test]
fn every_link_inside_the_repository_leads_somewhere() {
    for document in DOCUMENTS {
        for (file, heading) in links(document) {
            assert!(exists(&file), "{document}: {file}");
            if heading.is_empty() {
                continue;
            }
            let lines = fenced(&read(&file), "").1;
            let mut headings = lines.iter().filter_map(|line| {
                let text = line.trim_start_matches('#').strip_prefix(' ')?;
                line.starts_with('#').then(|| anchor(text))
            });
            let is_there = headings.any(|there| there == heading);
            assert!(is_there, "{document}: {file} has no heading for #{heading}");
        }
    }
}

/// Every page is in the index, once, and is held here or by the test that writes it.
#[test]
fn the_index_has_a_line_for_each_page() {
    let pages = fs::read_dir(root().join("docs")).expect("a folder");
    let mut pages: Vec<String> = pages
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| format!("docs/{}", path.file_name().expect("a name").display()))
        .filter(|page| page != "docs/README.md")
        .collect();
    pages.sort();
    for page in &pages {
        let is_held = DOCUMENTS.contains(&page.as_str()) || WRITTEN.contains(&page.as_str());
        assert!(is_held, "no test reads {page}");
    }
    let mut listed: Vec<_> = links("docs/README.md")
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| file.starts_with("docs/"))
        .collect();
    listed.sort();
    assert_eq!(listed, pages);
}

#[test]
fn the_front_page_is_short() {
    let readme = read("README.md");
    let (lines, words) = (readme.lines().count(), readme.split_whitespace().count());
    assert!(lines < FRONT_LINES_MAX, "README.md: {lines} lines");
    assert!(words < FRONT_WORDS_MAX, "README.md: {words} words");
    let tables = readme.split("\n\n").filter(|text| text.starts_with('|'));
    for table in tables {
        // The headings and the rule below them are no rows.
        let rows = table.lines().count() - 2;
        assert!(rows <= FRONT_ROWS_MAX, "README.md: {rows} rows:\n{table}");
    }
}

/// The techniques of the README's ladder are links to their entries.
#[test]
fn each_technique_of_the_ladder_has_its_link() {
    let readme = read("README.md");
    let added = readme.lines().filter_map(|line| line.strip_prefix("| + "));
    let names: Vec<_> = added
        .filter_map(|row| row.split(" |").next())
        .filter(|name| !name.starts_with("the last"))
        .collect();
    assert!(names.len() > 4, "{names:?}");
    let linked = links("README.md");
    for name in names {
        let entry = ("docs/techniques.md".to_owned(), name.to_owned());
        assert!(linked.contains(&entry), "README.md: no link to {name}");
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
    let page = read("docs/path.md");
    let listed: Vec<_> = page
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

/// The landmarks of docs/path.md are functions of the path that ARCHITECTURE.md lists, in its
/// order; `tests/path` takes that list from a run.
#[test]
fn the_way_of_a_request_is_the_one_that_it_takes() {
    let (_, listed, _) = architecture();
    let mut path = listed.lines().filter_map(path_row);
    let mut numbers = Vec::new();
    for line in fenced(&read("docs/path.md"), "text").0 {
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
                "docs/path.md: {function} in {file} is not on the path that ARCHITECTURE.md lists, \
                 or stands out of its order there"
            );
        }
    }
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
}

#[test]
fn the_example_of_the_readme_is_the_one_that_compiles() {
    let example = read("examples/hello.rs");
    let code = fenced(&read("README.md"), "rust").0.join("\n");
    let is_of_it = !code.is_empty() && example.contains(code.trim());
    assert!(is_of_it, "README.md: {code}");
}

#[test]
fn the_dependencies_are_those_of_the_manifest() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    let names: HashSet<_> = dependencies.keys().map(String::as_str).collect();
    let tree = fenced(&read("docs/library.md"), "text").0;
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
