//! How a server starts: on which addresses, beside whom, and with clients that knock already.
#![cfg(feature = "cli")]

mod wire;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use barewire::{Method, Response, Server};

use wire::{Live, Wire, alone, eventually};

/// Who is let in at all is answered: nothing listens before a reactor's own listener does.
#[test]
fn who_knocks_while_the_server_starts_is_answered() {
    for _ in 0..50 {
        let address = free_address();
        let client = thread::spawn(move || knock(address).get("/").status);
        let server = Server::new().config(alone()).port(address.port());
        let live = Live::start(server.route(Method::Get, "/", |_| Response::text("in")));
        assert_eq!(client.join().unwrap(), 200);
        drop(live);
    }
}

/// An address on which nobody listens. Not out of the ephemeral ports (ip(7)): of those the kernel
/// could give a client the very one that it connects to, and it would be connected to itself.
fn free_address() -> SocketAddr {
    let addresses = (20_000..32_768).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let mut free = addresses.filter(|address| TcpListener::bind(address).is_ok());
    free.next().unwrap()
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

/// Ended when dropped.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example: built beside the tests if all of them are, else by cargo, which then becomes it.
fn hello() -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join("examples/hello");
    if built.exists() {
        return Command::new(built);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut run = Command::new(cargo);
    run.args([
        "run",
        "--quiet",
        "--example",
        "hello",
        "--manifest-path",
        manifest,
    ]);
    run
}

/// The example as it is, on its port: it is to be read, and a port to be chosen would be in the
/// way. Where that is taken, the example says so, which is all that can be seen of it.
#[test]
fn the_example_works() {
    let mut example = Example(hello().stderr(Stdio::piped()).spawn().unwrap());
    let mut connection = None;
    eventually("it listens, or has ended", || {
        connection = std::net::TcpStream::connect(("127.0.0.1", 8080)).ok();
        connection.is_some() || example.0.try_wait().unwrap().is_some()
    });
    if example.0.try_wait().unwrap().is_some() {
        let mut said = String::new();
        let mut stderr = example.0.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        assert!(said.contains("AddrInUse"), "{said}");
        println!("skipped: port 8080 is taken");
        return;
    }
    let mut wire = Wire::to(([127, 0, 0, 1], 8080).into());
    assert_eq!(wire.get("/hello/world").text(), "Hello, world!\n");
    assert_eq!(
        wire.get("/hello/J%C3%BCrgen").text(),
        "Hello, J\u{fc}rgen!\n"
    );
    assert_eq!(wire.get("/hello").status, 404);
}
