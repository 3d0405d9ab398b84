//! `/`: what there is, for a browser as a page with links, for everybody else as text.

use std::borrow::Cow;
use std::fmt::Write;

use super::accept;
use super::table::{Route, TABLE};
use crate::http::{ContentType, Method, Request, Response};

/// The page, with places for the routes and for the commands.
const PAGE: &str = include_str!("home.html");

/// What the page may load and do (CSP level 3): its own style, by the hash of its text, the empty
/// icon, and requests to this server. It has no script.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; \
    style-src 'sha256-NA+qU7IaAjaStcXAZ4mKp2lwJlCBnHMM0UicjSJYjps='; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// `GET /`. The list of routes is made from [`TABLE`], the commands name the host that the client
/// asked for.
pub(super) fn reply(request: &Request<'_>, is_served: impl Fn(&Route) -> bool) -> Response {
    let routes: Vec<&Route> = TABLE.iter().filter(|route| is_served(route)).collect();
    let host = request.host().map(String::from_utf8_lossy);
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(is_harmless));
    let host = host.unwrap_or(Cow::Borrowed("127.0.0.1:8080"));
    let response = if accept::prefers(request, &accept::HTML, &accept::TEXT) {
        Response::bytes(ContentType::Html, page(&routes, &host).into_bytes())
            .field("Content-Security-Policy", POLICY)
            .field("X-Content-Type-Options", "nosniff")
    } else {
        Response::text(text(&routes, &host))
    };
    accept::varies(response)
}

/// What needs no quoting in a shell's line that somebody may copy; a Host may have more (RFC 3986
/// section 3.2.2).
fn is_harmless(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b".-_:[]%".contains(&octet)
}

fn page(routes: &[&Route], host: &str) -> String {
    let mut rows = String::new();
    for route in routes {
        let (method, path, about) = (route.method.as_str(), escaped(route.path), route.about);
        let place = match route.method {
            Method::Get => format!("<a href=\"{}\">{path}</a>", escaped(route.example)),
            _ => path,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td>{method}<td><code>{place}</code><td>{}",
            escaped(about)
        );
    }
    let commands: String = routes.iter().map(|route| command(route, host)).collect();
    PAGE.replace("{routes}", &rows)
        .replace("{commands}", &escaped(&commands))
}

fn text(routes: &[&Route], host: &str) -> String {
    let mut text =
        "barewire: an HTTP/1.1 server whose speed can be traced to its source\n\n".to_owned();
    for route in routes {
        let (method, path, about) = (route.method.as_str(), route.path, route.about);
        // As above.
        let _ = writeln!(text, "{method:<5}{path:<25}{about}");
    }
    text.push('\n');
    text.extend(routes.iter().map(|route| command(route, host)));
    text
}

/// A line for a shell; no example has a single quote.
fn command(route: &Route, host: &str) -> String {
    let target = route.example;
    match route.example_body {
        Some(body) => format!("curl -d '{body}' 'http://{host}{target}'\n"),
        None => format!("curl -i 'http://{host}{target}'\n"),
    }
}

/// Text as it may stand in HTML, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::handlers::testing::{Answer, request};
    use crate::http::Field;

    fn home(fields: &[(&'static str, &'static str)]) -> Answer {
        let fields: Vec<_> = fields
            .iter()
            .map(|&(name, value)| Field {
                name,
                value: value.as_bytes(),
            })
            .collect();
        let mut asked = request(Method::Get, "/");
        asked.fields = &fields;
        Answer::of(reply(&asked, |_| true), Method::Get)
    }

    #[test]
    fn a_browser_gets_a_page_with_every_route() {
        let browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let answer = home(&[("Host", "localhost:99"), ("ACCEPT", browsers)]);
        assert_eq!(
            answer.field("Content-Type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.field("Vary"), Some("Accept"));
        let page = answer.text();
        for route in TABLE {
            assert!(page.contains(&escaped(route.path)), "{}", route.path);
            let link = format!("href=\"{}\"", escaped(route.example));
            assert_eq!(page.contains(&link), route.method == Method::Get, "{link}");
        }
        assert!(page.contains("http://localhost:99/benchmark?work=1000&amp;wait_us=100"));
        assert!(!page.contains("{routes}") && !page.contains("{commands}"));
    }

    /// CSP level 3 section 2.3.1: the hash of an element's text, as it stands in the page.
    #[test]
    fn the_page_runs_nothing_but_what_is_its_own() {
        let answer = home(&[("Accept", "text/html"), ("Host", "localhost")]);
        let page = answer.text();
        let mut styles = page.split("<style>").skip(1);
        let style = styles.next().and_then(|rest| rest.split("</style>").next());
        let hash = BASE64_STANDARD.encode(Sha256::digest(style.unwrap()));
        assert_eq!((styles.count(), page.matches("<script").count()), (0, 0));
        let expected = format!(
            "default-src 'none'; connect-src 'self'; img-src data:; \
             style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(answer.field("Content-Security-Policy"), Some(&*expected));
        assert_eq!(answer.field("X-Content-Type-Options"), Some("nosniff"));
        // An attribute would need `unsafe-hashes`.
        assert!(!page.contains(" style="));
    }

    #[test]
    fn curl_gets_the_same_as_text() {
        for fields in [
            &[("Accept", "*/*")][..],
            &[],
            &[("Accept", "text/htmlx")],
            &[("Accept", "text/html; q=0.0, text/plain")],
        ] {
            let answer = home(fields);
            assert_eq!(
                answer.field("Content-Type"),
                Some("text/plain; charset=utf-8")
            );
            for route in TABLE {
                assert!(answer.text().contains(route.path) && answer.text().contains(route.about));
            }
            assert!(
                answer
                    .text()
                    .contains("curl -d 'any bytes' 'http://127.0.0.1:8080/zero-copy'")
            );
        }
    }

    #[test]
    fn a_host_cannot_bring_markup_or_a_command() {
        for host in ["a&b<script>\"'", "a'$(id)", "a;b", "a`b`"] {
            let answer = home(&[("Host", host), ("Accept", " Text/HTML ;q=1")]);
            assert!(answer.text().contains("<html"));
            assert!(answer.text().contains("http://127.0.0.1:8080/benchmark"));
            assert!(!answer.text().contains(host));
        }
    }
}
