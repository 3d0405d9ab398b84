//! The two ways of finding a route that are slower than a `match`, for comparison: the technique
//! `static-routing` off.
//!
//! Both look for a boxed function that is then called through a pointer, as servers do whose routes
//! are added at run time. The rows are the same for both, and say what the match in
//! [`Routes`] says; a test holds the three together, byte for byte.

use std::collections::HashMap;

use super::{
    Routes, accounts, benchmark, cache, constant, efficiency, files, findings, home, io_benchmark,
    memory, metrics, profiler, stats, table, zero_copy,
};
use crate::config::Routing;
use crate::http::{Method, Reply, Request};

/// Routes that are looked up.
pub(super) enum LookUp {
    /// By method and path, in a hash table.
    Map(HashMap<(Method, String), Answer>),
    /// One after the other.
    Patterns(Vec<(Method, Pattern, Answer)>),
}

type Answer = Box<dyn Fn(&Routes, &Request<'_>) -> Reply + Send + Sync>;

/// A path in segments; `None` is any one.
pub(super) struct Pattern(Vec<Option<&'static str>>);

/// The row of the cache, whose last segment is any.
const CACHE: &str = "/cache/{key}";

impl LookUp {
    /// `None` for the `match`, which needs no value.
    pub(super) fn chosen(routing: Routing) -> Option<Box<Self>> {
        let lookup = match routing {
            Routing::Match => return None,
            Routing::Map => {
                let entry = |(method, path, answer): Row| ((method, path.to_owned()), answer);
                Self::Map(rows().into_iter().map(entry).collect())
            }
            Routing::Patterns => {
                let entry = |(method, path, answer): Row| (method, Pattern::of(path), answer);
                Self::Patterns(rows().into_iter().map(entry).collect())
            }
        };
        Some(Box::new(lookup))
    }

    /// The answer of the route that is found, or the refusal.
    pub(super) fn answer(&self, routes: &Routes, request: &Request<'_>) -> Reply {
        match self.find(as_get(request.method), request.path) {
            Some(answer) => {
                if let Some(number) = table::number_of(request.path) {
                    routes.count(number, request);
                }
                answer(routes, request)
            }
            None => table::refusal(request.method, request.path).into(),
        }
    }

    fn find(&self, method: Method, path: &str) -> Option<&Answer> {
        match self {
            Self::Map(answers) => {
                let pattern = table::cache_key(path).map_or(path, |_| CACHE);
                // The key owns its path, so a look-up allocates one.
                answers.get(&(method, pattern.to_owned()))
            }
            Self::Patterns(answers) => answers
                .iter()
                .find(|(known, pattern, _)| *known == method && pattern.matches(path))
                .map(|(_, _, answer)| answer),
        }
    }
}

impl Pattern {
    fn of(path: &'static str) -> Self {
        let segment = |text: &'static str| (text != "{key}").then_some(text);
        Self(path.split('/').map(segment).collect())
    }

    fn matches(&self, path: &str) -> bool {
        let given: Vec<&str> = path.split('/').collect();
        let mut both = self.0.iter().zip(&given);
        given.len() == self.0.len() && both.all(|(at, given)| at.is_none_or(|at| at == *given))
    }
}

/// GET's handlers serve HEAD too; the body is left out when the answer is written.
fn as_get(method: Method) -> Method {
    match method {
        Method::Head => Method::Get,
        other => other,
    }
}

type Row = (Method, &'static str, Answer);

fn rows() -> Vec<Row> {
    vec![
        get("/plaintext", |_, _| constant::plaintext().into()),
        get("/json", |_, _| constant::json().into()),
        get("/benchmark", |routes, request| {
            benchmark::reply(&routes.ids, request).into()
        }),
        get(CACHE, |routes, request| {
            let key = table::cache_key(request.path).unwrap_or_default();
            cache::reply(&routes.cache, key, request).into()
        }),
        get("/cache-stats", |routes, _| {
            cache::stats(&routes.cache).into()
        }),
        get("/stats", |routes, _| {
            stats::reply(&routes.accounts, &routes.techniques).into()
        }),
        get("/accounts", |routes, request| {
            accounts::reply(&routes.accounts, routes.config.sample, request).into()
        }),
        get("/findings", |routes, request| {
            findings::reply(&routes.accounts, &routes.config, request).into()
        }),
        get("/metrics", |routes, _| {
            metrics::reply(&routes.accounts, &routes.config).into()
        }),
        get("/memory-stats", |routes, _| {
            memory::reply(&routes.accounts).into()
        }),
        get("/profiled", |routes, request| {
            profiler::profiled(&routes.profiler, &routes.limits, request).into()
        }),
        get("/profiler-stats", |routes, _| {
            profiler::stats(&routes.profiler, &routes.accounts).into()
        }),
        post("/zero-copy", |_, request| zero_copy::reply(request).into()),
        get("/memory-efficiency-test", |routes, _| {
            efficiency::reply(&routes.efficiency_gate).into()
        }),
        post("/async-files", |routes, request| {
            files::reply(&routes.files, request).into()
        }),
        get("/io-benchmark", |routes, _| {
            io_benchmark::reply(&routes.io_gate, &routes.accounts).into()
        }),
        get("/healthz", |routes, _| constant::health(&routes.accounts)),
        get("/", |_, request| home::reply(request).into()),
    ]
}

fn get(
    path: &'static str,
    answer: impl Fn(&Routes, &Request<'_>) -> Reply + Send + Sync + 'static,
) -> Row {
    (Method::Get, path, Box::new(answer))
}

fn post(
    path: &'static str,
    answer: impl Fn(&Routes, &Request<'_>) -> Reply + Send + Sync + 'static,
) -> Row {
    (Method::Post, path, Box::new(answer))
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
        let lookup = |routing| {
            exam(routing)
                .routes
                .lookup
                .as_deref()
                .map(|lookup| match lookup {
                    LookUp::Map(answers) => ("map", answers.len()),
                    LookUp::Patterns(answers) => ("patterns", answers.len()),
                })
        };
        assert_eq!(lookup(Routing::Match), None);
        assert_eq!(lookup(Routing::Map), Some(("map", TABLE.len())));
        assert_eq!(lookup(Routing::Patterns), Some(("patterns", TABLE.len())));
    }

    #[test]
    fn a_key_that_looks_like_a_pattern_is_a_key() {
        for routing in ALL {
            let answer = exam(routing).get("/cache/{key}?cost_ms=0");
            assert_eq!(answer.json()["key"], "{key}", "{routing:?}");
        }
    }
}
