//! The server under study, as it tells about itself: its techniques, and how it is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::chosen;
use crate::command::output_of;
use crate::process::Subject;

/// A technique, as a line of `barewire techniques --json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Technique {
    /// As on the command line.
    pub name: String,
    /// What it is by default; `None` of one that the build decides.
    default: Option<String>,
    off: Option<String>,
    /// Whether it breaks a promise, to show what it costs to keep it.
    demonstration: bool,
    /// Whether it can change while the server runs.
    live: bool,
    /// `CPU time`, `latency`, `how long others are held up`.
    pub judged_by: String,
    /// The load on which it shows.
    pub shows_on: String,
    /// The command for a server built without it, of one that the build decides.
    pub build: Option<String>,
}

impl Technique {
    /// Whether it is in force when nobody says anything.
    pub fn is_default(&self) -> bool {
        self.default != self.off
    }

    /// Whether it is a switch, and not decided by the build.
    pub fn is_switch(&self) -> bool {
        self.default.is_some() && !self.demonstration
    }

    /// Whether it is judged by CPU time; else by latency.
    pub fn is_judged_by_cpu(&self) -> bool {
        self.judged_by == "CPU time"
    }

    /// Whether the server itself can compare it: while it runs, by CPU time.
    pub fn is_dueled(&self) -> bool {
        self.live && self.is_judged_by_cpu()
    }

    /// As a row calls the server that differs in it.
    pub fn changed(&self) -> String {
        let word = if self.is_default() { "without" } else { "with" };
        format!("{word} {}", self.name)
    }
}

/// The server.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) program: PathBuf,
    /// Its techniques, in its own order.
    pub techniques: Vec<Technique>,
}

impl Server {
    /// Asks a server binary for its techniques.
    ///
    /// # Errors
    ///
    /// If there is no such program, or it prints no list of techniques.
    pub fn ask(program: &Path) -> Result<Self> {
        let shown = program.display();
        if !program.exists() {
            bail!("{shown} is not there: `cargo build --release` makes it, --server names another");
        }
        let told = output_of(Command::new(program).args(["techniques", "--json"]))?;
        let techniques = serde_json::from_str(&told).with_context(|| {
            format!("`{shown} techniques --json` is not what a barewire prints")
        })?;
        Ok(Self {
            program: program.to_owned(),
            techniques,
        })
    }

    /// The one that is given, or the one that belongs to this program.
    ///
    /// # Errors
    ///
    /// As [`Server::ask`].
    pub fn given(program: Option<&Path>) -> Result<Self> {
        Self::ask(&program.map_or_else(server_beside_us, |given| Ok(given.to_owned()))?)
    }

    /// Those that can be switched and are of these names, or all; an unknown name is told with all
    /// known ones.
    ///
    /// # Errors
    ///
    /// If there is no such technique.
    pub fn switches(&self, names: &[String]) -> Result<Vec<&Technique>> {
        let switches = self.techniques.iter().filter(|one| one.is_switch());
        chosen(
            switches,
            names,
            |one| &one.name,
            "technique that can be switched",
        )
    }

    /// With these arguments.
    pub fn with(&self, name: &str, arguments: &[&str]) -> Subject {
        barewire(name, &self.program, arguments)
    }
}

/// A build of the server, with these arguments.
pub fn barewire(name: &str, program: &Path, arguments: &[&str]) -> Subject {
    let common = ["--workers", "{workers}", "--port", "0"];
    Subject::announcing(name, program, &[&common, arguments].concat())
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
mod tests {
    use super::*;

    #[test]
    fn an_unknown_technique_is_told_with_the_known_ones() {
        let technique = |name: &str, default: Option<&str>| Technique {
            name: name.to_owned(),
            default: default.map(str::to_owned),
            off: default.map(|_| "off".to_owned()),
            demonstration: name == "linger",
            live: true,
            judged_by: "CPU time".to_owned(),
            shows_on: "/json".to_owned(),
            build: None,
        };
        let server = Server {
            program: "barewire".into(),
            techniques: vec![
                technique("slab", Some("on")),
                technique("spin", Some("off")),
                technique("lto", None),
                technique("linger", Some("on")),
            ],
        };
        let error = server.switches(&["slap".to_owned()]).unwrap_err();
        let said = "slap is no technique that can be switched; there are slab, spin";
        assert_eq!(error.to_string(), said);
        let named = server.switches(&["spin".to_owned()]).unwrap();
        assert_eq!(named[0].changed(), "with spin");
        assert_eq!(server.switches(&[]).unwrap()[0].changed(), "without slab");
    }

    #[test]
    fn a_server_that_is_not_there_is_told_with_the_remedy() {
        let error = Server::ask(Path::new("/nowhere/barewire")).unwrap_err();
        assert!(
            error.to_string().contains("cargo build --release"),
            "{error}"
        );
    }
}
