//! Figures with names, in groups: as JSON, or as a table with a column for each sheet.
//!
//! Both forms are made from the same values, so that a program and a reader cannot be told
//! different things. What is not known is `null` in the one and `-` in the other.

use std::borrow::Cow;
use std::fmt::Write;

use serde::{Serialize, Serializer};

/// A figure, or a group of them in their order.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// How many.
    Count(u64),
    /// A ratio or a measured value; `None` if it is not known.
    Number(Option<f64>),
    /// Words; `None` if there is nothing to say.
    Said(Option<Cow<'static, str>>),
    /// Named figures.
    Group(Vec<(&'static str, Entry)>),
    /// Figures without names; a table has no row for them.
    List(Vec<Entry>),
}

impl Entry {
    /// A group of figures that have their names in an array.
    pub(super) fn counts(names: &[&'static str], counts: &[u64]) -> Self {
        let pairs = names.iter().zip(counts);
        Self::Group(
            pairs
                .map(|(name, count)| (*name, Self::Count(*count)))
                .collect(),
        )
    }

    /// The figure at this path; `None` if there is none.
    #[cfg(test)]
    pub(super) fn at(&self, path: &str) -> Option<&Entry> {
        path.split('.').try_fold(self, |entry, name| match entry {
            Self::Group(rows) => rows.iter().find(|row| row.0 == name).map(|row| &row.1),
            _ => None,
        })
    }

    /// The rows of a table: the path of each figure, and its value as text.
    fn rows(&self, path: &str, rows: &mut Vec<(String, String)>) {
        let Self::Group(entries) = self else {
            return rows.push((path.to_owned(), self.shown()));
        };
        for (name, entry) in entries {
            let gap = if path.is_empty() { "" } else { " " };
            entry.rows(&format!("{path}{gap}{name}"), rows);
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Number(Some(number)) => number.to_string(),
            Self::Said(Some(words)) => words.to_string(),
            Self::Number(None) | Self::Said(None) | Self::Group(_) | Self::List(_) => {
                "-".to_owned()
            }
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Number(number) => number.serialize(serializer),
            Self::Said(words) => words.serialize(serializer),
            Self::List(entries) => entries.serialize(serializer),
            Self::Group(entries) => {
                serializer.collect_map(entries.iter().map(|(name, entry)| (name, entry)))
            }
        }
    }
}

/// `part / whole`, to four decimals; `None` of nothing.
pub(super) fn per(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| decimals(part / whole))
}

/// A number to four decimals: beyond, a ratio of counts that go on is noise.
pub(super) fn decimals(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// Sheets of the same figures side by side, each under its heading. Words stand at the end, a line
/// each: they would make their column too wide.
pub(super) fn table(sheets: &[(String, &Entry)]) -> String {
    let columns: Vec<_> = sheets
        .iter()
        .map(|(heading, sheet)| column(heading, sheet))
        .collect();
    let names: Vec<String> = columns.first().map_or(Vec::new(), |first| {
        first.rows.iter().map(|row| row.0.clone()).collect()
    });
    let names_width = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{:names_width$}", "");
    for column in &columns {
        let _ = write!(text, "  {:>1$}", column.heading, column.width);
    }
    for name in &names {
        let _ = write!(text, "\n{name:names_width$}");
        for column in &columns {
            // A group that is not known has no rows.
            let row = column.rows.iter().find(|row| row.0 == *name);
            let value = row.map_or("-", |row| row.1.as_str());
            let _ = write!(text, "  {value:>0$}", column.width);
        }
    }
    text.push('\n');
    for column in &columns {
        for (name, words) in &column.words {
            let _ = writeln!(text, "{}: {name}: {words}", column.heading);
        }
    }
    text
}

struct Column<'a> {
    heading: &'a str,
    width: usize,
    rows: Vec<(String, String)>,
    words: Vec<(String, String)>,
}

fn column<'a>(heading: &'a str, sheet: &Entry) -> Column<'a> {
    let mut rows = Vec::new();
    sheet.rows("", &mut rows);
    let (words, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.1.contains(' '));
    let widths = rows.iter().map(|row| row.1.len());
    Column {
        width: widths.chain([heading.len()]).max().unwrap_or(0),
        heading,
        rows,
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(recv: u64) -> Entry {
        Entry::Group(vec![
            ("requests", Entry::Count(7)),
            ("calls", Entry::counts(&["recv", "send"], &[recv, 1])),
            ("share", Entry::Number(per(1.0, 3.0))),
            ("unknown", Entry::Number(None)),
            ("reason", Entry::Said(Some("as it is".into()))),
        ])
    }

    #[test]
    fn json_keeps_the_order_and_the_groups() {
        let json = serde_json::to_string(&sheet(12)).unwrap();
        let expected = [
            r#"{"requests":7,"calls":{"recv":12,"send":1},"#,
            r#""share":0.3333,"unknown":null,"reason":"as it is"}"#,
        ]
        .concat();
        assert_eq!(json, expected);
    }

    #[test]
    fn a_table_is_aligned() {
        let sheets = [
            ("all".to_owned(), &sheet(12)),
            ("one".to_owned(), &sheet(100_000_000)),
        ];
        let expected = [
            "               all        one",
            "requests         7          7",
            "calls recv      12  100000000",
            "calls send       1          1",
            "share       0.3333     0.3333",
            "unknown          -          -",
            "all: reason: as it is",
            "one: reason: as it is",
            "",
        ];
        let table = table(&sheets);
        assert_eq!(table.split('\n').collect::<Vec<_>>(), expected);
    }

    #[test]
    fn of_nothing_there_is_no_ratio() {
        assert_eq!(per(1.0, 0.0), None);
        assert_eq!(per(0.0, 4.0), Some(0.0));
    }
}
