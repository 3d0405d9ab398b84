//! axum, as its documentation begins: `axum::serve` with a router.

use std::io;
use std::net::Ipv4Addr;
use std::time::Instant;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    let workers = peer_common::workers();
    // One worker is one thread that does everything; more are tokio's pool.
    let runtime = if workers == 1 {
        Builder::new_current_thread().enable_all().build()?
    } else {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()?
    };
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, peer_common::port())).await?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let routes = Router::new()
            .route("/plaintext", get(|| async { peer_common::HELLO }))
            .route("/json", get(|| async { json(peer_common::json()) }))
            .route("/benchmark", get(benchmark));
        axum::serve(listener, routes).await
    })
}

async fn benchmark() -> impl IntoResponse {
    let started = Instant::now();
    let result = peer_common::compute();
    tokio::time::sleep(peer_common::WAIT).await;
    json(peer_common::benchmark(result, started))
}

fn json(body: Vec<u8>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body)
}
