//! Requests in, rendered answers out.

use super::*;
use crate::config::{Limits, Techniques};
use crate::http::date::Date;
use crate::http::parse::{Parser, Partial, Slots};
use crate::http::{ContentType, Exchange};

fn with_request<T>(line: &str, then: impl FnOnce(&Request<'_>) -> T) -> T {
    let input = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut slots = Slots::default();
    let mut parser = Parser::new(&Limits::default());
    let head = parser.head(
        input.as_bytes(),
        &mut Partial::default(),
        &mut slots,
        &Techniques::FULL,
    );
    then(&head.unwrap().unwrap().request)
}

fn rendered(response: Response, request: &Request<'_>) -> String {
    let mut out = Vec::new();
    let exchange = Exchange {
        keep_alive: true,
        head_only: request.method == Method::Head,
        version: request.version,
    };
    response.write(exchange, &Date::at(0), &Techniques::FULL, &mut out);
    String::from_utf8(out).unwrap()
}

/// The answer's status line and body, and its Allow field.
fn answer(router: &Router, line: &str) -> (u16, String, Option<String>) {
    with_request(line, |request| {
        let Reply::Now(response) = router.handle(request) else {
            panic!("these handlers answer at once");
        };
        let status = response.status_code().0;
        let text = rendered(response, request);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let allow = head.lines().find_map(|line| line.strip_prefix("Allow: "));
        (status, body.to_owned(), allow.map(str::to_owned))
    })
}

/// Answers with its own name and the parameters.
fn echo(name: &'static str) -> impl Fn(&Request<'_>) -> Response + Send + Sync + 'static {
    move |request| {
        let params: Vec<_> = (request.params.iter())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Response::text(format!("{name}({})", params.join(",")))
    }
}

fn router() -> Router {
    let mut router = Router::new();
    router.add(Method::Get, "/", echo("root"));
    router.add(Method::Get, "/users/{name}", echo("user"));
    router.add(Method::Delete, "/users/{name}", echo("removed"));
    router.add(Method::Get, "/users/me", echo("me"));
    router.add(Method::Post, "/users", echo("created"));
    router.add(Method::Get, "/{a}/{b}/c", echo("first"));
    router.add(Method::Get, "/{a}/x/{c}", echo("second"));
    router.add(Method::Options, "/own", echo("own options"));
    router.add(Method::Head, "/own", |_: &Request<'_>| {
        Response::bytes(ContentType::Text, Vec::new())
    });
    router
}

#[test]
fn paths_find_their_handlers() {
    let router = router();
    for (line, body) in [
        ("GET /", "root()"),
        ("GET /users/ada", "user(name=ada)"),
        ("GET /users/ada?x=/y", "user(name=ada)"),
        ("GET /users/a%2Fb", "user(name=a%2Fb)"),
        ("DELETE /users/ada", "removed(name=ada)"),
        ("GET /users/me", "me()"),
        ("POST /users", "created()"),
        ("GET /x/x/c", "first(a=x,b=x)"),
        ("GET /x/x/d", "second(a=x,c=d)"),
        ("OPTIONS /own", "own options()"),
    ] {
        assert_eq!(
            answer(&router, line),
            (200, body.to_owned(), None),
            "{line}"
        );
    }
}

#[test]
fn unknown_paths_are_404() {
    let router = router();
    for line in [
        "GET /nothing",
        "GET /users/",
        "GET /users/ada/",
        "GET /users/ada/x",
        "GET //",
        "GET /Users/ada",
        "OPTIONS /nothing",
        "TRACE /nothing",
    ] {
        let (status, body, allow) = answer(&router, line);
        assert_eq!((status, allow), (404, None), "{line}");
        assert!(body.starts_with("{\"error\":\""), "{body}");
    }
}

/// RFC 9110 section 15.5.6: with Allow.
#[test]
fn other_methods_are_405() {
    let router = router();
    for (line, allow) in [
        ("POST /", "GET, HEAD, OPTIONS"),
        ("TRACE /", "GET, HEAD, OPTIONS"),
        ("PUT /users/ada", "DELETE, GET, HEAD, OPTIONS"),
        ("GET /users", "OPTIONS, POST"),
        ("HEAD /users", "OPTIONS, POST"),
        // The path decides first: DELETE is there for other names, but not for this one.
        ("DELETE /users/me", "GET, HEAD, OPTIONS"),
        ("GET /own", "HEAD, OPTIONS"),
    ] {
        let (status, body, allowed) = answer(&router, line);
        assert_eq!((status, allowed.as_deref()), (405, Some(allow)), "{line}");
        assert!(
            line.starts_with("HEAD") || body.starts_with("{\"error\":\""),
            "{body}"
        );
    }
}

/// RFC 9110 section 9.3.7.
#[test]
fn options_tell_the_methods() {
    let router = router();
    for (line, allow) in [
        ("OPTIONS /", "GET, HEAD, OPTIONS"),
        ("OPTIONS /users", "OPTIONS, POST"),
        ("OPTIONS /users/ada", "DELETE, GET, HEAD, OPTIONS"),
        ("OPTIONS *", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("OPTIONS http://a", "DELETE, GET, HEAD, OPTIONS, POST"),
    ] {
        let expected = (204, String::new(), Some(allow.to_owned()));
        assert_eq!(answer(&router, line), expected, "{line}");
    }
    let (status, _, allow) = answer(&Router::new(), "OPTIONS *");
    assert_eq!((status, allow.as_deref()), (204, Some("OPTIONS")));
}

/// RFC 9110 section 9.3.2: the fields of GET, no body.
#[test]
fn head_is_served_by_get() {
    let (get, head) = ["GET /", "HEAD /"]
        .map(|line| {
            with_request(line, |request| match router().handle(request) {
                Reply::Now(response) => rendered(response, request),
                _ => panic!("this handler answers at once"),
            })
        })
        .into();
    assert_eq!(head, get.strip_suffix("root()").unwrap());
}

#[test]
fn bodies_are_read_where_a_handler_may_want_them() {
    let mut router = router();
    router.add(Method::Put, "/up", echo("put"));
    router.add(Method::Patch, "/up", echo("patch"));
    let admission = |line: &str| with_request(line, |request| router.admit(request));
    for line in ["POST /users", "PUT /up", "PATCH /up", "DELETE /users/ada"] {
        assert!(matches!(admission(line), Admission::ReadBody), "{line}");
    }
    for line in ["GET /", "HEAD /", "OPTIONS /", "OPTIONS *", "OPTIONS /own"] {
        assert!(matches!(admission(line), Admission::IgnoreBody), "{line}");
    }
    for (line, status) in [("POST /nothing", 404), ("POST /", 405), ("TRACE /", 405)] {
        match admission(line) {
            Admission::Refuse(response) => assert_eq!(response.status_code().0, status, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

/// What the panic says if these routes are added one after the other.
fn panic_text(routes: &[(Method, &'static str)]) -> String {
    let outcome = std::panic::catch_unwind(|| {
        let mut built = Router::new();
        for &(method, pattern) in routes {
            built.add(method, pattern, echo("x"));
        }
    });
    let payload = outcome.expect_err(&format!("{routes:?}"));
    *payload.downcast::<String>().expect("a panic with a text")
}

#[test]
fn wrong_patterns_panic_when_added() {
    for (pattern, said) in [
        ("", "begin with `/`"),
        ("users", "begin with `/`"),
        ("/a?b", "nothing that a path cannot hold"),
        ("/a b", "nothing that a path cannot hold"),
        ("/\u{e9}", "nothing that a path cannot hold"),
        ("/{}", "whole segment"),
        ("/{a", "whole segment"),
        ("/a}", "whole segment"),
        ("/x{a}", "whole segment"),
        ("/{a}{b}", "whole segment"),
        ("/{a-b}", "whole segment"),
        ("/{a}/{a}", "two parameters called a"),
        (
            "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
            "more than 8 parameters",
        ),
    ] {
        let text = panic_text(&[(Method::Get, pattern)]);
        assert!(text.contains(said), "{pattern}: {text}");
    }
}

#[test]
fn routes_that_contradict_others_panic_when_added() {
    use Method::{Connect, Get, Post, Trace, Unknown};
    for (routes, said) in [
        (
            &[(Get, "/a"), (Get, "/a")][..],
            "GET /a: the route exists already",
        ),
        (
            &[(Get, "/{a}"), (Get, "/{a}")],
            "GET /{a}: the route exists already",
        ),
        (
            &[(Get, "/{a}"), (Post, "/{b}")],
            "/{b}: the same path is /{a} in another route",
        ),
        (&[(Trace, "/")], "no handler sees"),
        (&[(Connect, "/")], "no handler sees"),
        (&[(Unknown, "/")], "no handler sees"),
    ] {
        let text = panic_text(routes);
        assert!(text.contains(said), "{routes:?}: {text}");
    }
}
