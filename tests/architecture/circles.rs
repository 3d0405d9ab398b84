//! No two files import each other, directly or through others: so there is an order in which each
//! file needs only those that the reader has seen.
//!
//! An import leads to the file that defines the item, through any re-export between. To declare a
//! module is not to import it. Methods of a type that stand in several files, such
//! as those of `Core`, are no imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Source, is_word, none, sources};

/// Imports that close a circle and stay: from, to, and why.
const ALLOWED: &[(&str, &str, &str)] = &[];

/// What a line imports: the place of a module, and an item in it.
struct Import {
    line: usize,
    path: Vec<String>,
}

/// A file as a module.
struct Module {
    path: Vec<String>,
    imports: Vec<Import>,
    source: Source,
}

impl Module {
    fn new(source: Source) -> Self {
        let path = source.path.trim_start_matches("src/");
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let path: Vec<_> = path.split('/').map(str::to_owned).collect();
        let imports = imports(&source);
        Self {
            path,
            imports,
            source,
        }
    }

    fn defines(&self, item: &str) -> bool {
        const KINDS: [&str; 8] = [
            "struct",
            "enum",
            "trait",
            "type",
            "fn",
            "const",
            "static",
            "macro_rules!",
        ];
        self.source.lines().any(|(_, line)| {
            let begins = KINDS.iter().any(|kind| {
                let after = line.split_once(&format!("{kind} "));
                after.is_some_and(|(_, rest)| {
                    rest.strip_prefix(item)
                        .is_some_and(|rest| !rest.starts_with(is_word))
                })
            });
            begins && !line.starts_with(' ')
        })
    }
}

/// Each path of a `use` by itself, and each path in code that begins with `super` or `crate`.
fn imports(source: &Source) -> Vec<Import> {
    let mut found = Vec::new();
    let mut statement: Option<(usize, String)> = None;
    for (line, text) in source.lines() {
        let bare = text.trim_start().trim_start_matches("pub ");
        let bare = bare.trim_start_matches("pub(super) ");
        if let Some(begun) = bare.strip_prefix("use ") {
            statement = Some((line, String::new()));
            push(&mut statement, begun);
        } else if statement.is_some() {
            push(&mut statement, text.trim());
        } else {
            let ends = |next: char| !(is_word(next) || next == ':');
            let paths = text.split(ends).filter(|word| word.contains("::"));
            let paths = paths.filter(|word| word.starts_with("super") || word.starts_with("crate"));
            found.extend(paths.map(|path| import(line, path)));
        }
        if let Some((line, tree)) = statement.take_if(|(_, tree)| tree.ends_with(';')) {
            let tree = tree.trim_end_matches(';').to_owned();
            found.extend(branches(&tree).iter().map(|path| import(line, path)));
        }
    }
    found
}

fn push(statement: &mut Option<(usize, String)>, text: &str) {
    if let Some((_, tree)) = statement {
        tree.push_str(text);
    }
}

fn import(line: usize, path: &str) -> Import {
    let path = path.split("::").map(|word| word.trim().to_owned());
    let path = path.filter(|word| !word.is_empty() && word != "self");
    let path = path.collect();
    Import { line, path }
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn branches(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return vec![path.to_owned()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start) = (0, 0);
    let mut pieces = Vec::new();
    for (at, next) in inside.char_indices() {
        match next {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&inside[start..]);
    let pieces = pieces.into_iter().map(str::trim);
    let pieces = pieces.filter(|piece| !piece.is_empty());
    pieces
        .flat_map(|piece| branches(&format!("{before}{piece}")))
        .collect()
}

/// The files of a folder, as modules.
struct Modules(Vec<Module>);

impl Modules {
    fn at(&self, path: &[String]) -> Option<&Module> {
        self.0.iter().find(|module| module.path == path)
    }

    /// The file in which an imported item is defined, if it is one of these; `depth` bounds
    /// re-exports.
    fn target(&self, from: &Module, path: &[String], depth: usize) -> Option<&Module> {
        let mut place = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "super" => from.path[..from.path.len() - 1].to_vec(),
            first => {
                // A child that is named without `self::`.
                let child = [&from.path[..], &[first.to_owned()]].concat();
                self.at(&child)?;
                child
            }
        };
        let mut rest = path[1..].iter().peekable();
        while rest.next_if(|word| *word == "super").is_some() {
            place.pop();
        }
        loop {
            let module = self.at(&place);
            let Some(word) = rest.peek() else {
                return module;
            };
            let below = [&place[..], &[(*word).clone()]].concat();
            let leads_on = self.0.iter().any(|module| module.path.starts_with(&below));
            if leads_on {
                (place, _) = (below, rest.next());
                continue;
            }
            let module = module?;
            if module.defines(word) || depth == 0 {
                return Some(module);
            }
            let named = |import: &&Import| import.path.last() == Some(*word);
            return match module.imports.iter().find(named) {
                Some(import) => self.target(module, &import.path, depth - 1),
                None => Some(module),
            };
        }
    }

    /// From file to file, with the line of the first import.
    fn edges(&self) -> BTreeMap<(&str, &str), usize> {
        let mut edges = BTreeMap::new();
        for module in &self.0 {
            for import in &module.imports {
                let Some(target) = self.target(module, &import.path, 4) else {
                    continue;
                };
                let edge = (&*module.source.path, &*target.source.path);
                if edge.0 != edge.1 {
                    edges.entry(edge).or_insert(import.line);
                }
            }
        }
        edges
    }
}

/// What can be reached from a file.
fn reached<'a>(edges: &BTreeMap<(&'a str, &'a str), usize>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        let next = edges.keys().filter(|(begin, _)| *begin == file);
        open.extend(next.map(|(_, end)| *end).filter(|end| reached.insert(*end)));
    }
    reached
}

#[test]
fn no_circle_of_imports() {
    let mut offences = Vec::new();
    let mut used = BTreeSet::new();
    for folder in ["src/reactor", "src/http"] {
        let modules = Modules(sources(&[folder]).into_iter().map(Module::new).collect());
        let mut edges = modules.edges();
        assert!(edges.len() > 20, "{} imports in {folder}", edges.len());
        for (from, to, reason) in ALLOWED {
            let closes =
                edges.remove(&(*from, *to)).is_some() && reached(&edges, to).contains(from);
            if closes {
                used.insert((*from, *to));
            }
            assert!(reason.len() > 20, "{from} imports {to}: say why");
        }
        for ((from, to), line) in &edges {
            if reached(&edges, to).contains(from) {
                let mut offence = String::new();
                write!(
                    offence,
                    "{from}:{line} imports {to}, which leads back to {from}"
                )
                .unwrap();
                offences.push(offence);
            }
        }
    }
    none(&offences);
    for (from, to, _) in ALLOWED {
        assert!(
            used.contains(&(*from, *to)),
            "{from} closes no circle by importing {to}: take it out of ALLOWED"
        );
    }
}

#[test]
fn imports_are_found() {
    let paths = |text: &str| -> Vec<String> {
        let source = Source::new(("src/a/b.rs".to_owned(), text.to_owned()));
        let found = imports(&source).into_iter();
        found.map(|import| import.path.join(" ")).collect()
    };
    assert_eq!(
        paths("pub use super::{c::{D, e::F}, g as H};\nlet i = super::j::K;\n"),
        ["super c D", "super c e F", "super g", "super j K"]
    );
    assert_eq!(
        paths("use crate::c::{self, D};\n"),
        ["crate c", "crate c D"]
    );
}
