//! Who may reach the control routes.
//!
//! A page that somebody visits can have their browser send requests to this machine. It cannot read
//! the answers, but a PUT has done its work by then. So a request must name this server by an
//! address or by a name that is known to be its own, since a page can give itself a name that leads
//! here (DNS rebinding); and what browsers say of where it comes from must be this server (Fetch
//! Metadata, and RFC 6454 for Origin).

use std::net::IpAddr;

use crate::config::Config;
use crate::http::{Field, Request, Response, Status};

/// The names under which the control routes may be asked for.
pub(super) struct Access {
    names: Vec<String>,
}

impl Access {
    /// `localhost`, the host that is listened on, and what `--allow-host` says.
    pub(super) fn of(config: &Config) -> Self {
        let own = ["localhost".to_owned(), config.host.clone()];
        let names = own.into_iter().chain(config.allow_host.clone());
        Self {
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// Whether a request may reach them.
    ///
    /// # Errors
    ///
    /// A 403 that says which option would allow it.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<(), Response> {
        let host = text(request.host());
        if !self.is_own(host) {
            return Err(forbidden(&format!(
                "the control routes are not served under the name '{}'; ask for an address or for \
                 localhost, or start the server with --allow-host",
                shown(host)
            )));
        }
        same_origin(request)
    }

    fn is_own(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let is_address = address.unwrap_or(&name).parse::<IpAddr>().is_ok();
        is_address || self.names.contains(&name)
    }
}

/// Whether a request comes from a page of this server, or from no page at all.
///
/// # Errors
///
/// A 403 that says so.
pub(in crate::handlers) fn same_origin(request: &Request<'_>) -> Result<(), Response> {
    let host = text(request.host());
    let is_own = |field: &Field<'_>| {
        let is_called = |name| field.name.eq_ignore_ascii_case(name);
        if is_called("sec-fetch-site") {
            return matches!(field.value, b"same-origin" | b"none");
        }
        let authority = || Some(text(Some(field.value)).split_once("://")?.1);
        let is_host = |name: &str| !name.is_empty() && name.eq_ignore_ascii_case(host);
        !is_called("origin") || authority().is_some_and(is_host)
    };
    // A browser sends one of each; of more, none may be another's.
    if request.fields.iter().all(is_own) {
        return Ok(());
    }
    Err(forbidden(
        "a page of another origin asked for this; type it, or ask from a page of this server",
    ))
}

fn forbidden(sentence: &str) -> Response {
    Response::error(Status::FORBIDDEN, sentence.to_owned())
}

/// The name of a Host field: `[::1]:8080` is `[::1]`.
fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

/// A field that is no text equals nothing.
fn text(field: Option<&[u8]>) -> &str {
    std::str::from_utf8(field.unwrap_or_default()).unwrap_or_default()
}

/// As much of a name as is worth repeating.
fn shown(host: &str) -> String {
    host.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::request;
    use crate::http::{Field, Method};

    /// With `--host box.internal --allow-host Bench.Example`.
    fn passes(host: &str) -> bool {
        let config = Config {
            host: "box.internal".to_owned(),
            allow_host: Some("Bench.Example".to_owned()),
            ..Config::default()
        };
        let fields = [Field {
            name: "Host",
            value: host.as_bytes(),
        }];
        let mut asked = request(Method::Get, "/techniques");
        asked.fields = &fields;
        Access::of(&config).check(&asked).is_ok()
    }

    #[test]
    fn own_names_and_addresses_pass() {
        for host in [
            "box.internal",
            "BOX.internal:80",
            "bench.example:8080",
            "localhost",
            "10.1.2.3:1",
            "[fe80::1]:80",
        ] {
            assert!(passes(host), "{host}");
        }
        for host in [
            "internal",
            "x.box.internal",
            "box.internal.",
            "bench.example.x",
            "10.1.2",
            "[box.internal]",
            "",
            ":80",
        ] {
            assert!(!passes(host), "{host}");
        }
    }
}
