//! The newest hyperlane: routes and middleware are types with a hook.

use std::time::Instant;

use hyperlane::{CONTENT_TYPE, Context, Server, ServerConfig, ServerHook, Status, Stream};
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
        let mut config = ServerConfig::default();
        config.set_address(format!("127.0.0.1:{}", peer_common::port()));
        config.set_nodelay(Some(true));
        let mut server = Server::default();
        server.server_config(config);
        server.route::<Plaintext>("/plaintext");
        server.route::<Json>("/json");
        server.route::<Benchmark>("/benchmark");
        server.response_middleware::<Send>();
        let hook = server.run().await.expect("a port that is free");
        hook.wait().await;
    });
}

struct Plaintext;
struct Json;
struct Benchmark;
struct Send;

impl ServerHook for Plaintext {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, context: &mut Context) -> Status {
        answer(context, "text/plain", peer_common::HELLO.into())
    }
}

impl ServerHook for Json {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, context: &mut Context) -> Status {
        answer(context, "application/json", peer_common::json())
    }
}

impl ServerHook for Benchmark {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, context: &mut Context) -> Status {
        let started = Instant::now();
        let result = peer_common::compute();
        tokio::time::sleep(peer_common::WAIT).await;
        answer(
            context,
            "application/json",
            peer_common::benchmark(result, started),
        )
    }
}

impl ServerHook for Send {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, context: &mut Context) -> Status {
        let bytes = context.get_mut_response().build();
        if stream.try_send(bytes).await.is_err() {
            stream.set_closed(true);
            return Status::Reject;
        }
        Status::Continue
    }
}

fn answer(context: &mut Context, content_type: &'static str, body: Vec<u8>) -> Status {
    context
        .get_mut_response()
        .set_status_code(200)
        .set_header(CONTENT_TYPE, content_type)
        .set_body(body);
    Status::Continue
}
