//! The table of routes. A row is a route: what `/` lists, what the refusals (404, 405, Allow) are
//! made from, and the handler that answers.
//!
//! `routes!` makes two things of the rows: [`TABLE`], for whoever walks them, and
//! [`Routes::route`], one `match` with an arm for each, compiled into comparisons and direct calls.

use std::sync::PoisonError;

use super::control::same_origin;
use super::routing::Finder;
use super::{
    Routes, accounts, benchmark, cache, constant, control, download, efficiency, events, files,
    findings, home, io_benchmark, memory, metrics, profiler, stats, zero_copy,
};
use crate::config::bounds::ROUTES_MAX;
use crate::config::{Config, Techniques};
use crate::http::{Admission, Handler, Method, Reply, Request, Response, Status};

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// GET, which implies HEAD, or POST.
    pub method: Method,
    /// The path; `{key}` stands for one segment, whatever it is, and `{path}` for all that follow.
    pub path: &'static str,
    /// What it answers, without a full stop.
    pub about: &'static str,
    /// A target to try it with.
    pub example: &'static str,
    /// The body of the example, for POST.
    pub example_body: Option<&'static str>,
    /// Its handler, for those who find it otherwise than by the match.
    pub(super) answer: fn(&Routes, &Request<'_>) -> Reply,
}

/// `METHOD PATH, ABOUT => HANDLER;`, with `try TARGET` if the path is no example of itself, and
/// `with BODY` for POST.
macro_rules! routes {
    (|$routes:ident, $request:ident| $(
        $method:ident $path:literal, $about:literal
        $(, try $example:literal)? $(, with $body:literal)? => $answer:expr;
    )*) => {
        /// All routes, the simplest first.
        pub const TABLE: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            about: $about,
            example: [$($example,)? $path][0],
            example_body: [$(Some($body),)? None][0],
            answer: |$routes, $request| {
                let _unless_used = ($routes, $request);
                Reply::from($answer)
            },
        }),*];

        impl Routes {
            /// The answer to a request, which is counted for its route.
            #[cfg_attr(not(map), inline(always))]
            fn route(&self, request: &Request<'_>) -> Reply {
                match (as_get(request.method), pattern(request.path)) {
                    $((Method::$method, $path) => {
                        const NUMBER: usize = number($path);
                        self.counted(NUMBER, request, (TABLE[NUMBER].answer)(self, request))
                    })*
                    _ => self.refusal(request).into(),
                }
            }
        }
    };
}

routes! { |routes, request|
    Get "/plaintext", "Hello, World! as text"
        => Reply::Fixed(&constant::PLAINTEXT);
    Get "/json", "Hello, World! as JSON"
        => constant::json();
    Get "/benchmark", "A computation, then a wait on the reactor's timer; both can be chosen",
        try "/benchmark?work=1000&wait_us=100"
        => benchmark::reply(&routes.ids, request);
    Get "/stats", "Requests, response times, memory and CPU, and what each reactor did"
        => stats::reply(&routes.accounts, &routes.config());
    Get "/accounts",
        "What a request costs in calls, copies, allocations and CPU time, now and since the start"
        => accounts::reply(&routes.accounts, routes.config.sample, request);
    Get "/events", "The same figures of the last second, four times a second, as an event stream",
        try "/events?every_ms=250"
        => events::reply(&routes.events, &routes.accounts, request);
    Get "/findings",
        "Plain-language hints: where a request costs too much, and which technique is off"
        => findings::reply(&routes.accounts, &routes.config(), request);
    Get "/metrics",
        "The same counts for Prometheus, with histograms of the response time and of its stages"
        => metrics::reply(&routes.accounts, &routes.config);
    Get "/cache/{key}", "A value that takes 50 ms the first time; X-Cache says HIT or MISS",
        try "/cache/hello"
        => cache::reply(&routes.cache, request);
    Get "/cache-stats", "Hits, misses, evictions and the time of a look-up"
        => cache::stats(&routes.cache);
    Get "/memory-stats", "Bytes allocated and freed, as the counting allocator saw them"
        => memory::reply(&routes.accounts);
    Get "/profiled", "A request whose parsing, computation and serialisation are timed"
        => profiler::profiled(&routes.profiler, &routes.config.limits, request);
    Get "/profiler-stats", "What the timed stages took, the server's own included"
        => profiler::stats(&routes.profiler, &routes.accounts);
    Post "/zero-copy", "The CRC-32 of the body, and how many of its bytes were copied to get it",
        with "any bytes"
        => zero_copy::reply(request);
    Get "/memory-efficiency-test",
        "A pooled buffer read in place against a fresh one filled by copying"
        => same_origin(request).and_then(|()| efficiency::reply(&routes.efficiency_gate));
    Post "/async-files", "Reads files below the files root, each on the job pool",
        with r#"{"files":["small.txt","medium.txt","large.txt"]}"#
        => same_origin(request).and_then(|()| files::reply(&routes.files, request));
    Get "/files/{path}", "A file below the files root, by sendfile, with validators and ranges",
        try "/files/small.txt"
        => download::reply(&routes.downloads, request);
    Get "/io-benchmark", "Writes and reads files of three sizes, through and past the page cache"
        => same_origin(request)
            .and_then(|()| io_benchmark::reply(&routes.io_gate, &routes.accounts));
    Get "/healthz", "ok, or 503 while the server is draining"
        => constant::health(&routes.accounts);
    Get "/", "This list"
        => home::reply(request, |route| !routes.is_left_out(route.path));
}

/// Those that work hard for one request: not for somebody else's page, and not `lean`.
const EXPENSIVE: [&str; 3] = ["/memory-efficiency-test", "/async-files", "/io-benchmark"];

/// Those that are about the server itself: served at `--admin`, if that is given.
const OWN_FIGURES: [&str; 7] = [
    "/stats",
    "/accounts",
    "/events",
    "/findings",
    "/metrics",
    "/memory-stats",
    "/profiler-stats",
];

/// What may be said to choose routes: all, those that are lean, or a path without its slash.
pub fn route_names() -> Vec<&'static str> {
    let names = TABLE.iter().map(Route::name);
    ["all", "lean"].into_iter().chain(names).collect()
}

/// The paths that are not served to everybody.
pub(super) fn left_out(config: &Config) -> Vec<&'static str> {
    let is_chosen = |route: &Route| {
        config.routes.split(',').any(|word| match word {
            "all" => true,
            "lean" => !EXPENSIVE.contains(&route.path),
            name => name == route.name(),
        })
    };
    let is_elsewhere = |route: &Route| config.admin.is_some() && OWN_FIGURES.contains(&route.path);
    let left = TABLE
        .iter()
        .filter(|route| !is_chosen(route) || is_elsewhere(route));
    left.map(|route| route.path).collect()
}

impl Handler for Routes {
    #[cfg_attr(map, inline(never))]
    fn handle(&self, request: &Request<'_>) -> Reply {
        match &self.finder {
            Some(finder) if finder.is_asked() => self.route_by(finder, request),
            _ => self.route(request),
        }
    }

    fn own_figures(&self, request: &Request<'_>) -> Option<Reply> {
        OWN_FIGURES
            .contains(&request.path)
            .then(|| self.route_rarely(request))
    }

    fn routes(&self) -> Vec<&'static str> {
        TABLE.iter().map(|route| route.path).collect()
    }

    fn change(&self, techniques: &Techniques) {
        self.cache.change(techniques);
        self.files.change(techniques);
        self.downloads.change(techniques);
        if let Some(finder) = &self.finder {
            finder.change(techniques);
        }
        let current = self.techniques.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = *techniques;
    }

    fn admit(&self, request: &Request<'_>) -> Admission {
        if self.is_left_out(request.path) {
            return Admission::Refuse(self.refusal(request));
        }
        match (request.method, find(request.path)) {
            (Method::Post, Some(route)) if route.path == "/zero-copy" => {
                zero_copy::admission(request)
            }
            (Method::Post, Some(route)) if route.method == Method::Post => Admission::ReadBody,
            (Method::Options, Some(_)) => Admission::IgnoreBody,
            (method, Some(route)) if route.serves(method) => Admission::IgnoreBody,
            (Method::Options, None) if request.path == "*" => Admission::IgnoreBody,
            _ => Admission::Refuse(self.refusal(request)),
        }
    }
}

impl Routes {
    /// As [`route`](Self::route), with a route that is found otherwise than by the match.
    fn route_by(&self, finder: &Finder, request: &Request<'_>) -> Reply {
        if self.is_left_out(request.path) {
            return self.refusal(request).into();
        }
        if finder.is_match() {
            return self.route_rarely(request);
        }
        match finder.find(as_get(request.method), request.path) {
            Some(found) => self.counted(found.number, request, (found.answer)(self, request)),
            None => self.refusal(request).into(),
        }
    }

    /// [`route`](Self::route) for those who do not ask in every request: it is inlined where they
    /// do.
    #[inline(never)]
    fn route_rarely(&self, request: &Request<'_>) -> Reply {
        self.route(request)
    }

    /// The answer to what no route serves.
    #[cold]
    fn refusal(&self, request: &Request<'_>) -> Response {
        if self.config.admin.is_none()
            && let Some(answer) = control::without_live(&self.config, request)
        {
            return answer;
        }
        // A route that is left out is as unknown as a path that is none.
        let is_served = !self.is_left_out(request.path);
        refusal(request.method, if is_served { request.path } else { "" })
    }

    /// Whether a path is one of the table, and not served to everybody.
    fn is_left_out(&self, path: &str) -> bool {
        let finder = self.finder.as_ref();
        finder.is_some_and(|finder| finder.left_out.contains(&pattern(path)))
    }

    /// Counts an answered request for its route, in the account of the reactor that asks.
    fn counted(&self, route: usize, request: &Request<'_>, reply: Reply) -> Reply {
        if let Some(account) = self.accounts.reactors.get(request.worker) {
            account.routes[route].add(1);
        }
        reply
    }
}

const _: () = assert!(
    TABLE.len() <= ROUTES_MAX,
    "each route has a counter in the accounts: raise ROUTES_MAX in src/config/bounds.rs"
);

/// The place of a route in the table: under it the accounts count its requests.
const fn number(path: &str) -> usize {
    let mut at = 0;
    // `==` is not for constants yet.
    while !TABLE[at].path.eq_ignore_ascii_case(path) {
        at += 1;
    }
    at
}

impl Route {
    /// Its path without the slash, and without a parameter: what it is called.
    fn name(&self) -> &'static str {
        match self.path.split('/').nth(1) {
            None | Some("") => "index",
            Some(name) => name,
        }
    }

    /// Whether the route answers this method itself (OPTIONS is answered for it).
    pub fn serves(&self, method: Method) -> bool {
        as_get(method) == self.method
    }

    /// The Allow field (RFC 9110 section 10.2.1).
    pub fn allow(&self) -> &'static str {
        if self.method == Method::Post {
            "POST, OPTIONS"
        } else {
            "GET, HEAD, OPTIONS"
        }
    }
}

/// GET's handlers serve HEAD too; the body is left out when the answer is written.
pub(super) fn as_get(method: Method) -> Method {
    match method {
        Method::Head => Method::Get,
        other => other,
    }
}

/// The path as the table has it: any segment behind `/cache`, any number of them behind `/files`.
#[inline]
pub(super) fn pattern(path: &str) -> &str {
    match path.split_at_checked("/cache/".len()) {
        Some(("/cache/", key)) if !key.contains('/') => "/cache/{key}",
        Some(("/files/", _)) => "/files/{path}",
        _ => path,
    }
}

/// The route of a path.
pub(super) fn find(path: &str) -> Option<&'static Route> {
    let pattern = pattern(path);
    TABLE.iter().find(|route| route.path == pattern)
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
    allowing(method, allow)
}

/// The answer to a method that a path does not serve, but OPTIONS's: 405, or what is allowed.
pub(super) fn allowing(method: Method, allow: &'static str) -> Response {
    if method == Method::Options {
        return Response::empty(Status::NO_CONTENT).field("Allow", allow);
    }
    let sentence = format!(
        "{} is not served at this path; it allows {allow}",
        method.as_str()
    );
    Response::error(Status::METHOD_NOT_ALLOWED, sentence).field("Allow", allow)
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
                    Reply::Later(_) | Reply::Upload(_) => Response::empty(Status::OK),
                    Reply::Stream(stream) => stream.into_head(),
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
                    Admission::TakeBody => false,
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
