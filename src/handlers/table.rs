//! The table of routes: what `/` lists, and what the refusals (404, 405, Allow) are made from.
//!
//! The table decides what is *not* served; the match in `Routes` decides what is. The tests hold
//! the two together: every row is answered, by its own methods and by no other.

use crate::config::bounds::ROUTES_MAX;
use crate::http::{Method, Response, Status};

/// A route, as it is shown to people.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// GET, which implies HEAD, or POST.
    pub method: Method,
    /// The path; `{key}` stands for one segment, whatever it is.
    pub path: &'static str,
    /// What it answers, in a sentence without a full stop.
    pub about: &'static str,
    /// A target to try it with.
    pub example: &'static str,
    /// The body of the example, for POST.
    pub example_body: Option<&'static str>,
}

/// All routes, the simplest first.
pub const TABLE: &[Route] = &[
    get("/plaintext", "/plaintext", "Hello, World! as text"),
    get("/json", "/json", "Hello, World! as JSON"),
    get(
        "/benchmark",
        "/benchmark?work=1000&wait_us=100",
        "A computation, then a wait on the reactor's timer; both can be chosen",
    ),
    get(
        "/stats",
        "/stats",
        "Requests, response times, memory and CPU, and what each reactor did",
    ),
    get(
        "/accounts",
        "/accounts",
        "What a request costs in calls, copies, allocations and CPU time, now and since the start",
    ),
    get(
        "/findings",
        "/findings",
        "What of that is more than it must be, in words, with the technique that is off",
    ),
    get(
        "/metrics",
        "/metrics",
        "The same counts for Prometheus, with histograms of the response time and of its stages",
    ),
    get(
        "/cache/{key}",
        "/cache/hello",
        "A value that takes 50 ms the first time; X-Cache says HIT or MISS",
    ),
    get(
        "/cache-stats",
        "/cache-stats",
        "Hits, misses, evictions and the time of a look-up",
    ),
    get(
        "/memory-stats",
        "/memory-stats",
        "Bytes allocated and freed, as the counting allocator saw them",
    ),
    get(
        "/profiled",
        "/profiled",
        "A request whose parsing, computation and serialisation are timed",
    ),
    get(
        "/profiler-stats",
        "/profiler-stats",
        "What the timed stages took, the server's own included",
    ),
    post(
        "/zero-copy",
        "The CRC-32 of the body, and how many of its bytes were copied to get it",
        "any bytes",
    ),
    get(
        "/memory-efficiency-test",
        "/memory-efficiency-test",
        "A pooled buffer read in place against a fresh one filled by copying",
    ),
    post(
        "/async-files",
        "Reads files below the files root, each on the job pool",
        r#"{"files":["small.txt","medium.txt","large.txt"]}"#,
    ),
    get(
        "/io-benchmark",
        "/io-benchmark",
        "Writes and reads files of three sizes, through and past the page cache",
    ),
    get(
        "/healthz",
        "/healthz",
        "ok, or 503 while the server is draining",
    ),
    get("/", "/", "This list"),
];

// Each has a counter in the accounts.
const _: () = assert!(TABLE.len() <= ROUTES_MAX);

/// The numbers of the routes: under these the accounts count their requests.
pub(super) mod numbers {
    use super::number;

    pub(in crate::handlers) const PLAINTEXT: usize = number("/plaintext");
    pub(in crate::handlers) const JSON: usize = number("/json");
    pub(in crate::handlers) const BENCHMARK: usize = number("/benchmark");
    pub(in crate::handlers) const STATS: usize = number("/stats");
    pub(in crate::handlers) const ACCOUNTS: usize = number("/accounts");
    pub(in crate::handlers) const FINDINGS: usize = number("/findings");
    pub(in crate::handlers) const METRICS: usize = number("/metrics");
    pub(in crate::handlers) const CACHE: usize = number("/cache/{key}");
    pub(in crate::handlers) const CACHE_STATS: usize = number("/cache-stats");
    pub(in crate::handlers) const MEMORY_STATS: usize = number("/memory-stats");
    pub(in crate::handlers) const PROFILED: usize = number("/profiled");
    pub(in crate::handlers) const PROFILER_STATS: usize = number("/profiler-stats");
    pub(in crate::handlers) const ZERO_COPY: usize = number("/zero-copy");
    pub(in crate::handlers) const MEMORY_EFFICIENCY_TEST: usize = number("/memory-efficiency-test");
    pub(in crate::handlers) const ASYNC_FILES: usize = number("/async-files");
    pub(in crate::handlers) const IO_BENCHMARK: usize = number("/io-benchmark");
    pub(in crate::handlers) const HEALTHZ: usize = number("/healthz");
    pub(in crate::handlers) const HOME: usize = number("/");
}

/// The place of a route in the table. A path that has none does not compile.
const fn number(path: &str) -> usize {
    let mut at = 0;
    while at < TABLE.len() {
        if is_same(TABLE[at].path.as_bytes(), path.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no such route")
}

/// `==`, which is not for constants yet.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl Route {
    /// Whether the route answers this method itself (OPTIONS is answered for it).
    pub fn serves(&self, method: Method) -> bool {
        method == self.method || (method, self.method) == (Method::Head, Method::Get)
    }

    /// The Allow field (RFC 9110 section 10.2.1).
    pub fn allow(&self) -> &'static str {
        if self.method == Method::Post {
            "POST, OPTIONS"
        } else {
            "GET, HEAD, OPTIONS"
        }
    }

    fn matches(&self, path: &str) -> bool {
        match self.path.strip_suffix("{key}") {
            Some(_) => cache_key(path).is_some(),
            None => self.path == path,
        }
    }
}

/// The route of a path.
pub(super) fn find(path: &str) -> Option<&'static Route> {
    TABLE.iter().find(|route| route.matches(path))
}

/// The number of the route of a path, where it was not found by the match.
pub(super) fn number_of(path: &str) -> Option<usize> {
    TABLE.iter().position(|route| route.matches(path))
}

/// The key of a path `/cache/{key}`, undecoded; one segment, possibly empty.
pub(super) fn cache_key(path: &str) -> Option<&str> {
    path.strip_prefix("/cache/")
        .filter(|key| !key.contains('/'))
}

/// The answer to a method and a path that no route serves: 404, 405 with Allow, or OPTIONS's 204
/// with Allow.
pub(super) fn refusal(method: Method, path: &str) -> Response {
    let allow = match find(path) {
        Some(route) => route.allow(),
        // RFC 9110 section 9.3.7: `*` asks about the server as a whole.
        None if path == "*" => "GET, HEAD, POST, OPTIONS",
        None => {
            return Response::error(
                Status::NOT_FOUND,
                "there is nothing at this path; GET / lists what there is",
            );
        }
    };
    if method == Method::Options {
        return Response::empty(Status::NO_CONTENT).field("Allow", allow);
    }
    let sentence = format!(
        "{} is not served at this path; it allows {allow}",
        method.as_str()
    );
    Response::error(Status::METHOD_NOT_ALLOWED, sentence).field("Allow", allow)
}

const fn get(path: &'static str, example: &'static str, about: &'static str) -> Route {
    Route {
        method: Method::Get,
        path,
        about,
        example,
        example_body: None,
    }
}

const fn post(path: &'static str, about: &'static str, body: &'static str) -> Route {
    Route {
        method: Method::Post,
        path,
        about,
        example: path,
        example_body: Some(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, Exam, request};
    use crate::http::{Admission, Handler, Reply};

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

    /// A path of the route without a query, and one that no other route has.
    fn path_of(route: &Route) -> &'static str {
        route.example.split('?').next().unwrap_or(route.example)
    }

    #[test]
    fn every_route_is_served_by_its_methods_and_by_no_other() {
        let exam = Exam::new();
        for route in TABLE {
            for method in METHODS {
                let mut asked = request(method, path_of(route));
                asked.body.first = route.example_body.unwrap_or("").as_bytes();
                let response = match exam.routes.handle(&asked) {
                    Reply::Fixed(fixed) => fixed.response(),
                    Reply::Now(response) => response,
                    // Work for the job pool or the timer: a refusal needs neither.
                    Reply::Later(_) => Response::empty(Status::OK),
                };
                let answer = Answer::of(response, method);
                let expected = match method {
                    Method::Options => 204,
                    _ if route.serves(method) => 200,
                    _ => 405,
                };
                assert_eq!(answer.status, expected, "{method:?} {}", route.path);
                let allow = (expected != 200).then(|| route.allow());
                assert_eq!(answer.field("Allow"), allow, "{method:?} {}", route.path);
            }
        }
    }

    #[test]
    fn an_unknown_path_is_404_for_every_method() {
        let exam = Exam::new();
        for path in [
            "/nothing",
            "/plaintext/",
            "/cache",
            "/cache/a/b",
            "/Json",
            "//",
        ] {
            for method in METHODS {
                let answer = exam.ask(method, path, b"");
                assert_eq!(answer.status, 404, "{method:?} {path}");
            }
        }
        let answer = exam.ask(Method::Get, "/nothing", b"");
        assert!(answer.json()["error"].as_str().unwrap().contains("GET /"));
    }

    #[test]
    fn the_405_names_the_method_and_what_is_allowed() {
        let answer = Exam::new().ask(Method::Get, "/zero-copy", b"");
        assert_eq!(
            answer.json()["error"],
            "GET is not served at this path; it allows POST, OPTIONS"
        );
    }

    #[test]
    fn options_of_the_server_as_a_whole() {
        let exam = Exam::new();
        let answer = exam.ask(Method::Options, "*", b"");
        assert_eq!(answer.status, 204);
        assert_eq!(answer.field("Allow"), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(answer.field("Content-Length"), None);
    }

    #[test]
    fn a_body_is_read_for_the_post_routes_only() {
        let exam = Exam::new();
        for route in TABLE {
            for method in METHODS {
                let admission = exam.routes.admit(&request(method, path_of(route)));
                let fits = match admission {
                    Admission::ReadBody => (method, route.method) == (Method::Post, Method::Post),
                    Admission::IgnoreBody => {
                        method == Method::Options
                            || route.serves(method) && route.method == Method::Get
                    }
                    Admission::Refuse(response) => {
                        response.status_code() == Status::METHOD_NOT_ALLOWED
                            && !route.serves(method)
                    }
                };
                assert!(fits, "{method:?} {}", route.path);
            }
        }
        let Admission::Refuse(response) = exam.routes.admit(&request(Method::Post, "/nothing"))
        else {
            panic!("an unknown path has no use for a body");
        };
        assert_eq!(response.status_code(), Status::NOT_FOUND);
    }
}
