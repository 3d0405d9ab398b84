//! How a server starts: on which addresses, beside whom, and with clients that knock already.
#![cfg(feature = "cli")]

mod wire;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use barewire::{Method, Response, Server};
use socket2::{Domain, Socket, Type};

use wire::{Live, Wire, alone};

/// The example, as it is to be read.
#[path = "../examples/hello.rs"]
#[expect(
    dead_code,
    reason = "its main, which would take the port that the example shows"
)]
mod hello;

/// Who is let in at all is answered: nothing listens before a reactor's own listener does.
#[test]
fn who_knocks_while_the_server_starts_is_answered() {
    for _ in 0..50 {
        let held = held_port();
        let address = held.local_addr().unwrap().as_socket().unwrap();
        let client = thread::spawn(move || knock(address).get("/").status);
        let config = barewire::config::Config {
            // With whoever holds the port for it.
            share_port: true,
            ..alone()
        };
        let server = Server::new().config(config).port(address.port());
        let live = Live::start(server.route(Method::Get, "/", |_| Response::text("in")));
        assert_eq!(client.join().unwrap(), 200);
        drop(live);
    }
}

/// A port that nobody else is given as long as this socket, which never listens, is bound to it:
/// neither another test, nor a client that looks for a port of its own (it could otherwise be given
/// the very one that it connects to, and be connected to itself).
fn held_port() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    socket
}

/// Connects again and again, until it is let in.
fn knock(address: SocketAddr) -> Wire {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Wire::over(stream),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
    }
}

/// Both families, where the machine has them.
#[test]
fn a_server_listens_on_version_six() {
    if TcpListener::bind(("::1", 0)).is_err() {
        println!("skipped: this machine has no ::1");
        return;
    }
    let live = Live::start(Server::new().config(alone()).host("::1").route(
        Method::Get,
        "/",
        |_| Response::text("six"),
    ));
    assert!(live.address.is_ipv6());
    assert_eq!(live.connect().get("/").status, 200);
}

/// The server of the example, on a port of the test's.
#[test]
fn the_example_works() {
    let live = Live::start(hello::hello().port(0));
    let mut wire = live.connect();
    assert_eq!(wire.get("/hello/world").text(), "Hello, world!\n");
    assert_eq!(
        wire.get("/hello/J%C3%BCrgen").text(),
        "Hello, J\u{fc}rgen!\n"
    );
    assert_eq!(wire.get("/hello").status, 404);
}
