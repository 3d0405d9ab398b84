//! Small ablations of the real server, from the command line to the file.
//!
//! Counts are looked at, times are not: whoever else runs on the machine may make them anything.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use barewire_lab::results::{Counters, Results, RowKind};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

mod server;

/// A folder for results, with a PATH that has no valgrind: under it, a server of the test's profile
/// takes a minute.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let taskset = which::which("taskset").unwrap();
        symlink(taskset, folder.path().join("taskset")).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ablation.json")
    }

    fn ablate(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
        command.arg("ablate").args(words.split_whitespace());
        command.env("PATH", self.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn begin(&self, words: &str) -> Command {
        let mut command = self.ablate(words);
        command.arg("--server").arg(server::path());
        command.arg("--output").arg(self.file());
        command
    }

    fn resume(&self, words: &str) -> Command {
        let mut command = self.ablate(words);
        command.arg("--resume").arg(self.file());
        command
    }

    fn results(&self) -> Results {
        Results::load(&self.file()).unwrap()
    }
}

fn told(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Done, or done and too noisy to judge.
#[track_caller]
fn ended_well(output: &Output) {
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 4)), "{code:?}: {}", told(output));
}

fn counters<'a>(results: &'a Results, subject: &str, workload: &str) -> &'a Counters {
    let mut counters = results.counters.iter();
    let found = counters.find(|one| one.subject == subject && one.workload == workload);
    found.unwrap_or_else(|| panic!("{subject}, {workload}: not counted"))
}

#[test]
fn a_quick_one_counts_what_a_technique_saves() {
    let bench = Bench::new();
    let words =
        "--quick --techniques register-once,json-in-place --minutes 0.02 --block-seconds 0.1";
    let output = bench.begin(words).output().unwrap();
    ended_well(&output);
    let results = bench.results();
    let epoll_ctl = |subject| counters(&results, subject, "keep-alive").system_calls["epoll_ctl"];
    assert!(epoll_ctl("full, by flags") < 0.1);
    assert!(epoll_ctl("without register-once") > 0.9);
    let json = |subject| counters(&results, subject, "keep-alive-json").allocations;
    assert!(json("without json-in-place").unwrap() > 1.0);
    assert!(json("full, by flags").unwrap() < 0.1);
    // A first pair is always begun, whatever the time.
    assert_eq!(results.blocks[0].subject, "full");
    assert!(results.blocks[0].requests > 0);
    for block in &results.blocks {
        assert!(
            results.subjects.contains_key(&block.subject),
            "{}",
            block.subject
        );
        assert!(
            results.workloads.contains_key(&block.workload),
            "{}",
            block.workload
        );
    }
    let file = bench.file();
    assert!(told(&output).contains(&format!("written: {}", file.display())));

    let output = bench.resume("").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("is used up: --minutes"),
        "{}",
        told(&output)
    );
}

#[test]
fn one_that_was_broken_off_keeps_what_was_done_and_goes_on() {
    let bench = Bench::new();
    let words = "--quick --techniques slab --minutes 5 --block-seconds 0.1";
    let child = bench.begin(words).spawn().unwrap();
    wait_for_a_block(&bench);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    ended_well(&output);
    assert!(
        told(&output).contains("ablate --resume"),
        "{}",
        told(&output)
    );
    let before = bench.results();
    assert!(before.counters.is_empty(), "it was broken off before that");

    ended_well(&bench.resume("--minutes 0.02").output().unwrap());
    let after = bench.results();
    assert!(after.blocks.len() >= before.blocks.len());
    for (then, now) in before.blocks.iter().zip(&after.blocks) {
        assert_eq!(then.at_seconds.to_bits(), now.at_seconds.to_bits());
        assert_eq!(then.requests, now.requests);
    }
    assert_eq!(after.command, before.command);
    assert!(after.seconds > before.seconds);
    counters(&after, "without slab", "pipelined-x16");
    assert!(after.rows.iter().all(|row| row.kind != RowKind::Control));
}

/// Until the file has one. The file is always whole, so any that can be read will do.
fn wait_for_a_block(bench: &Bench) {
    for _ in 0..3_000 {
        if Results::load(&bench.file()).is_ok_and(|results| !results.blocks.is_empty()) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no block within half a minute");
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn what_makes_no_sense_is_said_at_once() {
    let bench = Bench::new();
    for (words, code, expected) in [
        ("--server /nowhere/barewire", 1, "cargo build --release"),
        ("--resume x.json --quick", 2, "cannot be used with"),
        ("--quick --full", 2, "cannot be used with"),
        ("--block-seconds 0", 2, "a number above 0"),
        ("--pairs-max 5", 2, "5 is not in 6.."),
        ("--resume /nowhere.json", 1, "nowhere.json cannot be read"),
    ] {
        let output = bench.ablate(words).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{words}: {}",
            told(&output)
        );
        assert!(
            told(&output).contains(expected),
            "{words}: {}",
            told(&output)
        );
    }
    let mut unknown = bench.begin("--techniques slap");
    let output = unknown.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("slap is no technique"),
        "{}",
        told(&output)
    );
}
