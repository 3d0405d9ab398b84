//! The control routes of a server with `--live`, before any handler: `/techniques` and `/duel`.
//!
//! Who may ask for them is decided in `access`. What they change is changed by the reactors,
//! between two of their turns; nothing here waits for that.

use std::sync::Arc;

use serde_json::{Value, json};

use super::accept;
use super::table::{allowing, as_get};
use crate::config::{Config, Techniques};
use crate::duel::Live;
use crate::http::{Admission, Handler, Method, Reply, Request, Response, Status};
use crate::techniques::{self, Technique};

mod access;

mod sets;

mod duels;

use access::Access;
pub(super) use access::same_origin;

/// A handler behind the control routes.
pub struct Controlled<H> {
    inner: Arc<H>,
    control: Control,
    /// They are served here, and not at `--admin`.
    is_here: bool,
}

/// What is served at `--admin`: the control routes, and the figures that a handler keeps for it.
pub struct Admin<H> {
    inner: Arc<H>,
    control: Option<Control>,
    config: Config,
}

/// What the control routes need to know.
struct Control {
    live: Arc<Live>,
    /// As the server was started.
    config: Config,
    access: Access,
    /// The paths of the handler's routes, by the numbers under which they are counted.
    routes: Vec<&'static str>,
}

impl<H: Handler> Controlled<H> {
    /// Control of `live` beside what `inner` serves.
    pub fn new(inner: Arc<H>, live: Arc<Live>, config: &Config) -> Self {
        Self {
            control: Control::new(live, config, inner.routes()),
            inner,
            is_here: config.admin.is_none(),
        }
    }
}

impl<H: Handler> Admin<H> {
    /// Beside what `inner` serves to everybody.
    pub fn new(inner: Arc<H>, live: Option<Arc<Live>>, config: &Config) -> Self {
        Self {
            control: live.map(|live| Control::new(live, config, inner.routes())),
            inner,
            config: config.clone(),
        }
    }
}

impl<H: Handler> Handler for Admin<H> {
    fn admit(&self, request: &Request<'_>) -> Admission {
        admission(request)
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        if let Some(control) = self.control.as_ref().filter(|_| is_control(request.path)) {
            return control.reply(request);
        }
        if let Some(answer) = without_live(&self.config, request) {
            return answer.into();
        }
        self.inner.own_figures(request).unwrap_or_else(|| {
            let sentence = "there is nothing at this path of the admin address; there are \
                            /techniques, /duel, and the server's own figures such as /stats";
            Response::error(Status::NOT_FOUND, sentence).into()
        })
    }
}

impl<H: Handler> Handler for Controlled<H> {
    fn admit(&self, request: &Request<'_>) -> Admission {
        if is_control(request.path) && self.is_here {
            admission(request)
        } else {
            self.inner.admit(request)
        }
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        if is_control(request.path) && self.is_here {
            return self.control.reply(request);
        }
        self.control.live.control.pay();
        self.inner.handle(request)
    }

    fn change(&self, techniques: &Techniques) {
        self.inner.change(techniques);
    }
}

/// Only a technique's value is read.
fn admission(request: &Request<'_>) -> Admission {
    match (request.method, request.path) {
        (Method::Put, path) if path.starts_with("/techniques/") => Admission::ReadBody,
        _ => Admission::IgnoreBody,
    }
}

/// Whether a path is one of the control routes.
pub(super) fn is_control(path: &str) -> bool {
    matches!(path, "/duel" | "/techniques") || path.starts_with("/techniques/")
}

impl Control {
    fn new(live: Arc<Live>, config: &Config, routes: Vec<&'static str>) -> Self {
        Self {
            live,
            config: config.clone(),
            access: Access::of(config),
            routes,
        }
    }

    fn reply(&self, request: &Request<'_>) -> Reply {
        let method = as_get(request.method);
        let allowed = match request.path {
            "/duel" => "GET, HEAD, POST, DELETE, OPTIONS",
            "/techniques" => "GET, HEAD, OPTIONS",
            _ => "PUT, OPTIONS",
        };
        if let Err(refused) = self.access.check(request) {
            return refused.into();
        }
        match (method, request.path) {
            (Method::Get, "/techniques") => self.techniques().into(),
            (Method::Put, path) => match path.strip_prefix("/techniques/") {
                Some(name) => self.put(name, request).into(),
                None => allowing(method, allowed).into(),
            },
            (Method::Post, "/duel") => self.begin(request).into(),
            (Method::Get, "/duel") => self.look(request).into(),
            (Method::Delete, "/duel") => self.give_up(request).into(),
            _ => allowing(method, allowed).into(),
        }
    }

    /// `GET /techniques`: all of them, with what is in force now.
    fn techniques(&self) -> Response {
        let mut config = self.config.clone();
        let standing = self.live.state().standing;
        config.techniques = standing.techniques;
        let mut rows = rows(&config, true);
        for (switch, value) in self.live.switches.iter().zip(&standing.switches) {
            rows.push(json!({
                "name": switch.name,
                "state": if *value == 0 { "off" } else { "on" },
                "value": switch.values.get(*value),
                "values": switch.values,
                "live": true,
            }));
        }
        Response::json(rows)
    }

    /// `PUT /techniques/NAME`, with a value as its body.
    fn put(&self, name: &str, request: &Request<'_>) -> Result<Reply, Response> {
        let body = request.body.contiguous();
        let value = std::str::from_utf8(&body).unwrap_or_default().trim();
        let change = self.live.change();
        let change = change
            .map_err(|_| duels::busy("the techniques stay as they are until it has ended"))?;
        let set = self.changed(change.standing(), name, value)?;
        change.stand(set);
        Ok(self.techniques().into())
    }
}

/// What a server says of the control routes that cannot change anything, to who may reach them:
/// `GET /techniques` tells, and the others how to start it so that it can.
pub(super) fn without_live(config: &Config, request: &Request<'_>) -> Option<Response> {
    if !is_control(request.path) {
        return None;
    }
    if let Err(refused) = Access::of(config).check(request) {
        return Some(refused);
    }
    let method = as_get(request.method);
    if (method, request.path) == (Method::Get, "/techniques") {
        return Some(Response::json(rows(config, false)));
    }
    let sentence = "nothing changes while this server runs; start it with --live, and techniques \
                    can be switched and compared";
    Some(Response::error(Status::CONFLICT, sentence))
}

/// All techniques, with their values in this configuration.
fn rows(config: &Config, is_live: bool) -> Vec<Value> {
    let row = |technique: &Technique| {
        let switch = technique.switch();
        json!({
            "name": technique.name,
            "group": technique.group.name(),
            "claim": technique.claim,
            "state": switch.map_or("by the build", |switch| {
                if switch.is_on(config) { "on" } else { "off" }
            }),
            "value": switch.map(|switch| switch.get(config)),
            "values": switch.map(techniques::Switch::allowed),
            "judged_by": technique.judge.name(),
            "shows_on": technique.shows_on.name(),
            "naive_form": technique.naive_form.who(),
            "beginner": technique.naive_form.is_beginners(),
            "live": is_live && switch.is_some_and(techniques::Switch::is_live),
        })
    };
    techniques::all().map(row).collect()
}

/// JSON for who prefers it, else text: it is people who type these.
fn as_asked(is_json: bool, value: Value, text: String) -> Response {
    let response = if is_json {
        Response::json(value)
    } else {
        Response::text(text)
    };
    accept::varies(response)
}
