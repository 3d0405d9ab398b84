//! What a server needs is taken away while it serves.
#![cfg(feature = "cli")]

use std::fs;
use std::process::Command;

use wire::process::{Barewire, command};

mod wire;

/// `POST /async-files` for one file.
fn read_request(name: &str) -> String {
    let body = format!("{{\"files\":[\"{name}\"]}}");
    let length = body.len();
    format!("POST /async-files HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_files_root_that_is_removed_is_told_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("here"), "1234").unwrap();
    let root = folder.path().to_str().unwrap();
    let barewire = Barewire::start(&["--workers", "1", "--files-root", root]);
    let mut wire = barewire.connect();
    wire.send(read_request("here"));
    assert_eq!(
        wire.answer().json()["processing_result"]["successful_files"],
        1
    );
    folder.close().unwrap();
    wire.send(read_request("here"));
    let answer = wire.answer();
    let result = &answer.json()["processing_result"];
    assert_eq!(
        (&result["successful_files"], &result["failed_files"]),
        (&0.into(), &1.into())
    );
    assert!(
        answer
            .text()
            .contains("does not exist below the files root"),
        "{}",
        answer.text()
    );
    wire.expect_open();
    barewire.terminate();
    drop(wire);
    assert!(barewire.wait().status.success());
}

/// Only the route that needs it says so, and what to do.
#[test]
fn without_a_temporary_directory_the_server_serves() {
    let mut server = command(&["--port", "0", "--workers", "1"]);
    let barewire = Barewire::spawn(server.env("TMPDIR", "/nonexistent"));
    let mut wire = barewire.connect();
    assert_eq!(wire.get("/plaintext").status, 200);
    wire.send(read_request("small.txt"));
    let result = &wire.answer().json()["processing_result"];
    assert_eq!(result["successful_files"], 1, "the samples are in memory");
    let answer = wire.get("/io-benchmark");
    assert_eq!(
        (answer.status, answer.field("Retry-After")),
        (503, Some("1"))
    );
    assert!(answer.text().contains("set TMPDIR"), "{}", answer.text());
    wire.expect_open();
    barewire.terminate();
    drop(wire);
    assert!(barewire.wait().status.success());
}

/// By default the signal that a write beyond the limit raises ends the process (setrlimit(2),
/// SIGXFSZ).
#[test]
fn a_file_that_may_not_grow_is_an_answer_and_not_the_end() {
    let mut server = Command::new("/bin/sh");
    server
        .env_clear()
        .args(["-c", "ulimit -f 8 && exec \"$0\" --port 0 --workers 1"])
        .arg(assert_cmd::cargo::cargo_bin!("barewire"));
    let barewire = Barewire::spawn(&mut server);
    let mut wire = barewire.connect();
    for _ in 0..2 {
        wire.send(read_request("small.txt"));
        let answer = wire.answer();
        assert_eq!(answer.status, 503, "the samples need room in memory");
        let sentence = answer.text();
        assert!(sentence.contains("File too large"), "{sentence}");
        assert!(sentence.contains("--files-root"), "{sentence}");
    }
    for _ in 0..2 {
        let answer = wire.get("/io-benchmark");
        assert_eq!(answer.status, 500);
        assert!(
            answer.text().contains("File too large"),
            "{}",
            answer.text()
        );
    }
    wire.expect_open();
    barewire.terminate();
    drop(wire);
    assert!(barewire.wait().status.success());
}
