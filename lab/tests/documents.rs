//! `docs/lab.md` against the program: every command and option that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).expect(path)
}

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("barewire-lab"));
    let output = command.args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands as the program lists them.
fn commands() -> BTreeSet<String> {
    let help = help(&[]);
    let listed = help.split("Commands:").nth(1).expect("a list of commands");
    let listed = listed.split("Options:").next().unwrap_or_default();
    let names = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_table_has_every_command() {
    let page = read("docs/lab.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let named: BTreeSet<_> = rows.map(str::to_owned).collect();
    assert_eq!(named, commands());
}

#[test]
fn every_option_exists() {
    let mut known = BTreeSet::new();
    for command in commands() {
        let help = help(&[&command]);
        let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        known.extend(
            words
                .filter(|word| word.starts_with("--"))
                .map(str::to_owned),
        );
    }
    // Cargo's own, and that of contrib/results.sh.
    known.extend(["--release", "--workspace", "--", "--check"].map(str::to_owned));
    for document in ["docs/lab.md", "docs/framework-tax.md", "peers/README.md"] {
        let page = read(document);
        // Not in the tables that are made of results: those quote any program's options.
        let own = page.split("<!-- results:").next().unwrap_or_default();
        let words = own.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        for word in words.filter(|word| word.starts_with("--")) {
            let is_rule = word.chars().all(|c| c == '-');
            assert!(is_rule || known.contains(word), "{document} names {word}");
        }
    }
}

#[test]
fn every_subcommand_is_one_of_the_list() {
    let known = commands();
    for document in [
        "README.md",
        "docs/lab.md",
        "docs/framework-tax.md",
        "docs/profiling.md",
        "docs/testing.md",
        "peers/README.md",
    ] {
        let page = read(document);
        let calls = page
            .lines()
            .filter_map(|line| line.split("-p barewire-lab -- ").nth(1));
        for call in calls {
            let end = |next: char| next.is_whitespace() || next == '`';
            let command = call.split(end).next().unwrap_or_default();
            assert!(known.contains(command), "{document}: {call}");
        }
    }
}
