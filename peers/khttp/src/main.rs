//! khttp, on its own epoll loop.

use std::io;
use std::thread;
use std::time::Instant;

use khttp::{ConnectionSetupAction, Headers, Method, Server};

fn main() -> io::Result<()> {
    let mut server = Server::builder(("127.0.0.1", peer_common::port()))?;
    server.thread_count(peer_common::workers());
    server.connection_setup_hook(|connection| match connection {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            ConnectionSetupAction::Proceed(stream)
        }
        Err(_) => ConnectionSetupAction::Drop,
    });
    let (text, json) = (of("text/plain"), of("application/json"));
    let waited = json.clone();
    server.route(Method::Get, "/plaintext", move |_, response| {
        response.ok(&text, peer_common::HELLO)
    });
    server.route(Method::Get, "/json", move |_, response| {
        response.ok(&json, peer_common::json())
    });
    // It is synchronous: its thread waits.
    server.route(Method::Get, "/benchmark", move |_, response| {
        let started = Instant::now();
        let result = peer_common::compute();
        thread::sleep(peer_common::WAIT);
        response.ok(&waited, peer_common::benchmark(result, started))
    });
    server.build().serve_epoll()
}

fn of(content_type: &'static str) -> Headers<'static> {
    let mut fields = Headers::new();
    fields.add(Headers::CONTENT_TYPE, content_type.as_bytes());
    fields
}
