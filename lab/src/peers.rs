//! The rivals: what `peers/` holds, how each is built, and how it is started.
//!
//! A rival is a folder with a `peer.toml`; the lab knows nothing else of it, so that one more needs
//! no line of code. It is built where it lies, with its own lock file, and what its build said is
//! kept in `peers/target/logs`. Absent is any download by the lab itself: a program that is missing
//! is named, with the package that has it, and the other rivals go on.

pub mod answers;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{collections::BTreeMap, env};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::command::last_lines;
use crate::process::Subject;

/// Lines of a failed build that are shown; the rest is in its log.
const LAST_LINES: usize = 8;

/// A rival, from `peers/NAME/peer.toml`.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The folder's name.
    pub name: String,
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// What its file says.
    pub about: About,
}

/// The contents of `peer.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// What it is, in a line.
    pub about: String,
    /// Language that it is written in.
    pub language: String,
    /// Version that is measured.
    pub version: String,
    /// What a reader of its figures has to know.
    pub notes: String,
    /// Programs that building and running it need.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Debian packages that have them.
    pub apt: Option<String>,
    /// Command that builds it, run in its folder; empty if nothing is to be built.
    #[serde(default)]
    pub build: Vec<String>,
    /// Command that starts it in its folder; `{port}` and `{workers}` are filled in.
    pub run: Vec<String>,
    /// Whether its authors claim that requests may be pipelined; that is tried in any case.
    pub pipelining: bool,
    /// Whether it serves `/benchmark`; `None`: it does.
    pub benchmark: Option<bool>,
    /// Whether it serves files below FILES_ROOT, a variable, at `/files/`.
    #[serde(default)]
    pub files: bool,
    /// Seconds of load before anything counts, where the usual ones do not make it fast.
    pub warmup_seconds: Option<f64>,
    /// Variables of its environment, beside PORT and WORKERS; filled in likewise.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// All that this folder holds, by name.
///
/// # Errors
///
/// If it cannot be read, or a `peer.toml` in it cannot be understood.
pub fn all(folder: &Path) -> Result<Vec<Peer>> {
    let folder = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
    let mut peers = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let folder = entry?.path();
        if folder.join("peer.toml").is_file() {
            peers.push(Peer::read(folder)?);
        }
    }
    peers.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(peers)
}

/// The rivals' folder: the one given, else `peers` here, else beside a folder above this program,
/// which is where it lies when cargo built it.
///
/// # Errors
///
/// If there is none of these.
pub fn folder(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        ensure!(given.is_dir(), "{} is not a folder", given.display());
        return Ok(given.to_owned());
    }
    let here = env::current_dir()?;
    let program = env::current_exe()?;
    let above = std::iter::once(here.as_path()).chain(program.ancestors().skip(1));
    let mut candidates = above.map(|folder| folder.join("peers"));
    let found = candidates.find(|candidate| candidate.is_dir());
    found.context("no folder `peers` here or above this program: name it with --peers-folder")
}

/// What becomes of those that can be built and answer as they should; why the others cannot is in
/// `missing`.
pub fn invited<T>(
    peers: &[Peer],
    missing: &mut BTreeMap<String, String>,
    invite: impl Fn(&Peer) -> Result<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    for peer in peers {
        let name = &peer.name;
        eprintln!("{name}: building");
        match invite(peer) {
            Ok(one) => {
                found.push(one);
                missing.remove(name);
            }
            Err(error) => {
                eprintln!("{name}: {error:#}");
                missing.insert(name.clone(), format!("{error:#}"));
            }
        }
    }
    found
}

impl Peer {
    fn read(folder: PathBuf) -> Result<Self> {
        let file = folder.join("peer.toml");
        let text = fs::read_to_string(&file)?;
        let about: About = toml::from_str(&text).with_context(|| file.display().to_string())?;
        ensure!(!about.run.is_empty(), "{}: `run` is empty", file.display());
        let name = folder.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            folder,
            about,
        })
    }

    /// Builds it, if that has not been done (its own tool knows); the error says what was missing.
    ///
    /// # Errors
    ///
    /// If a program that it needs is not installed, or its build fails: with the last lines.
    pub fn build(&self) -> Result<Subject> {
        self.look_for_programs()?;
        if let Some((program, arguments)) = self.about.build.split_first() {
            self.run_build(program, arguments)?;
        }
        self.subject()
    }

    fn look_for_programs(&self) -> Result<()> {
        let needs = self.about.needs.iter().map(String::as_str);
        let missing: Vec<_> = needs.filter(|name| which::which(name).is_err()).collect();
        let missing = missing.join(", ");
        match &self.about.apt {
            _ if missing.is_empty() => Ok(()),
            Some(packages) => bail!("not installed: {missing} (apt-get install {packages})"),
            None => bail!("not installed: {missing}"),
        }
    }

    /// One folder for all that cargo builds, so that what rivals share is compiled once.
    fn run_build(&self, program: &str, arguments: &[String]) -> Result<()> {
        let target = self.folder.with_file_name("target");
        let logs = target.join("logs");
        fs::create_dir_all(&logs)?;
        let log = logs.join(format!("{}.log", self.name));
        let output = File::create(&log)?;
        let ended = Command::new(self.resolve(program))
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", target)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .status()
            .with_context(|| format!("cannot start {program}"))?;
        if ended.success() {
            return Ok(());
        }
        let said = fs::read(&log)?;
        let last = last_lines(&String::from_utf8_lossy(&said), LAST_LINES).join(" | ");
        bail!("`{program}` ended with {ended}: {last}")
    }

    /// How it is started.
    fn subject(&self) -> Result<Subject> {
        let (program, arguments) = self.about.run.split_first().context("`run` is empty")?;
        let program = self.resolve(program);
        let is_there = which::which(&program).is_ok();
        ensure!(is_there, "its build did not make {}", program.display());
        let mut environment = self.about.environment.clone();
        environment.insert("PORT".to_owned(), "{port}".to_owned());
        environment.insert("WORKERS".to_owned(), "{workers}".to_owned());
        Ok(Subject {
            name: self.name.clone(),
            program,
            arguments: arguments.to_vec(),
            environment,
            directory: Some(self.folder.clone()),
            ..Subject::default()
        })
    }

    /// A program with a slash lies relative to the folder; others are looked up in PATH.
    fn resolve(&self, program: &str) -> PathBuf {
        if program.contains('/') {
            self.folder.join(program)
        } else {
            PathBuf::from(program)
        }
    }
}
