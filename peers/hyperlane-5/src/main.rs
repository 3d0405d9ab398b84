//! hyperlane 5.40.1, the article's version, set up as in the article.
//!
//! As printed there no handler sends its answer, and nothing ever comes back: in this version that
//! is what the response middleware is for, so here it sends.

use std::time::Instant;

use hyperlane::{CONTENT_TYPE, Context, Server};
use tokio::runtime::Builder;

fn main() {
    let workers = peer_common::workers();
    let runtime = if workers == 1 {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()
    };
    runtime.expect("a runtime").block_on(async {
        let server = Server::new();
        server.host("127.0.0.1").await;
        server.port(usize::from(peer_common::port())).await;
        server.enable_nodelay().await;
        server.disable_linger().await;
        server.http_buffer_size(8192).await;
        server.route("/plaintext", plaintext).await;
        server.route("/json", json).await;
        server.route("/benchmark", benchmark).await;
        server.response_middleware(send).await;
        server.run().await.expect("a port that is free");
    });
}

async fn plaintext(context: Context) {
    answer(&context, "text/plain", peer_common::HELLO.into()).await;
}

async fn json(context: Context) {
    answer(&context, "application/json", peer_common::json()).await;
}

async fn benchmark(context: Context) {
    let started = Instant::now();
    let result = peer_common::compute();
    tokio::time::sleep(peer_common::WAIT).await;
    answer(
        &context,
        "application/json",
        peer_common::benchmark(result, started),
    )
    .await;
}

async fn answer(context: &Context, content_type: &str, body: Vec<u8>) {
    context
        .set_response_header(CONTENT_TYPE, content_type)
        .await;
    context.set_response_status_code(200).await;
    context.set_response_body(body).await;
}

async fn send(context: Context) {
    // A peer that has gone is the next read's to notice.
    let _ = context.send().await;
}
