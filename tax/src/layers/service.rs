//! The handler as a tower service: boxed, and cloned for each request, with layers that only pass
//! on.
//!
//! Such a layer calls what is inside of it, in a future that is boxed, and is boxed itself, as one
//! call of `Router::layer` for each makes it. A clone of the outermost one copies all below it, and
//! each layer copies the rest again when it is called. (`axum::middleware::from_fn` clones more often
//! than `Pass`, and is not measured.) Layers with a future type of their own, as tower's guide writes
//! them, stand in one `ServiceBuilder` and in one box.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use barewire::http::Request;
use http::Response;
use pin_project_lite::pin_project;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _};

use super::body::Boxed;
use super::{future, types};

/// A service whose type nobody needs to know.
type BoxedService = BoxCloneService<http::Request<()>, Response<Boxed>, Infallible>;

/// A layer that only passes on.
#[derive(Clone)]
struct Pass<S>(S);

impl<S> Service<http::Request<()>> for Pass<S>
where
    S: Service<http::Request<()>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<()>) -> Self::Future {
        let mut inner = self.0.clone();
        Box::pin(async move { inner.call(request).await })
    }
}

/// A layer that only passes on, with a future type of its own, as tower's guide writes one.
#[derive(Clone)]
struct Typed<S>(S);

/// Makes one.
struct Typing;

impl<S> Layer<S> for Typing {
    type Service = Typed<S>;

    fn layer(&self, inner: S) -> Typed<S> {
        Typed(inner)
    }
}

pin_project! {
    /// Its future.
    struct Passed<F> {
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for Passed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(context)
    }
}

impl<S, R> Service<R> for Typed<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Passed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        Passed {
            inner: self.0.call(request),
        }
    }
}

/// No layer: the service alone.
pub fn plain(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVICE: BoxedService = through(0));
    SERVICE.with(|service| serve(service, request, out));
}

/// Through one layer.
pub fn through_1(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVICE: BoxedService = through(1));
    SERVICE.with(|service| serve(service, request, out));
}

/// Through three.
pub fn through_3(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVICE: BoxedService = through(3));
    SERVICE.with(|service| serve(service, request, out));
}

/// Through ten.
pub fn through_10(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVICE: BoxedService = through(10));
    SERVICE.with(|service| serve(service, request, out));
}

/// Through ten whose types are known, in one box.
pub fn typed_10(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static SERVICE: BoxedService = {
        let five = || {
            let two = || ServiceBuilder::new().layer(Typing).layer(Typing);
            ServiceBuilder::new().layer(two()).layer(two()).layer(Typing)
        };
        let ten = ServiceBuilder::new().layer(five()).layer(five());
        BoxCloneService::new(ten.service(handler()))
    });
    SERVICE.with(|service| serve(service, request, out));
}

/// The handler behind so many layers, each of them boxed, as a router keeps them.
fn through(layers: usize) -> BoxedService {
    let mut service = BoxCloneService::new(handler());
    for _ in 0..layers {
        service = BoxCloneService::new(Pass(service));
    }
    service
}

/// The handler, as a service.
fn handler()
-> impl Service<http::Request<()>, Response = Response<Boxed>, Error = Infallible, Future: Send> + Clone
{
    tower::service_fn(|request| async { Ok(future::hello(request).await) })
}

fn serve(service: &BoxedService, request: &Request<'_>, out: &mut Vec<u8>) {
    let request = types::of(request);
    let answer = service.clone().oneshot(request);
    future::finish(Box::pin(unfailing(answer)), out);
}

async fn unfailing<T>(answer: impl Future<Output = Result<T, Infallible>>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
