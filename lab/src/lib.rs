//! The lab: proves, by measurement, where the speed of barewire comes from.
//!
//! In reading order: what is asked, of whom, and what a figure is worth; how servers take turns and
//! what rows are made of that; and then the experiments, which only put these together. Of the
//! server the lab links the statistics of duels, so that both speak of the same intervals; all else
//! it knows as anybody does, through the command line and the sockets.

#![allow(
    clippy::missing_errors_doc,
    reason = "whatever fails here is told to a person, by anyhow, with what was being done"
)]

pub mod canned;

pub mod workload;

pub mod machine;

pub mod process;

pub mod generator;

pub mod wrk;

pub mod counting;

pub mod statistics;

pub mod environment;

pub mod results;

pub mod progress;

pub mod turns;

pub mod rows;

pub mod threshold;

pub mod server;

pub mod duel;

pub mod ablate;

pub mod peers;

pub mod compare;

pub mod versus;

pub mod article;

pub mod check;

pub mod report;

pub mod faults;

pub mod soak;

pub mod doctor;

/// A number above 0, from the command line.
fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it must be a number".to_owned())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("it must be a number above 0".to_owned())
    }
}

/// How the program ends: one code for each kind of end, so that scripts can tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and nothing to object to.
    Success = 0,
    /// Something could not be done: a server that did not start, a file that cannot be read.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A threshold of `--fail-if` was crossed.
    Threshold = 3,
    /// No verdict: a control failed, or what was measured leaves it open.
    Noisy = 4,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
