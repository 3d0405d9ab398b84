//! xitca-web: handlers as functions, a thread for each worker.

use std::io;
use std::time::Instant;

use xitca_web::App;
use xitca_web::handler::handler_service;
use xitca_web::http::WebResponse;
use xitca_web::http::header::{CONTENT_TYPE, HeaderValue};
use xitca_web::route::get;

fn main() -> io::Result<()> {
    App::new()
        .at("/plaintext", get(handler_service(plaintext)))
        .at("/json", get(handler_service(json)))
        .at("/benchmark", get(handler_service(benchmark)))
        .serve()
        .worker_threads(peer_common::workers())
        .backlog(4096)
        .bind(("127.0.0.1", peer_common::port()))?
        .run()
        .wait()
}

async fn plaintext() -> WebResponse {
    of("text/plain", peer_common::HELLO.into())
}

async fn json() -> WebResponse {
    of("application/json", peer_common::json())
}

async fn benchmark() -> WebResponse {
    let started = Instant::now();
    let result = peer_common::compute();
    tokio::time::sleep(peer_common::WAIT).await;
    of("application/json", peer_common::benchmark(result, started))
}

fn of(content_type: &'static str, body: Vec<u8>) -> WebResponse {
    let mut answer = WebResponse::new(body.into());
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
