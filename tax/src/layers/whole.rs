//! Whole frameworks without a runtime and without a socket: hyper's own connection, reading from
//! and writing to memory, with a handler of hyper's and with axum's router.
//!
//! The connection lives as long as its thread, like one that is kept alive, and is polled once for
//! each event, as a runtime polls it. Requests that are pipelined come in one event: hyper then
//! reads, asks the clock and flushes once for all of them. barewire hands over one request at a
//! time, so they are collected, and the last one polls ([`come_together`]).

use std::cell::RefCell;
use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::routing::get;
use barewire::http::Request;
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::{Read as _, ReadBuf, ReadBufCursor, Write as _};
use hyper::server::conn::http1;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tower::ServiceExt as _;

use super::future::with_context;

/// Bytes of a read: hyper's first buffer.
const INPUT_BYTES: usize = 8192;
/// As long as what hyper answers.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nserver: hyper\r\ncontent-type: text/plain\r\n\
    content-length: 13\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello, World!";

/// Requests that a peer sends together.
static TOGETHER: AtomicUsize = AtomicUsize::new(1);
/// As many as hyper takes in one poll: after so many it lets other tasks go first.
pub const TOGETHER_MAX: u16 = 16;

/// From now on so many requests come together, 1 to [`TOGETHER_MAX`]: at the first, nothing happens
/// until the last is here. Said once, before any comes.
pub fn come_together(requests: u16) {
    TOGETHER.store(requests.clamp(1, TOGETHER_MAX).into(), Relaxed);
}

/// What lies between a connection and its peer.
#[derive(Default)]
struct Wire {
    from_peer: Vec<u8>,
    to_peer: Vec<u8>,
    /// Requests that wait for those that come with them.
    waiting: usize,
}

impl Wire {
    /// One more request. Says whether it is the last of those that come together.
    fn bring(&mut self, head: &[u8]) -> bool {
        self.from_peer.extend_from_slice(head);
        self.waiting += 1;
        let is_last = self.waiting >= TOGETHER.load(Relaxed);
        if is_last {
            self.waiting = 0;
        }
        is_last
    }
}

/// The connection's end of it.
struct Memory(Arc<Mutex<Wire>>);

/// Why a connection ends.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A connection, and the peer's end.
struct Served {
    connection: Pin<Box<dyn Future<Output = Result<(), Fault>>>>,
    wire: Arc<Mutex<Wire>>,
}

impl hyper::rt::Read for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.0);
        if wire.from_peer.is_empty() {
            return Poll::Pending;
        }
        let count = wire.from_peer.len().min(into.remaining());
        into.put_slice(&wire.from_peer[..count]);
        wire.from_peer.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        lock(&self.0).to_peer.extend_from_slice(from);
        Poll::Ready(Ok(from.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut wire = lock(&self.0);
        for piece in pieces {
            wire.to_peer.extend_from_slice(piece);
        }
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Served {
    fn new<F>(serve: impl FnOnce(Memory) -> F) -> RefCell<Self>
    where
        F: Future<Output = Result<(), Fault>> + 'static,
    {
        let wire = Arc::default();
        RefCell::new(Self {
            connection: Box::pin(serve(Memory(Arc::clone(&wire)))),
            wire,
        })
    }

    /// One request in; with the last of those that come together, the answers of all out.
    fn turn(&mut self, head: &[u8], out: &mut Vec<u8>) {
        if !lock(&self.wire).bring(head) {
            return;
        }
        let polled = with_context(|context| self.connection.as_mut().poll(context));
        assert!(polled.is_pending(), "the connection ended: {polled:?}");
        out.append(&mut lock(&self.wire).to_peer);
    }
}

/// The wire alone: what a socket costs, and not the connection that reads and writes it. One read
/// that brings the requests, one that brings nothing, one write.
pub fn memory(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static WIRE: (Arc<Mutex<Wire>>, Vec<u8>) =
        (Arc::default(), ANSWER.repeat(TOGETHER.load(Relaxed))));
    WIRE.with(|(wire, answers)| {
        if !lock(wire).bring(request.head) {
            return;
        }
        let mut input = [MaybeUninit::<u8>::uninit(); INPUT_BYTES];
        let mut into = ReadBuf::uninit(&mut input);
        let mut end = Memory(Arc::clone(wire));
        with_context(|context| {
            let first = Pin::new(&mut end).poll_read(context, into.unfilled());
            let second = Pin::new(&mut end).poll_read(context, into.unfilled());
            let written = Pin::new(&mut end).poll_write(context, black_box(answers));
            let ready = first.is_ready() && second.is_pending() && written.is_ready();
            assert!(ready, "memory takes and gives what there is");
        });
        black_box(into.filled());
        out.append(&mut lock(wire).to_peer);
    });
}

/// hyper, with a service of its own kind.
pub fn hyper(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVED: RefCell<Served> = hyper_with(false));
    SERVED.with_borrow_mut(|served| served.turn(request.head, out));
}

/// The same, where a peer that has sent all may close its half: so hyper does not read once more
/// after a request, to notice one that hangs up.
pub fn hyper_half_close(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVED: RefCell<Served> = hyper_with(true));
    SERVED.with_borrow_mut(|served| served.turn(request.head, out));
}

fn hyper_with(half_close: bool) -> RefCell<Served> {
    Served::new(|memory| {
        let mut builder = http1::Builder::new();
        let served = builder
            .pipeline_flush(true)
            .half_close(half_close)
            .serve_connection(memory, hyper::service::service_fn(hello));
        async { Ok(served.await?) }
    })
}

/// hyper, with axum's router.
pub fn axum(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVED: RefCell<Served> = Served::new(|memory| {
        let router = axum::Router::new()
            .route("/plaintext", get(|| async { crate::HELLO }))
            .route("/json", get(|| async { "{}" }))
            .route("/benchmark", get(|| async { "{}" }));
        // As axum::serve does for each connection.
        // With the state routes become services once, and not for each request.
        let service = router
            .with_state::<()>(())
            .into_service()
            .map_request(|request: http::Request<Incoming>| request.map(axum::body::Body::new));
        async {
            auto::Builder::new(Nowhere)
                .serve_connection_with_upgrades(memory, TowerToHyperService::new(service))
                .await
        }
    }));
    SERVED.with_borrow_mut(|served| served.turn(request.head, out));
}

/// Where a connection's own tasks would run: HTTP/1 has none.
#[derive(Clone, Copy)]
struct Nowhere;

impl<F> hyper::rt::Executor<F> for Nowhere {
    fn execute(&self, _: F) {}
}

/// Nobody else holds it: it is there since an upgraded connection may change threads.
fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn hello(_: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from(crate::HELLO));
    let fields = response.headers_mut();
    fields.insert(SERVER, HeaderValue::from_static("hyper"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
