//! Every table of a report, once: HTML, Markdown, terminals and documents print the same rows.
//!
//! A table has a name, by which a document asks for it (`<!-- results:NAME -->`), and is absent if
//! the result file has nothing for it. A cell is text; each printer escapes it for its own format.

mod record;
mod servers;
mod techniques;

pub use record::command_line;
pub(super) use techniques::rungs;

use crate::results::Results;

/// Rows under headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// As documents call it.
    pub name: &'static str,
    /// What it shows, in a line.
    pub title: &'static str,
    /// How to read it.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// The heading of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Whether it holds numbers, which are aligned to the right.
    pub numeric: bool,
}

/// A kind of table.
struct Kind {
    name: &'static str,
    made_by: fn(&Results) -> Option<Table>,
}

/// All kinds, in the order of a report.
const KINDS: [Kind; 11] = [
    kind("controls", techniques::controls),
    kind("techniques", techniques::techniques),
    kind("ladder", techniques::ladder),
    kind("interactions", techniques::interactions),
    kind("comparison", servers::comparison),
    kind("limit", servers::limit),
    kind("instructions", servers::instructions),
    kind("article", record::article),
    kind("missing", record::missing),
    kind("environment", record::environment),
    kind("commands", record::commands),
];

const fn kind(name: &'static str, made_by: fn(&Results) -> Option<Table>) -> Kind {
    Kind { name, made_by }
}

/// The names that a document can ask for.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// The table of that name; `None` if there is no such name, or nothing to show in it.
pub fn named(results: &Results, name: &str) -> Option<Table> {
    let kind = KINDS.iter().find(|kind| kind.name == name)?;
    (kind.made_by)(results)
}

/// All that have something to show.
pub fn all(results: &Results) -> Vec<Table> {
    KINDS
        .iter()
        .filter_map(|kind| (kind.made_by)(results))
        .collect()
}

impl Table {
    /// With these headings; one that begins with `#` is of a column of numbers.
    pub(super) fn new(name: &'static str, title: &'static str, headings: &[&'static str]) -> Self {
        Self {
            name,
            title,
            note: String::new(),
            columns: headings
                .iter()
                .map(|&heading| Column::of(heading))
                .collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Only the rows of one workload, which then needs no column.
    pub(super) fn of_workload(mut self, workload: &str) -> Option<Self> {
        if self.columns.first()?.heading != "workload" {
            return None;
        }
        self.columns.remove(0);
        self.rows
            .retain(|row| row.first().is_some_and(|cell| cell == workload));
        for row in &mut self.rows {
            row.remove(0);
        }
        (!self.rows.is_empty()).then_some(self)
    }

    pub(super) fn filled(mut self, rows: Vec<Vec<String>>) -> Option<Self> {
        debug_assert!(rows.iter().all(|row| row.len() == self.columns.len()));
        self.rows = rows;
        (!self.rows.is_empty()).then_some(self)
    }
}

impl Column {
    fn of(heading: &'static str) -> Self {
        let number = heading.strip_prefix('#');
        Self {
            heading: number.unwrap_or(heading),
            numeric: number.is_some(),
        }
    }
}
