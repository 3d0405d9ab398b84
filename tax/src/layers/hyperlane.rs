//! hyperlane's way at 5.40.1, without its socket: what it does for a request, in its order, with as
//! many allocations, copies and locks.
//!
//! Its shape was read in the crates `hyperlane` 5.40.1 and `http-type` 4.27.3. A new buffered
//! reader, and a String of 8 KiB for each line. Fields in a map that owns them. A context behind an
//! `Arc` and a lock, into which the request is cloned, and whose getters and setters take the lock,
//! each by itself. An answer whose fields are taken out of their map, put into another one with
//! names in small letters, and then written.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use barewire::http::Request as Barewire;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadBuf};
use tokio::sync::RwLock;
use twox_hash::XxHash3_64;

use super::future::with_context;

/// `http_buffer_size` of the program that is compared.
const BUFFER: usize = 8192;

type Map<V> = HashMap<String, V, BuildHasherDefault<XxHash3_64>>;
type Handler =
    Arc<dyn Fn(Context) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static>;

/// A connection: what came, and what goes.
#[derive(Default)]
struct Stream {
    came: Vec<u8>,
    read: usize,
    sent: Vec<u8>,
}

type Shared = Arc<RwLock<Stream>>;

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.came[self.read..];
        let count = left.len().min(into.remaining());
        into.put_slice(&left[..count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

#[derive(Clone, Default)]
#[allow(
    dead_code,
    reason = "kept and cloned as there, whether a handler looks or not"
)]
struct Request {
    method: String,
    host: String,
    path: String,
    queries: Map<String>,
    fields: Map<String>,
    body: Vec<u8>,
}

#[derive(Default)]
struct Response {
    status: u16,
    reason: String,
    fields: Map<String>,
    body: Vec<u8>,
}

#[derive(Default)]
#[allow(dead_code, reason = "made as there, whether a handler looks or not")]
struct Inner {
    is_aborted: bool,
    is_closed: bool,
    stream: Option<Shared>,
    request: Request,
    response: Response,
    attributes: Map<Arc<()>>,
    params: Map<String>,
}

#[derive(Clone, Default)]
struct Context(Arc<RwLock<Inner>>);

/// What all connections share, each behind a lock of its own.
struct Server {
    routes: Arc<RwLock<Map<Handler>>>,
    before: Arc<RwLock<Vec<Handler>>>,
    after: Arc<RwLock<Vec<Handler>>>,
}

/// The request read, and no more.
pub fn read(request: &Barewire<'_>, out: &mut Vec<u8>) {
    run(request, out, async |stream, _| {
        std::hint::black_box(read_request(&stream).await);
    });
}

/// The same, and the context made.
pub fn context(request: &Barewire<'_>, out: &mut Vec<u8>) {
    run(request, out, async |stream, _| {
        let request = read_request(&stream).await;
        std::hint::black_box(Context::new(&stream, &request));
    });
}

/// All of it.
pub fn answer(request: &Barewire<'_>, out: &mut Vec<u8>) {
    run(request, out, async |stream, server| {
        let request = read_request(&stream).await;
        server.serve(&stream, &request).await;
    });
}

/// Polls the work once; nothing in it waits.
fn run(request: &Barewire<'_>, out: &mut Vec<u8>, work: impl AsyncFnOnce(Shared, &Server)) {
    thread_local! {
        static SERVER: Server = Server::new();
        static STREAM: Shared = Shared::default();
    }
    let stream = STREAM.with(Arc::clone);
    let mut wire = stream.try_write().expect("nobody else has it");
    wire.came.clear();
    wire.came.extend_from_slice(request.head);
    wire.read = 0;
    drop(wire);
    SERVER.with(|server| {
        let mut task = Box::pin(work(Arc::clone(&stream), server));
        let polled = with_context(|context| task.as_mut().poll(context));
        assert!(polled.is_ready(), "a head that is complete needs no wait");
    });
    out.append(&mut stream.try_write().expect("nobody else has it").sent);
}

async fn read_request(stream: &Shared) -> Request {
    let mut stream = stream.write().await;
    let mut reader = BufReader::new(&mut *stream);
    let mut line = String::with_capacity(BUFFER);
    let _ = reader.read_line(&mut line).await;
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [method, target, _] = parts[..] else {
        return Request::default();
    };
    let (target, method) = (target.to_owned(), method.to_owned());
    let question = target.find('?');
    let query = question.map_or(String::new(), |at| target[at + 1..].to_owned());
    let queries = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let path = match question {
        Some(at) => target[..at].to_owned(),
        None => target,
    };
    let (mut fields, mut host, mut length) = (Map::default(), String::new(), 0);
    loop {
        let mut line = String::with_capacity(BUFFER);
        let _ = reader.read_line(&mut line).await;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if name == "host" {
                host = value.clone();
            } else if name == "content-length" {
                length = value.parse().unwrap_or(0);
            }
            fields.insert(name, value);
        }
    }
    let mut body = vec![0; length];
    if length > 0 {
        let _ = reader.read_exact(&mut body).await;
    }
    Request {
        method,
        host,
        path,
        queries,
        fields,
        body,
    }
}

impl Context {
    fn new(stream: &Shared, request: &Request) -> Self {
        Self(Arc::new(RwLock::new(Inner {
            stream: Some(Arc::clone(stream)),
            request: request.clone(),
            ..Inner::default()
        })))
    }

    async fn set_field(&self, name: &str, value: &str) -> &Self {
        let mut inner = self.0.write().await;
        inner
            .response
            .fields
            .insert(name.to_owned(), value.to_owned());
        self
    }

    async fn set_status(&self, status: u16) -> &Self {
        self.0.write().await.response.status = status;
        self
    }

    async fn set_body(&self, body: Vec<u8>) -> &Self {
        self.0.write().await.response.body = body;
        self
    }

    async fn set_params(&self, params: Map<String>) -> &Self {
        self.0.write().await.params = params;
        self
    }

    // Both take the lock for writing, there too.
    async fn is_closed(&self) -> bool {
        self.0.write().await.is_closed
    }

    async fn is_aborted(&self) -> bool {
        self.0.write().await.is_aborted
    }

    async fn stream(&self) -> Option<Shared> {
        self.0.read().await.stream.clone()
    }

    async fn is_upgrade(&self) -> bool {
        let inner = self.0.read().await;
        inner.request.fields.get("upgrade").cloned().is_some()
    }

    async fn should_abort(&self) -> bool {
        let is_closed = self.is_closed().await;
        self.is_aborted().await || is_closed
    }

    async fn send(&self) {
        if self.is_closed().await {
            return;
        }
        let Some(stream) = self.stream().await else {
            return;
        };
        if self.is_upgrade().await {
            return;
        }
        let answer = self.0.write().await.response.build();
        stream.write().await.sent.extend_from_slice(&answer);
    }
}

impl Response {
    fn build(&mut self) -> Vec<u8> {
        if self.reason.is_empty() {
            "OK".clone_into(&mut self.reason);
        }
        let mut text = String::new();
        for part in [
            "HTTP/1.1 ",
            &self.status.to_string(),
            " ",
            &self.reason,
            "\r\n",
        ] {
            text.push_str(part);
        }
        let fields: Map<String> = self
            .fields
            .drain()
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect();
        let (mut connection, mut kind) = (None, None);
        for (name, value) in &fields {
            match name.as_str() {
                "content-length" => continue,
                "connection" => connection = Some(value.clone()),
                "content-type" => kind = Some(value.clone()),
                _ => (),
            }
            push_field(&mut text, name, value);
        }
        if connection.is_none() {
            push_field(&mut text, "connection", "keep-alive");
        }
        if kind.is_none() {
            push_field(&mut text, "content-type", "text/html; charset=utf-8");
        }
        push_field(&mut text, "content-length", &self.body.len().to_string());
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn push_field(text: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        text.push_str(part);
    }
}

impl Server {
    fn new() -> Self {
        let hello: Handler = Arc::new(|context| Box::pin(hello(context)));
        let send: Handler = Arc::new(|context| Box::pin(async move { context.send().await }));
        let routes = [
            ("/plaintext", &hello),
            ("/json", &hello),
            ("/benchmark", &hello),
        ];
        let routes = routes.map(|(path, handler)| (path.to_owned(), Arc::clone(handler)));
        Self {
            routes: Arc::new(RwLock::new(routes.into_iter().collect())),
            before: Arc::default(),
            after: Arc::new(RwLock::new(vec![send])),
        }
    }

    async fn serve(&self, stream: &Shared, request: &Request) {
        let context = Context::new(stream, request);
        let handler = self.resolve(&context, &request.path).await;
        if through(&self.before, &context).await {
            return;
        }
        if let Some(handler) = handler {
            handler(context.clone()).await;
            if context.should_abort().await {
                return;
            }
        }
        through(&self.after, &context).await;
    }

    async fn resolve(&self, context: &Context, path: &str) -> Option<Handler> {
        let routes = self.routes.read().await;
        let handler = routes.get(path)?;
        context.set_params(Map::default()).await;
        Some(Arc::clone(handler))
    }
}

/// Calls each of them; says whether one wants no more.
async fn through(handlers: &RwLock<Vec<Handler>>, context: &Context) -> bool {
    for handler in handlers.read().await.iter() {
        handler(context.clone()).await;
        if context.should_abort().await {
            return true;
        }
    }
    false
}

async fn hello(context: Context) {
    context.set_field("Content-Type", "text/plain").await;
    context.set_status(200).await;
    context.set_body(crate::HELLO.into()).await;
}
