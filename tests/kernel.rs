//! What Linux does, and the scripted kernel is told of: the same over real sockets.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use barewire::{Later, Method, Response, Server};
use socket2::SockRef;
use wire::{Live, alone, eventually};

mod wire;

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";

/// Two paths that answer, and one that does not.
fn server() -> Live {
    let mut config = alone();
    // A look that a deadline brings would find what a read has left behind.
    config.timeouts.head = Duration::from_hours(1);
    let server = Server::new().config(config);
    let server = server.route(Method::Get, "/hello", |_| Response::text("hello"));
    let server = server.route(Method::Post, "/take", |_| Response::text("taken"));
    Live::start(server.route(Method::Get, "/wait", |_| {
        let hour = Duration::from_hours(1);
        Later::After(hour, Box::new(|_| Response::text("late").into()))
    }))
}

/// tcp(7): a read stops at urgent data, whatever follows.
#[test]
fn a_request_that_lies_across_urgent_data_is_answered() {
    let live = server();
    let mut wire = live.connect();
    for before in [1, HELLO.len() - 1] {
        let (first, rest) = HELLO.split_at(before);
        // In one packet each, so that both can lie there before the server reads.
        let urgent = [first, "!"].concat();
        let sent = SockRef::from(wire.stream()).send_out_of_band(urgent.as_bytes());
        assert_eq!(sent.unwrap(), urgent.len());
        wire.send(rest);
        assert_eq!(wire.answer().text(), "hello");
    }
}

#[test]
fn who_has_gone_gives_its_place_back_though_its_answer_is_due_in_an_hour() {
    let live = server();
    for number in 1..=3 {
        let mut wire = live.connect();
        wire.send(WAIT);
        eventually("the request waits", || {
            live.sum(|reactor| &reactor.bytes_in) == number * WAIT.len() as u64
        });
        wire.reset();
        eventually("its place is free", || {
            live.sum(|reactor| &reactor.connections) == 0
        });
    }
    assert_eq!(live.sum(|reactor| &reactor.resets), 3);
}

/// The kernel gives much room to who sends fast and is read as fast; whoever then makes a request
/// that waits could fill all of it.
#[test]
fn the_kernel_keeps_little_of_what_comes_behind_a_request_that_waits() {
    let live = server();
    let mut wire = live.connect();
    for _ in 0..30 {
        let body = vec![b'x'; 1 << 20];
        assert_eq!(wire.post("/take", body).text(), "taken");
    }
    wire.send(WAIT);
    eventually("what the kernel keeps is bounded", || {
        wire.send(HELLO);
        live.sum(|reactor| &reactor.options_set) == 1
    });
    flood(wire.stream());
    let kept = kept_by_the_kernel(wire.stream());
    assert!((1..512 * 1024).contains(&kept), "{kept} bytes");
}

/// Sends until nothing more is taken.
fn flood(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let mut in_vain = 0;
    while in_vain < 20 {
        match stream.write(&[b'x'; 16 * 1024]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
                in_vain += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Bytes that the server's end of a connection has received, and the server has not: `rx_queue` in
/// /proc/net/tcp (proc_pid_net(5)).
fn kept_by_the_kernel(client: &TcpStream) -> usize {
    let [server, client] = [client.peer_addr(), client.local_addr()];
    let ends = [server, client].map(|end| format!(":{:04X}", end.unwrap().port()));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut rows = table
        .lines()
        .map(|row| row.split_ascii_whitespace().collect::<Vec<_>>());
    let is_it = |row: &Vec<&str>| row[1].ends_with(&ends[0]) && row[2].ends_with(&ends[1]);
    let row = rows.find(is_it).expect("the connection is there");
    let (_, received) = row[4].split_once(':').unwrap();
    usize::from_str_radix(received, 16).unwrap()
}
