//! Method and path pattern to handler, for [`Server::route`](crate::Server::route).
//!
//! The path decides first, the method then: a path that is known has one set of methods, which is
//! what 405 and OPTIONS tell. Paths are compared as they came; `/a%62` is not `/ab`, nor is `/a/`
//! the same as `/a`. There is no wildcard over several segments: nobody has needed it, and it would
//! make the order of routes matter more.

use std::collections::BTreeMap;

use super::handler::{Admission, Handler, Reply};
use super::parse::octets::TARGET_PATH;
use super::request::{Method, Request};
use super::response::Response;
use super::status::Status;
use crate::config::bounds::PARAMS_MAX;

/// Routes; a pattern without parameters wins over one with, then the one that was added first.
#[derive(Default)]
pub struct Router {
    /// Patterns without parameters: one look-up, without hashing a path that a peer chose.
    fixed: BTreeMap<&'static str, Resource>,
    /// The others, in the order in which they were added.
    patterns: Vec<Pattern>,
}

/// What is at a path: a handler for each method, at least one.
struct Resource {
    handlers: Vec<(Method, RouteHandler)>,
    /// The Allow field.
    allow: String,
}

type RouteHandler = Box<dyn Fn(&Request<'_>) -> Reply + Send + Sync>;

struct Pattern {
    text: &'static str,
    segments: Vec<Segment>,
    resource: Resource,
}

#[derive(Clone, Copy)]
enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

/// The parameters of one path.
#[derive(Default)]
struct Params<'a> {
    found: [(&'a str, &'a str); PARAMS_MAX],
    count: usize,
}

/// What a request comes down to.
enum Decision<'r> {
    Serve(&'r RouteHandler),
    TellMethods(&'r str),
    NotFound,
    NotAllowed(&'r str),
}

const NOT_FOUND: &str = "There is nothing at this path. It must be one that the server has a route \
    for.";
const NOT_ALLOWED: &str = "This path does not have the request's method. It must be one of those \
    in the Allow field.";

impl Router {
    /// No routes yet: every path is 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route. `pattern` is a path such as `/users/{name}`; a parameter takes one whole
    /// segment, not empty. GET serves HEAD too, and OPTIONS is answered without a route; both can
    /// have routes of their own.
    ///
    /// # Panics
    ///
    /// If the pattern is not of that form, has more than [`PARAMS_MAX`] parameters or differs from
    /// another only in their names, if the route exists already, or if the method is one that no
    /// handler sees: CONNECT, TRACE and [`Method::Unknown`].
    pub fn add<F, R>(&mut self, method: Method, pattern: &'static str, handler: F)
    where
        F: Fn(&Request<'_>) -> R + Send + Sync + 'static,
        R: Into<Reply>,
    {
        assert!(
            !matches!(method, Method::Connect | Method::Trace | Method::Unknown),
            "{method:?} {pattern}: no handler sees this method"
        );
        let resource = self.resource_mut(pattern);
        assert!(
            resource.handler(method).is_none(),
            "{} {pattern}: the route exists already",
            method.as_str()
        );
        resource.add(
            method,
            Box::new(move |request: &Request<'_>| handler(request).into()),
        );
    }

    /// What is at `pattern`, made if need be.
    fn resource_mut(&mut self, pattern: &'static str) -> &mut Resource {
        let segments = segments(pattern);
        let is_fixed = segments.iter().all(|segment| segment.name().is_none());
        if is_fixed {
            return self.fixed.entry(pattern).or_insert_with(Resource::new);
        }
        let same_shape = |known: &Pattern| known.has_shape(&segments);
        let at = self.patterns.iter().position(same_shape);
        let at = at.unwrap_or_else(|| {
            self.patterns.push(Pattern {
                text: pattern,
                segments,
                resource: Resource::new(),
            });
            self.patterns.len() - 1
        });
        let known = &mut self.patterns[at];
        assert!(
            known.text == pattern,
            "{pattern}: the same path is {} in another route; parameters must keep their names",
            known.text
        );
        &mut known.resource
    }

    fn decide<'a>(&self, request: &Request<'a>, params: &mut Params<'a>) -> Decision<'_> {
        let Some(resource) = self.find(request.path, params) else {
            return Decision::NotFound;
        };
        match (resource.serving(request.method), request.method) {
            (Some(handler), _) => Decision::Serve(handler),
            (None, Method::Options) => Decision::TellMethods(&resource.allow),
            (None, _) => Decision::NotAllowed(&resource.allow),
        }
    }

    fn find<'a>(&self, path: &'a str, params: &mut Params<'a>) -> Option<&Resource> {
        if let Some(resource) = self.fixed.get(path) {
            return Some(resource);
        }
        self.patterns
            .iter()
            .find(|known| known.matches(path, params))
            .map(|known| &known.resource)
    }

    /// What `OPTIONS *` tells: the methods of all paths (RFC 9110 section 9.3.7).
    fn all_methods(&self) -> String {
        let patterns = self.patterns.iter().map(|known| &known.resource);
        let resources = self.fixed.values().chain(patterns);
        allow(resources.flat_map(|resource| resource.handlers.iter().map(|(method, _)| *method)))
    }
}

impl Handler for Router {
    fn admit(&self, request: &Request<'_>) -> Admission {
        if is_about_server(request) {
            return Admission::IgnoreBody;
        }
        match (self.decide(request, &mut Params::default()), request.method) {
            (Decision::NotFound, _) => Admission::Refuse(not_found()),
            (Decision::NotAllowed(allow), _) => Admission::Refuse(not_allowed(allow)),
            (_, Method::Post | Method::Put | Method::Patch | Method::Delete) => Admission::ReadBody,
            _ => Admission::IgnoreBody,
        }
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        if is_about_server(request) {
            return tell_methods(self.all_methods()).into();
        }
        let mut params = Params::default();
        match self.decide(request, &mut params) {
            Decision::Serve(handler) => handler(&Request {
                params: params.as_slice(),
                ..*request
            }),
            Decision::TellMethods(allow) => tell_methods(allow.to_owned()).into(),
            Decision::NotFound => not_found().into(),
            Decision::NotAllowed(allow) => not_allowed(allow).into(),
        }
    }
}

impl Resource {
    fn new() -> Self {
        Self {
            handlers: Vec::new(),
            allow: String::new(),
        }
    }

    fn add(&mut self, method: Method, handler: RouteHandler) {
        self.handlers.push((method, handler));
        self.allow = allow(self.handlers.iter().map(|(method, _)| *method));
    }

    fn handler(&self, method: Method) -> Option<&RouteHandler> {
        self.handlers
            .iter()
            .find(|(known, _)| *known == method)
            .map(|(_, handler)| handler)
    }

    /// The handler of `method`; HEAD's is GET's, whose body is then left out when the answer is
    /// written.
    fn serving(&self, method: Method) -> Option<&RouteHandler> {
        let as_get = || (method == Method::Head).then(|| self.handler(Method::Get))?;
        self.handler(method).or_else(as_get)
    }
}

impl Pattern {
    /// Whether the same paths match, whatever the parameters are called.
    fn has_shape(&self, segments: &[Segment]) -> bool {
        let shape = |segment: &Segment| match *segment {
            Segment::Literal(text) => Some(text),
            Segment::Parameter(_) => None,
        };
        self.segments
            .iter()
            .map(shape)
            .eq(segments.iter().map(shape))
    }

    /// Whether `path` is one of these; then `params` are its parameters.
    fn matches<'a>(&self, path: &'a str, params: &mut Params<'a>) -> bool {
        params.count = 0;
        let mut given = path.split('/').skip(1);
        let all = self.segments.iter().all(|segment| match given.next() {
            None => false,
            Some(text) => match *segment {
                Segment::Literal(expected) => text == expected,
                Segment::Parameter(name) => !text.is_empty() && params.push(name, text),
            },
        });
        all && given.next().is_none()
    }
}

impl Segment {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) => Some(name),
        }
    }
}

impl<'a> Params<'a> {
    /// False if there is no room, which [`segments`] has seen to.
    fn push(&mut self, name: &'a str, value: &'a str) -> bool {
        let Some(slot) = self.found.get_mut(self.count) else {
            return false;
        };
        *slot = (name, value);
        self.count += 1;
        true
    }

    fn as_slice(&self) -> &[(&'a str, &'a str)] {
        &self.found[..self.count]
    }
}

/// A pattern's segments; panics about a pattern that could never match, or not as its author meant.
fn segments(pattern: &'static str) -> Vec<Segment> {
    assert!(
        pattern.starts_with('/') && TARGET_PATH.has_all(pattern.as_bytes()),
        "{pattern:?}: a pattern must begin with `/` and hold nothing that a path cannot hold"
    );
    let segments: Vec<_> = pattern[1..]
        .split('/')
        .map(|text| segment(pattern, text))
        .collect();
    let names: Vec<_> = segments
        .iter()
        .filter_map(|segment| segment.name())
        .collect();
    assert!(
        names.len() <= PARAMS_MAX,
        "{pattern}: a pattern must not have more than {PARAMS_MAX} parameters"
    );
    for (at, name) in names.iter().enumerate() {
        assert!(
            !names[..at].contains(name),
            "{pattern}: there are two parameters called {name}"
        );
    }
    segments
}

fn segment(pattern: &str, text: &'static str) -> Segment {
    if !text.contains(['{', '}']) {
        return Segment::Literal(text);
    }
    let name = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let is_name = |name: &&str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match name.filter(is_name) {
        Some(name) => Segment::Parameter(name),
        None => panic!(
            "{pattern}: a parameter must be a whole segment, `{{name}}`, of letters, digits and `_`"
        ),
    }
}

/// The Allow field of these methods: with those that are served without a route, sorted, each once.
fn allow(methods: impl Iterator<Item = Method>) -> String {
    let mut names: Vec<_> = methods.map(Method::as_str).chain(["OPTIONS"]).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Whether the request is about the server as a whole (RFC 9110 section 9.3.7); no pattern can be
/// `*`.
fn is_about_server(request: &Request<'_>) -> bool {
    request.method == Method::Options && request.path == "*"
}

fn tell_methods(allow: String) -> Response {
    Response::empty(Status::NO_CONTENT).field("Allow", allow)
}

fn not_found() -> Response {
    Response::error(Status::NOT_FOUND, NOT_FOUND)
}

fn not_allowed(allow: &str) -> Response {
    Response::error(Status::METHOD_NOT_ALLOWED, NOT_ALLOWED).field("Allow", allow.to_owned())
}

#[cfg(test)]
mod tests;
