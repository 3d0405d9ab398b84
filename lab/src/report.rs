//! (to be written)

pub mod changes;
pub mod terminal;

use anyhow::Result;

use crate::Exit;

/// Options.
#[derive(Debug, clap::Args)]
pub struct Options {}

/// Runs it.
pub fn run(options: &Options) -> Result<Exit> {
    let _ = options;
    todo!()
}
