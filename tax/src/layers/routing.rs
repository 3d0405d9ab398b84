//! A router in front of the handler: matchit, the path's parameters and the state in a map by type,
//! and extractors that take them out again, as an axum handler's arguments do.

use std::convert::Infallible;
use std::sync::Arc;

use barewire::http::Request;
use http::Response;
use http::request::Parts;
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt as _};

use super::body::{self, Boxed};
use super::{future, types};

/// What a handler is served by.
type Route = BoxCloneService<http::Request<()>, Response<Boxed>, Infallible>;

/// What all handlers share: an application's configuration, say.
#[derive(Debug)]
struct State {
    greeting: &'static str,
}

/// The parameters of the path, as the router leaves them for the extractors.
#[derive(Clone, Debug)]
struct Params(Arc<[(String, String)]>);

/// Something that a handler takes as an argument.
trait Extract: Sized {
    fn extract(parts: &mut Parts, state: &Arc<State>) -> impl Future<Output = Option<Self>> + Send;
}

/// The state itself.
struct Shared(Arc<State>);

/// The first parameter of the path.
struct Page(String);

impl Extract for Shared {
    async fn extract(_: &mut Parts, state: &Arc<State>) -> Option<Self> {
        Some(Self(Arc::clone(state)))
    }
}

impl Extract for Page {
    async fn extract(parts: &mut Parts, _: &Arc<State>) -> Option<Self> {
        let Params(params) = parts.extensions.get()?;
        params.first().map(|(_, value)| Self(value.clone()))
    }
}

/// The layer.
pub fn answer(request: &Request<'_>, out: &mut Vec<u8>) {
    thread_local!(static ROUTES: matchit::Router<Route> = routes());
    let request = types::of(request);
    ROUTES.with(|routes| {
        let answer = serve(routes, request);
        future::finish(Box::pin(answer), out);
    });
}

/// Three routes, of which the second is asked for, and has a parameter.
fn routes() -> matchit::Router<Route> {
    let state = Arc::new(State {
        greeting: crate::HELLO,
    });
    let mut routes = matchit::Router::new();
    for pattern in ["/", "/{page}", "/{page}/{part}"] {
        let state = Arc::clone(&state);
        let route = tower::service_fn(move |request| handle(request, Arc::clone(&state)));
        let added = routes.insert(pattern, BoxCloneService::new(route));
        added.expect("patterns that do not overlap");
    }
    routes
}

async fn serve(routes: &matchit::Router<Route>, mut request: http::Request<()>) -> Response<Boxed> {
    let path = request.uri().path();
    let Ok(found) = routes.at(path) else {
        let mut none = types::respond(&request, body::hello());
        *none.status_mut() = http::StatusCode::NOT_FOUND;
        return none;
    };
    let params = found.params.iter();
    let params: Arc<[(String, String)]> = params
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut route = found.value.clone();
    request.extensions_mut().insert(Params(params));
    let ready = route.ready().await;
    match ready.expect("it never fails").call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn handle(
    request: http::Request<()>,
    state: Arc<State>,
) -> Result<Response<Boxed>, Infallible> {
    let (mut parts, ()) = request.into_parts();
    let shared = Shared::extract(&mut parts, &state).await;
    let page = Page::extract(&mut parts, &state).await;
    let (Some(shared), Some(page)) = (shared, page) else {
        unreachable!("the route has a parameter");
    };
    let response = hello(shared, page);
    types::keep(parts.headers);
    Ok(response)
}

/// The handler, with what it asked for.
fn hello(Shared(state): Shared, Page(page): Page) -> Response<Boxed> {
    std::hint::black_box((state.greeting, page));
    types::respond(&http::Request::new(()), body::hello())
}
