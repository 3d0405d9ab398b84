//! The instrument on real processes, from the command line to the file.
//!
//! What is there is looked at, and counts; times are not: whoever else runs on the machine may make
//! them anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use barewire_lab::process::Subject;
use barewire_lab::progress::Progress;
use barewire_lab::results::{Results, RowKind};
use barewire_lab::turns::{Contest, Entrant};
use barewire_lab::workload::Workload;

mod server;

fn lab(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
    command.args(words).stdin(Stdio::null());
    command
}

fn told(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[track_caller]
fn ended_with(output: &Output, codes: &[i32]) {
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| codes.contains(&code)),
        "{code:?}: {}",
        told(output)
    );
}

fn canned(name: &str, arguments: &[&str]) -> Entrant {
    Entrant::of(Subject::announcing(
        name,
        env!("CARGO_BIN_EXE_canned"),
        arguments,
    ))
}

fn contest(entrants: Vec<Entrant>) -> Contest {
    Contest {
        entrants,
        workloads: vec![
            Workload::keep_alive(),
            Workload::keep_alive().at_forty_percent(),
        ],
        sets: 2,
        rounds: 2,
        timed: false,
    }
}

/// A second one of the process would listen for signals twice.
fn held(contest: &Contest) -> Results {
    let mut results = Results::default();
    let progress = Progress::of(contest.steps()).unwrap();
    contest.hold(&mut results, &progress, |_| Ok(())).unwrap();
    results
}

#[test]
fn each_server_has_its_turns_in_each_set() {
    let bytes = ["--level", "0", "--request-bytes", "{request_bytes}"];
    let results = held(&contest(vec![
        canned("L0", &bytes),
        canned("L1", &["--level", "1"]),
    ]));
    assert!(results.missing.is_empty(), "{:?}", results.missing);
    assert_eq!(results.runs.len(), 2 * 2 * 2, "servers, workloads, sets");
    for run in &results.runs {
        assert_eq!(run.ns.len(), 2, "a figure for each round");
        assert!(run.requests > 0 && run.cpu_seconds > 0.0 && run.resident_bytes > 0);
        let is_timed = run.workload.ends_with("percent");
        assert_eq!(run.p50_ns.len(), if is_timed { 2 } else { 0 });
    }
}

#[test]
fn who_fails_loses_its_own_rows_and_nobody_elses() {
    let leaves = canned("leaves", &["--level", "1", "--seconds", "1"]);
    let absent = Entrant::of(Subject {
        name: "absent".to_owned(),
        program: "/nowhere/server".into(),
        ..Subject::default()
    });
    let mut contest = contest(vec![absent, leaves, canned("L1", &["--level", "1"])]);
    contest.rounds = 12;
    let results = held(&contest);
    let missing: Vec<&str> = results.missing.keys().map(String::as_str).collect();
    assert_eq!(missing, ["absent", "leaves"]);
    let whole = results.runs.iter().filter(|run| run.subject == "L1");
    assert_eq!(whole.count(), 2 * 2);
}

/// What an ablation has found, and said. 4 says that a control failed, which a busy machine may do.
fn ablated(arguments: &[&str]) -> (Results, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ablation.json");
    let output = lab(&["ablate"])
        .args(arguments)
        .args(["--server".as_ref(), server::path().as_os_str()])
        .args(["--output".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    ended_with(&output, &[0, 4]);
    (Results::load(&file).unwrap(), told(&output))
}

#[test]
fn an_ablation_counts_what_a_technique_saves() {
    let quick = || ablated(&["--quick", "--techniques", "register-once"]);
    // On a busy machine a duel may have too little time or load to judge, and says so: once more.
    let mut reasons = Vec::new();
    let whole = (0..5).map(|_| quick()).find(|(results, _)| {
        reasons.push(results.missing.clone());
        results.missing.is_empty()
    });
    let (results, told) = whole.unwrap_or_else(|| panic!("never whole: {reasons:?}"));
    let row = results
        .row(RowKind::LeaveOut, "register-once", "keep-alive")
        .unwrap();
    assert!(row.why.contains("epoll_ctl more"), "{}", row.why);
    assert!(row.predicted_ns.unwrap() > 0.0);
    let controls = results
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::Control);
    assert_eq!(controls.count(), 3);
    assert!(results.row(RowKind::Naive, "naive", "keep-alive").is_some());
    assert!(told.contains("without register-once"));
}

#[test]
fn what_shows_in_latency_is_compared_between_processes() {
    let arguments = ["--techniques", "spin,accept-batches", "--sets", "2"];
    let (results, _) = ablated(&arguments);
    assert!(results.missing.is_empty(), "{:?}", results.missing);
    for (about, workload, figure) in [
        ("spin", "one-connection", "median latency"),
        ("accept-batches", "storm", "neighbour's p99"),
    ] {
        let row = results.row(RowKind::LeaveOut, about, workload).unwrap();
        assert_eq!((row.judged_by.as_str(), row.ratios.len()), (figure, 2));
    }
}

#[test]
fn two_servers_of_anybodys_are_compared() {
    let canned = env!("CARGO_BIN_EXE_canned");
    let a = format!("{canned} --level 1 --port {{port}}");
    let b = format!("{canned} --level 2 --port $PORT");
    let output = lab(&["versus", &a, &b, "--sets", "2", "--rounds", "2"])
        .output()
        .unwrap();
    ended_with(&output, &[0, 4]);
    assert!(told(&output).contains("B: "), "{}", told(&output));
    let crossed = lab(&[
        "versus",
        &a,
        &b,
        "--sets",
        "2",
        "--rounds",
        "2",
        "--fail-if",
        "ratio > 0",
    ]);
    ended_with(&{ crossed }.output().unwrap(), &[3]);
    let absent = lab(&["versus", &a, "/nowhere/server", "--sets", "2"])
        .output()
        .unwrap();
    ended_with(&absent, &[1]);
    assert!(told(&absent).contains("B: "), "{}", told(&absent));
}

#[test]
fn a_running_server_is_asked() {
    let server = Running::start();
    let duel = |words: &[&str]| {
        let output = lab(&[&["duel", &server.url], words].concat()).output();
        output.unwrap()
    };
    let output = duel(&[
        "--without",
        "register-once",
        "--load",
        "keep-alive",
        "--seconds",
        "2",
    ]);
    ended_with(&output, &[0, 4]);
    let said = told(&output);
    assert!(
        said.contains("register-once") || said.contains("No verdict"),
        "{said}"
    );
    let idle = duel(&["--without", "slab", "--seconds", "1"]);
    ended_with(&idle, &[1]);
    assert!(told(&idle).contains("refuses"), "{}", told(&idle));
    let unknown = duel(&["--without", "slap", "--load", "keep-alive"]);
    ended_with(&unknown, &[1]);
    assert!(
        told(&unknown).contains("no technique"),
        "{}",
        told(&unknown)
    );
}

/// A live server, ended with the test.
struct Running {
    url: String,
    _process: barewire_lab::process::Running,
}

impl Running {
    fn start() -> Self {
        let arguments = ["--workers", "1", "--port", "0", "--live"];
        let subject = Subject::announcing("barewire", server::path(), &arguments);
        let process = barewire_lab::process::Running::start(&subject, 1, &[]).unwrap();
        Self {
            url: format!("http://{}", process.address()),
            _process: process,
        }
    }
}

/// Rivals that cannot be built: the others are measured all the same.
#[test]
fn the_front_page_is_measured_without_rivals_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    for rival in ["hyper", "axum", "hyperlane-5"] {
        let rival = folder.path().join("peers").join(rival);
        fs::create_dir_all(&rival).unwrap();
        let about = "about = ''\nlanguage = ''\nversion = ''\nnotes = ''\npipelining = true\n\
            run = ['./nowhere']\n";
        fs::write(rival.join("peer.toml"), about).unwrap();
    }
    let output = lab(&["front", "--sets", "2", "--rounds", "1", "--seconds", "1"])
        .args(["--server".as_ref(), server::path().as_os_str()])
        .current_dir(folder.path())
        .output()
        .unwrap();
    ended_with(&output, &[1]);
    let results = Results::load(&folder.path().join("results/front.json")).unwrap();
    let missing: Vec<&str> = results.missing.keys().map(String::as_str).collect();
    assert_eq!(
        missing,
        ["axum", "hyper", "hyperlane-5"],
        "{}",
        told(&output)
    );
    for about in ["barewire", "naive"] {
        let row = results.row(RowKind::Limit, about, "keep-alive").unwrap();
        assert_eq!((row.base.as_str(), row.ratios.len()), ("L0", 2));
    }
    let looked_at = results.kernel_shares.iter().map(|one| one.of.as_str());
    assert_eq!(looked_at.collect::<Vec<_>>(), ["L0", "barewire", "naive"]);
    for one in &results.kernel_shares {
        // A second has too few ticks.
        assert!(one.cpu_seconds > 0.0 && one.share.is_none(), "{one:?}");
    }
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere: PathBuf = folder.path().join("x.json");
    let server = server::path().to_str().unwrap();
    for (words, code, expected) in [
        (
            "ablate --server /nowhere/barewire",
            1,
            "cargo build --release",
        ),
        (
            "ablate --techniques slap --server SERVER",
            1,
            "slap is no technique",
        ),
        (
            "ablate --fail-if slap<1 --server SERVER",
            1,
            "slap is unknown; there are",
        ),
        (
            "ablate --fail-if naive< --server SERVER",
            1,
            "cannot be read",
        ),
        (
            "limit --fail-if nanos>1 --server SERVER",
            1,
            "nanos is unknown",
        ),
        (
            "limit --workload cache --server SERVER",
            1,
            "of `ablate` only",
        ),
        (
            "limit --workload fast --server SERVER",
            1,
            "fast is no workload",
        ),
        ("limit --sets 1", 2, "1 is not in 2.."),
        ("front --sets 1", 2, "1 is not in 2.."),
        ("front --rounds 0", 2, "0 is not in 1.."),
        ("front --seconds 0", 2, "0 is not in 1..=600"),
        (
            "front --server /nowhere/barewire",
            1,
            "cargo build --release",
        ),
        (
            "versus a b --fail-if cost>1",
            1,
            "cost is unknown; there are ratio",
        ),
        ("versus a", 2, "COMMAND B"),
        ("duel http://127.0.0.1:1 --a slab=on", 2, "--b"),
        ("duel 127.0.0.1:80 --load keep-alive", 1, "is not http://"),
        (
            "compare --peers nobody --server SERVER",
            1,
            "nobody is no rival",
        ),
    ] {
        let words: Vec<&str> = words
            .split(' ')
            .map(|word| if word == "SERVER" { server } else { word })
            .collect();
        let output = lab(&words).current_dir(root()).output().unwrap();
        ended_with(&output, &[code]);
        assert!(
            told(&output).contains(expected),
            "{words:?}: {}",
            told(&output)
        );
    }
    assert!(!nowhere.exists());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn who_reads_may_leave() {
    let mut child = lab(&["report", "--schema"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!told(&output).contains("panicked"), "{}", told(&output));
}
