//! The answers that never change, and `/healthz`, which changes once.
//!
//! `/plaintext` and `/json` are the two shapes of the `TechEmpower` benchmarks, for comparison with
//! other servers. Neither allocates: the one answer lies in the program, and the closure that makes
//! the other captures nothing and is boxed for nothing.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use crate::accounts::Accounts;
use crate::http::{ContentType, Fixed, Reply, Response, Status};

/// `GET /plaintext`.
pub(super) static PLAINTEXT: Fixed = Fixed::new(ContentType::Text, b"Hello, World!");

/// `GET /json`: serialised anew for each request, as the benchmark's rules ask.
pub(super) fn json() -> Response {
    #[derive(Serialize)]
    struct Hello {
        message: &'static str,
    }
    Response::json_from(|| Hello {
        message: "Hello, World!",
    })
}

/// `GET /healthz`: what a balancer asks. 503 tells it to send no more, while those that come are
/// still served.
pub(super) fn health(accounts: &Accounts) -> Reply {
    static HEALTHY: Fixed = Fixed::new(ContentType::Text, b"ok");
    if accounts.draining.load(Relaxed) {
        Response::fixed(ContentType::Text, b"draining")
            .status(Status::SERVICE_UNAVAILABLE)
            .into()
    } else {
        Reply::Fixed(&HEALTHY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::Exam;
    use crate::http::Method;

    #[test]
    fn plaintext_is_the_benchmarks_shape() {
        let answer = Exam::new().get("/plaintext");
        assert_eq!((answer.status, answer.text()), (200, "Hello, World!"));
        assert_eq!(
            answer.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.field("Content-Length"), Some("13"));
    }

    #[test]
    fn json_is_the_benchmarks_shape() {
        let answer = Exam::new().get("/json?ignored");
        assert_eq!(answer.text(), r#"{"message":"Hello, World!"}"#);
        assert_eq!(answer.field("Content-Type"), Some("application/json"));
        assert_eq!(answer.field("Content-Length"), Some("27"));
    }

    #[test]
    fn head_has_the_fields_of_get_and_no_body() {
        let exam = Exam::new();
        for path in ["/plaintext", "/json"] {
            let (get, head) = (exam.get(path), exam.ask(Method::Head, path, b""));
            assert_eq!(head.field("Content-Length"), get.field("Content-Length"));
            assert!(head.body.is_empty() && !get.body.is_empty());
        }
    }

    #[test]
    fn health_says_when_the_server_is_leaving() {
        let exam = Exam::new();
        let answer = exam.get("/healthz");
        assert_eq!((answer.status, answer.text()), (200, "ok"));
        exam.draining().store(true, Relaxed);
        let answer = exam.get("/healthz");
        assert_eq!((answer.status, answer.text()), (503, "draining"));
    }
}
