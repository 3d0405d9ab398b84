//! The rivals: what `peers/` holds, how each is built, and how it is started.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::Subject;

/// A rival, from `peers/NAME/peer.toml`.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The folder's name.
    pub name: String,
    /// What it is, in a line.
    pub about: String,
    /// Version that is measured.
    pub version: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// All that there are, by name.
pub fn all() -> Result<Vec<Peer>> {
    todo!()
}

impl Peer {
    /// Builds it, if that has not been done; the error says what was missing.
    pub fn build(&self) -> Result<Subject> {
        todo!()
    }
}
