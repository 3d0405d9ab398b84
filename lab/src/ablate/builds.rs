//! The server built in other ways: by the commands that it names itself, each into a folder of its
//! own, so that none takes the place of the server that is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::Subject;
use crate::server::{Server, barewire};

/// Where the sources are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Build {
    /// The technique that it is about.
    pub(super) name: String,
    program: PathBuf,
}

impl Build {
    /// How it is started.
    pub(super) fn subject(&self) -> Subject {
        barewire(&format!("build: {}", self.name), &self.program, &[])
    }
}

/// Builds all; one whose command fails, or needs what is not here, is told and left out.
pub(super) fn all(server: &Server) -> Vec<Build> {
    let mut builds = Vec::new();
    for technique in &server.techniques {
        let Some(command) = &technique.build else {
            continue;
        };
        eprintln!("{}: building", technique.name);
        match build(&technique.name, command) {
            Ok(build) => builds.push(build),
            Err(error) => eprintln!("{}: {error:#}", technique.name),
        }
    }
    builds
}

fn build(name: &str, command: &str) -> Result<Build> {
    // The document's command, as a shell takes it.
    let ended = Command::new("sh")
        .args(["-c", command])
        .current_dir(SOURCES)
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("sh")?;
    if !ended.success() {
        bail!("`{command}` ended with {ended}");
    }
    let program = Path::new(SOURCES).join(place(command)).join("barewire");
    if !program.is_file() {
        bail!("`{command}` did not make {}", program.display());
    }
    Ok(Build {
        name: name.to_owned(),
        program,
    })
}

/// Where a command puts the server: cargo has a folder for each profile, and the script its own.
fn place(command: &str) -> String {
    let given = |option: &str| {
        let (_, rest) = command.split_once(option)?;
        rest.split_whitespace().next()
    };
    let profile = given("--profile ").unwrap_or("release");
    let usual = if command.contains("pgo.sh") {
        "target/pgo"
    } else {
        "target"
    };
    format!("{}/{profile}", given("--target-dir ").unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_place() {
        for (command, folder) in [
            ("cargo build --profile no-lto", "target/no-lto"),
            (
                "X=1 cargo build --release --target-dir target/native",
                "target/native/release",
            ),
            ("contrib/pgo.sh", "target/pgo/release"),
        ] {
            assert_eq!(place(command), folder);
        }
    }
}
