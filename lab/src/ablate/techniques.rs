//! The server's techniques as it lists them itself, and the servers that are made of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process::Subject;

/// A switch of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Technique {
    /// As on the command line.
    pub name: String,
    /// Whether it is in force when nobody says anything.
    pub is_default: bool,
}

/// A line of `barewire techniques --json`.
#[derive(Deserialize)]
struct Listed {
    name: String,
    group: String,
    default: Option<String>,
    off: Option<String>,
    demonstration: bool,
}

/// What is not in the full server and costs nothing there: it makes the server decide by flags, as
/// any other set does, and differs in nothing that a request meets.
const FLAGS: &str = "accept-batches=63";

/// The server under study.
#[derive(Clone, Debug)]
pub struct Server {
    program: PathBuf,
    /// Its switches, in its own order.
    pub techniques: Vec<Technique>,
}

impl Server {
    /// Asks a server binary for its techniques; builds and demonstrations are left out, since the
    /// one cannot be switched and the other breaks a promise.
    ///
    /// # Errors
    ///
    /// If there is no such program, or it prints no list of techniques.
    pub fn ask(program: &Path) -> Result<Self> {
        let shown = program.display();
        if !program.exists() {
            bail!("{shown} is not there: `cargo build --release` makes it, --server names another");
        }
        let output = Command::new(program)
            .args(["techniques", "--json"])
            .output()
            .with_context(|| format!("{shown} cannot be started"))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            bail!("`{shown} techniques --json` failed: {}", told.trim());
        }
        let listed: Vec<Listed> = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("`{shown} techniques --json` is not what a barewire prints")
        })?;
        let switches = listed
            .into_iter()
            .filter(|one| one.group != "build" && !one.demonstration);
        Ok(Self {
            program: program.to_owned(),
            techniques: switches
                .map(|one| Technique {
                    is_default: one.default != one.off,
                    name: one.name,
                })
                .collect(),
        })
    }

    /// Those of these names, in the server's order; an unknown one is told with all known ones.
    ///
    /// # Errors
    ///
    /// If there is no such technique.
    pub fn keep(&mut self, names: &[String]) -> Result<()> {
        let known: Vec<&str> = self
            .techniques
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            bail!(
                "{unknown} is no technique that can be switched; there are {}",
                known.join(", ")
            );
        }
        self.techniques.retain(|one| names.contains(&one.name));
        Ok(())
    }

    /// With all its defaults.
    pub fn full(&self) -> Subject {
        self.with("full", &[])
    }

    /// The same, but deciding by flags.
    pub fn full_by_flags(&self) -> Subject {
        self.with("full, by flags", &["--with", FLAGS])
    }

    /// Without any technique.
    pub fn naive(&self) -> Subject {
        self.with("naive", &["--naive"])
    }

    /// The full server by flags without a technique; one that is off by default is put in. The
    /// flags are asked for: a set that differs only in a socket's options would be constants
    /// otherwise, and look as if it saved what flags cost.
    pub fn left_out(&self, technique: &Technique) -> Subject {
        let name = technique.name.as_str();
        let is_flag = FLAGS.split('=').next() == Some(name);
        match (technique.is_default, is_flag) {
            (true, true) => self.with(&format!("without {name}"), &["--without", name]),
            (true, false) => self.with(
                &format!("without {name}"),
                &["--without", name, "--with", FLAGS],
            ),
            (false, _) => {
                let both = format!("{name},{FLAGS}");
                self.with(&format!("with {name}"), &["--with", &both])
            }
        }
    }

    /// The naive server with one technique.
    pub fn alone(&self, technique: &Technique) -> Subject {
        let name = &technique.name;
        self.with(&format!("naive with {name}"), &["--naive", "--with", name])
    }

    /// The naive server with these, named by how many they are in this order.
    pub fn rung(&self, order: &str, techniques: &[&Technique]) -> Subject {
        let names: Vec<&str> = techniques.iter().map(|one| one.name.as_str()).collect();
        let called = format!("{order}, {} techniques", names.len());
        if names.is_empty() {
            self.with(&called, &["--naive"])
        } else {
            self.with(&called, &["--naive", "--with", &names.join(",")])
        }
    }

    fn with(&self, name: &str, arguments: &[&str]) -> Subject {
        let common = ["--workers", "{workers}", "--port", "0"];
        let all = common.iter().chain(arguments);
        Subject {
            name: name.to_owned(),
            program: self.program.clone(),
            arguments: all.map(|argument| (*argument).to_owned()).collect(),
            announces: true,
            ..Subject::default()
        }
    }
}

/// The server that belongs to this program: beside it, where cargo puts both, or else in the PATH.
/// If there is none, the place where it should be, for [`Server::ask`] to name.
///
/// # Errors
///
/// If this program does not know where it lies.
pub fn server_beside_us() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path")?;
    let folder = own.parent().context("a program lies in a folder")?;
    // A test lies one folder deeper, in `deps`.
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    let beside = folder.join("barewire");
    if beside.exists() {
        return Ok(beside);
    }
    Ok(which::which("barewire").unwrap_or(beside))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One that is on, one that is off by default, and the one that is about JSON.
    pub(in crate::ablate) fn server() -> Server {
        let technique = |name: &str, is_default| Technique {
            name: name.to_owned(),
            is_default,
        };
        Server {
            program: "barewire".into(),
            techniques: vec![
                technique("slab", true),
                technique("spin", false),
                technique("json-in-place", true),
            ],
        }
    }

    #[test]
    fn subjects_say_what_they_are() {
        let server = server();
        let tail = |subject: &Subject| subject.arguments[4..].join(" ");
        assert_eq!(tail(&server.full()), "");
        let (slab, spin) = (&server.techniques[0], &server.techniques[1]);
        assert_eq!(
            tail(&server.left_out(slab)),
            "--without slab --with accept-batches=63"
        );
        assert_eq!(server.left_out(spin).name, "with spin");
        assert_eq!(
            tail(&server.left_out(spin)),
            "--with spin,accept-batches=63"
        );
        // It decides by flags in any case, and cannot be named twice.
        let batches = Technique {
            name: "accept-batches".to_owned(),
            is_default: true,
        };
        assert_eq!(tail(&server.left_out(&batches)), "--without accept-batches");
        assert_eq!(tail(&server.alone(slab)), "--naive --with slab");
        assert_eq!(
            tail(&server.rung("fixed", &[slab, spin])),
            "--naive --with slab,spin"
        );
        assert_eq!(tail(&server.rung("fixed", &[])), "--naive");
    }

    #[test]
    fn an_unknown_technique_is_told_with_the_known_ones() {
        let mut server = server();
        let error = server.keep(&["slap".to_owned()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "slap is no technique that can be switched; there are slab, spin, json-in-place"
        );
        server.keep(&["spin".to_owned()]).unwrap();
        assert_eq!(server.techniques.len(), 1);
    }

    #[test]
    fn a_server_that_is_not_there_is_told_with_the_remedy() {
        let error = Server::ask(Path::new("/nowhere/barewire"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("cargo build --release"), "{error}");
    }
}
