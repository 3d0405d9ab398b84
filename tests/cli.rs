//! The command line from outside: arguments, variables and files in; text and exit code out.
//!
//! Nothing in here starts a server: `--print-config` shows what one would be given.
#![cfg(feature = "cli")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

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
        .find(|line| line.contains("--buffer-size <SIZE>"))
        .unwrap();
    assert!(
        line.ends_with("The most that one recv takes [8KiB]"),
        "{line}"
    );
    assert!(!help.contains("Examples:"));
    assert!(!help.contains("http_buffer_size"));
}

#[test]
fn long_help_begins_with_examples_and_says_what_options_do_in_fact() {
    let help = stdout(&barewire().arg("--help").unwrap());
    assert!(help.starts_with("Examples:\n"), "{help}");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "The article's http_buffer_size.",
        "off is the kernel's default",
        "close() then blocks the thread",
        "A size switches that tuning off",
        "[default: 8KiB] [allowed: 1KiB to 1MiB,",
        "A flag wins over the variable,",
    ] {
        assert!(help.contains(sentence), "{sentence:?} is not in the help");
    }
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let help = stdout(&barewire().arg("--help").unwrap());
    let file = written("");
    let examples = help.lines().take_while(|line| !line.is_empty());
    let commands: Vec<_> = examples
        .filter_map(|line| line.strip_prefix("  barewire "))
        .collect();
    assert!(commands.len() >= 5, "{help}");
    for command in commands
        .iter()
        .filter(|command| !command.starts_with("trace"))
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
        ("--port", "65536", "a whole number from 0 to 65535"),
        ("--port", "-1", "a whole number from 0 to 65535"),
        ("--port", "", "a whole number from 0 to 65535"),
        ("--workers", "0", "a whole number from 1 to 1024"),
        ("--job-threads", "513", "a whole number from 1 to 512"),
        ("--header-fields-max", "101", "a whole number from 1 to 100"),
        ("--buffer-size", "1023", "1KiB to 1MiB"),
        ("--buffer-size", "8KB", "1KiB to 1MiB"),
        ("--recv-buffer", "off", "auto, or 1KiB to 64MiB"),
        ("--idle-timeout", "10", "1ms to 1h, with a unit"),
        ("--grace", "2h", "0s to 1h, with a unit"),
        ("--nodelay", "maybe", "on or off"),
        ("--log", "debug", "off, errors, access"),
        (
            "--host",
            "localhost:80",
            "an IPv4 address, an IPv6 address or a name",
        ),
    ] {
        let said = refused(barewire().args([flag, value]));
        let sentence = format!("error: {flag} is {value:?}; allowed: {allowed}");
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
    assert!(said.contains("--files-root is \"/tmp/\u{fffd}\"; allowed: auto, or a directory"));
    let said = refused(barewire().env("BAREWIRE_FILES_ROOT", value));
    assert!(said.contains("BAREWIRE_FILES_ROOT is "), "{said}");
}

#[test]
fn a_wrong_variable_names_variable_value_and_what_is_allowed() {
    let said = refused(barewire().env("BAREWIRE_BODY_MAX", "2 MB"));
    assert!(
        said.contains("BAREWIRE_BODY_MAX is \"2 MB\"; allowed: 0 to 1GiB"),
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
        let place = format!("port in {}", shown(&file.path));
        let sentence = format!("{place} is {text:?}; allowed: a whole number from 0 to 65535");
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
fn variables_that_name_no_option_are_left_alone() {
    let output = barewire()
        .arg("--print-config")
        .env("BAREWIRE_SERVICE_HOST", "10.0.0.1")
        .unwrap();
    assert_eq!(stdout(&output), printed(&[]));
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
        said.contains("--linger is \"2s\"; close() would block a reactor"),
        "{said}"
    );
    assert!(said.contains("--linger-may-block"), "{said}");
    let wanted = printed(&["--linger", "2s", "--linger-may-block"]);
    assert_eq!(line(&wanted, "linger").0, "\"2s\"");
    let file = written("linger = '2s'");
    let said = refused(barewire().arg("--config").arg(&file.path));
    assert!(
        said.contains(&format!("linger in {} is \"2s\"", shown(&file.path))),
        "{said}"
    );
}

/// The kernel counts whole seconds: half of one would be none, and reset the connection.
#[test]
fn a_linger_has_no_fraction_of_a_second() {
    let said = refused(barewire().args(["--linger", "500ms", "--linger-may-block"]));
    assert!(
        said.contains("allowed: off, or whole seconds from 0s to 60s"),
        "{said}"
    );
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    for (args, sentence) in [
        (
            "--body-max 65MiB",
            "--body-max is \"65MiB\"; allowed: at most --buffers-max, now 64MiB",
        ),
        (
            "--buffers-max 512KiB",
            "--body-max (default) is \"1MiB\"; allowed: at most --buffers-max, now 512KiB",
        ),
        (
            "--buffers-max 64KiB --body-max 0 --owed-max 65KiB",
            "--owed-max is \"65KiB\"; allowed: at most --buffers-max, now 64KiB",
        ),
        (
            "--workers 3 --connections-max 2",
            "--connections-max is \"2\"; allowed: at least one for each of the 3 --workers",
        ),
        (
            "--files-root /nonexistent",
            "--files-root is \"/nonexistent\"; allowed: auto, or a directory that exists",
        ),
    ] {
        let said = refused(barewire().args(args.split(' ')));
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
    }
}

#[test]
fn a_path_to_trace_begins_with_a_slash() {
    let said = refused(barewire().args(["trace", "json"]));
    assert!(
        said.contains("PATH is \"json\"; allowed: a path that begins with /"),
        "{said}"
    );
    let said = refused(barewire().args(["trace", "/a\r\nb: c"]));
    assert!(
        said.contains("PATH is \"/a\\r\\nb: c\"; allowed:"),
        "{said}"
    );
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
