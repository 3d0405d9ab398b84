//! The command line from outside: arguments, variables and files in; text and exit code out.
//!
//! `--print-config` and `techniques` show what a server would be given; one test starts one.
#![cfg(feature = "cli")]

mod wire;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use barewire::techniques::{self, Form};
use tempfile::TempDir;

use wire::Wire;
use wire::process::Barewire;

/// The binary, in an environment without anybody's `BAREWIRE_*` variables.
fn barewire() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("barewire"));
    command.env_clear();
    command
}

/// What `--print-config` says with these arguments.
fn printed(args: &[&str]) -> String {
    stdout(&barewire().arg("--print-config").args(args).unwrap())
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What goes to stderr as the command fails with exit code 2 and says nothing else.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(output.stdout, b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error: "), "{message}");
    message
}

/// The line of an option in what `--print-config` printed: its value as TOML, and its origin.
fn line<'a>(printed: &'a str, name: &str) -> (&'a str, &'a str) {
    let entry = |line: &'a str| line.strip_prefix(name)?.strip_prefix(" = ");
    let line = printed.lines().find_map(entry).unwrap();
    let (value, origin) = line.split_once(" # ").unwrap();
    (value.trim_end(), origin)
}

/// A configuration file in a directory that lives as long as the value.
struct Written {
    _directory: TempDir,
    path: PathBuf,
}

fn written(text: &str) -> Written {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("barewire.toml");
    std::fs::write(&path, text).unwrap();
    Written {
        _directory: directory,
        path,
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn short_help_is_a_line_for_each_option() {
    let help = stdout(&barewire().arg("-h").unwrap());
    let line = help
        .lines()
        .skip_while(|line| !line.contains("--buffer-size <1KiB to 1MiB>"))
        .nth(1)
        .unwrap();
    assert!(
        line.ends_with("The most that one recv takes [default: 8KiB]"),
        "{line}"
    );
    assert!(!help.contains("Examples:"));
    assert!(!help.contains("http_buffer_size"));
}

#[test]
fn long_help_has_examples_and_says_what_options_do_in_fact() {
    let help = stdout(&barewire().arg("--help").unwrap());
    assert!(help.contains("\nExamples:\n"), "{help}");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "The article's http_buffer_size.",
        "off is the kernel's default",
        "close() then blocks the thread",
        "A size switches that tuning off",
        "--buffer-size <1KiB to 1MiB>",
        "[default: 8KiB]",
        "A flag wins over the variable,",
    ] {
        assert!(help.contains(sentence), "{sentence:?} is not in the help");
    }
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let help = stdout(&barewire().arg("--help").unwrap());
    let file = written("");
    let examples = help.lines().skip_while(|line| *line != "Examples:");
    let examples = examples.take_while(|line| !line.is_empty());
    let commands: Vec<_> = examples
        .filter_map(|line| line.strip_prefix("  barewire "))
        .collect();
    assert!(commands.len() >= 5, "{help}");
    for command in commands
        .iter()
        .filter(|command| !command.starts_with(|first: char| first.is_ascii_lowercase()))
    {
        let (args, _explanation) = command.split_once("  ").unwrap();
        let args = args.replace("barewire.toml", shown(&file.path));
        let args: Vec<_> = args
            .split_whitespace()
            .filter(|arg| *arg != "--print-config")
            .collect();
        assert!(printed(&args).contains("port = "), "{command}");
    }
}

#[test]
fn serve_has_the_same_options_as_no_command() {
    let output = barewire()
        .args(["serve", "--port", "9", "--print-config"])
        .unwrap();
    assert_eq!(stdout(&output), printed(&["--port", "9"]));
    refused(barewire().args(["--port", "9", "serve"]));
}

#[test]
fn version_is_that_of_the_package() {
    let version = stdout(&barewire().arg("--version").unwrap());
    assert_eq!(
        version,
        concat!("barewire ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn unknown_flags_and_commands_name_the_nearest() {
    assert!(refused(barewire().args(["--prot", "1"])).contains("'--port'"));
    assert!(refused(barewire().arg("sevre")).contains("'serve'"));
}

#[test]
fn a_wrong_flag_names_flag_value_and_what_is_allowed() {
    for (flag, value, allowed) in [
        ("--port", "65536", "0 to 65535"),
        ("--port", "-1", "0 to 65535"),
        ("--port", "", "0 to 65535"),
        ("--workers", "0", "1 to 1024"),
        ("--job-threads", "513", "1 to 512"),
        ("--header-fields-max", "101", "1 to 100"),
        ("--buffer-size", "1023", "1KiB to 1MiB"),
        ("--buffer-size", "8 bytes", "1KiB to 1MiB"),
        ("--recv-buffer", "off", "auto|1KiB to 64MiB"),
        ("--idle-timeout", "10", "1ms to 1h"),
        ("--grace", "2h", "0s to 1h"),
        ("--nodelay", "maybe", "on|off"),
        ("--log", "debug", "off|errors|access"),
        ("--host", "localhost:80", "address or name"),
    ] {
        let said = refused(barewire().args([flag, value]));
        let name = &flag[2..];
        let sentence = format!("error: {name} is {value:?} (flag {flag}); allowed: {allowed}");
        assert!(
            said.starts_with(&sentence),
            "{sentence:?} is not in {said:?}"
        );
    }
}

#[test]
fn a_flag_without_its_value_is_refused_by_name() {
    assert!(refused(barewire().arg("--nodelay")).contains("--nodelay"));
}

#[test]
fn a_value_that_is_not_unicode_is_refused_by_name() {
    let value = OsStr::from_bytes(b"/tmp/\xff");
    let said = refused(barewire().arg("--files-root").arg(value));
    assert!(
        said.contains("files-root is \"/tmp/\u{fffd}\" (flag --files-root); allowed: auto|dir")
    );
    let said = refused(barewire().env("BAREWIRE_FILES_ROOT", value));
    assert!(said.contains("(variable BAREWIRE_FILES_ROOT)"), "{said}");
}

#[test]
fn a_wrong_variable_names_variable_value_and_what_is_allowed() {
    let said = refused(barewire().env("BAREWIRE_BODY_MAX", "2 meg"));
    assert!(
        said.contains("body-max is \"2 meg\" (variable BAREWIRE_BODY_MAX); allowed: 0 to 1GiB"),
        "{said}"
    );
}

#[test]
fn a_wrong_value_in_the_file_names_file_key_value_and_what_is_allowed() {
    for (value, text) in [
        ("-1", "-1"),
        ("[80]", "[80]"),
        ("80.0", "80.0"),
        ("true", "true"),
        ("'a'", "a"),
    ] {
        let file = written(&format!("port = {value}"));
        let said = refused(barewire().arg("--config").arg(&file.path));
        let place = format!("(file {})", shown(&file.path));
        let sentence = format!("port is {text:?} {place}; allowed: 0 to 65535");
        assert!(said.contains(&sentence), "{sentence:?} is not in {said:?}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    for (key, nearest) in [
        ("prot", "port"),
        ("buffer_size", "buffer-size"),
        ("worker", "workers"),
    ] {
        let file = written(&format!("{key} = 1"));
        let said = refused(barewire().arg("--config").arg(&file.path));
        let place = format!("{key} in {}", shown(&file.path));
        let sentence = format!("{place} is no option; the nearest is {nearest} ");
        assert!(said.contains(&sentence), "{sentence:?} is not in {said:?}");
    }
}

#[test]
fn a_table_in_the_file_is_refused() {
    let file = written("[limits]\nbody = 1");
    let said = refused(barewire().arg("--config").arg(&file.path));
    assert!(
        said.contains("[limits]") && said.contains("options stand at the top level"),
        "{said}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = refused(barewire().args(["--config", "/nonexistent/barewire.toml"]));
    assert!(
        said.contains("/nonexistent/barewire.toml cannot be read: No such file"),
        "{said}"
    );
    let said = refused(barewire().env("BAREWIRE_CONFIG", "/nonexistent/other.toml"));
    assert!(said.contains("/nonexistent/other.toml"), "{said}");
    let file = written("port = \n");
    let said = refused(barewire().arg("--config").arg(&file.path));
    assert!(
        said.contains(shown(&file.path)) && said.contains("line 1, column 8"),
        "{said}"
    );
}

#[test]
fn a_flag_wins_over_the_variable_over_the_file_over_the_default() {
    let file = written("port = 1\nworkers = 1\ngrace = '1s'");
    let output = barewire()
        .args(["--print-config", "--port", "3", "--config"])
        .arg(&file.path)
        .env("BAREWIRE_PORT", "2")
        .env("BAREWIRE_WORKERS", "2")
        .unwrap();
    let printed = stdout(&output);
    let from_file = format!("file {}", shown(&file.path));
    assert_eq!(line(&printed, "port"), ("3", "flag --port"));
    assert_eq!(
        line(&printed, "workers"),
        ("2", "variable BAREWIRE_WORKERS")
    );
    assert_eq!(line(&printed, "grace"), ("\"1s\"", from_file.as_str()));
    assert_eq!(line(&printed, "backlog"), ("4096", "default"));
}

#[test]
fn the_flag_for_the_file_wins_over_its_variable() {
    let (one, two) = (written("port = 1"), written("port = 2"));
    let mut command = barewire();
    command
        .arg("--print-config")
        .env("BAREWIRE_CONFIG", &one.path);
    assert_eq!(line(&stdout(&command.unwrap()), "port").0, "1");
    command.arg("--config").arg(&two.path);
    assert_eq!(line(&stdout(&command.unwrap()), "port").0, "2");
}

#[test]
fn a_flag_stands_in_for_a_wrong_variable() {
    let mut command = barewire();
    command
        .env("BAREWIRE_PORT", "tcp://10.0.0.1:80")
        .arg("--print-config");
    refused(&mut command);
    let output = command.args(["--port", "80"]).unwrap();
    assert_eq!(line(&stdout(&output), "port"), ("80", "flag --port"));
}

#[test]
fn variables_that_name_no_option_are_told_and_left_alone() {
    for (name, hint) in [
        ("BAREWIRE_SERVICE_PORT_80_TCP_ADDR", ""),
        ("BAREWIRE_WORKRES", "; the nearest is BAREWIRE_WORKERS"),
        ("BAREWIRE_WORKER", "; the nearest is BAREWIRE_WORKERS"),
        // What all variables begin with makes no two of them alike.
        ("BAREWIRE_FOO", ""),
        ("BAREWIRE_", ""),
    ] {
        let output = barewire().arg("--print-config").env(name, "1").unwrap();
        assert_eq!(stdout(&output), printed(&[]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("warning: {name} is no option{hint}\n"));
    }
}

#[test]
fn what_is_printed_means_the_same_as_a_file() {
    let root = TempDir::new().unwrap();
    let args = "--host [::1] --port 0 --share-port --nodelay off --linger 3s --linger-may-block \
                --buffer-size 16KiB --recv-buffer 100000 --body-max 1536KiB --connections-max 9999 \
                --idle-timeout 90s --drain-delay 0 --grace 1500ms --log access --sample 0";
    let mut args: Vec<_> = args.split(' ').filter(|arg| !arg.is_empty()).collect();
    args.extend(["--files-root", shown(root.path())]);
    let first = printed(&args);
    let file = written(&first);
    let second = printed(&["--config", shown(&file.path)]);
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&second), values(&first));
    for line in second.lines().filter(|line| line.contains(" = ")) {
        assert!(
            line.ends_with(&format!(" # file {}", shown(&file.path))),
            "{line}"
        );
    }
}

#[test]
fn all_forms_of_a_value_mean_the_same() {
    let file = written("nodelay = false\nshare-port = true\nbuffer-size = 16384");
    let from_file = printed(&["--config", shown(&file.path)]);
    let from_flags = printed(&["--nodelay", "off", "--share-port", "--buffer-size", "16KiB"]);
    for name in ["nodelay", "share-port", "buffer-size"] {
        assert_eq!(line(&from_file, name).0, line(&from_flags, name).0);
    }
    let again = printed(&["--config", shown(&file.path), "--share-port=off"]);
    assert_eq!(line(&again, "share-port"), ("\"off\"", "flag --share-port"));
}

#[test]
fn a_name_with_a_line_feed_stays_in_its_comment() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a\nport = 1");
    std::fs::write(&path, "port = 2").unwrap();
    let values: toml::Table = printed(&["--config", shown(&path)]).parse().unwrap();
    assert_eq!(values["port"].as_integer(), Some(2));
}

#[test]
fn a_linger_that_blocks_must_be_wanted() {
    assert_eq!(line(&printed(&["--linger", "off"]), "linger").0, "\"off\"");
    assert_eq!(line(&printed(&["--linger", "0"]), "linger").0, "\"0s\"");
    let said = refused(barewire().args(["--linger", "2s"]));
    assert!(
        said.contains("linger is \"2s\" (flag --linger); close() would block a reactor"),
        "{said}"
    );
    assert!(said.contains("--linger-may-block"), "{said}");
    let wanted = printed(&["--linger", "2s", "--linger-may-block"]);
    assert_eq!(line(&wanted, "linger").0, "\"2s\"");
    let file = written("linger = '2s'");
    let said = refused(barewire().arg("--config").arg(&file.path));
    assert!(
        said.contains(&format!("linger is \"2s\" (file {})", shown(&file.path))),
        "{said}"
    );
}

/// The kernel counts whole seconds: half of one would be none, and reset the connection.
#[test]
fn a_linger_has_no_fraction_of_a_second() {
    let said = refused(barewire().args(["--linger", "500ms", "--linger-may-block"]));
    assert!(
        said.contains("linger is \"500ms\" (flag --linger); allowed: whole seconds"),
        "{said}"
    );
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    for (args, sentence) in [
        (
            "--body-max 65MiB",
            "body-max is \"65MiB\" (flag --body-max); allowed: at most",
        ),
        (
            "--buffers-max 512KiB",
            "body-max is \"1MiB\" (default); allowed: at most 328KiB, what --buffers-max, now \
             512KiB, holds beside a head",
        ),
        (
            "--buffers-max 64KiB --body-max 0 --owed-max 65KiB",
            "owed-max is \"65KiB\" (flag --owed-max); allowed: at most --buffers-max, now 64KiB",
        ),
        (
            "--workers 3 --connections-max 2",
            "connections-max is \"2\" (flag --connections-max); allowed: at least one for \
             each of the 3 --workers",
        ),
        (
            "--files-root /nonexistent",
            "files-root is \"/nonexistent\" (flag --files-root); allowed: auto, or a \
             directory that exists",
        ),
    ] {
        let said = refused(barewire().args(args.split(' ')));
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
    }
}

/// What is traced with these arguments, without the times.
fn traced(args: &[&str]) -> Vec<String> {
    let text = stdout(&barewire().arg("trace").args(args).unwrap());
    let line = |line: &str| {
        line.split('\t')
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    };
    text.lines().map(line).collect()
}

/// The calls in what was traced, by their names.
fn calls(traced: &[String]) -> Vec<&str> {
    let columns = traced.iter().filter_map(|line| line.get(10..));
    let calls = columns.filter_map(|columns| columns.split_once('('));
    let names = calls.map(|(name, _)| name);
    let is_name = |name: &&str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    names.filter(is_name).collect()
}

#[test]
fn a_trace_has_every_call_of_a_life() {
    let traced = traced(&[]);
    let round = ["epoll_wait", "recv", "send"];
    let mut expected = vec!["socket"];
    expected.extend(["setsockopt"; 5]);
    expected.extend([
        "fcntl",
        "bind",
        "listen",
        "epoll_create1",
        "epoll_ctl",
        "eventfd2",
    ]);
    expected.extend([
        "timerfd_create",
        "epoll_ctl",
        "epoll_wait",
        "accept4",
        "epoll_ctl",
    ]);
    expected.extend(["accept4", "timerfd_settime"]);
    expected.extend([round; 3].concat());
    expected.extend(["shutdown", "timerfd_settime", "epoll_wait", "recv", "close"]);
    expected.extend(["epoll_wait", "accept4", "close"]);
    assert_eq!(calls(&traced), expected, "{traced:#?}");
}

/// Side by side they differ in what the techniques change, and in nothing else.
#[test]
fn two_traces_can_be_laid_side_by_side() {
    let full = traced(&["/json"]);
    assert_eq!(full, traced(&["/json"]));
    let without = traced(&["/json", "--without", "register-once"]);
    let added = without.iter().filter(|line| !full.contains(line));
    let added: Vec<_> = added.collect();
    assert!(
        added.iter().any(|line| line.contains("epoll_ctl(MOD")),
        "{added:?}"
    );
    let lost = full.iter().filter(|line| !without.contains(line));
    assert_eq!(lost.count(), 0, "{without:#?}");
    let naive = traced(&["--naive", "--with", "quickack"]);
    for call in [
        "setsockopt(socket, TCP_QUICKACK)",
        "epoll_ctl(MOD, and writable)",
    ] {
        assert!(naive.iter().any(|line| line.contains(call)), "{naive:#?}");
    }
    assert!(!naive.iter().any(|line| line.contains("timerfd_settime")));
    assert!(
        traced(&["--buffer-size", "16KiB"])
            .iter()
            .any(|line| line.contains("16384"))
    );
}

#[test]
fn each_line_of_a_trace_has_its_time() {
    let text = stdout(&barewire().arg("trace").unwrap());
    let lines = text.lines().skip(3).take_while(|line| !line.is_empty());
    for line in lines {
        let (_, times) = line.split_once('\t').expect("a tab");
        let mut times = times
            .split_whitespace()
            .map(|time| time.parse::<f64>().unwrap());
        assert!((1..=2).contains(&times.clone().count()), "{line}");
        assert!(times.all(|time| time >= 0.0), "{line}");
    }
}

#[test]
fn a_path_to_trace_begins_with_a_slash() {
    let said = refused(barewire().args(["trace", "json"]));
    assert!(
        said.contains("'json' for '[PATH]': a path begins with /"),
        "{said}"
    );
    refused(barewire().args(["trace", "/a\r\nb: c"]));
}

#[test]
fn output_that_nobody_reads_is_no_failure_but_a_full_disk_is() {
    let exit_code = |out: std::fs::File| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("barewire"));
        command.arg("--print-config").env_clear().stdout(out);
        command.status().unwrap().code()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(
        exit_code(std::os::fd::OwnedFd::from(writer).into()),
        Some(0)
    );
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    assert_eq!(exit_code(full), Some(1));
}

/// The line of a technique in what `barewire techniques` printed, as words.
fn technique<'a>(list: &'a str, name: &str) -> Vec<&'a str> {
    let lines = list
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut lines = lines.filter(|words| words[0] == name);
    lines
        .next()
        .unwrap_or_else(|| panic!("{name} is not in {list}"))
}

/// What `barewire techniques` says with these arguments.
fn listed(args: &[&str]) -> String {
    stdout(&barewire().arg("techniques").args(args).unwrap())
}

/// The same as JSON: the technique's row.
fn row(args: &[&str], name: &str) -> serde_json::Value {
    let text = listed(&[args, &["--json"]].concat());
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    rows.into_iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn techniques_are_a_line_each_in_the_order_of_the_table() {
    let list = listed(&[]);
    assert_eq!(list.lines().count(), techniques::all().count());
    for (line, known) in list.lines().zip(techniques::all()) {
        assert_eq!(line.split_whitespace().next(), Some(known.name));
        let end = format!(" {} ({})", known.claim, known.file);
        assert!(line.ends_with(&end), "{line}");
    }
    assert_eq!(technique(&list, "slab")[1..3], ["on", "default"]);
    assert_eq!(
        technique(&list, "event-batching")[1..4],
        ["on", "1024", "default"]
    );
    assert_eq!(technique(&list, "spin")[1..4], ["off", "0", "default"]);
    assert_eq!(technique(&list, "linger")[1..3], ["on", "default"]);
    assert_eq!(technique(&list, "lto")[1..3], ["build", "-"]);
}

#[test]
fn techniques_show_what_the_same_options_would_do() {
    let list = listed(&[
        "--without",
        "slab,nodelay",
        "--with",
        "event-batching=16,spin",
    ]);
    assert_eq!(technique(&list, "slab")[1..3], ["off", "changed"]);
    assert_eq!(technique(&list, "nodelay")[1..3], ["off", "changed"]);
    assert_eq!(
        technique(&list, "event-batching")[1..4],
        ["on", "16", "changed"]
    );
    assert_eq!(technique(&list, "spin")[1..4], ["on", "50", "changed"]);
    assert_eq!(technique(&list, "cursors")[1..3], ["on", "default"]);
    let list = listed(&["--backlog", "7", "--linger", "0"]);
    assert_eq!(technique(&list, "backlog")[1..4], ["on", "7", "changed"]);
    assert_eq!(technique(&list, "linger")[1..4], ["off", "0s", "changed"]);
}

#[test]
fn techniques_for_programs_have_all_that_is_known() {
    let rows: serde_json::Value = serde_json::from_str(&listed(&["--json"])).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), techniques::all().count());
    for (row, known) in rows.iter().zip(techniques::all()) {
        assert_eq!(row["name"], known.name);
        assert_eq!(row["group"], known.group.name());
        assert_eq!(
            (&row["claim"], &row["file"]),
            (&known.claim.as_str().into(), &known.file.into())
        );
        match &known.form {
            Form::Build(command) => {
                assert_eq!(
                    (&row["state"], &row["build"]),
                    (&"build".into(), &(*command).into())
                );
                assert!(row["value"].is_null() && row["default"].is_null() && row["on"].is_null());
            }
            Form::Switch(switch) => {
                assert_eq!(
                    (&row["on"], &row["off"]),
                    (&switch.on.into(), &switch.off.into())
                );
                assert_eq!(row["value"], row["default"]);
                assert_eq!(row["allowed"], switch.allowed());
                assert_eq!(row["demonstration"], switch.is_demonstration);
                assert!(row["build"].is_null());
            }
        }
    }
    let linger = row(&["--linger", "3s", "--linger-may-block"], "linger");
    assert!(linger["value"].is_null(), "{linger}");
    assert_eq!(
        row(&["--with", "static-routing=patterns"], "static-routing")["value"],
        "patterns"
    );
}

#[test]
fn every_technique_can_be_taken_away_and_put_back() {
    for (technique, switch) in techniques::switches() {
        let name = technique.name;
        let taken = row(&["--without", name], name);
        assert_eq!(
            (&taken["state"], &taken["value"]),
            (&"off".into(), &switch.off.into())
        );
        let put = row(&["--with", name], name);
        assert_eq!(
            (&put["state"], &put["value"]),
            (&"on".into(), &switch.on.into())
        );
    }
}

#[test]
fn naive_takes_away_what_programs_do_without_and_leaves_what_is_named() {
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&listed(&["--naive", "--json"])).unwrap();
    for row in rows.iter().filter(|row| row["state"] != "build") {
        let is_left = row["demonstration"] == true || row["beginner"] == true;
        let expected = if is_left { &row["on"] } else { &row["off"] };
        assert_eq!(&row["value"], expected, "{row}");
    }
    let list = listed(&[
        "--naive",
        "--with",
        "slab,event-batching=16",
        "--without",
        "linger",
    ]);
    assert_eq!(technique(&list, "slab")[1], "on");
    assert_eq!(technique(&list, "event-batching")[1..3], ["on", "16"]);
    assert_eq!(technique(&list, "linger")[1..3], ["off", "0s"]);
    assert_eq!(technique(&list, "cursors")[1], "off");
    assert_eq!(technique(&list, "uninit-reads")[1], "on");
    let list = listed(&["--naive", "--without", "uninit-reads"]);
    assert_eq!(technique(&list, "uninit-reads")[1], "off");
}

/// An option that is a technique too is as good as its name in `--with`, unless it stands in a
/// weaker place.
#[test]
fn naive_leaves_an_option_that_was_given_beside_it() {
    let state = |command: &mut Command| {
        let list = stdout(&command.arg("techniques").unwrap());
        technique(&list, "nodelay")[1].to_owned()
    };
    let printed = printed(&["--naive", "--nodelay", "on"]);
    assert_eq!(line(&printed, "nodelay"), ("\"on\"", "flag --nodelay"));
    assert_eq!(line(&printed, "backlog"), ("128", "flag --naive"));
    let naive = || {
        let mut command = barewire();
        command.env("BAREWIRE_NAIVE", "on");
        command
    };
    assert_eq!(state(&mut naive()), "off");
    assert_eq!(state(naive().env("BAREWIRE_NODELAY", "on")), "on");
    let file = written("nodelay = true");
    assert_eq!(state(naive().env("BAREWIRE_CONFIG", &file.path)), "off");
}

#[test]
fn techniques_come_from_flag_variable_and_file() {
    let file = written("without = ['slab', 'cursors']\nwith = 'spin=20'\nnaive = false");
    let config = ["--print-config", "--config", shown(&file.path)];
    let from_file = format!("file {}", shown(&file.path));
    let printed = stdout(&barewire().args(config).unwrap());
    assert_eq!(
        line(&printed, "without"),
        ("\"slab,cursors\"", from_file.as_str())
    );
    assert_eq!(line(&printed, "with"), ("\"spin=20\"", from_file.as_str()));
    let mut command = barewire();
    command.args(config).env("BAREWIRE_WITHOUT", "short-read");
    let printed = stdout(&command.unwrap());
    let origin = "variable BAREWIRE_WITHOUT";
    assert_eq!(line(&printed, "without"), ("\"short-read\"", origin));
    command.args([
        "--without",
        "head-template",
        "--without",
        "cached-date,slab",
    ]);
    let printed = stdout(&command.unwrap());
    let names = "\"head-template,cached-date,slab\"";
    assert_eq!(line(&printed, "without"), (names, "flag --without"));
    command
        .args(["--without", "slab"])
        .env("BAREWIRE_WITH", "spin");
    let printed = stdout(&command.unwrap());
    let names = "\"head-template,cached-date,slab,slab\"";
    assert_eq!(line(&printed, "without"), (names, "flag --without"));
    assert_eq!(
        line(&printed, "with"),
        ("\"spin\"", "variable BAREWIRE_WITH")
    );
    let none = stdout(&barewire().args(config).args(["--without", "none"]).unwrap());
    assert_eq!(line(&none, "without"), ("\"none\"", "flag --without"));
    let file = written("without = []");
    let empty = stdout(
        &barewire()
            .args(["--print-config", "--config", shown(&file.path)])
            .unwrap(),
    );
    assert_eq!(line(&empty, "without").0, "\"none\"");
}

#[test]
fn what_is_printed_of_techniques_means_the_same_as_a_file() {
    for args in [
        &["--naive"][..],
        &["--naive", "--with", "nodelay,spin=7", "--without", "linger"],
        &["--naive", "--nodelay", "on"],
        &[
            "--without",
            "nodelay,backlog,slab",
            "--with",
            "static-routing=patterns",
        ],
        &["--without", "linger", "--linger", "0"],
        &["--with", "event-batching=064,congestion"],
    ] {
        let first = printed(args);
        let file = written(&first);
        let config = ["--config", shown(&file.path)];
        let values = |text: &str| text.parse::<toml::Table>().unwrap();
        assert_eq!(values(&printed(&config)), values(&first), "{args:?}");
        assert_eq!(listed(&config), listed(args), "{args:?}");
    }
}

#[test]
fn a_wrong_technique_names_flag_value_and_the_nearest() {
    for (args, sentence) in [
        (
            "--without slap",
            "without is \"slap\" (flag --without); \"slap\" is no technique; the nearest is slab \
             (`barewire techniques` lists all)",
        ),
        (
            "--with slab,short_read",
            "\"short_read\" is no technique; the nearest is short-read (",
        ),
        (
            "--without slab,",
            "without is \"\" (flag --without); \"\" is no technique (",
        ),
        (
            "--without lto",
            "without is \"lto\" (flag --without); it is decided by the build; to have it \
             otherwise: cargo build --profile no-lto",
        ),
        (
            "--with pgo",
            "with is \"pgo\" (flag --with); it is decided by the build; to have it \
             otherwise: contrib/pgo.sh",
        ),
        (
            "--without spin=0",
            "without is \"spin=0\" (flag --without); a value belongs to --with",
        ),
        (
            "--with event-batching=0",
            "with is \"event-batching=0\" (flag --with); allowed for event-batching: 1 \
             to 1024",
        ),
        (
            "--with static-routing=maps",
            "allowed for static-routing: match|map|patterns",
        ),
        (
            "--with spin,spin=3",
            "spin cannot be both \"50\" (flag --with) and \"3\" (flag --with)",
        ),
        (
            "--with slab --without slab",
            "slab cannot be both \"off\" (flag --without) and \"on\" (flag --with)",
        ),
        (
            "--naive=maybe",
            "naive is \"maybe\" (flag --naive); allowed: on|off",
        ),
    ] {
        let said = refused(barewire().args(args.split(' ')));
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
    }
}

#[test]
fn a_wrong_technique_names_variable_or_file_too() {
    let said = refused(barewire().env("BAREWIRE_WITHOUT", "slap"));
    assert!(
        said.contains("is \"slap\" (variable BAREWIRE_WITHOUT); \"slap\" is no technique"),
        "{said}"
    );
    let file = written("without = ['slab', 3]");
    let said = refused(barewire().arg("--config").arg(&file.path));
    let place = format!("without is \"3\" (file {}); \"3\" is no", shown(&file.path));
    assert!(said.contains(&place), "{said}");
    let file = written("with = ['slab']");
    let mut command = barewire();
    command
        .arg("--config")
        .arg(&file.path)
        .env("BAREWIRE_WITHOUT", "slab");
    let place = format!(
        "\"off\" (variable BAREWIRE_WITHOUT) and \"on\" (file {})",
        shown(&file.path)
    );
    let said = refused(&mut command);
    assert!(said.contains(&place), "{said}");
}

#[test]
fn a_technique_and_its_option_are_one_value() {
    for (args, sentence) in [
        (
            "--nodelay on --without nodelay",
            "nodelay cannot be both \"on\" (flag --nodelay) and \"off\" (flag --without)",
        ),
        (
            "--nodelay off --with nodelay",
            "nodelay cannot be both \"off\" (flag --nodelay) and \"on\" (flag --with)",
        ),
        (
            "--backlog 64 --with backlog=65",
            "backlog cannot be both \"64\" (flag --backlog) and \"65\" (flag --with)",
        ),
        (
            "--linger off --without linger",
            "linger cannot be both \"off\" (flag --linger) and \"0s\" (flag --without)",
        ),
        (
            "--linger 3s --linger-may-block --with linger",
            "linger cannot be both \"3s\" (flag --linger) and \"off\" (flag --with)",
        ),
    ] {
        let said = refused(barewire().args(args.split(' ')));
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
    }
    let mut command = barewire();
    command
        .args(["--without", "nodelay"])
        .env("BAREWIRE_NODELAY", "on");
    let said = refused(&mut command);
    assert!(
        said.contains("both \"on\" (variable BAREWIRE_NODELAY) and \"off\" (flag --without)"),
        "{said}"
    );
    for args in [
        "--nodelay off --without nodelay",
        "--linger 0s --without linger",
    ] {
        let args: Vec<_> = args.split(' ').collect();
        let name = args[3];
        let printed = printed(&args);
        let (_, origin) = line(&printed, name);
        assert_eq!(origin, format!("flag --{name}"));
    }
    let printed = printed(&["--without", "nodelay"]);
    assert_eq!(line(&printed, "nodelay"), ("\"off\"", "flag --without"));
}

#[test]
fn explain_prints_the_entry() {
    for known in techniques::all() {
        let entry = stdout(&barewire().args(["explain", known.name]).unwrap());
        let words = entry.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.starts_with(&format!("{} {} ", known.name, known.claim)),
            "{entry}"
        );
        assert!(
            words.contains(&format!("Where `{}`", known.file)),
            "{entry}"
        );
        assert!(!entry.contains("**") && !entry.contains('#'), "{entry}");
        for label in ["What it does", "When it hurts", "Switch it off", "Measured"] {
            assert!(entry.lines().any(|line| line == label), "{label}: {entry}");
        }
    }
}

#[test]
fn explain_wants_a_name_that_is_known() {
    for (name, hint) in [
        ("regster-once", "; the nearest is register-once ("),
        ("SLAP", "; the nearest is slab ("),
        ("Short_Read", "; the nearest is short-read ("),
        ("xyz", " is no technique ("),
    ] {
        let said = refused(barewire().args(["explain", name]));
        assert!(said.contains(hint), "{hint:?} is not in {said}");
    }
    let said = refused(barewire().arg("explain"));
    assert!(said.contains("<NAME>"), "{said}");
    let entry = |name| stdout(&barewire().args(["explain", name]).unwrap());
    assert_eq!(entry("SLAB"), entry("slab"));
}

#[test]
fn a_server_says_which_techniques_differ() {
    let args = [
        "--workers",
        "1",
        "--without",
        "short-read,nodelay",
        "--with",
        "event-batching=16",
    ];
    let barewire = Barewire::start(&args);
    let mut wire = barewire.connect();
    let stats = wire.get("/stats").json();
    assert_eq!(
        stats["techniques_off"],
        serde_json::json!(["short-read", "nodelay"])
    );
    let changed = serde_json::json!({"event-batching": "16"});
    assert_eq!(stats["techniques_changed"], changed);
    drop(wire);
    barewire.terminate();
    let said = barewire.wait().said;
    let line = "* techniques           without: short-read, nodelay; with: event-batching=16\n";
    assert!(said.contains(line), "{said}");
}

/// Or a body of an allowed length would be told to come again for ever.
#[test]
fn the_longest_body_that_the_buffers_allow_is_taken() {
    const BODY: usize = 328 * 1024;
    let args = ["--buffers-max", "512KiB", "--body-max"];
    let said = refused(barewire().args(args).arg(format!("{}", BODY + 1)));
    assert!(said.contains("at most 328KiB"), "{said}");
    let args = [&args[..], &["328KiB", "--workers", "1"]].concat();
    let barewire = Barewire::start(&args);
    let mut wire = Wire::to(barewire.address);
    // A head that fills its limits nearly, and chunks, which come into an input of their own.
    let long = "0".repeat(8000);
    let head = format!(
        "POST /zero-copy?stream={long} HTTP/1.1\r\nHost: a\r\nX: {long}\r\nY: {long}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("{BODY:x}\r\n{}\r\n", "x".repeat(BODY));
    for _ in 0..2 {
        wire.send(&head);
        wire.send(&chunk);
        let answer = wire.ask("0\r\n\r\n");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn a_demo_takes_half_a_minute_to_an_hour() {
    for minutes in ["0.1", "61", "soon"] {
        let text = refused(barewire().args(["demo", "--minutes", minutes]));
        assert!(text.contains("0.5 to 60"), "{text}");
    }
}
