//! What a comparison is told on the command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::ablate::positive;
use crate::peers::{self, Peer};
use crate::workload::Workload;

/// Measure the server beside its rivals and beside the limit.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these rivals, by the names of their folders.
    #[arg(long, value_delimiter = ',')]
    pub(super) peers: Vec<String>,
    /// The folder of the rivals [default: `peers`, here or above this program].
    #[arg(long, value_name = "FOLDER")]
    pub(super) peers_folder: Option<PathBuf>,
    /// Workers of each server.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) workers: u16,
    /// What is asked of them: keep-alive, pipelined-x16, one-connection, connection-per-request.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "keep-alive,pipelined-x16"
    )]
    pub(super) workload: Vec<String>,
    /// Minutes that it may take, without building.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    pub(super) minutes: f64,
    /// The most rounds.
    #[arg(long, default_value_t = 30)]
    pub(super) rounds_max: u32,
    /// Seconds that count of a block, after one of warm-up.
    #[arg(long, default_value_t = 1.5, value_parser = positive)]
    pub(super) block_seconds: f64,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    pub(super) server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(long, default_value = "results/comparison.json")]
    pub(super) output: PathBuf,
    /// List the rivals and leave.
    #[arg(long)]
    pub(super) list: bool,
    /// Build the rivals, check their answers and leave.
    #[arg(long)]
    pub(super) build_only: bool,
    /// Exit with 3 if this holds, such as 'ns_per_request > limit * 1.1'.
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) fail_if: Option<String>,
}

impl Options {
    /// The rivals that are asked for.
    pub(super) fn rivals(&self) -> Result<Vec<Peer>> {
        let folder = peers::folder(self.peers_folder.as_deref())?;
        chosen(peers::all_in(&folder)?, &self.peers)
    }

    /// The workloads that are asked for.
    pub(super) fn workloads(&self) -> Result<Vec<Workload>> {
        self.workload.iter().map(|name| named(name)).collect()
    }
}

/// The rivals of these names; all if there are none.
fn chosen(all: Vec<Peer>, names: &[String]) -> Result<Vec<Peer>> {
    let is_known = |name: &String| all.iter().any(|peer| peer.name == *name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<_> = all.iter().map(|peer| peer.name.as_str()).collect();
        bail!("{unknown} is no rival; there are {}", known.join(", "));
    }
    let is_wanted = |peer: &Peer| names.is_empty() || names.contains(&peer.name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

fn named(name: &str) -> Result<Workload> {
    let all = Workload::all();
    let found = all.iter().find(|workload| workload.name == name);
    found.cloned().with_context(|| {
        let known: Vec<_> = all.iter().map(|workload| workload.name.as_str()).collect();
        format!("{name} is no workload; there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_known_by_name() {
        assert_eq!(named("pipelined-x16").unwrap(), Workload::pipelined());
        let error = named("fast").unwrap_err().to_string();
        assert!(error.contains("keep-alive, pipelined-x16"), "{error}");
    }
}
