//! Every table of a report, once: HTML, Markdown, terminals and documents print the same rows.
//!
//! A table has a name, by which a document asks for it (`<!-- results:NAME -->`), and is absent if
//! the result file has nothing for it. A cell is text; each printer escapes it for its own format.

mod front;
mod outside;
mod record;
mod servers;
mod tax;
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

/// Makes a table, if there is something to show in it.
type Maker = fn(&Results) -> Option<Table>;

/// All kinds by name, in the order of a report.
const KINDS: [(&str, Maker); 21] = [
    ("controls", techniques::controls),
    ("techniques", techniques::techniques),
    ("ladder", techniques::ladder),
    ("interactions", techniques::interactions),
    ("front", front::front),
    ("comparison", servers::comparison),
    ("limit", servers::limit),
    ("instructions", servers::instructions),
    ("accounts", tax::accounts),
    ("layers", tax::layers),
    ("crates", tax::crates),
    ("prices", tax::prices),
    ("processes", tax::processes),
    ("above", outside::above),
    ("outside", outside::outside),
    ("threads", outside::threads),
    ("code", outside::code),
    ("article", record::article),
    ("missing", record::missing),
    ("environment", record::environment),
    ("commands", record::commands),
];

/// The names that a document can ask for.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

/// The table of that name; `None` if there is no such name, or nothing to show in it.
pub fn named(results: &Results, name: &str) -> Option<Table> {
    let (name, made) = KINDS.iter().find(|(known, _)| *known == name)?;
    Some(made(results)?.called(name))
}

/// All that have something to show.
pub fn all(results: &Results) -> Vec<Table> {
    let tables = KINDS.iter();
    let tables = tables.filter_map(|(name, made)| Some(made(results)?.called(name)));
    tables.collect()
}

impl Table {
    /// With these headings; one that begins with `#` is of a column of numbers.
    pub(super) fn new(title: &'static str, headings: &[&'static str]) -> Self {
        Self {
            name: "",
            title,
            note: String::new(),
            columns: headings
                .iter()
                .map(|&heading| Column::of(heading))
                .collect(),
            rows: Vec::new(),
        }
    }

    fn called(self, name: &'static str) -> Self {
        Self { name, ..self }
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
