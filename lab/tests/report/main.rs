//! What is drawn from result files: the page, tables, documents and the schema.

mod constructed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use barewire_lab::report::{self, Source};
use barewire_lab::results::Objection;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn objection(about: &str) -> Objection {
    Objection {
        about: about.to_owned(),
        kind: "steal".to_owned(),
        what: "steal of 12 %".to_owned(),
        remedy: "Measure on a quieter machine.".to_owned(),
    }
}

/// The page between two pieces of text.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to}")).0
}

#[test]
fn the_page_has_every_section_and_asks_nobody() {
    let page = report::html(&[constructed::source()]);
    for id in [
        "waterfall",
        "techniques",
        "counts",
        "rivals",
        "latency",
        "flames",
        "article",
        "record",
    ] {
        assert!(
            page.contains(&format!("<section id=\"{id}\">")),
            "no section {id}"
        );
    }
    for outside in [
        "src=\"http",
        "href=\"http",
        "@import",
        "url(",
        "<script",
        "<link",
    ] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    assert!(page.contains("not measured: install perf"));
    assert!(page.contains("data:image/svg+xml;base64,"));
    assert!(page.contains("no conditions were given"));
}

#[test]
fn ids_are_unique() {
    let page = report::html(&[constructed::source(), constructed::source()]);
    let mut ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(all > 20);
}

#[test]
fn names_from_a_file_are_text() {
    let mut source = constructed::source();
    let evil = "<script>alert('1')</script> \"|`_";
    for row in &mut source.results.rows {
        evil.clone_into(&mut row.about);
        evil.clone_into(&mut row.subject);
    }
    evil.clone_into(&mut source.results.latencies[0].subject);
    let page = report::html(std::slice::from_ref(&source));
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
    assert!(!report::github(&[source]).contains("<script"));
}

#[test]
fn an_objection_against_everything_leaves_no_verdict_of_times() {
    let mut source = constructed::source();
    let told = report::html(std::slice::from_ref(&source));
    assert!(between(&told, "<header>", "</header>").contains("1.620 times (1.590 to 1.650)"));
    source.results.objections.push(objection("all"));
    let withheld = report::html(std::slice::from_ref(&source));
    let header = between(&withheld, "<header>", "</header>");
    assert!(!header.contains("1.620"), "{header}");
    assert!(header.contains("steal of 12 %") && header.contains("Measure on a quieter machine."));
}

#[test]
fn an_objection_against_one_subject_leaves_out_that_one() {
    let mut source = constructed::source();
    source.results.objections.push(objection("axum"));
    let page = report::html(&[source]);
    let header = between(&page, "<header>", "</header>");
    assert!(!header.contains("axum (1.480)"));
    assert!(header.contains("hyper (1.310)"));
}

#[test]
fn a_document_is_made_anew_between_its_marks() {
    let sources = [constructed::source()];
    let text = "Before.\n<!-- results:limit -->\nold\n<!-- /results:limit -->\nAfter.\n";
    let new = report::document(text, Path::new("."), &sources).expect("a document");
    assert!(new.starts_with("Before.\n") && new.ends_with("\nAfter.\n"));
    assert!(!new.contains("old"));
    assert!(new.contains("| keep-alive | L1 | 4,501 | 5,001 |"), "{new}");
    assert!(new.contains("commit 0123456789ab with changes, 2001-02-03"));
    let again = report::document(&new, Path::new("."), &sources).expect("a document");
    assert_eq!(new, again);
}

#[test]
fn a_document_can_choose_a_file() {
    let mut other = constructed::source();
    "constructed/other.json".clone_into(&mut other.name);
    let sources = [constructed::source(), other];
    let asked = |name: &str| {
        let text = format!("<!-- results:{name} -->\n<!-- /results:{name} -->");
        report::document(&text, Path::new("."), &sources)
    };
    let both = asked("article").expect("a document");
    assert!(both.contains("everything.json") && both.contains("other.json"));
    let one = asked("article@other").expect("a document");
    assert!(!one.contains("everything.json") && one.contains("other.json"));
    assert!(asked("article@third").is_err());
    assert!(asked("nonsense").is_err());
}

#[test]
fn a_mark_without_its_end_is_an_error() {
    let told = report::document(
        "<!-- results:limit -->\n",
        Path::new("."),
        &[constructed::source()],
    );
    let told = format!("{:#}", told.expect_err("no end"));
    assert!(told.contains("/results:limit"), "{told}");
}

#[test]
fn a_column_sign_does_not_break_a_row() {
    let text = report::github(&[constructed::source()]);
    assert!(text.contains(r"no conditions were given \| and"));
}

/// The repository's documents are what its result files say.
#[test]
fn documents_are_current() {
    let mut sources = Vec::new();
    for entry in fs::read_dir(root().join("docs/results")).expect("docs/results") {
        let path = entry.expect("an entry").path();
        let is_result = path
            .extension()
            .is_some_and(|extension| extension == "json");
        if is_result && !path.ends_with("schema.json") {
            sources.push(Source::read(&path).expect("a result file"));
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    for folder in [root(), root().join("docs")] {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).expect("a document");
                let new = report::document(&text, &folder, &sources);
                assert_eq!(
                    text,
                    new.expect("tables"),
                    "{}: report --update-document",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_schema_is_current() {
    let stored = fs::read_to_string(root().join("docs/results/schema.json")).expect("the schema");
    let made = report::schema().expect("a schema");
    assert_eq!(
        stored.trim(),
        made,
        "barewire-lab report --schema > docs/results/schema.json"
    );
}

#[test]
fn the_schema_takes_a_result_and_no_other() {
    let schema: Value = serde_json::from_str(&report::schema().expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut result = serde_json::to_value(constructed::results()).expect("JSON");
    assert!(
        validator.is_valid(&result),
        "{:?}",
        validator.iter_errors(&result).next()
    );
    result["blocks"][0]["requests_per_second"] = Value::from("many");
    assert!(!validator.is_valid(&result));
}

/// Chromium draws the page: a picture of the size that was asked for, with the charts in the tree.
#[test]
fn chromium_opens_the_page() {
    let Ok(chromium) = which::which("chromium") else {
        eprintln!("skipped: chromium is not installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    fs::write(&page, report::html(&[constructed::source()])).expect("a page");
    let picture = folder.path().join("page.png");
    let profile = format!(
        "--user-data-dir={}",
        folder.path().join("profile").display()
    );
    let screenshot = format!("--screenshot={}", picture.display());
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1200,2000",
        ])
        .args([&profile, &screenshot])
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let bytes = fs::read(&picture).expect("a picture");
    assert_eq!(bytes.get(..8), Some(&b"\x89PNG\r\n\x1a\n"[..]));
    let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((size(16), size(20)), (1_200, 2_000));
    // A page of one colour has no more than a few thousand bytes.
    assert!(bytes.len() > 50_000, "{} bytes", bytes.len());
    if let Some(kept) = std::env::var_os("REPORT_PAGE") {
        fs::copy(&page, kept).expect("a copy");
    }
}
