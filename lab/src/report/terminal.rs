//! Tables for a terminal: what `ablate` and `compare` show when they end, and `report --terminal`.

use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, presets};

use super::tables::{self, Table};
use crate::results::Results;

/// What is of use only to whoever wants to run it again: the report has it, and the file.
const LEFT_OUT: [&str; 2] = ["commands", "environment"];

/// Prints every table that has something in it to the standard output, except where and how it was
/// made.
pub fn print(results: &Results) {
    let tables = tables::all(results);
    for table in tables
        .iter()
        .filter(|table| !LEFT_OUT.contains(&table.name))
    {
        println!("{}", drawn(table));
    }
}

/// The same of results that were just written to a file, and what can be done with that.
pub fn print_written(results: &Results, path: &Path) {
    print(results);
    let path = path.display();
    println!("written: {path}; `barewire-lab report {path}` draws it");
}

/// A table with its title above and how to read it below.
pub fn drawn(table: &Table) -> String {
    let mut grid = comfy_table::Table::new();
    grid.load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(table.columns.iter().map(|column| column.heading))
        .add_rows(
            table
                .rows
                .iter()
                .map(|row| row.iter().map(|cell| plain(cell))),
        );
    for (index, column) in table.columns.iter().enumerate() {
        if let (true, Some(cells)) = (column.numeric, grid.column_mut(index)) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    let note = if table.note.is_empty() {
        String::new()
    } else {
        format!("\n{}", table.note)
    };
    format!("{}\n{grid}{note}\n", table.title)
}

/// Without control characters: a result file is anybody's, and must not drive the terminal.
fn plain(cell: &str) -> String {
    cell.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
