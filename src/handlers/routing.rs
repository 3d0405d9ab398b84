//! The two ways of finding a route that are slower than a `match`, for comparison: the technique
//! `static-routing` off.
//!
//! Both look for a boxed function that is then called through a pointer, as servers do whose routes
//! are added at run time. Both are made from [`TABLE`], as the match is.

use std::collections::HashMap;

use super::Routes;
use super::table::{TABLE, pattern};
use crate::config::Routing;
use crate::http::{Method, Reply, Request};

/// Finds a route without the match.
pub(super) enum Finder {
    /// By method and path, in a hash table.
    Map(HashMap<(Method, String), Found>),
    /// One after the other, by the segments of their paths.
    Patterns(Vec<(Method, Vec<&'static str>, Found)>),
}

type BoxedHandler = dyn Fn(&Routes, &Request<'_>) -> Reply + Send + Sync;

/// A route that was found.
pub(super) struct Found {
    /// Its place in the table.
    pub(super) number: usize,
    pub(super) answer: Box<BoxedHandler>,
}

impl Finder {
    /// `None` for the `match`, which needs no value.
    pub(super) fn chosen(routing: Routing) -> Option<Self> {
        let rows = TABLE.iter().enumerate().map(|(number, route)| {
            let answer = Box::new(route.answer);
            (route, Found { number, answer })
        });
        match routing {
            Routing::Match => None,
            Routing::Map => Some(Self::Map(
                rows.map(|(route, found)| ((route.method, route.path.to_owned()), found))
                    .collect(),
            )),
            Routing::Patterns => Some(Self::Patterns(
                rows.map(|(route, found)| (route.method, segments(route.path), found))
                    .collect(),
            )),
        }
    }

    /// The route of a method and a path.
    pub(super) fn find(&self, method: Method, path: &str) -> Option<&Found> {
        match self {
            // The key owns its path, so a look-up allocates one.
            Self::Map(found) => found.get(&(method, pattern(path).to_owned())),
            Self::Patterns(rows) => {
                let fits = |row: &&(Method, Vec<&str>, _)| row.0 == method && fits(&row.1, path);
                rows.iter().find(fits).map(|row| &row.2)
            }
        }
    }
}

fn fits(pattern: &[&str], path: &str) -> bool {
    let given = segments(path);
    let mut both = pattern.iter().zip(&given);
    given.len() == pattern.len() && both.all(|(at, given)| *at == "{key}" || at == given)
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
            Reply::Later(Later::Run(_)) => "after a job".to_owned(),
            Reply::Later(Later::RunAll(tasks, _)) => format!("after {} tasks", tasks.len()),
            Reply::Now(response) => shown(response, method),
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
        let chosen = |routing| {
            exam(routing)
                .routes
                .finder
                .as_ref()
                .map(|finder| match finder {
                    Finder::Map(answers) => ("map", answers.len()),
                    Finder::Patterns(answers) => ("patterns", answers.len()),
                })
        };
        assert_eq!(chosen(Routing::Match), None);
        assert_eq!(chosen(Routing::Map), Some(("map", TABLE.len())));
        assert_eq!(chosen(Routing::Patterns), Some(("patterns", TABLE.len())));
    }

    #[test]
    fn a_key_that_looks_like_a_pattern_is_a_key() {
        for routing in ALL {
            let answer = exam(routing).get("/cache/{key}?cost_ms=0");
            assert_eq!(answer.json()["key"], "{key}", "{routing:?}");
        }
    }
}
