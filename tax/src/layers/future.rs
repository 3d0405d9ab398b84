//! The handler as an async fn: its future boxed, and polled with a real waker.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use barewire::http::Request;
use http::Response;

use super::body::{self, Boxed};
use super::types;

/// A future whose type nobody needs to know.
pub type BoxedFuture = Pin<Box<dyn Future<Output = Response<Boxed>> + Send>>;

/// A task as a runtime has one: woken by whoever holds its waker.
#[derive(Default)]
struct Task(AtomicU64);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The layer.
pub fn answer(request: &Request<'_>, out: &mut Vec<u8>) {
    let request = types::of(request);
    let handler: fn(http::Request<()>) -> BoxedFuture = |request| Box::pin(hello(request));
    finish(std::hint::black_box(handler)(request), out);
}

/// A handler.
pub async fn hello(request: http::Request<()>) -> Response<Boxed> {
    let response = types::respond(&request, body::hello());
    types::give_back(request);
    response
}

/// Polls a future that has all it needs, and writes its answer.
///
/// # Panics
///
/// If the future waits for something.
pub fn finish(
    mut future: Pin<Box<impl Future<Output = Response<Boxed>> + ?Sized>>,
    out: &mut Vec<u8>,
) {
    with_context(|context| match future.as_mut().poll(context) {
        Poll::Ready(response) => body::write(response, context, out),
        Poll::Pending => panic!("a handler that waits for nothing is ready at once"),
    });
}

/// Calls `work` with the waker of a task that lives as long as its thread.
pub fn with_context<T>(work: impl FnOnce(&mut Context<'_>) -> T) -> T {
    thread_local!(static TASK: Arc<Task> = Arc::default());
    let waker = TASK.with(|task| Waker::from(Arc::clone(task)));
    work(&mut Context::from_waker(&waker))
}
