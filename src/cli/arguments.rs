//! The command line as clap sees it, made from the table of options.
//!
//! clap finds flags and subcommands, suggests the nearest known one, and lays the help out. It does
//! not judge values: those of variables and of the file must be judged in the same way (`sources`).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, PathBufValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::options::{Section, Values};
use super::setting::Setting;

const EXAMPLES: &str = "\
Examples:
  barewire                               Serve on http://127.0.0.1:8080, one reactor for each core
  barewire --port 0 --workers 1          One reactor, on a free port
  barewire --host 0.0.0.0 --log errors   Reachable from outside; refusals and faults go to stderr
  barewire --print-config                All options with their values, ready to be kept as a file
  barewire --config barewire.toml        Read such a file
  BAREWIRE_WORKERS=4 barewire            Any option as a variable
  barewire trace /json                   See a request's way through the server, step by step
  barewire techniques                    What makes it fast, a line for each
  barewire explain register-once         One of them, with what it saves and when it hurts
  barewire --without register-once,slab  Serve without two of them";

const RULES: &str = "\
Every option can be given in three ways: as a flag (--buffer-size 16KiB), as a variable \
(BAREWIRE_BUFFER_SIZE=16KiB), or in a TOML file (buffer-size = \"16KiB\"). A flag wins over the \
variable, the variable over the file, and the file over the default. Sizes are bytes or carry KiB, \
MiB or GiB; times carry a unit: 250ms, 10s, 2min.";

/// The whole command line.
pub(super) fn command(table: &[Section]) -> Command {
    let serve = Command::new("serve").about("Serve; what is done if no command is given");
    let trace = Command::new("trace")
        .about("Serve two requests to itself and print each step of their way")
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .default_value("/plaintext")
                .help("The path to ask for, which begins with /"),
        );
    let techniques = Command::new("techniques")
        .about("List the techniques with their state, as the same options would start the server")
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("As JSON, for programs"),
        );
    let explain = Command::new("explain")
        .about("Say what a technique does, what it saves and when it hurts")
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .help("The technique, as `barewire techniques` lists it"),
        );
    with_options(Command::new("barewire"), table)
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        // A subcommand has options of its own, so those before it could be meant for neither.
        .args_conflicts_with_subcommands(true)
        .subcommand(with_options(serve, table))
        .subcommand(trace)
        .subcommand(with_options(techniques, table))
        .subcommand(explain)
}

/// The text of the option's flag, if it was given; of one that was given several times, all of them
/// with commas in between.
pub(super) fn flag(matches: &ArgMatches, setting: &Setting) -> Option<OsString> {
    let texts: Vec<_> = matches
        .get_many::<OsString>(setting.name)?
        .map(OsString::as_os_str)
        .collect();
    Some(texts.join(OsStr::new(",")))
}

/// The configuration file, if one was given.
pub(super) fn config_file(matches: &ArgMatches) -> Option<&Path> {
    matches.get_one::<PathBuf>("config").map(PathBuf::as_path)
}

/// Only print the configuration.
pub(super) fn print_config(matches: &ArgMatches) -> bool {
    matches.get_flag("print-config")
}

/// The path to trace.
pub(super) fn trace_path(matches: &ArgMatches) -> &str {
    matches
        .get_one::<String>("path")
        .map_or("/plaintext", String::as_str)
}

/// As JSON.
pub(super) fn json(matches: &ArgMatches) -> bool {
    matches.get_flag("json")
}

/// The technique to explain, if one is named.
pub(super) fn technique_name(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("name").map(String::as_str)
}

fn with_options(mut command: Command, table: &[Section]) -> Command {
    let defaults = Values::default();
    for section in table {
        command = command.next_help_heading(section.title);
        for setting in &section.settings {
            command = command.arg(argument(setting, &defaults));
        }
    }
    command
        .next_help_heading("Configuration")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(PathBufValueParser::new())
                .help("Read options from this TOML file")
                .long_help(
                    "Read options from this TOML file. Its keys are the flags without their dashes \
                     in front; one that is no option is an error. As a variable: BAREWIRE_CONFIG.",
                ),
        )
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .help("Print every option and where its value came from, and exit")
                .long_help(
                    "Print every option with its value and where that came from, and exit. The \
                     output is a file for --config.",
                ),
        )
        .before_long_help(EXAMPLES)
        .after_help("`barewire --help` says what each option does in fact, and gives examples.")
        .after_long_help(RULES)
}

fn argument(setting: &Setting, defaults: &Values) -> Arg {
    let default = setting.show(defaults);
    let detail = if setting.detail.is_empty() { "" } else { " " }.to_owned() + setting.detail;
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.placeholder.clone())
        .value_parser(OsStringValueParser::new())
        // `--port -1` is a wrong value and not an unknown flag.
        .allow_negative_numbers(true)
        .help(format!("{} [{default}]", setting.help))
        .long_help(format!(
            "{}.{detail}\n[default: {default}] [allowed: {}]",
            setting.help, setting.allowed
        ));
    let argument = if setting.repeats {
        argument.action(ArgAction::Append)
    } else {
        argument
    };
    if setting.bare {
        argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("on")
    } else {
        argument
    }
}
