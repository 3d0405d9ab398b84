//! What the tests' server serves: one path for each way in which a handler can answer, or fail to.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use barewire::http::{Admission, ContentType};
use barewire::{Handler, Later, Method, Reply, Request, Response, Status, Work};

use super::scripted::Clock;
use super::sources::Sources;
use super::takers;

/// The handler; see [`Site::handle`] for the paths.
pub struct Site {
    pub clock: Clock,
    pub gate: Gate,
    pub sources: Arc<Sources>,
}

/// Holds jobs until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Default)]
struct GateState {
    open: bool,
    waiting: usize,
}

impl Handler for Site {
    fn admit(&self, request: &Request<'_>) -> Admission {
        match (request.path, request.method) {
            (
                "/echo" | "/count" | "/echo-later" | "/job-of-body" | "/panic-of-body",
                Method::Post,
            ) => Admission::ReadBody,
            ("/hello", Method::Get | Method::Head) => Admission::IgnoreBody,
            ("/hello", _) => Admission::Refuse(not_allowed()),
            ("/panic/admit", _) => panic!("on purpose"),
            (path, _) if path.starts_with("/missing") => Admission::Refuse(missing()),
            (path, Method::Post) if path.starts_with("/take") => Admission::TakeBody,
            _ => Admission::IgnoreBody,
        }
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        match request.path {
            "/hello" if !matches!(request.method, Method::Get | Method::Head) => {
                not_allowed().into()
            }
            "/hello" => Response::fixed(ContentType::Text, b"hello").into(),
            "/name" => Response::text(request.query.unwrap_or("nobody").to_owned()).into(),
            "/large" => {
                Response::bytes(ContentType::Text, pattern(number(request, "bytes"))).into()
            }
            "/busy" => {
                self.clock
                    .fetch_add(number(request, "us") as u64 * 1000, Relaxed);
                Response::text("done").into()
            }
            "/clock" => Response::text(self.clock.load(Relaxed).to_string()).into(),
            "/close" => Response::text("bye").closing().into(),
            "/empty" => Response::empty(Status::NO_CONTENT).into(),
            "/head-at" => Response::text(format!("{:p}", request.head.as_ptr())).into(),
            "/echo" => {
                Response::bytes(ContentType::Text, request.body.contiguous().into_owned()).into()
            }
            "/count" => Response::text(format!(
                "{} bytes in {} pieces, {} copied",
                request.body.len(),
                request.body.pieces().count(),
                request.body.copied
            ))
            .into(),
            path if path.starts_with("/take") => takers::answer(&self.sources, request),
            path if path.starts_with("/stream/") => Sources::answer(&self.sources, request).into(),
            _ => self.answer_later(request),
        }
    }
}

impl Site {
    fn answer_later(&self, request: &Request<'_>) -> Reply {
        let name = request.query.unwrap_or("nobody").to_owned();
        let gate = self.gate.clone();
        let body = request.body.contiguous().into_owned();
        match request.path {
            "/wait" => after(number(request, "us"), |waited| {
                Response::text(format!("waited {} us", waited.as_micros())).into()
            }),
            "/wait-twice" => after(number(request, "us"), |first| {
                after(50, move |second| {
                    let (first, second) = (first.as_micros(), second.as_micros());
                    Response::text(format!("waited {first} and {second} us")).into()
                })
            }),
            "/wait-and-close" => after(100, |_| Response::text("bye").closing().into()),
            "/wait-then-stream" => {
                let stream = Sources::of_script(&self.sources, "500,500,500E");
                after(100, |_| stream.into())
            }
            "/job-then-stream" => {
                let stream = Sources::of_script(&self.sources, "500,500,500E");
                run(|| stream.into())
            }
            "/wait-then-job" => after(100, |_| run(|| Response::text("worked").into())),
            "/echo-later" => after(100, move |_| {
                Response::bytes(ContentType::Text, body).into()
            }),
            "/job" => run(move || Response::text(format!("worked for {name}")).into()),
            "/job-of-body" => run(move || Response::bytes(ContentType::Text, body).into()),
            "/held" => run(move || {
                gate.pass();
                Response::text(format!("held for {name}")).into()
            }),
            "/holding" => {
                let bytes = number(request, "bytes");
                let held = Work::new(move |_| {
                    gate.pass();
                    Response::text(format!("held {bytes} bytes")).into()
                });
                Later::Run(held.holding(bytes)).into()
            }
            "/job-then-wait" => run(|| after(100, |_| Response::text("rested").into())),
            "/large-later" => {
                let bytes = number(request, "bytes");
                after(100, move |_| {
                    Response::bytes(ContentType::Text, pattern(bytes)).into()
                })
            }
            "/tasks" => run_all(number(request, "n"), |_| ()),
            _ => fail(request.path),
        }
    }
}

/// Fails in the way that the path names.
fn fail(path: &str) -> Reply {
    match path {
        "/panic/handler" | "/panic-of-body" => panic!("on purpose"),
        "/panic/writer" => Response::written(ContentType::Text, |out| {
            out.extend_from_slice(b"half of an answer that nobody must see");
            panic!("on purpose");
        })
        .into(),
        "/panic/then" => after(100, |_| panic!("on purpose")),
        "/panic/job" => run(|| panic!("on purpose")),
        "/panic/task" => run_all(3, |number| assert!(number != 1, "on purpose")),
        "/panic/job-writer" => run(|| {
            Response::written(ContentType::Text, |out| {
                out.extend_from_slice(b"half");
                panic!("on purpose");
            })
            .into()
        }),
        _ => missing().into(),
    }
}

fn missing() -> Response {
    Response::error(Status(404), "there is nothing here")
}

fn not_allowed() -> Response {
    Response::error(Status(405), "GET and HEAD only").field("Allow", "GET, HEAD")
}

fn after(us: usize, then: impl FnOnce(Duration) -> Reply + Send + 'static) -> Reply {
    Later::After(Duration::from_micros(us as u64), Box::new(then)).into()
}

fn run(job: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    Later::Run(Work::new(|_| job())).into()
}

fn run_all(count: usize, task: impl Fn(usize) + Send + Sync + 'static) -> Reply {
    let job = move |_: &_| Response::text(format!("{count} tasks")).into();
    Later::Run(Work::new(job).after(count, move |number, _| task(number))).into()
}

/// The number in a query such as `?us=100`; 0 without one.
fn number(request: &Request<'_>, name: &str) -> usize {
    request
        .query_value(name)
        .map_or(0, |digits| digits.parse().unwrap())
}

/// Bytes of which each stretch tells where it belongs: a lost or doubled one shows.
pub fn pattern(bytes: usize) -> Vec<u8> {
    stretch(0, bytes)
}

/// So many bytes of [`pattern`], behind the first `from`.
pub fn stretch(from: usize, bytes: usize) -> Vec<u8> {
    let (mut line, skipped) = (from / 7, from % 7);
    let mut text = String::with_capacity(bytes + 14);
    while text.len() < skipped + bytes {
        write!(text, "{line:06},").unwrap();
        line += 1;
    }
    text.truncate(skipped + bytes);
    text.split_off(skipped).into_bytes()
}

impl Gate {
    /// Waits until the gate is open; for jobs.
    fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.waiting += 1;
        changed.notify_all();
        let _open = changed.wait_while(state, |state| !state.open).unwrap();
    }

    /// How many jobs have come to the gate.
    pub fn came(&self) -> usize {
        self.0.0.lock().unwrap().waiting
    }

    /// Waits until so many jobs have come to the gate.
    pub fn wait_for(&self, jobs: usize) {
        let (state, changed) = &*self.0;
        let (state, _) = changed
            .wait_timeout_while(state.lock().unwrap(), Duration::from_secs(10), |state| {
                state.waiting < jobs
            })
            .unwrap();
        assert!(state.waiting >= jobs, "only {} jobs came", state.waiting);
    }

    pub fn open(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().open = true;
        changed.notify_all();
    }
}
