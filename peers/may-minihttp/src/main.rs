//! may_minihttp: coroutines, a thread for each worker.

use std::io;
use std::time::Instant;

use may_minihttp::{HttpServer, HttpService, Request, Response};

#[derive(Clone)]
struct Routes;

impl HttpService for Routes {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        match request.path() {
            "/plaintext" => {
                response.header("Content-Type: text/plain");
                response.body(peer_common::HELLO);
            }
            "/json" => {
                response.header("Content-Type: application/json");
                response.body_vec(peer_common::json());
            }
            "/benchmark" => {
                let started = Instant::now();
                let result = peer_common::compute();
                may::coroutine::sleep(peer_common::WAIT);
                response.header("Content-Type: application/json");
                response.body_vec(peer_common::benchmark(result, started));
            }
            _ => {
                response.status_code(404, "Not Found");
            }
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    may::config().set_workers(peer_common::workers());
    let server = HttpServer(Routes).start(("127.0.0.1", peer_common::port()))?;
    server.wait();
    Ok(())
}
