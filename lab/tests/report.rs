//! What is drawn from result files: the page, tables, documents and the schema.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use barewire_lab::report::{self, Source};
use barewire_lab::results::{Counters, FORMAT, Flame, KernelShare, Results, Row, RowKind, Run};
use barewire_lab::statistics::{Estimate, Verdict};
use barewire_lab::workload::Workload;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn row(kind: RowKind, about: &str, subject: &str, base: &str, median: f64) -> Row {
    let ratio = Estimate {
        median,
        low: median - 0.002,
        high: median + 0.002,
        coverage: 0.95,
        pairs: 60,
    };
    Row {
        about: about.to_owned(),
        kind,
        workload: "keep-alive".to_owned(),
        subject: subject.to_owned(),
        base: base.to_owned(),
        judged_by: "CPU time".to_owned(),
        ratio: Some(ratio),
        verdict: Verdict::of(&ratio),
        base_ns: Some(3_000.0),
        why: "one epoll_ctl more".to_owned(),
        predicted_ns: Some(450.0),
        ..Row::default()
    }
}

/// Results that no server ever gave: numbers made up for these tests, and for nothing else.
fn source() -> Source {
    let run = |subject: &str, ns: f64| Run {
        subject: subject.to_owned(),
        workload: "keep-alive".to_owned(),
        ns: vec![ns],
        requests: 1_000_000,
        seconds: 4.0,
        cpu_seconds: 3.9,
        generator_seconds: 3.0,
        resident_bytes: 4 << 20,
        ..Run::default()
    };
    let stands = "as it stands";
    let results = Results {
        format: FORMAT,
        rows: vec![
            row(
                RowKind::Control,
                "the same against itself",
                stands,
                stands,
                1.0,
            ),
            row(RowKind::Naive, "naive", "naively", stands, 2.0),
            row(
                RowKind::LeaveOut,
                "register-once",
                "without register-once",
                stands,
                1.14,
            ),
            row(
                RowKind::LeaveOut,
                "write-at-once",
                "without write-at-once",
                stands,
                1.26,
            ),
            row(RowKind::Rung, "none of them", "without both", stands, 1.5),
            row(RowKind::Rung, "write-at-once", "without one", stands, 1.14),
            row(
                RowKind::Pair,
                "write-at-once and register-once",
                "x",
                stands,
                1.3,
            ),
            row(RowKind::Rival, "hyper", "hyper", "barewire", 1.35),
            row(RowKind::Limit, "barewire", "barewire", "L0", 1.03),
        ],
        runs: vec![
            run("barewire", 3_100.0),
            run("hyper", 4_200.0),
            run("L0", 3_000.0),
        ],
        counters: vec![Counters {
            subject: "hyper".to_owned(),
            workload: "keep-alive".to_owned(),
            system_calls: [("recvfrom".to_owned(), 1.0), ("writev".to_owned(), 1.0)].into(),
            source: "perf".to_owned(),
            instructions: Some(7_700.0),
            ..Counters::default()
        }],
        workloads: [("keep-alive".to_owned(), Workload::keep_alive())].into(),
        missing: [("a|b <i>".to_owned(), "not built".to_owned())].into(),
        flames: vec![Flame {
            title: "full".to_owned(),
            svg: None,
            missing: Some("install perf".to_owned()),
        }],
        ..Results::default()
    };
    Source {
        name: "made-up.json".to_owned(),
        results,
    }
}

#[test]
fn the_page_has_every_section_and_asks_nobody() {
    let page = report::html(&[source(), source()]);
    for id in ["techniques", "ladder", "servers", "flames", "record"] {
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
    assert!(page.contains("not measured: install perf") && page.contains("a|b &lt;i&gt;"));
    let mut ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "two elements have one id");
    assert!(page.matches("<svg").count() >= 4);
}

#[test]
fn tables_say_what_the_rows_say() {
    let text = report::github(&[source()]);
    for line in [
        "| without write-at-once | CPU time | 3,000 | +780 | 1.260 (1.258 to 1.262) | more |",
        "| keep-alive | the same against itself | 1.000 (0.998 to 1.002) | holds |",
        // 900 together, 780 and 420 alone.
        "| write-at-once and register-once | +780 | +420 | +900 | −300 |",
        "| + write-at-once | 3,420 | 1.140 (1.138 to 1.142) |",
        "| hyper | 4,200 | 1.350 (1.348 to 1.352) | more | 250,000 | 97.5 % | 75.0 % | 4.0 MiB |",
        "| keep-alive | barewire | 3,100 | 1 | – |",
        "| a\\|b &lt;i&gt; | not built |",
    ] {
        assert!(text.contains(line), "no line {line} in\n{text}");
    }
}

#[test]
fn a_control_that_fails_is_told_first() {
    let mut source = source();
    source.results.rows[0].ratio = Some(Estimate {
        median: 1.02,
        low: 1.01,
        high: 1.03,
        coverage: 0.95,
        pairs: 60,
    });
    let page = report::html(&[source]);
    assert!(page.contains("1 controls failed"));
}

#[test]
fn a_document_gets_its_tables_and_nothing_else_changes() {
    let folder = Path::new(".");
    let (open, close) = (
        "<!-- results:comparison/keep-alive -->",
        "<!-- /results:comparison",
    );
    let text = format!("before\n{open}\nold\n{close}/keep-alive -->\nafter\n");
    let new = report::document(&text, folder, &[source()]).unwrap();
    assert!(
        new.starts_with("before\n<!-- results:comparison/keep-alive -->\n\n| server |"),
        "{new}"
    );
    assert!(new.contains("| hyper | 4,200 |") && new.ends_with("after\n"));
    assert!(new.contains("Measured at commit unknown"), "{new}");
    assert_eq!(report::document(&new, folder, &[source()]).unwrap(), new);
    let unknown = text.replace("comparison/", "comparisons/");
    let error = report::document(&unknown, folder, &[source()]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no table is called `comparisons`; there are controls")
    );
}

#[test]
fn the_schema_is_the_one_of_the_repository() {
    let kept = fs::read_to_string(root().join("docs/results/schema.json")).unwrap();
    let is_current = kept.trim_end() == report::schema().unwrap();
    assert!(
        is_current,
        "`barewire-lab report --schema > docs/results/schema.json` writes it anew"
    );
}

/// The result files of the repository, and the documents with tables made of them.
#[test]
fn documents_are_those_of_their_result_files() {
    let results = root().join("docs/results");
    let mut files: Vec<PathBuf> = fs::read_dir(results)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("schema.json"))
        .collect();
    files.sort();
    let mut command = Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
    command.current_dir(root()).arg("report");
    for file in &files {
        command.arg(file.strip_prefix(root()).unwrap());
    }
    for document in [
        "README.md",
        "docs/lab.md",
        "docs/framework-tax.md",
        "docs/zero-copy.md",
    ] {
        command.args(["--check-document", document]);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_picture_is_that_of_its_file() {
    let source = Source::read(&root().join("docs/results/tax.json")).unwrap();
    let drawn = report::waterfall(&source.results, "keep-alive").expect("an account");
    let kept = fs::read_to_string(root().join("docs/framework-tax.svg")).unwrap();
    let is_current = kept.trim_end() == drawn.into_string();
    assert!(
        is_current,
        "`barewire-lab report docs/results/tax.json --waterfall docs/framework-tax.svg` draws it"
    );
}

/// What `report` ends with, and what it says.
fn reported(file: &Path, picture: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barewire-lab"));
    command.arg("report").arg(file).arg("--front").arg(picture);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

#[test]
fn the_front_pages_picture_is_that_of_its_file() {
    let source = Source::read(&root().join("docs/results/front.json")).unwrap();
    let drawn = report::front(&source.results).expect("what `front` measures");
    let kept = fs::read_to_string(root().join("docs/front.svg")).unwrap();
    let is_current = kept.trim_end() == drawn.into_string();
    assert!(
        is_current,
        "`barewire-lab report docs/results/front.json --front docs/front.svg` draws it"
    );
}

#[test]
fn the_front_page_has_a_picture_and_a_table_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, picture) = (
        folder.path().join("front.json"),
        folder.path().join("x.svg"),
    );
    let mut source = source();
    source.results.save(&file).unwrap();
    let (is_drawn, told) = reported(&file, &picture);
    assert!(!is_drawn && told.contains("`barewire-lab front`"), "{told}");
    assert!(!picture.exists());
    let shares = [
        ("barewire", Some(0.931)),
        ("L0", Some(0.962)),
        ("hyper", None),
    ];
    let shares = shares.map(|(of, share)| KernelShare {
        of: of.to_owned(),
        workload: "keep-alive".to_owned(),
        cpu_seconds: 31.0,
        share,
        error: share.map(|_| 0.0051),
    });
    source.results.kernel_shares = shares.into();
    source.results.save(&file).unwrap();
    assert_eq!(reported(&file, &picture), (true, String::new()));
    let drawn = fs::read_to_string(&picture).unwrap();
    let texts: Vec<&str> = drawn
        .split("</text>")
        .filter_map(|before| before.rsplit('>').next())
        .collect();
    for words in [
        "What a request costs: CPU time in nanoseconds",
        "in the kernel (± 0.5 % of the bar at most, 95 %)",
        "barewire",
        "3,100 ns",
        "1.030 (1.028 to 1.032) times the limit",
        "4,000",
    ] {
        assert!(texts.contains(&words), "no {words} in {texts:?}");
    }
    assert!(drawn.contains("prefers-color-scheme:dark") && !drawn.contains("<script"));
    assert_eq!(drawn.matches("http").count(), 1, "the name of SVG alone");
    let text = "<!-- results:front@front --><!-- /results:front@front -->";
    source.name = file.display().to_string();
    let table = report::document(text, folder.path(), &[source]).unwrap();
    for line in [
        "| the limit (L0) | 3,000 | 1 | 96.2 % ± 0.5 |",
        "| barewire | 3,100 | 1.030 (1.028 to 1.032) | 93.1 % ± 0.5 |",
        "| hyper | 4,200 | – | – |",
    ] {
        assert!(table.contains(line), "no line {line} in\n{table}");
    }
}
