//! `check`: wrk's own output is clean, the article's is not, and each contradiction is found.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use barewire_lab::check::{Examined, Known, Severity, examine};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/wrk")
        .join(name)
}

/// The article's three runs lie with what is said of them.
const THREE_RUNS: &str = "../../src/article/three-runs.txt";

fn text(name: &str) -> String {
    std::fs::read_to_string(folder(name)).unwrap()
}

/// The findings of one run: weight and kind.
fn of(run: &Examined) -> Vec<(Severity, &'static str)> {
    let findings = run.findings.iter();
    findings.map(|one| (one.severity, one.kind)).collect()
}

fn only(text: &str, known: &Known) -> Examined {
    let mut runs = examine(text, known);
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// A real run after one replacement, which must apply.
fn changed(from: &str, to: &str) -> Examined {
    let real = text("real/latency.txt");
    assert!(real.contains(from), "{from}");
    only(&real.replace(from, to), &Known::default())
}

fn assert_impossible(run: &Examined, kind: &str, told: &str) {
    let mut findings = run.findings.iter();
    let found = findings.find(|one| one.kind == kind && one.severity == Severity::Impossible);
    let found = found.unwrap_or_else(|| panic!("no impossible {kind}: {:?}", run.findings));
    assert!(
        found.sentence.contains(told),
        "no `{told}` in: {}",
        found.sentence
    );
    assert!(!found.source.is_empty());
}

#[test]
fn a_genuine_run_has_nothing_to_object_to() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder("real")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let run = only(&std::fs::read_to_string(&path).unwrap(), &Known::default());
            let objected = run.findings.iter().any(|one| one.severity.is_objection());
            assert!(!objected, "{}: {run:?}", path.display());
            let mut command = Command::cargo_bin("barewire-lab").unwrap();
            let output = command.arg("check").arg(&path).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", path.display());
            let printed = String::from_utf8(output.stdout).unwrap();
            assert!(printed.contains("nothing to object to"), "{printed}");
            seen += 1;
        }
    }
    assert_eq!(seen, GENUINE);
}

/// The runs in `wrk/real`.
const GENUINE: u32 = 26;

#[test]
fn the_same_runs_doctored_are_caught() {
    for (name, from, to, kind, severity) in DOCTORED {
        let real = text(&format!("real/{name}.txt"));
        assert!(real.contains(from), "{name}: {from}");
        let run = only(&real.replacen(from, to, 1), &Known::default());
        assert!(of(&run).contains(&(severity, kind)), "{name}: {run:?}");
    }
}

const DOCTORED: [(&str, &str, &str, &str, Severity); 14] = [
    // Padding raises a mean with its deviation, and never the mean alone.
    (
        "few",
        "778.82us    1.56ms",
        "778.82us   56.00us",
        "little",
        Severity::Impossible,
    ),
    (
        "loaded",
        "5.62ms    9.26ms",
        "5.62ms    0.90ms",
        "little",
        Severity::Impossible,
    ),
    (
        "long",
        "0.90ms    2.00ms",
        "0.90ms  200.00us",
        "little",
        Severity::Impossible,
    ),
    (
        "close",
        "4.84ms    7.12ms",
        "9.84ms    1.12ms",
        "little",
        Severity::Impossible,
    ),
    (
        "benchmark-latency",
        "31121.32",
        "41121.32",
        "rate",
        Severity::Impossible,
    ),
    (
        "loaded-few",
        "9409.43",
        "9,409.43",
        "separators",
        Severity::Impossible,
    ),
    (
        "many",
        "17.80ms",
        "57.80ms",
        "percentiles",
        Severity::Impossible,
    ),
    (
        "thousand",
        "5.26MB",
        "6.26MB",
        "transfer",
        Severity::Impossible,
    ),
    ("uneven", "743.29us", "0.74ms", "unit", Severity::Impossible),
    (
        "second",
        "2 connections",
        "20 connections",
        "command",
        Severity::Impossible,
    ),
    (
        "not-found-padded",
        "responses: 67896",
        "responses: 77896",
        "status",
        Severity::Impossible,
    ),
    (
        "pipelined-32",
        "250.54MB",
        "20.54MB",
        "bytes",
        Severity::Impossible,
    ),
    (
        "pipelined-32",
        "443.58k",
        "243.58k",
        "threads",
        Severity::Suspicious,
    ),
    (
        "benchmark-slow",
        "51.88ms",
        "11.88ms",
        "client-bound",
        Severity::Suspicious,
    ),
];

/// What only a script excuses is no objection with one, and impossible if there was none.
#[test]
fn without_the_command_line_a_script_may_have_pipelined() {
    let of_pipeline = |text: &str, pipeline| {
        let known = Known {
            pipeline,
            ..Known::default()
        };
        of(&only(text, &known))
    };
    let real = text("real/pipelined-32.txt");
    // The script's depth, and its `--`, are cut off with its name.
    let unscripted = real
        .replace(" -s contrib/pipeline.lua", "")
        .replace(" -- 32", "");
    let (_, output) = real.split_once('\n').unwrap();
    for (text, pipeline, severity) in [
        (output, None, Severity::Suspicious),
        (output, Some(1), Severity::Impossible),
        (&unscripted, None, Severity::Impossible),
        (&real, None, Severity::Note),
        (&real, Some(32), Severity::Note),
    ] {
        let found = of_pipeline(text, pipeline);
        assert!(
            found.contains(&(severity, "percentiles")),
            "{pipeline:?}: {found:?}"
        );
    }
    let narrow = text("real/few.txt").replace("1.56ms", "56.00us");
    let (_, output) = narrow.split_once('\n').unwrap();
    assert_eq!(
        of_pipeline(output, None),
        [(Severity::Suspicious, "little")]
    );
    assert_eq!(
        of_pipeline(output, Some(1)),
        [(Severity::Impossible, "little")]
    );
}

/// wrk prints whole minutes in its first line: 90 s are `2m`.
#[test]
fn minutes_are_rounded_in_the_first_line() {
    let run = only(&text("real/minutes.txt"), &Known::default());
    assert!(
        !of(&run).iter().any(|(_, kind)| *kind == "runtime"),
        "{run:?}"
    );
    let run = only(&text("real/interrupted.txt"), &Known::default());
    assert!(of(&run).contains(&(Severity::Note, "runtime")), "{run:?}");
}

#[test]
fn a_run_without_an_answer_says_so() {
    let run = only(&text("real/no-answer.txt"), &Known::default());
    assert_eq!(of(&run), [(Severity::Note, "timeout")]);
    assert!(run.findings[0].sentence.contains("there was no answer"));
}

/// Threads that are served in turn have no samples while they wait.
#[test]
fn more_than_all_threads_together_is_a_note() {
    let run = changed("71.60k     2.30k", "142.00k    2.30k");
    assert!(of(&run).contains(&(Severity::Note, "threads")), "{run:?}");
}

#[test]
fn ordinary_runs_have_no_findings() {
    for name in ["keep-alive", "latency", "slow"] {
        let run = only(&text(&format!("real/{name}.txt")), &Known::default());
        assert_eq!(of(&run), [], "{name}");
        assert!(run.command.unwrap().starts_with("wrk -t"));
    }
}

#[test]
fn connections_that_do_not_divide_are_noted() {
    let run = only(&text("real/benchmark.txt"), &Known::default());
    assert_eq!(of(&run), [(Severity::Note, "connections")]);
    assert!(
        run.findings[0]
            .sentence
            .contains("396 connections and not 400")
    );
}

#[test]
fn failures_are_told() {
    let run = only(&text("real/not-found.txt"), &Known::default());
    assert_eq!(of(&run), [(Severity::Note, "status")]);
    let run = only(&text("real/timeout.txt"), &Known::default());
    let told = [(Severity::Note, "errors"), (Severity::Note, "timeout")];
    assert_eq!(of(&run), told);
}

#[test]
fn a_pipelining_script_needs_its_depth() {
    let real = text("real/pipelined.txt");
    let pipelined = |pipeline| Known {
        pipeline,
        ..Known::default()
    };
    let told = [(Severity::Note, "little")];
    assert_eq!(of(&only(&real, &pipelined(None))), told);
    assert_eq!(of(&only(&real, &pipelined(Some(16)))), []);
}

#[test]
fn wrks_padding_is_no_contradiction() {
    let known = Known {
        pipeline: Some(1),
        ..Known::default()
    };
    let run = only(&text("real/tail.txt"), &known);
    assert_eq!(of(&run), [(Severity::Note, "little")]);
    assert!(run.findings[0].sentence.contains("wrk pads its latencies"));
}

#[test]
fn the_articles_runs_are_caught() {
    let runs = examine(&text(THREE_RUNS), &Known::default());
    assert_eq!(runs.len(), 3);
    for run in &runs {
        assert_impossible(run, "separators", "wrk prints plain digits");
        assert_impossible(run, "decimals", "two decimals");
        assert!(of(run).contains(&(Severity::Suspicious, "runtime")));
        assert_eq!(
            run.command
                .as_deref()
                .unwrap()
                .split_once(" http")
                .unwrap()
                .0,
            LINE
        );
    }
    let little = |run: &Examined| run.findings.iter().any(|one| one.kind == "little");
    assert!(!little(&runs[0]));
    assert_impossible(
        &runs[1],
        "little",
        "1151 requests in flight, with room for 396",
    );
    assert_impossible(
        &runs[2],
        "little",
        "1231 requests in flight, with room for 396",
    );
    assert_impossible(&runs[2], "unit", "500.00 for 0.5k");
    assert!(of(&runs[2]).contains(&(Severity::Note, "answers")));
}

const LINE: &str = "wrk -t12 -c400 -d30s";

#[test]
fn each_contradiction_is_found() {
    for (from, to, kind, told) in [
        ("71185.88", "71385.88", "rate", "142406 requests in 2.00s"),
        ("10.39MB", "10.49MB", "transfer", "20.78MB in 2.00s"),
        ("142406 ", "142,406 ", "separators", "142,406"),
        ("153.86us", "153.9us", "decimals", "153.9us"),
        ("153.86us", "0.15ms", "unit", "150.00us for 0.15ms"),
        ("153.86us", "353.86us", "little", "with room for 16"),
        ("153.86us", "2.99ms", "maximum", "above the maximum"),
        ("55.47us", "1.99ms", "deviation", "cannot be 1.99ms"),
        ("86.84%", "186.84%", "within", "more than all"),
        ("2.30k", "10.00", "outlier", "73.24k"),
        (
            "193.00us",
            "170.00us",
            "percentiles",
            "75 % took up to 177.00us",
        ),
        (
            "231.00us",
            "2.60ms",
            "percentiles",
            "above the maximum 2.57ms",
        ),
        (
            "153.86us",
            "70.00us",
            "percentiles",
            "50 % took 160.00us or longer",
        ),
        ("20.78MB", "1.00MB", "bytes", "no answer has fewer than 19"),
        (
            "1 threads",
            "2 threads",
            "command",
            "differ in their threads",
        ),
        (
            "and 16 connections",
            "and 17 connections",
            "command",
            "differ in their connections",
        ),
        (
            "1 threads and 16",
            "32 threads and 16",
            "connections",
            "not enough for 32",
        ),
    ] {
        assert_impossible(&changed(from, to), kind, told);
    }
}

#[test]
fn what_is_only_unlikely_is_suspicious() {
    for (from, to, kind) in [
        ("71185.88", "71203.00", "runtime"),
        ("71.60k", "35.80k", "threads"),
        ("153.86us", "73.86us", "client-bound"),
    ] {
        let run = changed(from, to);
        assert!(
            of(&run).contains(&(Severity::Suspicious, kind)),
            "{kind}: {run:?}"
        );
    }
}

#[test]
fn all_within_a_deviation_must_be_all() {
    let run = changed("153.86us   55.47us   2.57ms", "100.00us  150.00us 240.00us");
    assert_impossible(&run, "within", "holds everything");
}

#[test]
fn parts_that_are_missing_are_told_and_not_guessed() {
    let run = changed("Transfer/sec:", "");
    assert_eq!(of(&run), [(Severity::Note, "missing")]);
    assert!(run.findings[0].sentence.contains("Transfer/sec"));
}

#[test]
fn a_wait_has_a_ceiling() {
    let ceiling = |wait_us| {
        let known = Known {
            wait_us: Some(wait_us),
            ..Known::default()
        };
        let run = only(&text("real/slow.txt"), &known);
        (of(&run), run.findings[0].sentence.clone())
    };
    let (found, sentence) = ceiling(300_000);
    assert_eq!(found, [(Severity::Note, "ceiling")]);
    assert!(
        sentence.ends_with("what was measured is the wait."),
        "{sentence}"
    );
    let (found, sentence) = ceiling(30_000);
    assert_eq!(found, [(Severity::Note, "ceiling")]);
    assert!(sentence.ends_with("% of that."), "{sentence}");
    let (found, sentence) = ceiling(400_000);
    assert_eq!(found, [(Severity::Impossible, "ceiling")]);
    assert!(
        sentence.contains("10 requests a second at most"),
        "{sentence}"
    );
}

#[test]
fn more_threads_than_cores_are_told() {
    let known = |cores| Known {
        cores: Some(cores),
        ..Known::default()
    };
    let real = text("real/keep-alive.txt");
    assert_eq!(
        of(&only(&real, &known(1))),
        [(Severity::Note, "client-bound")]
    );
    assert_eq!(of(&only(&real, &known(2))), []);
}

#[test]
fn white_space_tells_nothing() {
    let real = text("real/latency.txt");
    let collapsed = real.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ") + "\n"
    });
    let run = only(&collapsed.collect::<String>(), &Known::default());
    assert_eq!(of(&run), []);
}

#[test]
fn the_program_ends_by_what_it_found() {
    let check = |file: &str| {
        let mut command = Command::cargo_bin("barewire-lab").unwrap();
        command.arg("check").arg(folder(file));
        command
    };
    check("real/keep-alive.txt").assert().code(0);
    check("real/not-found.txt").assert().code(0);
    check(THREE_RUNS).assert().code(1);
    check("real/pipeline.lua").assert().code(2);
    check("real/none.txt").assert().code(2);
    check("real/slow.txt")
        .args(["--wait-us", "0"])
        .assert()
        .code(2);
}

#[test]
fn findings_are_printed_as_json_too_and_read_from_stdin() {
    let mut command = Command::cargo_bin("barewire-lab").unwrap();
    command.args(["check", "--json", "-"]);
    let output = command.write_stdin(text(THREE_RUNS)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(runs[0]["findings"][0]["severity"], "impossible");
    assert_eq!(runs[2]["url"], "http://localhost:8081/benchmark");
}
