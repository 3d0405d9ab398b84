//! The library as its user meets it: the article's calls, handlers of one's own, and errors in
//! place of panics when something cannot be.
#![cfg(feature = "routes")]

mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::Duration;

use barewire::accounts::Accounts;
use barewire::config::{Config, SocketOptions};
use barewire::http::{ContentType, Status};
use barewire::{Handler, Later, Method, Next, Reply, Request, Response, Server, StopSignals};
use barewire::{Stream, Work};

use wire::{Live, alone, eventually, workers};

/// The error of a server that does not start.
fn refused<H: Handler>(server: Server<H>) -> std::io::Error {
    match server.start() {
        Err(error) => error,
        Ok(running) => {
            running.leave();
            panic!("it has started");
        }
    }
}

/// The article's configuration, call by call.
#[test]
fn the_articles_builder_serves() {
    let server = Server::new()
        .host("127.0.0.1")
        .port(0)
        .workers(2)
        .nodelay(true)
        .linger(None)
        .buffer_size(8192)
        .route(Method::Get, "/benchmark", |_| Response::text("measured\n"))
        .route(Method::Get, "/stats", |_| Response::text("counted\n"));
    let live = Live::start(server);
    let mut wire = live.connect();
    assert_eq!(wire.get("/benchmark").text(), "measured\n");
    assert_eq!(wire.get("/stats").text(), "counted\n");
    assert_eq!(wire.get("/other").status, 404);
    assert_eq!(wire.head("/stats").field("Content-Length"), Some("8"));
    let not_allowed = wire.post("/stats", "x");
    assert_eq!(
        (not_allowed.status, not_allowed.field("Allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    assert_eq!(live.accounts.reactors.len(), 2);
    assert_eq!(live.sum(|reactor| &reactor.requests), 5);
}

/// What `host`, `port` and the like are unless they are set: the article's, but for the host.
#[test]
fn the_defaults_are_the_articles() {
    let config = Config::default();
    assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8080));
    let SocketOptions {
        linger,
        buffer_size,
        ..
    } = config.socket;
    assert_eq!((linger, buffer_size), (None, 8192));
    assert!(config.techniques.nodelay);
}

#[test]
fn a_head_beyond_the_buffer_size_takes_another_read() {
    for (bytes, fits) in [(1024, false), (8192, true)] {
        let server = Server::new().port(0).workers(1).buffer_size(bytes);
        let live = Live::start(server.route(Method::Get, "/", |_| Response::text("")));
        let mut wire = live.connect();
        let padding = "x".repeat(3000);
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {padding}\r\n\r\n");
        assert_eq!(wire.ask(request).status, 200);
        assert_eq!(live.sum(|reactor| &reactor.reads) == 1, fits, "{bytes}");
    }
}

#[test]
fn parameters_of_a_path_are_decoded() {
    let server = Server::new()
        .config(alone())
        .route(Method::Get, "/hello/{name}", |request| {
            Response::text(request.param("name").unwrap_or_default())
        })
        .route(Method::Get, "/{a}/of/{b}", |request| {
            let param = |name| request.param(name).unwrap_or_default();
            Response::text(format!("{}|{}|{}", param("a"), param("b"), param("c")))
        })
        .route(Method::Get, "/hello/world", |_| {
            Response::text("the world itself")
        });
    let live = Live::start(server);
    let mut wire = live.connect();
    for (target, expected) in [
        ("/hello/anna", "anna"),
        ("/hello/J%C3%BCrgen%20M", "J\u{fc}rgen M"),
        ("/hello/a%2Fb", "a/b"),
        ("/hello/a+b?name=c", "a+b"),
        ("/hello/100%25", "100%"),
        ("/hello/%FF", "\u{fffd}"),
        ("/hello/world", "the world itself"),
        ("/one/of/tw%6F", "one|two|"),
    ] {
        let answer = wire.get(target);
        assert_eq!((answer.status, answer.text()), (200, expected), "{target}");
    }
    for target in ["/hello", "/hello/", "/hello/a/b", "/one/of", "/of/b"] {
        assert_eq!(wire.get(target).status, 404, "{target}");
    }
}

/// A handler may answer at once, after a wait, by a job, and by one after the other.
#[test]
fn answers_may_take_time() {
    let server = Server::new()
        .config(alone())
        .route(Method::Get, "/wait", |_| {
            let then = |waited: Duration| Response::text(format!("{}", waited.as_micros())).into();
            Later::After(Duration::from_micros(300), Box::new(then))
        })
        .route(Method::Get, "/job", |_| {
            Later::Run(Work::new(|_| Response::text("from a thread").into()))
        })
        .route(Method::Get, "/all", |_| {
            let sum = Arc::new(AtomicUsize::new(0));
            let total = Arc::clone(&sum);
            let job = move |_: &_| Response::text(total.load(Ordering::Relaxed).to_string()).into();
            let add = move |number, _: &_| {
                sum.fetch_add(number + 1, Ordering::Relaxed);
            };
            Later::Run(Work::new(job).after(10, add))
        })
        .route(Method::Get, "/both", |_| {
            Later::Run(Work::new(|_| {
                let then = |_| Response::text("after both").into();
                Later::After(Duration::from_micros(100), Box::new(then)).into()
            }))
        });
    let live = Live::start(server);
    let mut wire = live.connect();
    let waited: u64 = wire.get("/wait").text().parse().unwrap();
    assert!(waited >= 300, "{waited}");
    assert_eq!(wire.get("/job").text(), "from a thread");
    assert_eq!(wire.get("/all").text(), "55");
    assert_eq!(wire.get("/both").text(), "after both");
}

#[test]
fn a_handler_sees_the_request_as_it_came() {
    let server = Server::new()
        .config(alone())
        .route(Method::Post, "/echo", |request| {
            let fields = request
                .fields
                .iter()
                .map(|field| format!("{}={}", field.name, String::from_utf8_lossy(field.value)));
            let fields: Vec<_> = fields.collect();
            let body = request.body.contiguous();
            Response::text(format!(
                "{} {} {:?} {fields:?} {}",
                request.method.as_str(),
                request.path,
                request.query,
                String::from_utf8_lossy(&body)
            ))
        });
    let live = Live::start(server);
    let request = "POST /echo?a=b HTTP/1.1\r\nHost: x\r\ncOnTent-length: 4\r\nA:  b \r\n\r\nbody";
    assert_eq!(
        live.connect().ask(request).text(),
        "POST /echo Some(\"a=b\") [\"Host=x\", \"cOnTent-length=4\", \"A=b\"] body"
    );
}

/// Any status, any type, any field.
#[test]
fn an_answer_is_what_the_handler_made() {
    let server = Server::new().config(alone()).route(Method::Get, "/", |_| {
        Response::bytes(ContentType::Other("image/x-icon"), vec![0, 255, 13, 10])
            .status(Status(299))
            .field("X-One", "1")
            .field("X-Two", "2")
    });
    let live = Live::start(server);
    let mut wire = live.connect();
    let answer = wire.get("/");
    assert_eq!(
        (answer.status, &answer.body[..]),
        (299, &[0, 255, 13, 10][..])
    );
    assert_eq!(answer.field("Content-Type"), Some("image/x-icon"));
    assert_eq!(
        (answer.field("X-One"), answer.field("X-Two")),
        (Some("1"), Some("2"))
    );
    assert_eq!(wire.get("/").status, 299, "it is still open");
}

/// A value that would end its field and begin another one does not reach the client.
#[test]
fn a_response_cannot_be_split() {
    let server = Server::new()
        .config(alone())
        .route(Method::Get, "/{value}", |request| {
            let value = request.param("value").unwrap_or_default().into_owned();
            Response::text("ok").field("X-Value", value)
        });
    let live = Live::start(server);
    assert_eq!(live.connect().get("/a").field("X-Value"), Some("a"));
    for value in ["a%0D%0ASet-Cookie:%20b", "a%0Ab", "a%7F"] {
        let answer = live.connect().get(&format!("/{value}"));
        assert_eq!(answer.status, 500, "{value}");
        assert_eq!(
            (answer.field("X-Value"), answer.field("Set-Cookie")),
            (None, None)
        );
    }
}

/// A handler of its own kind in place of routes.
struct Everything;

impl Handler for Everything {
    fn admit(&self, _: &Request<'_>) -> barewire::http::Admission {
        barewire::http::Admission::ReadBody
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        Response::text(format!("{} bytes", request.body.len())).into()
    }
}

/// Unless it says so, a handler has no routes that are counted one by one: no duel is about one.
#[test]
fn a_handler_that_names_no_routes_has_none() {
    assert_eq!(Everything.routes(), [""; 0]);
    let config = Config {
        live: true,
        ..alone()
    };
    let live = Live::start(Server::new().config(config).handler(Everything));
    let duel = "POST /duel?null=1&route=/whatever HTTP/1.1\r\nHost: localhost\r\n";
    let answer = live
        .connect()
        .ask(format!("{duel}Content-Length: 0\r\n\r\n"));
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("no route of that path"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_handler_may_take_everything() {
    let live = Live::start(Server::new().config(alone()).handler(Everything));
    let mut wire = live.connect();
    assert_eq!(wire.get("/whatever").text(), "0 bytes");
    assert_eq!(wire.post("/whatever", "12345").text(), "5 bytes");
    let patch = "PATCH /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(wire.ask(patch).text(), "3 bytes");
}

#[test]
fn what_cannot_be_is_an_error() {
    let new = || Server::new().port(0).workers(1);
    assert_eq!(refused(new().workers(0)).kind(), ErrorKind::InvalidInput);
    let accounts = Accounts::new(2);
    assert_eq!(
        refused(new().accounts(accounts)).kind(),
        ErrorKind::InvalidInput
    );
    let half_a_second = Some(Duration::from_millis(500));
    assert_eq!(
        refused(new().linger(half_a_second)).kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        refused(new().host("192.0.2.1")).kind(),
        ErrorKind::AddrNotAvailable
    );
    // Neither an address nor a name; no resolver is asked.
    refused(new().host("a b"));
    refused(new().host(""));
    let stranger = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = stranger.local_addr().unwrap().port();
    assert_eq!(refused(new().port(port)).kind(), ErrorKind::AddrInUse);
    let live = Live::start(new());
    let port = live.address.port();
    assert_eq!(refused(new().port(port)).kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_server_can_be_left_and_started_again() {
    let accounts = Accounts::new(1);
    let server = || {
        let server = Server::new()
            .config(alone())
            .accounts(Arc::clone(&accounts));
        server.route(Method::Get, "/plaintext", |_| {
            Response::text("Hello, World!")
        })
    };
    let first = Live::start(server());
    let address = first.address;
    first.connect().expect_open();
    drop(first);
    eventually("nobody listens", || {
        std::net::TcpStream::connect(address).is_err()
    });
    let again = Live::start(server().port(address.port()));
    again.connect().expect_open();
    assert_eq!(accounts.sum(|reactor| &reactor.requests), 2);
}

/// Draining, from a program instead of a signal.
#[test]
fn a_server_drains_when_it_is_told() {
    let live = Live::start(Server::new().config(alone()).handler(Everything));
    let mut wire = live.connect();
    assert!(!wire.get("/").closes());
    live.drain();
    eventually("nobody listens", || {
        std::net::TcpStream::connect(live.address).is_err()
    });
    // Where a thread of its own accepts, it ends before the reactor is told to drain.
    eventually("an answer is the last", || wire.get("/").closes());
    wire.expect_end();
    drop(wire);
    live.join();
}

/// What a handler panics with, if dropping it panics too: that is outside of all that is caught.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// Half a server is worse than none: the other reactor leaves, and whoever waits has the panic.
#[test]
fn a_panic_outside_of_a_handler_ends_the_whole_server() {
    let server = Server::new()
        .config(workers(2))
        .route(Method::Get, "/bomb", |_| -> Response { panic_any(Bomb) });
    let running = server.start().unwrap();
    let (address, signals) = (running.address(), StopSignals::catch().unwrap());
    let owner = thread::spawn(move || running.wait_for(&signals));
    // Some are the one's and some the other's; none is answered any more.
    let mut peers = [0; 8].map(|_| TcpStream::connect(address).unwrap());
    peers[0]
        .write_all(b"GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let panic = owner.join().unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
    for peer in &mut peers {
        peer.set_read_timeout(Some(wire::PATIENCE)).unwrap();
        // Whether it can still be sent is the kernel's affair.
        let _ = peer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        match peer.read(&mut [0; 1]) {
            Ok(0) => {}
            Ok(_) => panic!("an answer"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

/// Numbers from another thread, as they come; and one that fails where nothing but a reset tells.
#[test]
fn a_stream_is_woken_by_another_thread_and_its_failure_is_seen() {
    let stream = |request: &Request<'_>| {
        let fails = request.query.is_some();
        let (send, numbers) = mpsc::channel::<usize>();
        let mut counting = Some(send);
        let head = Response::fixed(ContentType::Text, b"");
        Stream::new(head, move |outlet| {
            if let Some(send) = counting.take() {
                let waker = outlet.waker.clone();
                thread::spawn(move || {
                    for number in 0..100 {
                        send.send(number).unwrap();
                        waker.wake();
                    }
                    drop(send);
                    waker.wake();
                });
            }
            let before = outlet.out.len();
            loop {
                match numbers.try_recv() {
                    // What is written by a source that fails then is not sent.
                    Err(TryRecvError::Disconnected) if outlet.out.len() > before => {
                        return Next::More;
                    }
                    Ok(number) => writeln!(outlet, "{number}").unwrap(),
                    Err(TryRecvError::Empty) => return Next::Woken,
                    Err(TryRecvError::Disconnected) if fails => return Next::Failed,
                    Err(TryRecvError::Disconnected) => return Next::End,
                }
            }
        })
    };
    let server = Server::new().port(0).workers(1);
    let live = Live::start(server.route(Method::Get, "/numbers", stream));
    let read = |request: &str| {
        let mut socket = TcpStream::connect(live.address).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut received = Vec::new();
        let ended = socket.read_to_end(&mut received);
        (
            String::from_utf8(received).unwrap(),
            ended.map_err(|error| error.kind()),
        )
    };
    let (received, ended) = read("GET /numbers HTTP/1.0\r\n\r\n");
    let (_, body) = received.split_once("\r\n\r\n").unwrap();
    let numbers: Vec<usize> = body.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.into_iter().eq(0..100));
    ended.unwrap();
    // What was on its way when the connection was reset may be lost.
    let (_, ended) = read("GET /numbers?fails HTTP/1.0\r\n\r\n");
    assert_eq!(ended.unwrap_err(), ErrorKind::ConnectionReset);
    let last = "Host: a\r\nConnection: close\r\n\r\n";
    let (received, ended) = read(&format!("GET /numbers?fails HTTP/1.1\r\n{last}"));
    ended.unwrap();
    assert!(received.contains("\r\nTransfer-Encoding: chunked\r\n"));
    assert!(received.contains("\n99\n\r\n") && !received.ends_with("0\r\n\r\n"));
    let (received, _) = read(&format!("GET /numbers HTTP/1.1\r\n{last}"));
    assert!(received.ends_with("\r\n0\r\n\r\n"), "{received}");
}
