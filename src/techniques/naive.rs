//! The naive forms: for each technique, a well-known program that does without it.
//!
//! Off, the server does what that program does. Where only a beginner writes it so, the row says
//! that, and `--naive` leaves the technique alone: a sum with such a form in it would be the worth
//! of not being a beginner. Where in the program it stands is in the entry of
//! `docs/techniques.md`, which begins with the same words; a test compares them.

/// Who does without a technique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NaiveForm {
    /// A well-known program, with its version where later ones do it otherwise.
    Program(&'static str),
    /// Only a beginner: no program that people rely on.
    Beginner,
}

impl NaiveForm {
    /// In words.
    pub fn who(self) -> &'static str {
        match self {
            Self::Program(name) => name,
            Self::Beginner => "a beginner",
        }
    }

    /// Whether only a beginner writes it so.
    pub fn is_beginners(self) -> bool {
        self == Self::Beginner
    }
}

use NaiveForm::{Beginner, Program};

/// By name of the technique, in the order of the table.
#[rustfmt::skip] // A row is a line.
const FORMS: [(&str, NaiveForm); 43] = [
    ("event-batching", Program("GlusterFS 11")),
    ("register-once", Program("Tomcat 11")),
    ("write-at-once", Program("Redis 2.8")),
    ("short-read", Program("Go's net package")),
    ("turn-clock", Program("Go's net/http")),
    ("lazy-deadlines", Program("hyper 1")),
    ("accept-batches", Program("libuv 1.44")),
    ("slab", Program("OpenJDK 21")),
    ("spin", Program("nginx")),
    ("fine-timer", Program("nginx")),
    ("idle-buffers", Program("nginx")),
    ("shared-input", Program("hyper 1")),
    ("uninit-reads", Beginner),
    ("inline-calls", Program("nginx")),
    ("cursors", Program("hyper 1")),
    ("batched-writes", Program("Go's net/http")),
    ("same-request", Program("nginx")),
    ("cached-date", Program("Go's net/http")),
    ("head-template", Program("Python's http.server")),
    ("json-in-place", Program("Rails 8")),
    ("field-slots", Program("hyper 0.10")),
    ("static-routing", Program("Go 1.21's net/http")),
    ("own-counters", Program("memcached 1.2")),
    ("sharded-cache", Program("memcached 1.4.0")),
    ("own-listener", Program("memcached 1.6")),
    ("pinning", Program("nginx")),
    ("nodelay", Program("Python's http.server")),
    ("backlog", Program("Tornado 6")),
    ("quickack", Program("nginx")),
    ("congestion", Program("nginx")),
    ("linger", Program("HAProxy")),
    ("file-jobs", Program("nginx")),
    ("sendfile", Program("nginx")),
    ("send-more", Program("nginx")),
    ("small-file-cache", Program("nginx")),
    ("simd", Program("nginx")),
    ("lto", Program("Cargo")),
    ("codegen-units", Program("Cargo")),
    ("opt-level", Program("Debian")),
    ("target-cpu", Program("Debian")),
    ("panic", Program("Cargo")),
    ("allocator", Program("nginx")),
    ("pgo", Program("Debian")),
];

/// Who does without the technique of this name. One without a row is a beginner's until somebody
/// has found a program; a test asks for the row.
pub(super) fn form(name: &str) -> NaiveForm {
    let row = FORMS.iter().find(|(of, _)| *of == name);
    row.map_or(Beginner, |(_, form)| *form)
}

/// The names of the rows.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|(name, _)| *name)
}
