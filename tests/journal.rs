//! What the binary writes to stderr while it serves, and what it leaves in the temporary directory.
#![cfg(feature = "cli")]

mod wire;

use std::path::Path;

use rustix::process::Signal;
use wire::process::{Barewire, command};

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// What a server says of a good request, a deferred one, one with a body and a bad one.
fn said_of_four_requests(log: &str) -> Vec<String> {
    let barewire = Barewire::start(&["--log", log]);
    let mut wire = barewire.connect();
    let post = "POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    for request in [
        &get("/plaintext?a=b"),
        &get("/benchmark"),
        post,
        "GET\r\n\r\n",
    ] {
        wire.send(request);
        wire.answer();
    }
    drop(wire);
    barewire.terminate();
    let said = barewire.wait().said;
    said.lines()
        .filter(|line| line.contains("127.0.0.1:"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let lines: Vec<String> = said_of_four_requests("access")
        .iter()
        .filter_map(|line| {
            Some(
                line.split_once(" INFO 127.0.0.1:")?
                    .1
                    .split_once(' ')?
                    .1
                    .to_owned(),
            )
        })
        .collect();
    let expected = [
        "GET /plaintext?a=b 200",
        "GET /benchmark 200",
        "POST /zero-copy 200",
        "- 400",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_error_log_has_refusals_only_with_peer_and_reason() {
    let lines: Vec<String> = said_of_four_requests("errors")
        .into_iter()
        .filter(|line| line.contains(" WARN ") || line.contains(" INFO "))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(": bad_request: "), "{}", lines[0]);
}

#[test]
fn nothing_is_written_unless_asked_for() {
    let lines = said_of_four_requests("off");
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("INFO") && !line.contains("WARN")),
        "{lines:?}"
    );
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// SIGKILL leaves nobody to clean up.
#[test]
fn however_the_process_ends_no_file_is_left() {
    for ends in [&[Signal::TERM, Signal::INT][..], &[Signal::KILL]] {
        let temporary = tempfile::tempdir().unwrap();
        let barewire = Barewire::spawn(command(&["--port", "0"]).env("TMPDIR", temporary.path()));
        let mut wire = barewire.connect();
        let body = r#"{"files":["small.txt","large.txt"]}"#;
        let read = &wire.post("/async-files", body).json()["processing_result"];
        assert_eq!(read["successful_files"], 2);
        wire.send(get("/io-benchmark"));
        for end in ends {
            barewire.signal(*end);
        }
        let code = barewire.wait().status.code();
        assert_eq!(code, (ends.len() > 1).then_some(0));
        assert_eq!(entries(temporary.path()), [""; 0]);
    }
}
