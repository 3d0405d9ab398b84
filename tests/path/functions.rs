//! The functions of a file, found in its text.
//!
//! The text is what rustfmt has formatted, so that an item ends at the closing brace in its own
//! column. No parser is needed, and none would be shorter.

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// With its type or trait: `Reactor::turn`.
    pub(crate) name: String,
    pub(crate) file: String,
    /// The line of its `fn`, from 1.
    pub(crate) first: usize,
    /// The line of its closing brace.
    pub(crate) last: usize,
    /// Those of them that hold code.
    pub(crate) lines: usize,
}

/// The functions of a file, in the order of their lines.
pub(crate) fn functions(file: &str, text: &str) -> Vec<Function> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    // The last line and the name of each `impl` or `trait` so far; they do not nest.
    let mut owner: Option<(usize, String)> = None;
    for (at, line) in lines.iter().enumerate() {
        if let Some(name) = owner_name(&lines[at..]) {
            owner = Some((end(&lines, at), name));
        }
        if let Some(name) = line.strip_prefix("macro_rules! ") {
            let name = first_word(name);
            let whole = function(format!("{name}!"), file, &lines, at);
            found.extend(uses(name, &lines).map(|(first, last)| Function {
                first,
                last,
                ..whole.clone()
            }));
            found.push(whole);
        }
        let Some(name) = function_name(line) else {
            continue;
        };
        if lines[end(&lines, at)].ends_with(';') {
            continue; // A function of a trait, without a body.
        }
        let owner = owner.as_ref().filter(|(end, _)| at < *end);
        let name = owner.map_or(name.to_owned(), |(_, owner)| format!("{owner}::{name}"));
        found.push(function(name, file, &lines, at));
    }
    found
}

fn function(name: String, file: &str, lines: &[&str], at: usize) -> Function {
    let last = end(lines, at);
    Function {
        name,
        file: file.to_owned(),
        first: at + 1,
        last: last + 1,
        lines: lines[at..=last].iter().filter(|line| is_code(line)).count(),
    }
}

/// Where a macro that makes items is used. Such code is read in the macro, with a row as its
/// argument: it counts as the macro does, once.
fn uses<'a>(name: &'a str, lines: &'a [&str]) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let begins = move |at: &usize| lines[*at].starts_with(&format!("{name}! {{"));
    (0..lines.len())
        .filter(begins)
        .map(|at| (at + 1, end(lines, at) + 1))
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The last line of the item that begins at a line.
fn end(lines: &[&str], at: usize) -> usize {
    let ends = |line: &&str| {
        indent(line) == indent(lines[at]) && (line.ends_with('}') || line.ends_with(';'))
    };
    at + lines[at..].iter().position(ends).expect("an item's end")
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn first_word(text: &str) -> &str {
    text.split(|next| !is_word(next)).next().unwrap_or("")
}

/// The name of the function that begins in a line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_qualifier = |word: &str| {
        let word = word.split('(').next().unwrap_or("");
        ["pub", "const", "async", "unsafe", "extern", "\"C\""].contains(&word)
    };
    before
        .split_whitespace()
        .all(is_qualifier)
        .then(|| first_word(after))
}

/// The type of the `impl`, or the trait, that begins in the first of these lines.
fn owner_name(lines: &[&str]) -> Option<String> {
    let begin = lines[0].trim_start();
    let begin = begin
        .split_once(' ')
        .filter(|(word, _)| word.starts_with("pub"));
    let begin = begin.map_or(lines[0].trim_start(), |(_, rest)| rest);
    let begin = begin.strip_prefix("unsafe ").unwrap_or(begin);
    if let Some(rest) = begin.strip_prefix("trait ") {
        return Some(first_word(rest).to_owned());
    }
    if !begin.starts_with("impl<") && !begin.starts_with("impl ") {
        return None;
    }
    let head: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    let head = head.join(" ");
    let head = head.split(['{', ';']).next().unwrap_or("");
    let head = head.split(" where ").next().unwrap_or("");
    let rest = without_generics(head.split_once("impl")?.1);
    let of = rest.rsplit_once(" for ").map_or(&*rest, |(_, of)| of);
    let path = of.trim().trim_start_matches(['&', '*']);
    let name = path.rsplit("::").next().unwrap_or(path);
    Some(name.trim().rsplit(' ').next().unwrap_or("").to_owned())
}

/// Leaves out what stands between angle brackets; the `>` of an arrow is none.
fn without_generics(head: &str) -> String {
    let mut depth = 0;
    let mut before = ' ';
    let mut kept = String::new();
    for next in head.chars() {
        match next {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ if depth == 0 => kept.push(next),
            _ => {}
        }
        before = next;
    }
    kept
}

#[test]
fn functions_have_owners_and_lines() {
    let text = "\
pub(crate) fn free(
    a: u8,
) -> u8 {
    // Not a line.

    a
}

impl<F: Fn() -> A<u8>, K> Trait<K> for &mut a::Type<F>
where
    F: Copy,
{
    unsafe fn short() {}
    fn long(&self) {
        fn inner() {
        }
    }
}

pub trait Named: Other {
    fn given(&self) -> u8;
    fn made(&self) -> u8 {
        0
    }
}
";
    let found = functions("src/a.rs", text);
    let found: Vec<_> = found
        .iter()
        .map(|found| (found.name.as_str(), found.first, found.last, found.lines))
        .collect();
    let expected = [
        ("free", 1, 7, 5),
        ("Type::short", 13, 13, 1),
        ("Type::long", 14, 17, 4),
        ("Type::inner", 15, 16, 2),
        ("Named::made", 22, 24, 3),
    ];
    assert_eq!(found, expected);
}
