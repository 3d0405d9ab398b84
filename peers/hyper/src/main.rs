//! hyper 1, without a framework: a current-thread runtime for each worker, each with its listener.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;
use std::{io, thread};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    // The main thread is the last worker: a thread beside a single one shares its table of
    // descriptors, and then each system call locks the file (fdget, 100 ns of a request here).
    let others: Vec<_> = (1..peer_common::workers())
        .map(|_| thread::spawn(work))
        .collect();
    work()?;
    others
        .into_iter()
        .try_for_each(|worker| worker.join().expect("a worker that does not panic"))
}

fn work() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn(
                http1::Builder::new()
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    })
}

fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, peer_common::port())).into())?;
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/plaintext") => of("text/plain", peer_common::HELLO.into()),
        (&Method::GET, "/json") => of("application/json", peer_common::json().into()),
        (&Method::GET, "/benchmark") => {
            let started = Instant::now();
            let result = peer_common::compute();
            tokio::time::sleep(peer_common::WAIT).await;
            of(
                "application/json",
                peer_common::benchmark(result, started).into(),
            )
        }
        _ => {
            let mut none = Response::new(Full::default());
            *none.status_mut() = StatusCode::NOT_FOUND;
            none
        }
    })
}

fn of(content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    let fields = answer.headers_mut();
    fields.insert(SERVER, HeaderValue::from_static("hyper"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
