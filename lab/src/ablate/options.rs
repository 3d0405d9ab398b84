//! What an ablation is told on the command line.

use std::path::PathBuf;

use anyhow::Result;

use super::scope::Scope;
use super::server_beside_us;

/// Measure what each technique is worth.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Two minutes: counts for every technique, and naive against full in time.
    #[arg(long, conflicts_with = "full")]
    pub(super) quick: bool,
    /// Everything, for hours: each technique left out and added alone, on all workloads.
    #[arg(long)]
    pub(super) full: bool,
    /// Only these techniques, by name.
    #[arg(long, value_delimiter = ',')]
    pub(super) techniques: Vec<String>,
    /// Minutes that the timing may take, instead of 2, 20 or 360; counting comes on top of them.
    #[arg(long, value_parser = positive)]
    pub(super) minutes: Option<f64>,
    /// The most pairs of one row.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(6..))]
    pub(super) pairs_max: u16,
    /// Seconds that count of a block, after one of warm-up; 2 if nothing is said, 1 with --quick.
    #[arg(long, value_parser = positive)]
    pub(super) block_seconds: Option<f64>,
    /// The server; without it, the one beside this program, or else in the PATH.
    #[arg(long)]
    pub(super) server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(long, default_value = "results/ablation.json")]
    pub(super) output: PathBuf,
    /// Go on with a file that was broken off, with the options that it was begun with.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "quick", "full", "techniques", "pairs_max", "block_seconds", "server", "output",
        ]
    )]
    pub(super) resume: Option<PathBuf>,
    /// Exit with 3 if this holds, such as 'ns_per_request > limit * 1.1'.
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) fail_if: Option<String>,
}

/// A positive number of seconds or minutes.
///
/// # Errors
///
/// What is wanted, for clap to tell.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

impl Options {
    pub(super) fn scope(&self) -> Scope {
        match (self.quick, self.full) {
            (true, _) => Scope::Quick,
            (_, true) => Scope::Full,
            _ => Scope::Usual,
        }
    }

    pub(super) fn minutes(&self) -> f64 {
        self.minutes.unwrap_or_else(|| self.scope().minutes())
    }

    pub(super) fn program(&self) -> Result<PathBuf> {
        self.server.clone().map_or_else(server_beside_us, Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_numbers_are_times() {
        assert_eq!(positive("1.5"), Ok(1.5));
        for wrong in ["0", "-1", "inf", "NaN", "two"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
    }
}
