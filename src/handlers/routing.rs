//! The two ways of finding a route that are slower than a `match`, for comparison: the technique
//! `static-routing` off.
//!
//! Both look for a boxed function that is then called through a pointer, as servers do whose routes
//! are added at run time. Both are made from [`TABLE`], as the match is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::Routes;
use super::table::{Route, TABLE, left_out, pattern};
use crate::config::{Config, Routing, Techniques};
use crate::http::{Method, Reply, Request};

/// Finds a route otherwise than by the match; made only where that can be asked for.
pub(super) struct Finder {
    /// Paths that are not served to everybody.
    pub(super) left_out: Vec<&'static str>,
    /// The way that is in force.
    way: AtomicU8,
    /// By method and path, in a hash table.
    map: HashMap<(Method, String), Found>,
    /// One after the other, by the segments of their paths.
    patterns: Vec<(Method, Vec<&'static str>, Found)>,
}

type BoxedHandler = dyn Fn(&Routes, &Request<'_>) -> Reply + Send + Sync;

/// A route that was found.
pub(super) struct Found {
    /// Its place in the table.
    pub(super) number: usize,
    pub(super) answer: Box<BoxedHandler>,
}

impl Finder {
    /// `None` if the match finds each route, now and later on.
    pub(super) fn wanted(config: &Config) -> Option<Self> {
        let routing = config.techniques.routing;
        let left_out = left_out(config);
        let is_wanted = config.live || routing != Routing::Match || !left_out.is_empty();
        is_wanted.then(|| Self::new(routing, left_out))
    }

    /// All ways, of which this one is in force.
    fn new(routing: Routing, left_out: Vec<&'static str>) -> Self {
        let rows = || {
            TABLE.iter().enumerate().map(|(number, route)| {
                let answer = Box::new(route.answer);
                (route, Found { number, answer })
            })
        };
        let key = |route: &Route| (route.method, route.path.to_owned());
        let row = |(route, found): (&Route, _)| (route.method, segments(route.path), found);
        Self {
            left_out,
            way: AtomicU8::new(routing as u8),
            map: rows().map(|(route, found)| (key(route), found)).collect(),
            patterns: rows().map(row).collect(),
        }
    }

    /// Another way is in force.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.way.store(techniques.routing as u8, Relaxed);
    }

    /// Whether it is to be asked: else the match finds each route.
    pub(super) fn is_asked(&self) -> bool {
        !self.is_match() || !self.left_out.is_empty()
    }

    /// Whether the match finds the routes that are served.
    pub(super) fn is_match(&self) -> bool {
        self.way.load(Relaxed) == Routing::Match as u8
    }

    /// The route of a method and a path.
    pub(super) fn find(&self, method: Method, path: &str) -> Option<&Found> {
        if self.way.load(Relaxed) == Routing::Map as u8 {
            // The key owns its path, so a look-up allocates one.
            return self.map.get(&(method, pattern(path).to_owned()));
        }
        let fits = |row: &&(Method, Vec<&str>, _)| row.0 == method && fits(&row.1, path);
        self.patterns.iter().find(fits).map(|row| &row.2)
    }
}

fn fits(pattern: &[&str], path: &str) -> bool {
    let given = segments(path);
    let takes_rest = pattern.last() == Some(&"{path}") && given.len() >= pattern.len();
    let is_any = |at: &str| at == "{key}" || at == "{path}";
    let mut both = pattern.iter().zip(&given);
    (takes_rest || given.len() == pattern.len())
        && both.all(|(at, given)| is_any(at) || at == given)
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, Exam, request};
    use crate::handlers::{Route, TABLE};
    use crate::http::{Handler, Later, Response};

    const ALL: [Routing; 3] = [Routing::Match, Routing::Map, Routing::Patterns];
    const METHODS: [Method; 8] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Options,
        Method::Trace,
        Method::Patch,
    ];

    fn exam(routing: Routing) -> Exam {
        Exam::with(|techniques| techniques.routing = routing)
    }

    /// An answer as bytes, if it is one at once and the same each time; else which kind it is, or
    /// what is in it.
    fn kind(exam: &Exam, method: Method, target: &str, body: &str) -> String {
        let mut asked = request(method, target);
        asked.body.first = body.as_bytes();
        match exam.routes.handle(&asked) {
            Reply::Fixed(fixed) => format!("{fixed:?}"),
            Reply::Later(Later::After(..)) => "after a wait".to_owned(),
            Reply::Later(Later::Run(work)) => format!("after {work:?}"),
            Reply::Now(response) => shown(response, method),
            Reply::Stream(stream) => format!("{stream:?}"),
            Reply::Upload(upload) => format!("{upload:?}"),
        }
    }

    fn shown(response: Response, method: Method) -> String {
        let answer = Answer::of(response, method);
        let is_json = answer.field("Content-Type") == Some("application/json");
        if answer.status == 200 && is_json && method != Method::Head {
            return format!("200 {:?}", answer.names());
        }
        let is_metrics = answer
            .field("Content-Type")
            .is_some_and(|value| value.contains("version=0.0.4"));
        let length = answer
            .field("Content-Length")
            .filter(|_| !is_json && !is_metrics);
        let allow = answer.field("Allow");
        let mut body = String::from_utf8_lossy(&answer.body).into_owned();
        if is_metrics {
            // The names: the counts have gone on.
            body = body
                .split('\n')
                .filter(|line| line.starts_with('#'))
                .collect();
        }
        format!("{} {allow:?} {length:?} {body}", answer.status)
    }

    #[test]
    fn all_ways_lead_to_the_same_answer() {
        let [exam_of_match, others @ ..] = ALL.map(exam);
        let strange = [
            "/nothing",
            "*",
            "//",
            "/cache",
            "/cache/",
            "/cache/a/b",
            "/json/",
            "",
        ];
        let example = |route: &Route| (route.example, route.example_body.unwrap_or_default());
        let targets = TABLE
            .iter()
            .map(example)
            .chain(strange.map(|path| (path, "")));
        for (target, body) in targets {
            for method in METHODS {
                let expected = kind(&exam_of_match, method, target, body);
                for other in &others {
                    let found = kind(other, method, target, body);
                    assert_eq!(found, expected, "{method:?} {target}");
                }
            }
        }
    }

    #[test]
    fn each_way_is_the_one_chosen() {
        assert!(exam(Routing::Match).routes.finder.is_none());
        for routing in [Routing::Map, Routing::Patterns] {
            let exam = exam(routing);
            let finder = exam.routes.finder.as_ref().unwrap();
            assert!(finder.is_asked());
            // A map has no place for a route twice.
            assert_eq!(
                (finder.map.len(), finder.patterns.len()),
                (TABLE.len(), TABLE.len())
            );
            let found = finder.find(Method::Get, "/json").unwrap();
            let from = match routing {
                Routing::Map => &finder.map[&(Method::Get, "/json".to_owned())],
                _ => &finder.patterns[found.number].2,
            };
            assert!(std::ptr::eq(found, from), "{routing:?}");
        }
    }

    #[test]
    fn a_key_that_looks_like_a_pattern_is_a_key() {
        for routing in ALL {
            let answer = exam(routing).get("/cache/{key}?cost_ms=0");
            assert_eq!(answer.json()["key"], "{key}", "{routing:?}");
        }
    }
}
