//! The rivals: what `peers/` holds, how each is built, started and checked.
//!
//! A rival is a folder with a `peer.toml`. It is built when it is needed, with its own tools and its
//! own lock file, and none is timed before it has given the answers that are wanted. Absent is any
//! rival's name: another folder is another rival.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process::Subject;

mod answers;

pub use answers::{Answers, check};

/// Lines that are quoted of a build that failed: its last ones.
const LINES_QUOTED: usize = 8;

/// A rival, from `peers/NAME/peer.toml`.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The folder's name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: PathBuf,
    /// What its file says.
    pub sheet: Sheet,
}

/// What a `peer.toml` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// What it is, in a line.
    pub about: String,
    /// What it is written in.
    pub language: String,
    /// Version that is measured.
    pub version: String,
    /// What a reader of its figures must know.
    #[serde(default)]
    pub notes: String,
    /// Programs that must be there.
    pub needs: Vec<String>,
    /// Debian's package with the first of them, if it is one.
    pub apt: Option<String>,
    /// The command that builds it, started in its folder; empty if there is nothing to build.
    pub build: Vec<String>,
    /// The command that starts it, in its folder; `{port}` and `{workers}` are filled in.
    pub run: Vec<String>,
    /// Variables of its environment; PORT and WORKERS are there in any case.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Whether it answers sixteen requests that come in one piece.
    pub pipelining: bool,
}

/// All that there are below a folder, by name.
pub fn all(folder: &Path) -> Result<Vec<Peer>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| {
        format!("{shown} cannot be read; --peers-folder names the folder of the rivals")
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let sheet = path.join("peer.toml");
        if sheet.exists() {
            found.push(Peer::read(path, &sheet)?);
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    if found.is_empty() {
        bail!("{shown} has no folder with a peer.toml");
    }
    Ok(found)
}

/// Those of these names; all if there are none.
pub fn named(all: Vec<Peer>, names: &[String]) -> Result<Vec<Peer>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|peer| peer.name == **name))
    {
        let known: Vec<_> = all.iter().map(|peer| peer.name.as_str()).collect();
        bail!("{unknown} is no rival; there are {}", known.join(", "));
    }
    let is_wanted = |peer: &Peer| names.is_empty() || names.contains(&peer.name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

impl Peer {
    fn read(folder: PathBuf, sheet: &Path) -> Result<Self> {
        let text = fs::read_to_string(sheet)?;
        let sheet: Sheet =
            toml::from_str(&text).with_context(|| format!("{} is wrong", sheet.display()))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if sheet.run.is_empty() {
            bail!("the peer.toml of {name} does not say how it is run");
        }
        Ok(Self {
            name: name.into_owned(),
            folder: folder.canonicalize()?,
            sheet,
        })
    }

    /// Builds it, if there is something to build; the error says what was missing.
    pub fn build(&self) -> Result<Subject> {
        for program in &self.sheet.needs {
            if which::which(program).is_err() {
                let remedy = match &self.sheet.apt {
                    Some(package) => format!("apt-get install {package}"),
                    None => format!("install {program}"),
                };
                bail!("{program} is missing: {remedy}");
            }
        }
        if let [program, arguments @ ..] = &self.sheet.build[..] {
            let output = Command::new(program)
                .args(arguments)
                .current_dir(&self.folder)
                .env("CARGO_TARGET_DIR", self.target())
                .output()
                .with_context(|| format!("{program} cannot be started"))?;
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr).into_owned()
                    + &String::from_utf8_lossy(&output.stdout);
                bail!(
                    "`{}` failed: {}",
                    self.sheet.build.join(" "),
                    last_lines(&told)
                );
            }
        }
        Ok(self.subject())
    }

    /// How it is started.
    fn subject(&self) -> Subject {
        let (program, arguments) = self
            .sheet
            .run
            .split_first()
            .expect("checked when it was read");
        // What has a slash lies in the folder, and what has none in PATH.
        let program = if program.contains('/') {
            self.folder.join(program)
        } else {
            PathBuf::from(program)
        };
        Subject {
            name: self.name.clone(),
            program,
            arguments: arguments.to_vec(),
            environment: self.sheet.environment.clone(),
            directory: Some(self.folder.clone()),
            announces: false,
        }
    }

    /// All Rust rivals share what they are built from.
    fn target(&self) -> PathBuf {
        self.folder.with_file_name("target")
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES_QUOTED)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: &str = r#"
        about = "a test"
        language = "Shell"
        version = "1"
        needs = ["sh"]
        build = ["sh", "-c", "echo built > made; test -n \"$CARGO_TARGET_DIR\""]
        run = ["./server", "{port}"]
        pipelining = true
    "#;

    fn folder_with(sheet: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("one")).unwrap();
        fs::write(folder.path().join("one/peer.toml"), sheet).unwrap();
        fs::create_dir(folder.path().join("common")).unwrap();
        folder
    }

    #[test]
    fn a_rival_is_built_in_its_folder() {
        let folder = folder_with(SHEET);
        let peers = all(folder.path()).unwrap();
        let [peer] = &peers[..] else {
            panic!("{peers:?}")
        };
        let subject = peer.build().unwrap();
        assert!(peer.folder.join("made").exists());
        assert_eq!(subject.program, peer.folder.join("./server"));
        assert_eq!(subject.arguments, ["{port}"]);
        assert!(!subject.announces);
    }

    #[test]
    fn what_is_missing_is_told_with_the_remedy() {
        let sheet = SHEET.replace(r#"["sh"]"#, r#"["no-such-program"]"#) + "apt = \"such\"";
        let folder = folder_with(&sheet);
        let error = all(folder.path()).unwrap()[0]
            .build()
            .unwrap_err()
            .to_string();
        assert_eq!(error, "no-such-program is missing: apt-get install such");
    }

    #[test]
    fn a_build_that_fails_is_quoted() {
        let sheet = SHEET.replace("echo built > made", "echo one line >&2; exit 1");
        let folder = folder_with(&sheet);
        let error = all(folder.path()).unwrap()[0]
            .build()
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("failed: one line"), "{error}");
    }

    #[test]
    fn a_wrong_sheet_and_an_unknown_name_are_told() {
        let folder = folder_with("about = 1");
        let error = all(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("one/peer.toml is wrong"), "{error}");
        let folder = folder_with(SHEET);
        let error = named(all(folder.path()).unwrap(), &["two".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "two is no rival; there are one");
    }
}
