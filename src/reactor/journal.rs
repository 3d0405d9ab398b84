//! What an operator is told: three targets of the `log` facade; the binary sends them to stderr.
//!
//! A statement that nobody listens to costs one comparison. The texts hold bytes of peers; whoever
//! writes them out escapes what could pass for another line.

use std::net::SocketAddr;

use log::Level;

use crate::http::{Request, Status};

/// A handler or a job panicked, or the system refused something.
pub const FAULT: &str = "barewire::fault";
/// A peer was refused: who, and why.
pub const REFUSED: &str = "barewire::refused";
/// A request was answered: who, what, and the status.
pub const ACCESS: &str = "barewire::access";

/// The beginning of an access line, kept from the request until its answer; nothing while nobody
/// listens.
#[derive(Debug, Default)]
pub struct AccessLine(Option<Box<str>>);

impl AccessLine {
    /// A request is here.
    #[inline]
    pub fn begin(&mut self, peer: &SocketAddr, request: &Request<'_>) {
        if log::log_enabled!(target: ACCESS, Level::Info) {
            self.0 = Some(asked(peer, request));
        }
    }

    /// Something is here that cannot be called a request.
    pub fn begin_unknown(&mut self, peer: &SocketAddr) {
        let is_wanted = log::log_enabled!(target: ACCESS, Level::Info);
        self.0 = is_wanted.then(|| format!("{peer} -").into_boxed_str());
    }

    /// The request has been answered.
    #[inline]
    pub fn answered(&mut self, status: Status) {
        if self.0.is_some() {
            self.write(status);
        }
    }

    #[cold]
    fn write(&mut self, status: Status) {
        if let Some(asked) = self.0.take() {
            log::info!(target: ACCESS, "{asked} {}", status.0);
        }
    }
}

#[cold]
fn asked(peer: &SocketAddr, request: &Request<'_>) -> Box<str> {
    let (method, path) = (request.method.as_str(), request.path);
    match request.query {
        Some(query) => format!("{peer} {method} {path}?{query}"),
        None => format!("{peer} {method} {path}"),
    }
    .into_boxed_str()
}
