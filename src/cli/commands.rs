//! The commands as clap sees them.

use std::path::PathBuf;

use clap::{Command, CommandFactory as _, Parser, Subcommand};

use super::options::Options;
use super::selection;
use super::settings::File;

/// A hand-rolled HTTP/1.1 server on mio that can prove where its speed comes from
///
/// Examples:
///   barewire                               On 127.0.0.1:8080, a reactor for each core
///   barewire --port 0 --workers 1          One reactor, on a free port
///   barewire --host 0.0.0.0 --log errors   From outside too; refusals go to stderr
///   barewire --print-config                All options, ready to be kept as a file
///   barewire --config barewire.toml        Read such a file
///   BAREWIRE_WORKERS=4 barewire            Any option as a variable
///   barewire demo                          Measure where the speed comes from, in a minute
///   barewire trace /json                   See a request's way through the server, step by step
///   barewire techniques                    What makes it fast, a line for each
///   barewire explain register-once         One of them, with what it saves and when it hurts
///   barewire --without register-once,slab  Serve without two of them
///
/// Every option can be given in three ways: as a flag (--buffer-size 16KiB), as a variable
/// (BAREWIRE_BUFFER_SIZE=16KiB), or in a TOML file (buffer-size = "16KiB"). A flag wins over the
/// variable, the variable over the file, and the file over the default. Sizes are bytes or carry
/// KiB, MiB or GiB; times carry a unit: 250ms, 10s, 2min.
#[derive(Parser)]
// A subcommand has options of its own, so those before it could be meant for neither.
#[command(version, verbatim_doc_comment, args_conflicts_with_subcommands = true)]
#[command(after_help = "`barewire --help` says what each option does in fact, and gives examples.")]
struct Barewire {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Serve; what is done if no command is given
    Serve(Options),
    /// Serve three requests to itself and print each step of their way, with its time
    ///
    /// The options are those of the server. Times stand behind a tab at the end of a line, so two
    /// traces can be laid side by side:
    ///
    ///   diff -y -W 160 <(barewire trace | cut -f1) <(barewire trace --naive | cut -f1)
    #[command(verbatim_doc_comment)]
    Trace {
        /// The path to ask for, which begins with /
        #[arg(default_value = "/plaintext", value_parser = path)]
        path: String,
        #[command(flatten)]
        options: Options,
    },
    /// Measure where the speed comes from: each technique's worth on this machine, in a minute
    Demo {
        /// How long it may take; five minutes resolve half a percent
        #[arg(long, default_value = "1", value_parser = minutes)]
        minutes: f64,
        /// A file for what was found, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// List the techniques with their state, as the same options would start the server
    Techniques {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        options: Options,
    },
    /// Say what a technique does, what it saves and when it hurts
    Explain {
        /// The technique, as `barewire techniques` lists it
        #[arg(value_parser = technique)]
        name: String,
    },
}

/// The whole command line; with a file, its values are the defaults.
pub(super) fn all(file: Option<&File>) -> Command {
    let whole = |command: Command| {
        let mut heading = String::new();
        let command = command.mut_args(|option| {
            if let Some(own) = option.get_help_heading() {
                own.clone_into(&mut heading);
            }
            if heading.is_empty() {
                option
            } else {
                option.help_heading(&heading)
            }
        });
        match file {
            Some(file) => file.below(command),
            None => command,
        }
    };
    whole(Barewire::command()).mut_subcommands(whole)
}

fn path(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("a path begins with /, and is percent-encoded where it is not visible ASCII")
    }
}

fn minutes(text: &str) -> Result<f64, &'static str> {
    let minutes = text.parse().ok().filter(|it| (0.5..=60.0).contains(it));
    minutes.ok_or("allowed: 0.5 to 60")
}

/// In any case: whoever asks for an entry has read the name in a table or in a heading.
fn technique(text: &str) -> Result<String, String> {
    selection::known(&text.to_lowercase()).map(|technique| technique.name.to_owned())
}
