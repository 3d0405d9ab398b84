//! Whose instructions they are: callgrind's file, read by the source file of the innermost inlined
//! frame, and the source file's crate.
//!
//! The format is Valgrind's manual, section "Callgrind Format Specification". `fl`, `fi` and `fe`
//! name the file of the lines that follow, and a name stands in full only the first time. The line
//! after `calls` is the cost of the function that is called, and counted there.

use std::collections::BTreeMap;
use std::path::Path;

/// What no crate's source is known of.
const OTHER: &str = "other";

/// Instructions by crate, of a whole run.
pub(super) fn of(text: &str) -> BTreeMap<String, f64> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    let mut file = "";
    let mut is_of_callee = false;
    for line in text.lines() {
        if let Some((key, name)) = line.split_once('=') {
            match key {
                "fl" | "fi" | "fe" => file = named(name, &mut names),
                "cfi" | "cfl" => drop(named(name, &mut names)),
                "calls" => is_of_callee = true,
                _ => (),
            }
        } else if let Some(cost) = cost(line)
            && !std::mem::take(&mut is_of_callee)
        {
            *sums.entry(crate_of(file).to_owned()).or_default() += cost;
        }
    }
    sums
}

/// A name: `(12) /a/file.rs` the first time, `(12)` from then on.
fn named<'a>(text: &'a str, names: &mut BTreeMap<&'a str, &'a str>) -> &'a str {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        names.insert(number, name);
    }
    names.get(number).copied().unwrap_or_default()
}

/// The cost of a line of numbers: a place, absolute or relative, and the cost.
fn cost(line: &str) -> Option<f64> {
    let begins = line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    let (_, cost) = line.rsplit_once(' ').filter(|_| begins)?;
    cost.parse().ok()
}

/// `http` of `.../registry/src/index-1234/http-1.5.0/src/uri/mod.rs`; of the standard library its
/// part, such as `core`.
fn crate_of(file: &str) -> &str {
    let folder = |marker: &str| {
        let (_, rest) = file.split_once(marker)?;
        rest.split_once('/')
    };
    if let Some((_, rest)) = folder("/registry/src/") {
        let name = rest.split('/').next().unwrap_or_default();
        // The version begins at the last hyphen before a digit.
        let version = name
            .match_indices('-')
            .find(|(at, _)| name[at + 1..].starts_with(|first: char| first.is_ascii_digit()));
        return version.map_or(name, |(at, _)| &name[..at]);
    }
    if let Some((part, _)) = folder("/library/") {
        return part;
    }
    if file.contains("/tax/src/") || file.starts_with("src/layers/") {
        return "the layer itself";
    }
    match file.rsplit('/').next() {
        _ if Path::new(file).extension() == Some("rs".as_ref()) => "barewire",
        Some("malloc.c" | "arena.c") => "malloc",
        Some(name) if name.starts_with("mem") => "memcpy and the like",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "events: Ir\n\nfl=(1) /work/tax/src/layers/types.rs\nfn=(1) answer\n\
        0x10 12 100\nfi=(2) /root/.cargo/registry/src/index-1/http-body-1.1.0/src/lib.rs\n\
        +3 +2 40\n* * 2\nfe=(1)\ncfi=(3) ./malloc/malloc.c\ncfn=(2) malloc\ncalls=5 0\n+1 +1 5000\n\
        +2 * 8\nfl=(3)\nfn=(2)\n-4 -3 5000\nfl=(4) /rustc/abc/library/core/src/str.rs\n9 7\n\
        totals: 5157\n";

    #[test]
    fn costs_go_to_the_file_that_they_are_inlined_from() {
        let sum = |cost: f64| Some(cost);
        let found = of(FILE);
        assert_eq!(found.get("the layer itself").copied(), sum(100.0 + 8.0));
        assert_eq!(found.get("http-body").copied(), sum(40.0 + 2.0));
        // Once, and not again where it is called.
        assert_eq!(found.get("malloc").copied(), sum(5000.0));
        assert_eq!(found.get("core").copied(), sum(7.0));
        assert_eq!(found.len(), 4);
    }
}
