//! What an operator is told: three targets of the `log` facade; the binary sends them to stderr.
//!
//! A statement that nobody listens to costs one comparison. The texts hold bytes of peers; whoever
//! writes them out escapes what could pass for another line.

use std::net::SocketAddr;

use crate::http::{Request, Status};

/// A handler or a job panicked, or the system refused something.
pub const FAULT: &str = "barewire::fault";
/// A peer was refused: who, and why.
pub const REFUSED: &str = "barewire::refused";
/// A request was answered: who, what, and the status.
pub const ACCESS: &str = "barewire::access";

/// The end of the access line that begins with `asked`.
#[cold]
pub fn answered(asked: Option<Box<str>>, status: Status) {
    log::info!(target: ACCESS, "{} {}", asked.unwrap_or_default(), status.0);
}

/// The beginning of the access line of what cannot be called a request.
pub fn asked_something(peer: &SocketAddr) -> Option<Box<str>> {
    let is_wanted = log::log_enabled!(target: ACCESS, log::Level::Info);
    is_wanted.then(|| format!("{peer} -").into_boxed_str())
}

/// The beginning of the access line of a request.
#[cold]
pub fn asked(peer: &SocketAddr, request: &Request<'_>) -> Box<str> {
    let (method, path) = (request.method.as_str(), request.path);
    let query = request
        .query
        .map_or(String::new(), |query| format!("?{query}"));
    format!("{peer} {method} {path}{query}").into_boxed_str()
}
