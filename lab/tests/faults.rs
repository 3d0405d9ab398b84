//! The real server under each kind of fault, a little of it; and that a broken promise is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

mod server;

fn lab(arguments: &[&str]) -> Output {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
    lab.args(arguments).output().unwrap()
}

/// What was found, if the lab ended with this code.
fn findings(arguments: &[&str], code: i32) -> Vec<Value> {
    let output = lab(arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_promise_is_kept() {
    let server = server::path().to_str().unwrap();
    let list = String::from_utf8(lab(&["faults", "--list"]).stdout).unwrap();
    let names = list.lines().step_by(2);
    let names = names.map(|line| line.split(' ').next().unwrap());
    // It takes 12 s, whatever is asked for: `tests/back_pressure.rs` holds the same without
    // waiting.
    let names: Vec<_> = names.filter(|name| *name != "steady-slow-reader").collect();
    let found = findings(
        &[
            "faults",
            "--only",
            &names.join(","),
            "--server",
            server,
            "--seconds",
            "1",
            "--peers-max",
            "30",
            "--untimed",
            "--json",
        ],
        0,
    );
    assert_eq!(found.len(), names.len());
    for finding in found {
        assert_eq!(finding["broken"], Value::Array(Vec::new()), "{finding}");
        assert!(
            !finding["facts"].as_array().unwrap().is_empty(),
            "{finding}"
        );
        // While the server is stopped they wait.
        let meanwhile = &finding["meanwhile"];
        let due = ["requests", "unsent"].map(|name| meanwhile[name].as_u64().unwrap());
        assert!(due.iter().sum::<u64>() > 400, "{finding}");
    }
}

#[test]
fn a_broken_promise_is_told_and_is_a_failure() {
    // It has room for all the jobs, so that the pool is never full; it lingers for an hour; a head
    // is late before the server is stopped.
    for (case, option, broken) in [
        ("jobs", "--jobs-max 9999", "the pool was never full"),
        (
            "lingering-flood",
            "--lingering-timeout 1h",
            "0 of 8 cut off",
        ),
        ("stopped", "--head-timeout 1ms", "0 of 20 served in time"),
    ] {
        broken_with(case, option, broken);
    }
}

/// A server with another value for an option of the case breaks its promise.
fn broken_with(case: &str, option: &str, broken: &str) {
    let folder = tempfile::tempdir().unwrap();
    let wrapper = folder.path().join("other");
    let server = server::path().display();
    let name = option.split(' ').next().unwrap();
    let script =
        format!("#!/bin/sh\nexec {server} $(echo \"$@\" | sed 's/{name} [^ ]*/{option}/')\n");
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let wrapper = wrapper.to_str().unwrap();
    let arguments = [
        "faults",
        "--only",
        case,
        "--seconds",
        "0.3",
        "--json",
        "--server",
        wrapper,
    ];
    let found = findings(&arguments, 1);
    assert_eq!(found[0]["broken"][0], broken);
}

#[test]
fn a_name_that_is_none_is_refused_with_those_that_are() {
    let output = lab(&["faults", "--only", "earthquake"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("earthquake is no case; there are idle, slow-head"),
        "{told}"
    );
}

#[test]
fn a_document_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faults.md");
    let server = server::path().to_str().unwrap();
    let arguments = [
        "faults",
        "--only",
        "resets",
        "--seconds",
        "0.2",
        "--peers-max",
        "5",
    ];
    let shown = path.to_str().unwrap();
    let output = lab(&[&arguments[..], &["--server", server, "--document", shown]].concat());
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(Path::new(&path)).unwrap();
    assert!(
        text.contains("\n## resets\n")
            && text.contains("| resets | ")
            && text.contains("% | held |"),
        "{text}"
    );
}

#[test]
fn a_soak_finds_nothing_that_is_lost() {
    let server = server::path().to_str().unwrap();
    let output = lab(&[
        "soak",
        "--server",
        server,
        "--minutes",
        "0.04",
        "--every",
        "0.2",
    ]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        told.contains(" answers made, ") && !told.contains("BROKEN"),
        "{told}"
    );
}
