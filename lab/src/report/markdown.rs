//! Tables as GitHub shows them, and documents whose tables come from result files.
//!
//! In a document, what stands between `<!-- results:NAME -->` and `<!-- /results:NAME -->` is
//! replaced by the table NAME of every result file that has it, or of one file only with
//! `results:NAME@STEM`, where STEM is the file's name without `.json`, and only a workload's rows
//! with `results:NAME/WORKLOAD`. A line under each table names the file, the commit and how many
//! changed the server since, the date and the command. Nothing else in the document is touched.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Source;
use super::tables::{self, Table};

/// Every table of every file, as GitHub shows it.
pub fn github(sources: &[Source]) -> String {
    let mut text = String::new();
    for source in sources {
        let _ = writeln!(
            text,
            "# {}\n\n{}\n",
            cell(&source.name),
            cell(&source.line())
        );
        for table in tables::all(&source.results) {
            let _ = writeln!(text, "## {}\n\n{}", table.title, drawn(&table));
        }
    }
    text
}

/// A table, with how to read it below.
fn drawn(table: &Table) -> String {
    let row = |cells: &mut dyn Iterator<Item = String>| {
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut text = row(&mut table.columns.iter().map(|column| cell(column.heading)));
    let rules = table
        .columns
        .iter()
        .map(|column| if column.numeric { "---:" } else { "---" });
    text += &row(&mut rules.map(str::to_owned));
    for cells in &table.rows {
        text += &row(&mut cells.iter().map(|content| cell(content)));
    }
    if !table.note.is_empty() {
        let _ = write!(text, "\n{}\n", table.note);
    }
    text
}

/// Text that GitHub shows as it is: no column, tag, link or emphasis can be made of it.
fn cell(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' => text.extend(['\\', character]),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            other if other.is_control() => text.push(' '),
            other => text.push(other),
        }
    }
    text
}

/// A document's text with its tables made anew. `folder` is the document's own, for links to the
/// files.
///
/// # Errors
///
/// A mark has no end, or asks for a table that does not exist or that no file has.
pub fn document(document: &str, folder: &Path, sources: &[Source]) -> Result<String> {
    const OPEN: &str = "<!-- results:";
    let mut text = String::with_capacity(document.len());
    let mut rest = document;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (name, after) = after
            .split_once(" -->")
            .context("a `<!-- results:` without its ` -->`")?;
        let close = format!("<!-- /results:{name} -->");
        let (_, after) = after
            .split_once(&close)
            .with_context(|| format!("no `{close}`"))?;
        let _ = write!(
            text,
            "{before}{OPEN}{name} -->\n\n{}\n{close}",
            asked(name, folder, sources)?
        );
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// The tables that a marker asks for.
fn asked(marker: &str, folder: &Path, sources: &[Source]) -> Result<String> {
    let split = |text, at| -> (&str, Option<&str>) {
        let parts = str::split_once(text, at);
        parts.map_or((text, None), |(name, rest)| (name, Some(rest)))
    };
    let (name, stem) = split(marker, '@');
    let (name, workload) = split(name, '/');
    if !tables::names().any(|known| known == name) {
        let known: Vec<_> = tables::names().collect();
        bail!(
            "no table is called `{name}`; there are {}",
            known.join(", ")
        );
    }
    let chosen = sources.iter().filter(|source| {
        let own = Path::new(&source.name).file_stem();
        stem.is_none_or(|stem| own == Some(stem.as_ref()))
    });
    let parts: Vec<String> = chosen
        .filter_map(|source| {
            let mut table = tables::named(&source.results, name)?;
            if let Some(workload) = workload {
                table = table.of_workload(workload)?;
            }
            Some(format!("{}\n{}\n", drawn(&table), source.link_line(folder)))
        })
        .collect();
    if parts.is_empty() {
        bail!("no result file has a table for `results:{marker}`");
    }
    Ok(parts.join("\n"))
}

impl Source {
    /// Where a table is from, with a link that works from the document.
    fn link_line(&self, folder: &Path) -> String {
        let path = Path::new(&self.name);
        let relative = match (path.canonicalize(), folder.canonicalize()) {
            (Ok(path), Ok(folder)) => path.strip_prefix(&folder).ok().map(Path::to_path_buf),
            _ => None,
        };
        let link = relative.unwrap_or_else(|| path.to_path_buf());
        let name = link.display().to_string();
        format!(
            "Measured at {1}, {3}: [{0}]({0}), `{2}`",
            name.replace(' ', "%20"),
            cell(&self.made()),
            // Nothing ends code but a grave accent, and nothing else is taken for markup in it.
            self.command().replace(['`', '\n'], " "),
            self.age()
        )
    }
}
