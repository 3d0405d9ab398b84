//! The source, read as text: who imports whom, which crate has which door, and how large things
//! may grow. Each offence is shown with its file and line.
//!
//! What is read is what rustfmt has formatted, so that a function ends at the closing brace in its
//! own column. Comments, texts and what stands under `#[cfg(test)]` are blanked out first where a
//! rule is about code.

use std::fmt::Write as _;
use std::fs;

use sources::root;

mod sources;

#[path = "architecture/circles.rs"]
mod circles;

/// Lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 350;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 60;
/// Lines of the page that is read first, comments included.
const TURN_LINES_MAX: usize = 45;
/// Columns of a line.
const COLUMNS_MAX: usize = 100;

/// A source file.
struct Source {
    /// From the package's root, with slashes.
    path: String,
    text: String,
    /// The same lines, without comments and texts, and blank where tests are.
    code: Vec<String>,
    /// Which lines belong to tests.
    is_test: Vec<bool>,
}

impl Source {
    fn new((path, text): (String, String)) -> Self {
        let is_test = tests_of(&path, &text);
        let bare = without_comments_and_texts(&text);
        let lines = bare.lines().zip(&is_test);
        let code = lines.map(|(line, is_test)| if *is_test { String::new() } else { line.into() });
        Self {
            code: code.collect(),
            path,
            text,
            is_test,
        }
    }

    fn read(path: &str) -> Self {
        Self::new((path.to_owned(), sources::read(path)))
    }

    fn is_in(&self, folder: &str) -> bool {
        let below = self.path.strip_prefix(folder);
        below.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    /// Line numbers, from 1, and lines of code.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.iter().map(String::as_str))
    }
}

/// All Rust files below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let found = sources::below(folders).into_iter();
    found.map(Source::new).collect()
}

/// The server's own source.
fn server() -> Vec<Source> {
    let found = sources(&["src"]);
    assert!(found.len() > 30, "{} files", found.len());
    found
}

/// What people come to read: the server, the generator and the lab.
fn product() -> Vec<Source> {
    sources(&["src", "load/src", "lab/src"])
}

/// Everything that is written by hand in Rust, but for the rivals.
fn everything() -> Vec<Source> {
    sources(&["src", "tests", "benches", "examples", "load", "lab"])
}

/// Fails with a list, if there is something in it.
#[track_caller]
fn none(offences: &[String]) {
    let mut list = String::new();
    for offence in offences {
        writeln!(list, "  {offence}").unwrap();
    }
    assert!(offences.is_empty(), "{} offences:\n{list}", offences.len());
}

/// Marks the lines of items under `#[cfg(test)]`, and of files that are one.
fn tests_of(name: &str, text: &str) -> Vec<bool> {
    let is_test_file = sources::is_tests(name);
    let mut end: Option<String> = None;
    let mut is_next = false;
    let mark = |line: &str| {
        if is_test_file || end.is_some() || is_next {
            let closes = end.as_deref() == Some(line);
            if is_next && end.is_none() && line.ends_with('{') {
                end = Some(format!("{}}}", indent(line)));
            }
            is_next = is_next && line.trim_start().starts_with('#');
            if closes {
                end = None;
            }
            return true;
        }
        is_next = line.trim() == "#[cfg(test)]";
        is_next
    };
    text.lines().map(mark).collect()
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Blanks out comments, and what stands between quotes; lines stay where they are.
fn without_comments_and_texts(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => text_bytes(rest),
            'r' if starts_raw(rest) && !bare.ends_with(is_word) => raw_text_bytes(rest),
            '\'' => character_bytes(rest),
            _ => 0,
        };
        if skipped == 0 {
            bare.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            bare.extend(
                rest[..skipped]
                    .chars()
                    .filter(|character| *character == '\n'),
            );
            rest = &rest[skipped..];
        }
    }
    bare
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The length of a text in quotes.
fn text_bytes(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |at| at + 2)
}

fn starts_raw(rest: &str) -> bool {
    rest[1..].trim_start_matches('#').starts_with('"')
}

fn raw_text_bytes(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = 2 + hashes;
    rest[inside..]
        .find(&end)
        .map_or(rest.len(), |at| inside + at + end.len())
}

/// The length of a character in quotes; 0 of a lifetime.
fn character_bytes(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let behind = at + escaped.len_utf8();
            rest[behind..].find('\'').map_or(0, |end| behind + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Whether a word stands in a line of code, and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let begins = !(word.starts_with(is_word) && before.ends_with(is_word));
        let ends = !(word.ends_with(is_word) && after.starts_with(is_word));
        begins && ends
    })
}

/// Lines in these folders in which a word stands.
fn lines_with(word: &str, is_meant: impl Fn(&Source) -> bool) -> Vec<String> {
    let sources = server();
    let meant = sources.iter().filter(|source| is_meant(source));
    meant
        .flat_map(|source| {
            let lines = source.lines().filter(|(_, line)| has_word(line, word));
            lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim()))
        })
        .collect()
}

/// One crate, one door.
#[test]
fn each_crate_has_one_door() {
    for (name, doors) in [
        ("mio", &["src/reactor"][..]),
        ("socket2", &["src/reactor/socket"]),
        ("slab", &["src/reactor/connections"]),
        ("httparse", &["src/http/parse"]),
        ("ascii", &["src/http/parse"]),
        ("arrayvec", &["src/http/parse"]),
        ("clap", &["src/cli"]),
        ("toml", &["src/cli"]),
        ("strsim", &["src/cli"]),
        ("textwrap", &["src/cli"]),
        ("listenfd", &["src/cli"]),
        ("signal_hook", &["src/server"]),
        ("httpdate", &["src/http/date"]),
        ("lru", &["src/handlers/cache"]),
        (
            "crossbeam_channel",
            &["src/reactor", "src/server", "src/cli/printer"],
        ),
        (
            "bytes",
            &[
                "src/reactor",
                "src/http",
                "src/handlers/efficiency",
                "src/trace",
            ],
        ),
    ] {
        none(&lines_with(&format!("{name}::"), |source| {
            !doors.iter().any(|door| source.is_in(door))
        }));
    }
}

/// The word itself, in comments too: what a reader greps for.
#[test]
fn no_layer_names_what_it_must_not_know() {
    let mut offences = Vec::new();
    for source in server() {
        let words: &[&str] = match source.path.as_str() {
            path if path.starts_with("src/reactor/") => &["handlers"],
            path if path.starts_with("src/http/") => &["mio", "reactor::", "handlers::"],
            path if path.starts_with("src/handlers/") => &["mio", "reactor::", "slab"],
            _ => continue,
        };
        for (number, line) in (1..).zip(source.text.lines()) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    none(&offences);
}

/// `http` knows bytes: no socket, no clock. A time that it is given is a number.
#[test]
fn http_has_no_socket_and_no_clock() {
    for word in [
        "Instant",
        "SystemTime",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "ToSocketAddrs",
        "thread",
        "rustix",
    ] {
        none(&lines_with(word, |source| source.is_in("src/http")));
    }
    let nets = lines_with("std::net", |source| source.is_in("src/http"));
    // An address in brackets is text that must be one.
    let other = nets
        .into_iter()
        .filter(|line| !line.ends_with("use std::net::Ipv6Addr;"));
    none(&other.collect::<Vec<_>>());
}

/// Handlers are values in, values out.
#[test]
fn handlers_know_no_socket_and_no_pool() {
    for word in [
        "net",
        "TcpStream",
        "Pool",
        "Kernel",
        "Reactor",
        "sleep",
        "spawn",
    ] {
        // An address in a Host field is text that must be one.
        let lines = lines_with(word, |source| source.is_in("src/handlers"));
        let other = lines
            .into_iter()
            .filter(|line| !line.ends_with("use std::net::IpAddr;"));
        none(&other.collect::<Vec<_>>());
    }
}

/// Which modules of this crate a line names.
fn named_modules(line: &str) -> Vec<&str> {
    let mut named = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let list = rest.strip_prefix('{').unwrap_or(rest);
        let parts = list
            .split(", ")
            .take(if rest.starts_with('{') { usize::MAX } else { 1 });
        named.extend(parts.map(|part| part.split(|next| !is_word(next)).next().unwrap_or("")));
    }
    named
}

/// main -> reactor -> http <- handlers <- main; accounts, config and shortage are leaves.
#[test]
fn modules_import_downwards() {
    let layers: [(&str, &[&str]); 11] = [
        ("src/shortage", &[]),
        ("src/config", &["config"]),
        ("src/techniques", &["techniques", "config"]),
        ("src/accounts", &["accounts", "allocator", "config"]),
        ("src/allocator", &["allocator", "config"]),
        ("src/duel", &["duel", "accounts", "config"]),
        ("src/http", &["http", "config"]),
        (
            "src/handlers",
            &[
                "handlers",
                "http",
                "accounts",
                "allocator",
                "techniques",
                "duel",
                "config",
            ],
        ),
        (
            "src/reactor",
            &[
                "reactor",
                "http",
                "accounts",
                "allocator",
                "duel",
                "config",
                "shortage",
            ],
        ),
        (
            "src/server",
            &[
                "reactor", "http", "accounts", "duel", "handlers", "config", "shortage",
            ],
        ),
        ("src/main", &[]),
    ];
    let mut offences = Vec::new();
    for source in server() {
        let Some((_, allowed)) = layers.iter().find(|(layer, _)| source.is_in(layer)) else {
            continue;
        };
        for (number, line) in source.lines() {
            for module in named_modules(line) {
                if !allowed.contains(&module) {
                    offences.push(format!("{}:{number}: crate::{module}", source.path));
                }
            }
        }
    }
    none(&offences);
}

/// In two files of the server and one of the lab, each of its uses with its reason.
#[test]
fn unsafe_is_in_three_files() {
    let mut offences = Vec::new();
    for source in everything() {
        let bare = without_comments_and_texts(&source.text);
        let is_allowed = [
            "lab/src/bin/canned-uring.rs",
            "src/allocator.rs",
            "src/reactor/buffers.rs",
        ];
        for (number, line) in (1..)
            .zip(bare.lines())
            .filter(|(_, line)| has_word(line, "unsafe"))
        {
            let lines: Vec<_> = source.text.lines().take(number - 1).collect();
            let comments = lines.iter().rev().take(8);
            let explained = comments.into_iter().any(|line| line.contains("SAFETY"));
            let is_signature = line.contains("unsafe fn") || line.contains("unsafe impl");
            if !is_allowed.contains(&source.path.as_str()) || !(explained || is_signature) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(&offences);
}

#[test]
fn files_are_short() {
    let sizes = product().into_iter().map(|source| {
        let lines = source.is_test.iter().filter(|is_test| !**is_test).count();
        (source.path, lines)
    });
    let long = sizes.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    let told = long.map(|(path, lines)| format!("{path}: {lines} lines, {FILE_LINES_MAX} allowed"));
    none(&told.collect::<Vec<_>>());
}

/// The functions of a file: name, line, lines.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let lines: Vec<_> = source.code.iter().map(String::as_str).collect();
    let begins = |line: &str| {
        let (before, after) = line.split_once("fn ")?;
        let qualifiers = [
            "",
            "pub",
            "const",
            "async",
            "unsafe",
            "extern",
            "pub(super)",
            "pub(crate)",
        ];
        let is_item = before
            .split_whitespace()
            .all(|word| qualifiers.contains(&word));
        let name: String = after.chars().take_while(|next| is_word(*next)).collect();
        (is_item && !name.is_empty()).then_some(name)
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = begins(line) else { continue };
        let brace = format!("{}}}", indent(line));
        let ends = |next: &&str| {
            let in_column = indent(next).len() == indent(line).len();
            *next == brace || in_column && (next.ends_with(';') || next.ends_with('}'))
        };
        let count = lines[at..].iter().position(ends).expect("an end") + 1;
        found.push((name, at + 1, count));
    }
    found
}

#[test]
fn functions_are_short() {
    let mut offences = Vec::new();
    let mut lengths = Vec::new();
    for source in product() {
        for (name, line, lines) in functions(&source) {
            lengths.push(lines);
            if lines > FUNCTION_LINES_MAX {
                let path = &source.path;
                offences.push(format!("{path}:{line}: {name} has {lines} lines"));
            }
        }
    }
    none(&offences);
    assert!(lengths.len() > 300, "{} functions found", lengths.len());
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 12, "the median function has {median} lines");
}

#[test]
fn the_turn_fits_on_a_page() {
    let source = Source::read("src/reactor/mod.rs");
    let turn = functions(&source)
        .into_iter()
        .find(|(name, ..)| name == "turn");
    let (_, line, lines) = turn.expect("a turn");
    assert!(
        lines <= TURN_LINES_MAX,
        "src/reactor/mod.rs:{line}: turn has {lines} lines"
    );
}

#[test]
fn lines_end_in_time() {
    let mut offences = Vec::new();
    for source in everything() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                offences.push(format!("{}:{number}: {columns} columns", source.path));
            }
        }
    }
    none(&offences);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file is none of the offenders.
    let words = [
        "TO-DO",
        "FIX-ME",
        "XX-X",
        "dbg-!",
        "to-do!",
        "unimple-mented!",
    ];
    let words = words.map(|word| word.replace('-', ""));
    let mut offences = Vec::new();
    for source in everything() {
        for (number, line) in (1..).zip(source.text.lines()) {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                offences.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    none(&offences);
}

#[test]
fn names_say_what_a_thing_is() {
    let vague = ["helper", "util", "manager"];
    let is_vague = |name: &str| vague.iter().any(|word| name.to_lowercase().contains(word));
    let mut offences = Vec::new();
    for source in everything() {
        if is_vague(&source.path) {
            offences.push(source.path.clone());
        }
        let bare = without_comments_and_texts(&source.text);
        for (number, line) in (1..).zip(bare.lines()) {
            let mut words = line.split(|next| !is_word(next));
            let kind =
                words.find(|word| ["struct", "enum", "trait", "type", "mod", "fn"].contains(word));
            let name = kind.and(words.next()).unwrap_or_default();
            if is_vague(name) || name.starts_with("do_") {
                offences.push(format!("{}:{number}: {name}", source.path));
            }
        }
    }
    none(&offences);
}

/// The first sentence of each file is the map of the source: it says what the file is.
#[test]
fn every_file_opens_with_its_contract() {
    let says_what_it_is = |source: &Source| {
        let opening = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//! "));
        let opening = opening.collect::<Vec<_>>().join(" ");
        opening.len() > 20 && opening.trim_end().ends_with(['.', ':', '?'])
    };
    let silent = everything().into_iter();
    let silent = silent.filter(|source| !source.path.ends_with("/tests.rs"));
    let silent = silent.filter(|source| !says_what_it_is(source));
    let told = silent.map(|source| format!("{}: open it with `//! What it is.`", source.path));
    none(&told.collect::<Vec<_>>());
}

/// What a peer sends must not be able to end a thread.
#[test]
fn nothing_is_unwrapped_on_the_way_of_a_request() {
    none(&lines_with(".unwrap()", |source| {
        ["src/http", "src/reactor", "src/handlers"]
            .iter()
            .any(|folder| source.is_in(folder))
    }));
}

/// A type of the reactor has three parameters at most: handler, kernel, techniques.
#[test]
fn types_have_few_parameters() {
    let mut offences = Vec::new();
    for source in server() {
        for (number, line) in source.lines() {
            let is_type = line.contains("struct ") || line.contains("enum ");
            let Some((_, list)) = line.split_once('<').filter(|_| is_type) else {
                continue;
            };
            let list = list.split(['>', '(', '=']).next().unwrap_or_default();
            let types = list.split(',').filter(|one| {
                let one = one.trim();
                !one.is_empty() && !one.starts_with('\'') && !one.starts_with("const ")
            });
            let max = if source.is_in("src/reactor") { 3 } else { 1 };
            if types.count() > max {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(&offences);
}

/// What the documents name is there.
#[test]
fn documents_name_files_that_exist() {
    let mut offences = Vec::new();
    let pages = fs::read_dir(root().join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|page| page.extension().is_some_and(|end| end == "md"));
    let front = ["README.md", "ARCHITECTURE.md"].map(|name| root().join(name));
    for document in front.into_iter().chain(pages) {
        let text = fs::read_to_string(&document).unwrap();
        let shown = document.file_name().unwrap().display();
        for (number, line) in (1..).zip(text.lines()) {
            for path in line.split(|next: char| !(is_word(next) || "/.-".contains(next))) {
                let path = path.trim_end_matches(['.', '/']);
                let is_path = [
                    "src/",
                    "tests/",
                    "docs/",
                    "contrib/",
                    "examples/",
                    "benches/",
                ]
                .iter()
                .any(|folder| path.starts_with(folder));
                if is_path && !sources::exists(path) {
                    offences.push(format!("{shown}:{number}: {path}"));
                }
            }
        }
    }
    none(&offences);
}

/// The way from the turn to the wire: nine numbered functions at most, each where the page says.
#[test]
fn the_page_of_the_path_leads_from_the_turn_to_the_wire() {
    let page = sources::read("docs/path.md");
    let lines: Vec<_> = page.lines().collect();
    let begin = lines
        .iter()
        .position(|line| line.starts_with("1  Reactor::turn"));
    let rows = lines[begin.expect("the way")..]
        .iter()
        .take_while(|line| !line.starts_with("```"));
    let mut offences = Vec::new();
    let mut numbered = 0;
    for line in rows {
        numbered += usize::from(line.starts_with(|first: char| first.is_ascii_digit()));
        let (function, path) = step(line).unwrap_or_else(|| panic!("no function: {line:?}"));
        let source = Source::read(path);
        if !functions(&source).iter().any(|(name, ..)| name == function) {
            offences.push(format!("docs/path.md: {function} is not in {path}"));
        }
    }
    none(&offences);
    assert!((5..=9).contains(&numbered), "{numbered} functions");
}

/// A function and its file, in a line such as `2  Reactor::advance  src/reactor/mod.rs`.
fn step(line: &str) -> Option<(&str, &str)> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.parse::<u8>().is_ok());
    let (function, path) = (words.next()?.split("::").last()?, words.next()?);
    path.starts_with("src/").then_some((function, path))
}

/// The reader of the source, read back.
/// One build of the workspace has one rustix, with the features that any of its packages asks for:
/// `use-libc` would put libc's cancellation points around the server's recv and send.
#[test]
fn no_package_puts_libc_around_the_system_calls() {
    for manifest in ["Cargo.toml", "lab/Cargo.toml"] {
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(text.contains("\"use-libc-auxv\""), "{manifest}");
        assert!(!text.contains("\"use-libc\""), "{manifest}");
    }
}

#[test]
fn comments_and_texts_are_blanked_out() {
    for (text, bare) in [
        ("a // b\nc", "a \nc"),
        ("a(\"b // c\", d)", "a(, d)"),
        ("a(\"\\\"b\\\\\") c", "a() c"),
        ("a(r#\"b\"c\"#) d", "a() d"),
        ("for r in r", "for r in r"),
        ("'a: &'b c 'd' '\\'' '\\n' '\"' e", "'a: &'b c     e"),
        ("\"a\nb\" c", "\n c"),
        ("b'\"' \"x\"", "b "),
    ] {
        assert_eq!(without_comments_and_texts(text), bare, "{text}");
    }
    let text = "a\n#[cfg(test)]\nmod b;\n\nc\n#[cfg(test)]\n#[x]\nmod d {\n    {\n    }\n}\ne";
    let marks = tests_of("src/x.rs", text);
    let kept: String = text
        .lines()
        .zip(marks)
        .filter(|(_, is_test)| !is_test)
        .map(|(line, _)| line)
        .collect();
    assert_eq!(kept, "ace");
    assert!(has_word("use mio::net", "mio::") && has_word("a(mio)", "mio"));
    assert!(!has_word("use amio::net", "mio::") && !has_word("a(mios)", "mio"));
    assert!(has_word("a.unwrap()", ".unwrap()"));
    assert_eq!(
        named_modules("use crate::{a, b::C}; crate::d::e()"),
        ["a", "b", "d"]
    );
}
