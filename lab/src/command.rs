//! Programs that are run to their end: what they print, or why they failed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Where the sources are.
pub(crate) const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Lines of what a program printed that an error quotes: the last ones.
const LINES_QUOTED: usize = 8;

/// What it prints on its standard output, whatever the bytes are. It has nothing to read.
///
/// # Errors
///
/// If it cannot be started, or fails: with the end of what it said.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} cannot be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} ended with {}: {}",
        output.status,
        last_lines(&said, LINES_QUOTED).join(" | ")
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the server by a command for a shell, which is run in the folder of the sources. Returns
/// the server that it makes.
///
/// # Errors
///
/// If the command fails, or makes no server where it should.
pub(crate) fn built(command: &str) -> Result<PathBuf> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(SOURCES);
    output_of(shell.env_remove("CARGO_TARGET_DIR")).with_context(|| format!("`{command}`"))?;
    let program = Path::new(SOURCES).join(place(command)).join("barewire");
    let shown = program.display();
    ensure!(program.is_file(), "`{command}` did not make {shown}");
    Ok(program)
}

/// The end of what a program printed, without empty lines.
pub(crate) fn last_lines(printed: &str, most: usize) -> Vec<&str> {
    let lines = printed.lines().filter(|line| !line.trim().is_empty());
    let mut lines: Vec<_> = lines.collect();
    lines.split_off(lines.len().saturating_sub(most))
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
    fn each_build_has_its_place() {
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

    #[test]
    fn a_program_that_fails_is_quoted() {
        let mut shell = Command::new("sh");
        assert_eq!(output_of(shell.args(["-c", "echo all"])).unwrap(), "all\n");
        let mut shell = Command::new("sh");
        let failed = output_of(shell.args(["-c", "echo no room >&2; exit 3"])).unwrap_err();
        assert_eq!(failed.to_string(), "sh ended with exit status: 3: no room");
    }
}
