//! From result files, again at any time: a page, tables, documents.
//!
//! A report measures nothing and concludes nothing that is not in a file; it has no figure of its
//! own.

pub mod chart;

pub mod flames;

mod front;

mod markdown;

pub mod numbers;

mod page;

pub mod tables;

pub mod terminal;

mod waterfall;

pub use front::front;
pub use markdown::{document, github};
pub use page::html;
pub use waterfall::waterfall;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::results::Results;
use crate::{Exit, environment};

/// Draw result files. Without any choice of what: `report.html`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Result files; each figure says which one it is from.
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    files: Vec<PathBuf>,
    /// One HTML file that opens from disk.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Tables as GitHub shows them; `-` or nothing is the standard output.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "-"
    )]
    export_markdown: Option<PathBuf>,
    /// The accounts of frameworks as a picture (SVG), of the workload keep-alive.
    #[arg(long, value_name = "FILE")]
    waterfall: Option<PathBuf>,
    /// The picture of the front page (SVG), of a file that `front` has made.
    #[arg(long, value_name = "FILE")]
    front: Option<PathBuf>,
    /// Tables for the terminal.
    #[arg(long)]
    terminal: bool,
    /// Print the JSON schema of result files.
    #[arg(long, exclusive = true)]
    schema: bool,
    /// Make the tables of a document anew, between `<!-- results:NAME -->` and its end.
    #[arg(long, value_name = "DOCUMENT")]
    update_document: Vec<PathBuf>,
    /// Say of each file whether it was made from these sources; 3 if one was not.
    #[arg(long)]
    check_sources: bool,
    /// Fail if a document's tables are not those that the files make.
    #[arg(long, value_name = "DOCUMENT")]
    check_document: Vec<PathBuf>,
}

/// A result file and where it lies.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path, as it was given.
    pub name: String,
    /// What is in it.
    pub results: Results,
}

/// Draws what was asked for.
///
/// # Errors
///
/// A file cannot be read or written, a document asks for a table that there is not, or is not what
/// the result files say.
pub fn run(options: &Options) -> Result<Exit> {
    if options.schema {
        println!("{}", schema()?);
        return Ok(Exit::Success);
    }
    let sources = options
        .files
        .iter()
        .map(|path| Source::read(path))
        .collect::<Result<Vec<_>>>()?;
    if options.terminal {
        for source in &sources {
            terminal::print(&source.results);
        }
    }
    if let Some(path) = &options.export_markdown {
        let text = github(&sources);
        if path.as_os_str() == "-" {
            print!("{text}");
        } else {
            write(path, &text)?;
        }
    }
    options.draw_pictures(&sources)?;
    for document in &options.update_document {
        let (old, new) = documents(document, &sources)?;
        if old != new {
            write(document, &new)?;
        }
    }
    let output = options
        .output
        .clone()
        .or_else(|| options.asks_nothing().then(|| "report.html".into()));
    if let Some(path) = output {
        write(&path, &html(&sources))?;
        eprintln!("drawn: {}", path.display());
    }
    check(&options.check_document, &sources)?;
    if options.check_sources && !are_current(&sources)? {
        return Ok(Exit::Threshold);
    }
    Ok(Exit::Success)
}

/// Whether all were made from these sources.
fn are_current(sources: &[Source]) -> Result<bool> {
    let here = environment::sources().context("the sources are not here")?;
    let mut all = true;
    for source in sources {
        let is_current = source.results.environment.sources.as_ref() == Some(&here);
        let state = if is_current {
            "of these sources"
        } else {
            "of other sources"
        };
        println!("{}: {state}, {}", source.name, source.age());
        all &= is_current;
    }
    Ok(all)
}

/// The JSON schema of result files.
///
/// # Errors
///
/// It cannot be written as JSON.
pub fn schema() -> Result<String> {
    Ok(serde_json::to_string_pretty(&schemars::schema_for!(
        Results
    ))?)
}

/// A document as it is and as it should be.
fn documents(path: &Path, sources: &[Source]) -> Result<(String, String)> {
    let old = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let new = document(&old, folder, sources).with_context(|| path.display().to_string())?;
    Ok((old, new))
}

fn check(paths: &[PathBuf], sources: &[Source]) -> Result<()> {
    for path in paths {
        // How old a table is changes with every commit; whether it is the file's does not.
        let (old, new) = documents(path, sources)?;
        let (old, new) = (without_age(&old)?, without_age(&new)?);
        if old != new {
            let line = old
                .lines()
                .zip(new.lines())
                .take_while(|(old, new)| old == new)
                .count()
                + 1;
            bail!(
                "{}, line {line}: not what the result files say; --update-document mends it",
                path.display()
            );
        }
    }
    Ok(())
}

fn without_age(text: &str) -> Result<String> {
    let age = Regex::new("(no|[0-9]+) commits? to src since|its commit is not in this repository")?;
    Ok(age.replace_all(text, "").into_owned())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}

impl Options {
    /// Each of the first file that has something for it.
    fn draw_pictures(&self, sources: &[Source]) -> Result<()> {
        let accounts = |source: &Source| waterfall(&source.results, "keep-alive");
        if let Some(path) = &self.waterfall {
            let drawn = sources.iter().find_map(accounts);
            let picture = drawn.context("no file has an account of keep-alive")?;
            write(path, &(picture.into_string() + "\n"))?;
        }
        if let Some(path) = &self.front {
            let drawn = sources.iter().find_map(|source| front(&source.results));
            let picture = drawn.context("no file is one that `barewire-lab front` has made")?;
            write(path, &(picture.into_string() + "\n"))?;
        }
        Ok(())
    }

    fn asks_nothing(&self) -> bool {
        self.export_markdown.is_none()
            && self.waterfall.is_none()
            && self.front.is_none()
            && !self.terminal
            && self.update_document.is_empty()
            && self.check_document.is_empty()
            && !self.check_sources
    }
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no result file, or is of another format than this version's.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self {
            name: path.display().to_string(),
            results: Results::load(path)?,
        })
    }

    /// How many commits changed what is measured since: `no commits to src since`.
    fn age(&self) -> String {
        let commit = self
            .results
            .environment
            .commit
            .as_deref()
            .unwrap_or_default();
        match environment::commits_since(commit) {
            Some(0) => "no commits to src since".to_owned(),
            Some(1) => "1 commit to src since".to_owned(),
            Some(many) => format!("{many} commits to src since"),
            None => "its commit is not in this repository".to_owned(),
        }
    }

    /// The file, and how it was made.
    fn line(&self) -> String {
        format!("{}: {}, `{}`", self.name, self.made(), self.command())
    }

    /// The command that made it, without where it wrote: the file may have been moved since.
    fn command(&self) -> String {
        let mut words = self.results.command.clone();
        if let Some(at) = words.iter().position(|word| word == "--output") {
            words.drain(at..words.len().min(at + 2));
        }
        tables::command_line(&words)
    }

    /// Commit, date and processor.
    fn made(&self) -> String {
        let environment = &self.results.environment;
        let commit = environment
            .commit
            .as_deref()
            .map_or("commit unknown".to_owned(), |commit| {
                let (hash, changes) = commit.split_at(commit.find(' ').unwrap_or(commit.len()));
                let short: String = hash.chars().take(12).collect();
                format!("commit {short}{changes}")
            });
        let date: String = self.results.started_at.chars().take(10).collect();
        format!("{commit}, {date}, {}", environment.cpu)
    }
}
