//! The generator's command line, and the requests that it names.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, FromArgMatches};

use barewire_load::script::{self, Weighted};

use crate::positive;

/// How to ask, and whom.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch")]
pub struct Options {
    /// Address of the server, such as 127.0.0.1:8080.
    pub address: SocketAddr,
    /// File with the bytes of one request.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "mix"])]
    pub request: Option<PathBuf>,
    /// Ask for this path; several times with weights for a mix.
    #[arg(long, value_name = "PATH[=WEIGHT]", conflicts_with = "mix")]
    #[arg(default_value = "/plaintext")]
    pub path: Vec<Weighted>,
    /// File with a mix: a line for each PATH[=WEIGHT].
    #[arg(long, value_name = "FILE")]
    pub mix: Option<PathBuf>,
    /// Value of the Host field [default: the address]; a fixed one makes requests of equal length.
    #[arg(long, value_name = "TEXT")]
    pub host_field: Option<String>,
    /// The body that every answer must have [default: that of the first answer].
    #[arg(long)]
    pub body: Option<String>,
    /// Answers vary in length: parse each of them.
    #[arg(long)]
    pub varying: bool,
    /// Connections, all open from the start.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// Requests of one batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub pipeline: u16,
    /// A connection for each batch; the request asks the server to close.
    #[arg(long)]
    pub reconnect: bool,
    /// Threads; they share the connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
    /// Cores for the threads, one for each in turn, such as 0,1 [default: all].
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub cores: Vec<usize>,
    /// Open loop: so many requests a second are due, and latency counts from then.
    #[arg(long, value_parser = positive, conflicts_with_all = ["requests"])]
    pub rate: Option<f64>,
    /// Time the answers of the closed loop.
    #[arg(long)]
    pub latency: bool,
    /// Seconds to measure.
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub seconds: f64,
    /// Seconds to run before that.
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub warmup: f64,
    /// Send this many requests over one connection, without warm-up, instead of for some seconds;
    /// those that the answers are learned from count too.
    #[arg(long)]
    pub requests: Option<usize>,
    /// Process whose CPU time is to be divided by the requests.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
    /// Seconds after which a missing answer is an error.
    #[arg(long, default_value = "5", value_parser = positive, hide = true)]
    pub silence: f64,
}

impl Options {
    /// The defaults, for a server at this address.
    ///
    /// # Errors
    ///
    /// If a default is none that the command line takes.
    pub fn to(address: SocketAddr) -> Result<Self> {
        let line = Self::augment_args(clap::Command::new("load").no_binary_name(true));
        let given = line.try_get_matches_from([address.to_string()])?;
        Ok(Self::from_arg_matches(&given)?)
    }
}

/// The requests to be sent, with their weights.
pub(super) fn requests(options: &Options) -> Result<Vec<(Vec<u8>, usize)>> {
    let unread = |file: &PathBuf| format!("cannot read {}", file.display());
    if let Some(file) = &options.request {
        let bytes = fs::read(file).with_context(|| unread(file))?;
        if options.reconnect && !script::asks_to_close(&bytes) {
            bail!("with --reconnect the request must say Connection: close");
        }
        return Ok(vec![(bytes, 1)]);
    }
    let mut paths = options.path.clone();
    if let Some(file) = &options.mix {
        let text = fs::read_to_string(file).with_context(|| unread(file))?;
        paths = script::mix(&text)?;
    }
    let address = options.address.to_string();
    let host = options.host_field.as_deref().unwrap_or(&address);
    let request = |path: &Weighted| script::request_for(&path.path, host, options.reconnect);
    let requests = paths.iter().map(|path| (request(path), path.weight));
    Ok(requests.collect())
}

/// Also 0.
fn seconds(text: &str) -> Result<f64> {
    let seconds: f64 = text.parse()?;
    let valid = Duration::try_from_secs_f64(seconds).map(|_| seconds);
    valid.context("it must be a number that is not negative")
}
