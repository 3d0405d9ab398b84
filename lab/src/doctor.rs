//! (to be written)

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
