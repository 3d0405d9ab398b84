//! Method and path pattern to handler, for [`Server::route`](crate::Server::route).

use super::{Admission, Handler, Method, Reply, Request};

/// Routes in the order in which they were added; a pattern without parameters wins over one with.
#[derive(Default)]
pub struct Router {}

impl Router {
    /// No routes yet: every path is 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route. `pattern` is a path such as `/users/{name}`; a parameter takes one whole segment, not empty.
    ///
    /// # Panics
    ///
    /// If the pattern is not of that form, or the route exists already.
    pub fn add<F, R>(&mut self, method: Method, pattern: &'static str, handler: F)
    where
        F: Fn(&Request<'_>) -> R + Send + Sync + 'static,
        R: Into<Reply>,
    {
        todo!()
    }
}

impl Handler for Router {
    fn admit(&self, request: &Request<'_>) -> Admission {
        todo!()
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        todo!()
    }
}
