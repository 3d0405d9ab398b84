//! ntex: a server with one arbiter for each worker.

use std::io;
use std::time::Instant;

use ntex::time::sleep;
use ntex::web::{self, App, HttpResponse, HttpServer};

#[ntex::main]
async fn main() -> io::Result<()> {
    HttpServer::new(async || {
        App::new()
            .route("/plaintext", web::get().to(plaintext))
            .route("/json", web::get().to(json))
            .route("/benchmark", web::get().to(benchmark))
    })
    .workers(peer_common::workers())
    .backlog(4096)
    .bind(("127.0.0.1", peer_common::port()))?
    .run()
    .await
}

async fn plaintext() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain")
        .body(peer_common::HELLO)
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(peer_common::json())
}

async fn benchmark() -> HttpResponse {
    let started = Instant::now();
    let result = peer_common::compute();
    sleep(peer_common::WAIT).await;
    HttpResponse::Ok()
        .content_type("application/json")
        .body(peer_common::benchmark(result, started))
}
