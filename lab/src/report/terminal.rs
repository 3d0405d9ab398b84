//! Tables for the terminal.
use crate::results::Results;

/// Prints them.
pub fn print(results: &Results) {
    for row in &results.rows {
        println!("{row:?}");
    }
}
