//! Where the server is that the lab's tests start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server that cargo puts beside the lab's program; built if only the lab was.
pub(crate) fn path() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| {
        let lab = Path::new(env!("CARGO_BIN_EXE_barewire-lab"));
        let server = lab.with_file_name("barewire");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "barewire", "--bin", "barewire"]);
        if lab
            .parent()
            .is_some_and(|folder| folder.ends_with("release"))
        {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
        server
    })
}
