//! A handler of one's own on the reactor: `cargo run --release --example hello`, then
//! `curl http://127.0.0.1:8080/hello/world`.

use barewire::{Method, Response, Server};

pub(crate) fn hello() -> Server {
    Server::new().route(Method::Get, "/hello/{name}", |request| {
        Response::text(format!(
            "Hello, {}!\n",
            request.param("name").unwrap_or_default()
        ))
    })
}

fn main() -> std::io::Result<()> {
    hello().run()
}
