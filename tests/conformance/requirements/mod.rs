//! The requirements of the RFCs, each with the tests that hold it, and the document made of them.
//!
//! A sentence of an RFC is told here in few words, from the server's side ("answer ... with 400"):
//! the section has the wording. What holds it is named: a case of these tables, or a test function
//! of any file in `tests/`. `docs/conformance.md` is written from it:
//!
//! ```sh
//! BAREWIRE_WRITE_DOCUMENTS=1 cargo test --test conformance the_document_is_current
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::sources::{self, root};
use crate::tables;

mod attacks;
mod rfc9110;
mod rfc9112;

/// How strongly an RFC asks for something (RFC 2119); `MUST NOT` and `SHOULD NOT` among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Must,
    Should,
}

/// What a section asks of a server, or of somebody else.
struct Requirement {
    section: &'static str,
    /// `None` if it does not concern this server.
    level: Option<Level>,
    /// What is asked; or who it concerns, and why not us.
    what: &'static str,
    /// Names of cases and of test functions.
    held_by: &'static [&'static str],
}

/// A kind of attack, and what shows that it fails.
struct Attack {
    kind: &'static str,
    cases: &'static [&'static str],
}

/// A requirement that tests hold.
const fn held(
    section: &'static str,
    level: Level,
    what: &'static str,
    held_by: &'static [&'static str],
) -> Requirement {
    Requirement {
        section,
        level: Some(level),
        what,
        held_by,
    }
}

/// What is asked of others.
const fn idle(section: &'static str, what: &'static str) -> Requirement {
    Requirement {
        section,
        level: None,
        what,
        held_by: &[],
    }
}

/// The documents by their numbers.
const RFCS: [(&str, &str, &[Requirement]); 2] = [
    ("9112", "HTTP/1.1", rfc9112::ALL),
    ("9110", "HTTP Semantics", rfc9110::ALL),
];

/// Where each case and each test function stands, by its name.
fn places() -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    let cases = tables();
    for (place, text) in sources::below(&["tests", "src"]) {
        for test in text.split("#[test]").skip(1) {
            let name = test
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            places.insert(name.unwrap().to_owned(), place.clone());
        }
        if place.starts_with("tests/conformance/") && !place.contains("/requirements/") {
            for case in cases
                .iter()
                .filter(|case| text.contains(&format!("\"{}\"", case.name)))
            {
                places.insert(case.name.to_owned(), place.clone());
            }
        }
    }
    places
}

fn document() -> String {
    let places = places();
    let mut page = include_str!("opening.md").to_owned();
    let names = |held_by: &[&str]| {
        let links = held_by.iter().map(|name| {
            let place = places
                .get(*name)
                .unwrap_or_else(|| panic!("{name} is no test"));
            format!("[{name}](../{place})")
        });
        links.collect::<Vec<_>>().join(", ")
    };
    for (number, title, requirements) in RFCS {
        write!(page, "\n## RFC {number}, {title}\n\n").unwrap();
        page.push_str("| section | | the server must, or should | held by |\n|---|---|---|---|\n");
        for one in requirements {
            let Some(level) = one.level else { continue };
            let level = match level {
                Level::Must => "MUST",
                Level::Should => "SHOULD",
            };
            let (section, what, names) = (one.section, one.what, names(one.held_by));
            writeln!(page, "| {section} | {level} | {what} | {names} |").unwrap();
        }
        page.push_str(
            "\nNot asked of this server:\n\n| sections | whom they concern |\n|---|---|\n",
        );
        for one in requirements.iter().filter(|one| one.level.is_none()) {
            writeln!(page, "| {} | {} |", one.section, one.what).unwrap();
        }
    }
    page.push_str("\n## What attackers try\n\n| attack | held by |\n|---|---|\n");
    for attack in attacks::ALL {
        writeln!(page, "| {} | {} |", attack.kind, names(attack.cases)).unwrap();
    }
    page.push_str("\n## Every case, by section\n\n| section | cases |\n|---|---|\n");
    let mut by_section: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in tables() {
        by_section.entry(case.rfc).or_default().push(case.name);
    }
    for (section, names) in by_section {
        writeln!(page, "| {section} | {} |", names.join("; ")).unwrap();
    }
    page
}

#[test]
fn the_document_is_current() {
    let path = root().join("docs/conformance.md");
    let made = document();
    if std::env::var_os("BAREWIRE_WRITE_DOCUMENTS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == made,
        "BAREWIRE_WRITE_DOCUMENTS=1 cargo test --test conformance the_document_is_current"
    );
}

/// The sections are there, in their order, and each requirement has something that holds it.
#[test]
fn every_requirement_is_held() {
    for (number, _, requirements) in RFCS {
        let held: Vec<_> = requirements
            .iter()
            .filter(|one| one.level.is_some())
            .collect();
        assert!(
            held.iter()
                .filter(|one| one.level == Some(Level::Must))
                .count()
                > 15,
            "{number}"
        );
        assert!(held.iter().all(|one| !one.held_by.is_empty()), "{number}");
        let order = |one: &&Requirement| -> Vec<u32> {
            let first = one.section.split(',').next().unwrap_or("");
            first.split('.').map(|part| part.parse().unwrap()).collect()
        };
        assert!(held.is_sorted_by_key(order), "{number}: by section");
    }
}
