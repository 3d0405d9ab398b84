//! The path of a request: every function that a GET passes, from `Reactor::turn` to the wire and
//! back. That is what a student has to read, so it has a bound, and ARCHITECTURE.md lists it.
//!
//! The list is taken from a run, so that it cannot go stale. The unoptimised binary serves one
//! connection under callgrind, which writes down each turn of the reactor by itself. Of the turns
//! that served a warm keep-alive GET of /plaintext, with a Host and no other field, the shortest
//! counts: what happens once a second, such as a new date, only adds functions.
//!
//! What counts is a `fn` of this package's source, by the lines that were executed:
//!
//! - a closure belongs to the function that it stands in;
//! - an inlined function counts like any other;
//! - `#[derive]`d functions, drop glue and the calls of `#[global_allocator]` do not count, since
//!   they have no body in the source;
//! - code of dependencies and of the standard library does not count, but what it calls back does;
//! - lines are those from `fn` to the closing brace that hold code: blank lines and lines that are
//!   all comment are left out.
//!
//! The order is that of the calls in each function's code. It is the order of execution, except
//! where a loop comes back.
//!
//! ```sh
//! cargo test --test path -- --nocapture                   # prints the list
//! BAREWIRE_WRITE_DOCUMENTS=1 cargo test --test path       # writes it into ARCHITECTURE.md
//! ```
#![cfg_attr(not(debug_assertions), allow(dead_code))]

#[path = "../sources/mod.rs"]
mod sources;
#[path = "../wire/mod.rs"]
mod wire;

mod run;

mod profile;

mod functions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use functions::{Function, functions};
use profile::{Place, Profile};

/// What can be read in one sitting.
const FUNCTIONS_MAX: usize = 60;
/// The same, in lines: some twelve screens.
const LINES_MAX: usize = 700;
/// Each file is a noun to learn.
const FILES_MAX: usize = 12;

/// Attributes from which the compiler makes functions without a body in the source.
const GENERATING: [&str; 2] = ["#[derive(", "#[global_allocator]"];

const DOCUMENT: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- path:begin -->\n";
const END: &str = "<!-- path:end -->";
const WRITE: &str = "BAREWIRE_WRITE_DOCUMENTS=1 cargo test --test path";

/// The run is made once for both tests.
static PATH: LazyLock<Path> = LazyLock::new(Path::of_a_get);

/// The functions that one request passes, in order.
struct Path {
    functions: Vec<Function>,
}

impl Path {
    fn of_a_get() -> Self {
        let sources = Sources::read();
        let turns = run::warm_turns().into_iter();
        let turns = turns.map(|text| Profile::parse(&text).places());
        // A turn can also serve no request: then it asks no handler.
        let served = turns.filter(|places| {
            let mut files = places.iter().map(|place| &place.file);
            files.any(|file| file.starts_with("src/handlers/"))
        });
        let paths = served.map(|places| sources.path(&places));
        let shortest = paths.min_by_key(|path| path.functions.len());
        shortest.expect("no turn served a request")
    }

    /// Functions, lines, files.
    fn sizes(&self) -> (usize, usize, usize) {
        let lines = self.functions.iter().map(|function| function.lines);
        let files = self.functions.iter().map(|function| &function.file);
        let files: BTreeSet<_> = files.collect();
        (self.functions.len(), lines.sum(), files.len())
    }

    /// As it stands in the document.
    fn table(&self) -> String {
        let mut table = "| function | file | lines |\n|---|---|---|\n".to_owned();
        for function in &self.functions {
            let Function { name, file, .. } = function;
            writeln!(table, "| `{name}` | `{file}` | {} |", function.lines).unwrap();
        }
        let (functions, lines, files) = self.sizes();
        writeln!(
            table,
            "\n{functions} functions, {lines} lines, {files} files."
        )
        .unwrap();
        table
    }
}

/// All functions of the server's source, by file.
struct Sources {
    texts: BTreeMap<String, String>,
    functions: BTreeMap<String, Vec<Function>>,
}

impl Sources {
    fn read() -> Self {
        let texts: BTreeMap<_, _> = sources::below(&["src"]).into_iter().collect();
        let functions = texts
            .iter()
            .map(|(file, text)| (file.clone(), functions(file, text)));
        Self {
            functions: functions.collect(),
            texts,
        }
    }

    /// The functions in which these places lie, each at its first place.
    fn path(&self, places: &[Place]) -> Path {
        let mut passed: Vec<Function> = Vec::new();
        for function in places.iter().filter_map(|place| self.function(place)) {
            let is_same =
                |known: &Function| (&known.name, &known.file) == (&function.name, &function.file);
            if !passed.iter().any(is_same) {
                passed.push(function.clone());
            }
        }
        Path { functions: passed }
    }

    /// The innermost function around a place; `None` in generated code.
    fn function(&self, place: &Place) -> Option<&Function> {
        let around = self.functions[&place.file]
            .iter()
            .filter(|function| (function.first..=function.last).contains(&place.line));
        let function = around.max_by_key(|function| function.first);
        if function.is_none() {
            // Generated code has lines of its attribute and of the item below, such as a field's.
            let Place { file, line } = place;
            let above: Vec<_> = self.texts[file].lines().take(*line).collect();
            let mut item = above.iter().rev().take_while(|line| !line.is_empty());
            let generates = |line: &str| GENERATING.iter().any(|begin| line.starts_with(begin));
            assert!(
                item.any(|line| generates(line.trim_start())),
                "{file}:{line} was executed, and lies in no function: {:?}",
                above.last()
            );
        }
        function
    }
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "inlined, if optimised")]
fn the_path_can_be_read_in_one_sitting() {
    println!("{}", PATH.table());
    let (functions, lines, files) = PATH.sizes();
    assert!(
        functions <= FUNCTIONS_MAX && lines <= LINES_MAX && files <= FILES_MAX,
        "a GET passes {functions} functions ({FUNCTIONS_MAX} allowed), {lines} lines \
         ({LINES_MAX}), {files} files ({FILES_MAX})"
    );
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "inlined, if optimised")]
fn the_document_lists_the_path() {
    let text = sources::read(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).expect(BEGIN);
    let (listed, after) = rest.split_once(END).expect(END);
    let made = format!("\n{}\n", PATH.table());
    if std::env::var_os("BAREWIRE_WRITE_DOCUMENTS").is_some() {
        let new = format!("{before}{BEGIN}{made}{END}{after}");
        fs::write(sources::root().join(DOCUMENT), new).unwrap();
    } else {
        let [mut new, mut old] =
            [&*made, listed].map(|text| text.lines().filter(|line| !line.is_empty()));
        let missing = new.find(|row| old.next() != Some(row));
        assert!(
            listed == made,
            "{DOCUMENT} does not list the path of a GET: {:?} is missing, or out of its place, or \
             too much is listed. To write it: {WRITE}",
            missing.unwrap_or_default()
        );
    }
}
