//! The command line: options become a [`Config`], and the server runs until a signal.
//!
//! Invariant: every option stands in one table (`options`), and whatever shows or reads options
//! walks that table. Here only is the process ended, written to stdout, and asked for its
//! environment; the library does none of the three.
//!
//! Exit codes: 0 when all went well, draining after a signal included; 1 when serving was not
//! possible; 2 when something was asked for in a wrong way.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;

mod options;

mod limits;

mod setting;

mod forms;

mod sources;

mod selection;

mod checks;

mod arguments;

mod serve;

mod report;

mod catalogue;

mod logger;

use crate::config::Config;
use options::Section;
use sources::{Chosen, File};

/// Why the program ends without having done what was asked.
enum Failure {
    /// It was asked in a wrong way.
    Usage(String),
    /// It was not possible.
    Impossible(String),
}

/// Does what the command line says.
///
/// Help and version, and flags and commands that do not exist, end the process in here.
pub fn run() -> ExitCode {
    let table = options::table();
    let matches = arguments::command(&table).get_matches();
    let outcome = match matches.subcommand() {
        Some(("trace", arguments)) => trace(arguments),
        Some(("explain", arguments)) => explain(arguments),
        Some(("techniques", arguments)) => with_options(arguments, &table, |chosen, _| {
            let config = &chosen.values.config;
            let text = catalogue::list(config, arguments::json(arguments));
            print(|out| out.write_all(text.as_bytes()))
        }),
        Some((_, arguments)) => with_options(arguments, &table, serve),
        None => with_options(&matches, &table, serve),
    };
    let (code, message) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Impossible(message)) => (1, message),
        Err(Failure::Usage(message)) => (
            2,
            format!("{message}\n\nFor more information, try '--help'."),
        ),
    };
    say(&format!("error: {message}\n"));
    ExitCode::from(code)
}

fn with_options(
    matches: &ArgMatches,
    table: &[Section],
    command: impl FnOnce(&Chosen, &[Section]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let chosen = choose(matches, table).map_err(Failure::Usage)?;
    if arguments::print_config(matches) {
        return print(|out| out.write_all(chosen.print(table).as_bytes()));
    }
    command(&chosen, table)
}

fn serve(chosen: &Chosen, table: &[Section]) -> Result<(), Failure> {
    serve::serve(chosen, table).map_err(Failure::Impossible)
}

fn choose(matches: &ArgMatches, table: &[Section]) -> Result<Chosen, String> {
    let variable = |name: &str| std::env::var_os(name);
    let from_environment = variable("BAREWIRE_CONFIG");
    let path =
        arguments::config_file(matches).or_else(|| from_environment.as_deref().map(Path::new));
    let file = path.map(|path| File::read(path, table)).transpose()?;
    let flag = |setting: &_| arguments::flag(matches, setting);
    let chosen = sources::choose(table, flag, variable, file.as_ref())?;
    checks::check(&chosen, table)?;
    Ok(chosen)
}

/// The configuration that a file of this text gives, with the default for whatever it leaves out;
/// `name` is what errors call it.
///
/// # Errors
///
/// The sentence that the program would end with: the text is not TOML, a key is no option, or a
/// value is not allowed, or not together with another.
pub fn configuration(text: &str, name: &str) -> Result<Config, String> {
    let table = options::table();
    let file = File::of(text, name.to_owned(), &table)?;
    let chosen = sources::choose(&table, |_| None, |_| None, Some(&file))?;
    checks::check(&chosen, &table)?;
    Ok(chosen.values.config)
}

fn trace(matches: &ArgMatches) -> Result<(), Failure> {
    let path = arguments::trace_path(matches);
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let allowed = "a path that begins with /, percent-encoded where it is not visible ASCII";
        return Err(Failure::Usage(format!(
            "PATH is {path:?}; allowed: {allowed}"
        )));
    }
    print(|out| crate::trace::run(path, out))
}

fn explain(matches: &ArgMatches) -> Result<(), Failure> {
    let entry = catalogue::explain(arguments::technique_name(matches)).map_err(Failure::Usage)?;
    print(|out| out.write_all(entry.as_bytes()))
}

/// Writes to stdout. A reader who has seen enough (`barewire --print-config | head`) is no failure.
fn print(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Impossible(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr. If that is closed there is nobody to tell, which is no reason to stop serving.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
