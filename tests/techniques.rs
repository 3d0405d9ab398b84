//! The table of techniques against what it speaks of: the fields with their claims, the document,
//! the profiles, and the source.
//!
//! A technique is named in several places, so that each of them can be read alone. Here they are
//! held together.
#![cfg(feature = "cli")]

use std::collections::HashSet;

use barewire::config::Config;
use barewire::techniques::{self, Form, Group, Technique};
use sources::{read, root};

mod sources;

/// The paragraphs of an entry, in their order, each behind its label.
const LABELS: [&str; 8] = [
    "What it does",
    "Naive form",
    "Why it is faster",
    "The cost it removes",
    "When it hurts",
    "Where",
    "Switch it off",
    "Measured",
];

/// Words with one space between them, however the lines were broken.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The identifier that `text` begins with.
fn identifier(text: &str) -> &str {
    let is_part = |next: char| next.is_ascii_alphanumeric() || next == '_';
    text.split(|next| !is_part(next)).next().unwrap_or("")
}

/// A field of `Techniques`.
struct Field {
    /// As serde has it, which is the name of its technique.
    name: String,
    identifier: String,
    /// Its comment.
    claim: String,
}

/// The fields of `Techniques`, read from the source.
fn fields() -> Vec<Field> {
    let source = read("src/config/techniques.rs");
    let body = source
        .split("pub struct Techniques {\n")
        .nth(1)
        .expect("the struct");
    let body = body.split("\n}").next().expect("its end");
    let (mut found, mut claim, mut name) = (Vec::new(), String::new(), None);
    for line in body.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            claim = format!("{claim} {words}");
        } else if line.starts_with("#[serde(rename") {
            name = line.split('"').nth(1);
        } else if let Some(field) = line.strip_prefix("pub ") {
            let identifier = identifier(field).to_owned();
            found.push(Field {
                name: name
                    .take()
                    .map_or(identifier.replace('_', "-"), str::to_owned),
                claim: joined(&std::mem::take(&mut claim)),
                identifier,
            });
        }
    }
    found
}

/// What stands below the technique's heading in the document.
fn entry<'a>(document: &'a str, technique: &Technique) -> &'a str {
    let heading = format!("\n## {}\n", technique.name);
    let found = document.split_once(&heading);
    let (_, rest) = found.unwrap_or_else(|| {
        let name = technique.name;
        panic!("docs/techniques.md has no entry `## {name}`: write one, with {LABELS:?}")
    });
    rest.split("\n## ").next().unwrap_or("").trim()
}

/// The paragraph of an entry behind this label.
fn paragraph(entry: &str, label: &str) -> String {
    let mark = format!("**{label}.**");
    let found = entry
        .split("\n\n")
        .find_map(|text| text.strip_prefix(&mark));
    let missing = || panic!("docs/techniques.md: add a paragraph `{mark}` to this entry:\n{entry}");
    joined(found.unwrap_or_else(missing))
}

#[test]
fn every_field_is_a_row_with_the_same_claim() {
    let fields = fields();
    let options = ["backlog", "linger"];
    let rows: Vec<_> = techniques::switches()
        .map(|(technique, _)| technique)
        .filter(|technique| !options.contains(&technique.name))
        .collect();
    let of_rows: Vec<_> = rows.iter().map(|technique| technique.name).collect();
    let of_fields: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    let lone = |some: &[&str], others: &[&str]| -> Vec<String> {
        let lone = some.iter().filter(|name| !others.contains(name));
        lone.map(|name| (*name).to_owned()).collect()
    };
    assert!(
        of_rows == of_fields,
        "the rows of src/techniques/table.rs and the fields of src/config/techniques.rs must be \
         the same, in the same order; fields without a row: {:?}; rows without a field: {:?}",
        lone(&of_fields, &of_rows),
        lone(&of_rows, &of_fields)
    );
    for (technique, field) in rows.iter().zip(&fields) {
        assert!(
            technique.claim == field.claim,
            "{}: the entry in docs/techniques.md must begin with the comment of the field in \
             src/config/techniques.rs, word for word:\n{}\nit begins with:\n{}",
            technique.name,
            field.claim,
            technique.claim
        );
    }
}

#[test]
fn names_are_unique_and_words_with_hyphens() {
    let mut names = HashSet::new();
    for technique in techniques::all() {
        let name = technique.name;
        assert!(names.insert(name), "{name} stands twice");
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(name.split('-').all(is_word), "{name}");
        assert!(techniques::find(name).is_some_and(|found| found.name == name));
    }
    assert!(techniques::find("").is_none());
}

#[test]
fn claims_are_sentences_and_files_exist() {
    for technique in techniques::all() {
        let (name, claim, file) = (technique.name, &technique.claim, technique.file);
        assert!(
            claim.ends_with('.') && claim.len() > 30,
            "docs/techniques.md: the entry `## {name}` is missing, or does not begin with its \
             claim, a sentence: {claim:?}"
        );
        let place = root().join(file);
        assert!(
            place.is_file(),
            "docs/techniques.md, {name}: `**Where.**` must begin with a file that exists: {file:?}"
        );
        assert_eq!(
            technique.switch().is_none(),
            technique.group == Group::Build,
            "{name}"
        );
    }
}

#[test]
fn a_switch_takes_its_values_and_gives_them_back() {
    for (technique, switch) in techniques::switches() {
        let name = technique.name;
        let mut config = Config::default();
        assert_ne!(switch.on, switch.off, "{name}");
        for (value, is_on) in [(switch.off, false), (switch.on, true)] {
            assert!(switch.set(&mut config, value), "{name}={value}");
            assert_eq!(switch.get(&config), value, "{name}");
            assert_eq!(switch.is_on(&config), is_on, "{name}={value}");
        }
        let default = switch.default_value();
        assert!(switch.set(&mut config, &default), "{name}={default}");
        assert_eq!(config, Config::default(), "{name}");
    }
}

#[test]
fn a_switch_refuses_other_values_and_leaves_the_others_alone() {
    for (technique, switch) in techniques::switches() {
        let name = technique.name;
        let mut config = Config::default();
        for wrong in ["", "maybe", "-1", "99999999"] {
            assert!(!switch.set(&mut config, wrong), "{name}={wrong}");
            assert_eq!(config, Config::default(), "{name}");
        }
        let other = [switch.on, switch.off]
            .into_iter()
            .find(|value| *value != switch.default_value());
        assert!(
            switch.set(&mut config, other.expect("two values")),
            "{name}"
        );
        let changed: Vec<_> = techniques::changed(&config).collect();
        let names: Vec<_> = changed.iter().map(|(changed, ..)| changed.name).collect();
        assert_eq!(names, [name]);
        assert_eq!(Some(changed[0].2.as_str()), other);
    }
    assert_eq!(techniques::changed(&Config::default()).count(), 0);
}

#[test]
fn what_only_an_option_can_set_is_no_value_of_the_technique() {
    let mut config = Config::default();
    config.socket.linger = Some(std::time::Duration::from_secs(3));
    let linger = techniques::find("linger")
        .and_then(Technique::switch)
        .unwrap();
    assert_eq!(linger.get(&config), "");
    assert_eq!(techniques::changed(&config).count(), 0);
}

#[test]
fn the_document_has_each_technique_once_in_the_order_of_the_table() {
    let document = read("docs/techniques.md");
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    let headings: Vec<_> = headings.collect();
    let names: Vec<_> = techniques::all().map(|technique| technique.name).collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !headings.contains(name))
        .collect();
    assert!(
        headings == names,
        "docs/techniques.md must have an entry for each row of src/techniques/table.rs, in its \
         order; missing: {missing:?}; the order there:\n{names:?}\nand here:\n{headings:?}"
    );
}

#[test]
fn every_entry_has_the_claim_and_all_its_paragraphs() {
    let document = read("docs/techniques.md");
    for technique in techniques::all() {
        let name = technique.name;
        let entry = entry(&document, technique);
        let mut paragraphs = entry.split("\n\n");
        let claim = joined(paragraphs.next().unwrap_or(""));
        assert_eq!(claim, technique.claim, "{name}");
        let labels: Vec<_> = paragraphs
            .map(|text| {
                text.strip_prefix("**")
                    .and_then(|text| text.split(".**").next())
            })
            .collect();
        assert!(
            labels == LABELS.map(Some),
            "docs/techniques.md, {name}: after the claim come these paragraphs, one each:\n\
             {LABELS:?}\nit has:\n{labels:?}"
        );
        for label in LABELS {
            assert!(
                paragraph(entry, label).len() > 10,
                "docs/techniques.md, {name}: say more than this in `**{label}.**`"
            );
        }
    }
}

#[test]
fn every_entry_says_where_and_how() {
    let document = read("docs/techniques.md");
    let fields = fields();
    for technique in techniques::all() {
        let name = technique.name;
        let entry = entry(&document, technique);
        let place = paragraph(entry, "Where");
        let (file, rest) = place[1..].split_once('`').unwrap_or_else(|| {
            panic!(
                "docs/techniques.md, {name}: `**Where.**` begins with a file in backticks: {place}"
            )
        });
        assert_eq!(file, technique.file, "{name}");
        // The function that decides is named, and reads the field.
        let named = rest.split('`').nth(1).filter(|_| file.starts_with("src/"));
        if let Some(function) = named.and_then(|path| path.rsplit("::").next()) {
            let source = code(&read(file)).replace("techniques().", "techniques.");
            let body = function_of(&source, function);
            let body = body.unwrap_or_else(|| {
                panic!("docs/techniques.md, {name}, Where: {function} is not in {file}")
            });
            if let Some(field) = fields.iter().find(|field| field.name == name) {
                let mark = format!("techniques.{}", field.identifier);
                assert!(
                    body.contains(&mark),
                    "docs/techniques.md, {name}, Where: {function} in {file} does not read {mark}; \
                     name the function that does"
                );
            }
        }
        let how = paragraph(entry, "Switch it off");
        match &technique.form {
            Form::Build(command) => assert!(
                how.contains(&format!("`{command}`")),
                "docs/techniques.md, {name}, Switch it off: {command} is not in it: {how}"
            ),
            Form::Switch(switch) if switch.is_on_by_default() => {
                assert!(
                    how.starts_with(&format!("`barewire --without {name}`")),
                    "docs/techniques.md, {name}, Switch it off: begin with \
                     `barewire --without {name}`: {how}"
                );
            }
            Form::Switch(_) => {
                assert!(
                    how.contains(&format!("`barewire --with {name}`")),
                    "docs/techniques.md, {name}, Switch it off: it is off by default, so say \
                     `barewire --with {name}`: {how}"
                );
            }
        }
        assert_measured(technique, &paragraph(entry, "Measured"));
    }
}

#[test]
fn every_entry_names_the_program_of_the_table() {
    let document = read("docs/techniques.md");
    for technique in techniques::all() {
        let told = paragraph(entry(&document, technique), "Naive form");
        let who = technique.naive_form.who();
        let begins = told.to_lowercase().trim_start().to_owned();
        assert!(
            begins.starts_with(&format!("{}:", who.to_lowercase())),
            "docs/techniques.md, {}: `**Naive form.**` must begin with `{who}:`, as \
             src/techniques/naive.rs has it: {told}",
            technique.name
        );
    }
}

/// A form that only a beginner writes is no part of the sum.
#[test]
fn naive_is_what_programs_do_that_people_rely_on() {
    for (technique, switch) in techniques::switches() {
        let is_left_alone = switch.is_demonstration || technique.naive_form.is_beginners();
        assert_eq!(technique.is_naive(), !is_left_alone, "{}", technique.name);
    }
    let beginners = techniques::all().filter(|technique| technique.naive_form.is_beginners());
    let names: Vec<_> = beginners.map(|technique| technique.name).collect();
    assert_eq!(names, ["uninit-reads"]);
    assert!(!techniques::find("lto").unwrap().is_naive());
}

/// A figure and the command that prints it, or the reason why there is none.
#[track_caller]
fn assert_measured(technique: &Technique, measured: &str) {
    let name = technique.name;
    let is_demonstration =
        matches!(&technique.form, Form::Switch(switch) if switch.is_demonstration);
    let command = match &technique.form {
        Form::Switch(_) if is_demonstration => "cargo test --test sharing".into(),
        Form::Switch(_) => format!("contrib/technique.sh {name}"),
        Form::Build(script) if script.starts_with("contrib/") => (*script).to_owned(),
        Form::Build(_) => "contrib/instructions.sh BINARY".to_owned(),
    };
    let words = measured.split('`').step_by(2).collect::<String>();
    let has_figure = is_demonstration
        || words
            .split_whitespace()
            .any(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let has_reason = measured
        .strip_prefix("Not measured: ")
        .is_some_and(|reason| reason.len() > command.len() + 30);
    assert!(
        measured.contains(&format!("(`{command}`)")) && (has_figure || has_reason),
        "docs/techniques.md, {name}, Measured: give the figure that `{command}` prints, and end \
         with (`{command}`). If there can be none, begin with `Not measured: ` and the reason. \
         It says:\n{measured}"
    );
}

#[test]
fn a_figure_needs_a_number_or_a_reason() {
    let technique = techniques::find("slab").expect("a technique");
    let command = "(`contrib/technique.sh slab`)";
    for (measured, is_enough) in [
        ("Without it 1,847 instructions in place of 1,621", true),
        (
            "Not measured: callgrind does not know this instruction",
            true,
        ),
        ("Not yet", false),
        ("Not measured: not yet", false),
        ("It will be", false),
    ] {
        let text = format!("{measured} {command}.");
        let judged = std::panic::catch_unwind(|| assert_measured(technique, &text));
        assert_eq!(judged.is_ok(), is_enough, "{measured}");
    }
}

#[test]
fn every_build_has_its_profile_or_its_script() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let (mut profiles, mut folders) = (0, HashSet::new());
    for technique in techniques::all() {
        let Form::Build(command) = technique.form else {
            continue;
        };
        let word_after = |option: &str| {
            let (_, rest) = command.split_once(option)?;
            rest.split_whitespace().next()
        };
        match (word_after("--profile "), word_after("--target-dir ")) {
            (Some(profile), _) => {
                let described = &manifest["profile"][profile];
                assert_eq!(described["inherits"].as_str(), Some("release"), "{profile}");
                let changes = described.as_table().map_or(0, toml::Table::len);
                assert_eq!(changes, 2, "{profile} changes one thing");
                profiles += 1;
            }
            // Artefacts of the same profile need a place each.
            (None, Some(folder)) => assert!(folders.insert(folder), "{folder}"),
            (None, None) => {
                let script = root().join(command);
                assert!(script.is_file(), "{command}");
            }
        }
    }
    assert!(
        profiles >= 4 && folders.len() >= 3,
        "{profiles} {folders:?}"
    );
}

/// All files of the server by path, without comments and tests, and each chain of calls in a line.
fn server() -> Vec<(String, String)> {
    let found: Vec<_> = sources::below(&["src"])
        .into_iter()
        .filter(|(path, _)| !sources::is_tests(path))
        .map(|(path, text)| (path, code(&text)))
        .collect();
    assert!(found.len() > 30, "{} files", found.len());
    found
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let mut code = String::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
    {
        if !line.starts_with('.') {
            code.push('\n');
        }
        code.push_str(line);
    }
    code
}

/// A function, from its name to the next one, in what [`code`] made of a file.
fn function_of<'a>(code: &'a str, function: &str) -> Option<&'a str> {
    let heads = ["(", "<"].map(|next| format!("fn {function}{next}"));
    let start = heads.iter().find_map(|head| code.find(head))?;
    let body = code[start..].trim_start_matches("fn ");
    Some(body.split("fn ").next().unwrap_or(body))
}

/// Files beside the one of its row that read a technique too, and why. Each is one too many.
const SECOND_READERS: [(&str, &str, &str); 3] = [
    (
        "batched-writes",
        "src/reactor/serve.rs",
        "equal requests are answered there in one go, unless each answer is sent by itself",
    ),
    (
        "head-template",
        "src/reactor/serve.rs",
        "a fixed answer has a template of its own, and is made a response where there is none",
    ),
    (
        "nodelay",
        "src/reactor/linux.rs",
        "sockets that are there already follow when it changes while the server runs",
    ),
];

/// What the table says of a decision is where the decision is.
#[test]
fn each_field_is_read_in_the_file_of_its_row_and_nowhere_else() {
    let server = server();
    let others: Vec<_> = server
        .iter()
        .filter(|(path, _)| {
            let folders = ["src/config", "src/techniques", "src/cli/"];
            !folders.iter().any(|folder| path.starts_with(folder))
        })
        .collect();
    let mut offences = Vec::new();
    for Field {
        name,
        identifier: field,
        ..
    } in fields()
    {
        let Some(technique) = techniques::find(&name) else {
            offences.push(format!("{name}: src/techniques/table.rs has no row for it"));
            continue;
        };
        let mark = format!("techniques.{field}");
        let reads = |code: &str| {
            // The reactor's are asked for by a call.
            let code = code.replace("techniques().", "techniques.");
            let mut hits = code.match_indices(&mark);
            hits.any(|(at, _)| identifier(&code[at + "techniques.".len()..]) == field)
        };
        let found: Vec<_> = others
            .iter()
            .filter(|(_, code)| reads(code))
            .map(|(path, _)| path.as_str())
            .collect();
        let file = technique.file;
        let second = SECOND_READERS.iter().filter(|(of, ..)| *of == name);
        let mut expected: Vec<_> = second.map(|(_, second, _)| *second).chain([file]).collect();
        expected.sort_unstable();
        if found != expected {
            offences.push(format!(
                "{name}: one file decides, and docs/techniques.md, Where, says {file}; {mark} is \
                 read in {found:?}, and should be in {expected:?}"
            ));
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}
