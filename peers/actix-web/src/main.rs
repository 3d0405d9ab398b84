//! actix-web: a server with one arbiter for each worker.

use std::io;
use std::net::Ipv4Addr;
use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, rt, web};

#[actix_web::main]
async fn main() -> io::Result<()> {
    HttpServer::new(|| {
        App::new()
            .route("/plaintext", web::get().to(plaintext))
            .route("/json", web::get().to(json))
            .route("/benchmark", web::get().to(benchmark))
    })
    .workers(peer_common::workers())
    .backlog(4096)
    .tcp_nodelay(true)
    .bind((Ipv4Addr::LOCALHOST, peer_common::port()))?
    .run()
    .await
}

async fn plaintext() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(peer_common::HELLO)
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(peer_common::json())
}

async fn benchmark() -> HttpResponse {
    let started = Instant::now();
    let result = peer_common::compute();
    rt::time::sleep(peer_common::WAIT).await;
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(peer_common::benchmark(result, started))
}
