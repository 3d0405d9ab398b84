//! The command line: options become a [`Config`], and the server runs until a signal.
//!
//! Invariant: every option stands in one list (`options`), and whatever shows or reads options
//! walks that list. Here only is the process ended, written to stdout, and asked for its
//! environment; the library does none of the three.
//!
//! Exit codes: 0 when all went well, draining after a signal included; 1 when serving was not
//! possible; 2 when something was asked for in a wrong way.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::error::ErrorKind;

mod options;

mod argument;

mod settings;

mod selection;

mod checks;

mod commands;

mod serve;

mod report;

mod catalogue;

mod demo;

mod printer;

mod logger;

use crate::config::Config;
use crate::config::bounds::PRINTED_WITHIN;
use printer::Printer;
use settings::File;

/// Does what the command line says.
///
/// Help and version end the process in here, and so does what was asked for in a wrong way.
pub fn run() -> ExitCode {
    let matches = commands::all(None).get_matches();
    let outcome = match matches.subcommand() {
        Some(("demo", arguments)) => {
            let minutes: Option<&f64> = arguments.get_one("minutes");
            let json: Option<&PathBuf> = arguments.get_one("json");
            let length = Duration::from_secs_f64(minutes.map_or(60.0, |minutes| minutes * 60.0));
            demo::run(length, json.map(PathBuf::as_path))
        }
        Some(("explain", arguments)) => {
            let name: Option<&String> = arguments.get_one("name");
            let entry = catalogue::explain(name.map_or("", |name| name));
            print(|out| out.write_all(entry.as_bytes()))
        }
        Some((name, arguments)) => with_options(name, arguments),
        None => with_options("serve", &matches),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("error: {message}\n"));
            ExitCode::FAILURE
        }
    }
}

/// A command whose options are those of the server.
fn with_options(name: &str, arguments: &ArgMatches) -> Result<(), String> {
    let path: Option<&PathBuf> = arguments.get_one("config");
    let file = path.map(|path| File::read(path)).transpose();
    let settings = file.and_then(|file| {
        // Once more, now that the file is known: its values are the weakest.
        let matches = commands::all(file.as_ref()).get_matches();
        let arguments = matches.subcommand_matches(name).unwrap_or(&matches);
        settings::choose(arguments, file.as_ref())
    });
    let settings = settings.unwrap_or_else(|message| usage(&message));
    for warning in settings::unknown_variables() {
        say(&format!("warning: {warning}\n"));
    }
    if arguments.get_flag("print_config") {
        print(|out| out.write_all(settings.print().as_bytes()))
    } else if name == "trace" {
        let path: Option<&String> = arguments.get_one("path");
        let path = path.map_or("/", |path| path);
        print(|out| crate::trace::run(path, &settings.config, out))
    } else if name == "techniques" {
        let text = catalogue::list(&settings.config, arguments.get_flag("json"));
        print(|out| out.write_all(text.as_bytes()))
    } else {
        serve::serve(&settings)
    }
}

/// Ends the process: it was asked in a wrong way.
fn usage(message: &str) -> ! {
    let mut command = commands::all(None);
    command.error(ErrorKind::ValueValidation, message).exit()
}

/// The configuration that a file of this text gives, with the default for whatever it leaves out;
/// `name` is what errors call it.
///
/// # Errors
///
/// The sentence that the program would end with: the text is not TOML, a key is no option, or a
/// value is not allowed, or not together with another.
pub fn configuration(text: &str, name: &str) -> Result<Config, String> {
    let file = File::of(text, name.to_owned())?;
    let command = file.below(settings::options());
    let command = command.mut_args(|option| option.env(None::<&str>));
    let matches = command.try_get_matches_from(["barewire"]);
    let matches = matches.map_err(|error| error.to_string())?;
    Ok(settings::choose(&matches, Some(&file))?.config)
}

/// Writes to stdout. A reader who has seen enough (`barewire --print-config | head`) is no failure.
fn print(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Writes to stderr. If that is closed, or nobody reads it, there is nobody to tell, which is no
/// reason not to serve, nor not to end.
fn say(text: &str) {
    match Printer::start("stderr", io::stderr(), Arc::default()) {
        Ok(stderr) => stderr.end(text, PRINTED_WITHIN),
        Err(_) => drop(io::stderr().write_all(text.as_bytes())),
    }
}
