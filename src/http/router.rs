//! Method and path pattern to handler, for [`Server::route`](crate::Server::route).
//!
//! The path decides first, the method then: a path that is known has one set of methods, which is
//! what 405 and OPTIONS tell. Paths are compared as they came; `/a%62` is not `/ab`, nor is `/a/`
//! the same as `/a`. There is no wildcard over several segments: nobody has needed it, and it would
//! make the order of routes matter more. Nor is there a tree of segments: a path is compared with
//! one pattern after the other, which is as fast for the dozens of routes that a server has.

use super::parse::octets::TARGET_PATH;
use super::{Admission, Handler, Method, Reply, Request, Response, Status};
use crate::config::bounds::PARAMS_MAX;

/// Routes; a pattern without parameters wins over one with, then the one that was added first.
#[derive(Default)]
pub struct Router {
    /// Patterns without parameters.
    fixed: Vec<Resource>,
    /// The others, in the order in which they were added.
    patterns: Vec<Resource>,
}

/// What is at the paths of one pattern: a handler for each method, at least one.
struct Resource {
    pattern: &'static str,
    handlers: Vec<(Method, RouteHandler)>,
}

type RouteHandler = Box<dyn Fn(&Request<'_>) -> Reply + Send + Sync>;

/// Names and values of one path's parameters, found without an allocation.
type Params<'a> = [(&'a str, &'a str); PARAMS_MAX];

/// What a request comes down to.
enum Decision<'r> {
    /// The handler, and how many parameters it is given.
    Serve(&'r RouteHandler, usize),
    /// OPTIONS without a handler: the Allow field.
    TellMethods(String),
    /// 404 or 405.
    Refuse(Response),
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
        let handler: RouteHandler = Box::new(move |request| handler(request).into());
        resource.handlers.push((method, handler));
    }

    /// What is at `pattern`, made if need be.
    fn resource_mut(&mut self, pattern: &'static str) -> &mut Resource {
        let resources = match count_parameters(pattern) {
            0 => &mut self.fixed,
            _ => &mut self.patterns,
        };
        let is_same = |known: &Resource| shape(known.pattern).eq(shape(pattern));
        let at = resources.iter().position(is_same).unwrap_or_else(|| {
            let handlers = Vec::new();
            resources.push(Resource { pattern, handlers });
            resources.len() - 1
        });
        let known = resources[at].pattern;
        assert!(
            known == pattern,
            "{pattern}: the same path is {known} in another route; parameters must keep their names"
        );
        &mut resources[at]
    }

    fn decide<'a>(&self, request: &Request<'a>, params: &mut Params<'a>) -> Decision<'_> {
        let (method, path) = (request.method, request.path);
        if method == Method::Options && path == "*" {
            // About the server as a whole (RFC 9110 section 9.3.7).
            return Decision::TellMethods(allow(self.fixed.iter().chain(&self.patterns)));
        }
        let Some((resource, count)) = self.find(path, params) else {
            return Decision::Refuse(Response::error(Status::NOT_FOUND, NOT_FOUND));
        };
        // HEAD is served by GET, whose body is left out when the answer is written.
        let as_get = || (method == Method::Head).then(|| resource.handler(Method::Get))?;
        match resource.handler(method).or_else(as_get) {
            Some(handler) => Decision::Serve(handler, count),
            None if method == Method::Options => Decision::TellMethods(allow([resource])),
            None => {
                let response = Response::error(Status::METHOD_NOT_ALLOWED, NOT_ALLOWED);
                Decision::Refuse(response.field("Allow", allow([resource])))
            }
        }
    }

    /// What is at `path`, and the number of its parameters.
    fn find<'a>(&self, path: &'a str, params: &mut Params<'a>) -> Option<(&Resource, usize)> {
        if let Some(resource) = self.fixed.iter().find(|known| known.pattern == path) {
            return Some((resource, 0));
        }
        let mut patterns = self.patterns.iter();
        patterns.find_map(|known| Some((known, capture(known.pattern, path, params)?)))
    }
}

impl Handler for Router {
    fn admit(&self, request: &Request<'_>) -> Admission {
        match (self.decide(request, &mut Params::default()), request.method) {
            (Decision::Refuse(response), _) => Admission::Refuse(response),
            (_, Method::Post | Method::Put | Method::Patch | Method::Delete) => Admission::ReadBody,
            _ => Admission::IgnoreBody,
        }
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        let mut params = Params::default();
        match self.decide(request, &mut params) {
            Decision::Serve(handler, count) => handler(&Request {
                params: &params[..count],
                ..*request
            }),
            Decision::TellMethods(allow) => Response::empty(Status::NO_CONTENT)
                .field("Allow", allow)
                .into(),
            Decision::Refuse(response) => response.into(),
        }
    }
}

impl Resource {
    fn handler(&self, method: Method) -> Option<&RouteHandler> {
        let mut handlers = self.handlers.iter();
        handlers.find_map(|(known, handler)| (*known == method).then_some(handler))
    }
}

/// The Allow field of what is there: with the methods that are served without a route, sorted, each
/// once.
fn allow<'r>(resources: impl IntoIterator<Item = &'r Resource>) -> String {
    let handlers = resources.into_iter().flat_map(|known| &known.handlers);
    let methods = handlers.map(|(method, _)| method.as_str());
    let mut names: Vec<_> = methods.chain(["OPTIONS"]).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Puts the parameters of `path` into `params`; their number, or `None` if it is no path of this
/// pattern.
fn capture<'a>(pattern: &'static str, path: &'a str, params: &mut Params<'a>) -> Option<usize> {
    let mut given = path.split('/');
    let mut count = 0;
    for expected in pattern.split('/') {
        let text = given.next()?;
        match parameter(expected) {
            Some(name) if !text.is_empty() => {
                *params.get_mut(count)? = (name, text);
                count += 1;
            }
            None if text == expected => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(count)
}

/// The name in a segment of the form `{name}`.
fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A pattern's segments without the names of its parameters: equal if the same paths match.
fn shape(pattern: &str) -> impl Iterator<Item = Option<&str>> {
    let segments = pattern.split('/');
    segments.map(|segment| parameter(segment).is_none().then_some(segment))
}

/// The number of a pattern's parameters; panics about a pattern that could never match, or not as
/// its author meant.
fn count_parameters(pattern: &str) -> usize {
    assert!(
        pattern.starts_with('/') && TARGET_PATH.has_all(pattern.as_bytes()),
        "{pattern:?}: a pattern must begin with `/` and hold nothing that a path cannot hold"
    );
    let is_word = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    let mut names = Vec::new();
    for segment in pattern.split('/').filter(|text| text.contains(['{', '}'])) {
        let name = parameter(segment).unwrap_or_default();
        assert!(
            !name.is_empty() && name.bytes().all(is_word),
            "{pattern}: a parameter must be a whole segment, `{{name}}`, of letters, digits and `_`"
        );
        assert!(
            !names.contains(&name),
            "{pattern}: there are two parameters called {name}"
        );
        names.push(name);
    }
    assert!(
        names.len() <= PARAMS_MAX,
        "{pattern}: a pattern must not have more than {PARAMS_MAX} parameters"
    );
    names.len()
}

#[cfg(test)]
mod tests;
