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

mod command;

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

mod window;

pub mod threshold;

pub mod server;

pub mod duel;

pub mod ablate;

pub mod peers;

pub mod compare;

pub mod front;

pub mod versus;

pub mod tax;

pub mod why;

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

/// Those of these names, or all if there are none.
///
/// # Errors
///
/// If a name is unknown: with those that are known, and `kind`, what it should have been.
fn chosen<T>(
    all: impl IntoIterator<Item = T>,
    names: &[String],
    name_of: impl Fn(&T) -> &str,
    kind: &str,
) -> anyhow::Result<Vec<T>> {
    let mut all: Vec<T> = all.into_iter().collect();
    let known: Vec<&str> = all.iter().map(&name_of).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        anyhow::bail!("{unknown} is no {kind}; there are {}", known.join(", "));
    }
    all.retain(|one| names.is_empty() || names.iter().any(|name| name == name_of(one)));
    Ok(all)
}

/// All, those of one key together, in the order in which the keys come.
fn grouped<K: PartialEq, T>(
    all: impl IntoIterator<Item = T>,
    key_of: impl Fn(&T) -> K,
) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for one in all {
        let key = key_of(&one);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
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

impl Exit {
    /// Done; with something to object to, or without.
    fn of(is_good: bool) -> Self {
        if is_good {
            Self::Success
        } else {
            Self::Failure
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
