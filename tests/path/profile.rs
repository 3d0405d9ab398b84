//! A file of callgrind: which lines of the source one turn has executed, in order.
//!
//! The format is described in the Callgrind Format Specification, part of valgrind's manual
//! (<https://valgrind.org/docs/manual/cl-format.html>). Symbols stay mangled, since they only
//! connect a call with its callee. What a reader is shown comes from files and lines.

use std::collections::{HashMap, HashSet};

use crate::sources::root;

/// One turn.
pub(crate) struct Profile {
    /// The symbol of `Reactor::turn`.
    turn: String,
    symbols: HashMap<String, Vec<Step>>,
}

/// What is done at an address of a function.
struct Step {
    address: u64,
    action: Action,
}

enum Action {
    /// Executes code of this package.
    Execute(Place),
    /// Calls a symbol.
    Call(String),
}

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From the package's root.
    pub(crate) file: String,
    pub(crate) line: usize,
}

impl Profile {
    pub(crate) fn parse(text: &str) -> Self {
        let mut turn = None;
        let mut symbols: HashMap<_, Vec<Step>> = HashMap::new();
        let (mut file, mut symbol, mut callee) = (None, "", None);
        for line in text.lines() {
            let (key, value) = line.split_once('=').unwrap_or_default();
            match key {
                "fl" | "fi" | "fe" => file = own(value),
                "fn" => symbol = value,
                "cfn" => callee = Some(value),
                "desc: Trigger: --dump-before" => turn = Some(value.to_owned()),
                _ => {}
            }
            let Some((address, line)) = cost(line) else {
                continue;
            };
            // Behind the name of a callee stands the cost of the call, at the caller's address.
            let action = match (callee.take(), file) {
                (Some(callee), _) => Action::Call(callee.to_owned()),
                // Line 0 is code of the compiler's own.
                (None, Some(file)) if line > 0 => Action::Execute(Place {
                    file: file.to_owned(),
                    line,
                }),
                (None, _) => continue,
            };
            let steps = symbols.entry(symbol.to_owned()).or_default();
            steps.push(Step { address, action });
        }
        for steps in symbols.values_mut() {
            steps.sort_by_key(|step| step.address);
        }
        Self {
            turn: turn.expect("a dump before a turn"),
            symbols,
        }
    }

    /// What the turn has executed, and everything that it called.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        self.visit(&self.turn, &mut HashSet::new(), &mut places);
        places
    }

    fn visit<'a>(&'a self, symbol: &'a str, seen: &mut HashSet<&'a str>, places: &mut Vec<Place>) {
        let steps = self.symbols.get(symbol).map_or(&[][..], Vec::as_slice);
        // Whoever calls the turn is around it, and is reached through a symbol of the standard
        // library that both use.
        let is_turn =
            |step: &Step| matches!(&step.action, Action::Call(callee) if *callee == self.turn);
        if !seen.insert(symbol) || steps.iter().any(is_turn) {
            return;
        }
        for step in steps {
            match &step.action {
                Action::Execute(place) if places.last() == Some(place) => {}
                Action::Execute(place) => places.push(place.clone()),
                Action::Call(callee) => self.visit(callee, seen, places),
            }
        }
    }
}

/// A file of the server's source, from the package's root.
fn own(path: &str) -> Option<&str> {
    let below = path.strip_prefix(root().to_str()?);
    let path = below.map_or(path, |rest| rest.trim_start_matches('/'));
    path.starts_with("src/").then_some(path)
}

/// The address and the source line of a line such as `0x2a7640 148 1`.
fn cost(line: &str) -> Option<(u64, usize)> {
    let mut words = line.strip_prefix("0x")?.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    Some((address, words.next()?.parse().ok()?))
}

#[test]
fn a_call_stands_where_it_is_made() {
    let text = "desc: Trigger: --dump-before=turn\n\
        fl=src/a.rs\nfn=turn\n0x10 1 1\ncfi=/std/b.rs\ncfn=foreign\ncalls=1 0x90 7\n0x20 2 5\n\
        0x24 3 1\nfi=src/inlined.rs\n0x14 8 1\n0x15 0 1\n\n\
        fl=/std/b.rs\nfn=foreign\n0x90 7 1\ncfn=back\ncalls=1 0x70 4\n0x94 7 1\n\n\
        fl=src/c.rs\nfn=back\n0x70 4 1\n\nfn=elsewhere\n0x99 9 1\n";
    let places = Profile::parse(text).places();
    let found: Vec<_> = places
        .iter()
        .map(|place| (place.file.as_str(), place.line))
        .collect();
    let expected = [
        ("src/a.rs", 1),
        ("src/inlined.rs", 8),
        ("src/c.rs", 4),
        ("src/a.rs", 3),
    ];
    assert_eq!(found, expected);
}
