//! What the tests of the handlers share: requests made by hand, and answers rendered and taken
//! apart.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Routes;
use crate::accounts::Accounts;
use crate::config::{Config, Techniques};
use crate::http::date::Date;
use crate::http::{Body, Exchange, Handler, Later, Method, Reply, Request, Response, Version};

/// The head of every request here, for the one handler that parses it again.
const HEAD: &[u8] = b"GET /profiled?x=1 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

/// A request without fields and body.
pub(super) fn request(method: Method, target: &str) -> Request<'_> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Request {
        method,
        path,
        query,
        version: Version::Http11,
        fields: &[],
        head: HEAD,
        body: Body::default(),
        worker: 0,
        params: &[],
    }
}

/// An answer as a client sees it.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Writes `response` and takes the bytes apart.
    pub(super) fn of(response: Response, method: Method) -> Self {
        let exchange = Exchange {
            keep_alive: true,
            head_only: method == Method::Head,
            version: Version::Http11,
        };
        let (mut bytes, techniques) = (Vec::new(), Techniques::default());
        response.write(exchange, &Date::at(784_111_777), &techniques, &mut bytes);
        let head_bytes = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head")
            + 2;
        let head = String::from_utf8(bytes[..head_bytes].to_vec()).expect("a head of text");
        let status = head["HTTP/1.1 ".len()..][..3].parse().expect("a status");
        Self {
            status,
            head,
            body: bytes[head_bytes + 2..].to_vec(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// The body, which must be JSON and say so.
    pub(super) fn json(&self) -> serde_json::Value {
        assert_eq!(self.field("Content-Type"), Some("application/json"));
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// The names of the body's members, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        let body = self.json();
        let object = body.as_object().expect("an object");
        let mut names: Vec<_> = object.keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

/// Carries a reply to its response as a reactor would, but without waiting: each wait is over at
/// once and took exactly as long as asked, work is done on a thread of its own.
pub(super) fn settle(mut reply: Reply) -> Response {
    loop {
        reply = match reply {
            Reply::Fixed(fixed) => return fixed.response(),
            Reply::Now(response) => return response,
            Reply::Stream(stream) => return stream.into_head(),
            Reply::Upload(_) => panic!("its body comes from a reactor"),
            Reply::Later(Later::After(wait, then)) => then(wait),
            Reply::Later(Later::Run(work)) => {
                let thread = std::thread::spawn(move || work.finish());
                thread.join().expect("work that does not panic")
            }
        };
    }
}

/// The wait that a reply asks for.
pub(super) fn wait_of(reply: &Reply) -> Option<Duration> {
    match reply {
        Reply::Later(Later::After(wait, _)) => Some(*wait),
        _ => None,
    }
}

/// All routes, with accounts of two reactors.
pub(super) struct Exam {
    pub(super) accounts: Arc<Accounts>,
    pub(super) routes: Routes,
}

impl Exam {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    /// With other techniques.
    pub(super) fn with(change: impl FnOnce(&mut Techniques)) -> Self {
        let mut config = Config::default();
        change(&mut config.techniques);
        let accounts = Accounts::new(2);
        let routes = Routes::new(&config, Arc::clone(&accounts)).expect("routes");
        Self { accounts, routes }
    }

    pub(super) fn get(&self, target: &str) -> Answer {
        self.ask(Method::Get, target, b"")
    }

    pub(super) fn ask(&self, method: Method, target: &str, body: &[u8]) -> Answer {
        let mut request = request(method, target);
        request.body.first = body;
        let reply = self.routes.handle(&request);
        Answer::of(settle(reply), method)
    }

    pub(super) fn draining(&self) -> &AtomicBool {
        &self.accounts.draining
    }
}
