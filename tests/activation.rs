//! Sockets that a service manager has opened (`sd_listen_fds(3)`): who serves them may change, and
//! no connection is lost.
#![cfg(feature = "cli")]

mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use wire::Wire;
use wire::process::Barewire;

/// Whatever is started while descriptors can be inherited would inherit them: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The binary as a service manager starts it, with these sockets as its descriptors 3 and up.
/// `of` is the process that they are said to be for.
fn activated(sockets: &[&TcpListener], of: &str, args: &[&str]) -> (Command, Vec<OwnedFd>) {
    let inheritable = sockets.iter().map(|socket| {
        // Above all that are moved to 3 and up.
        let copy = fcntl_dupfd_cloexec(socket, 100).unwrap();
        fcntl_setfd(&copy, FdFlags::empty()).unwrap();
        copy
    });
    let copies: Vec<OwnedFd> = inheritable.collect();
    let moved = copies.iter().enumerate().map(|(number, copy)| {
        let (to, from) = (number + 3, copy.as_raw_fd());
        format!(" {to}<&{from} {from}<&-")
    });
    let moved: String = moved.collect();
    let count = copies.len();
    let script = format!("LISTEN_PID={of} LISTEN_FDS={count} exec \"$0\" \"$@\"{moved}");
    let mut command = Command::new("/bin/bash");
    command
        .env_clear()
        .args(["-c", &script])
        .arg(assert_cmd::cargo::cargo_bin!("barewire"))
        .args(args);
    (command, copies)
}

#[test]
fn one_socket_serves_all_workers() {
    let _alone = alone();
    let (listener, address) = listener();
    let (mut command, copies) = activated(&[&listener], "$$", &["--workers", "2"]);
    let server = Barewire::spawn(&mut command);
    drop(copies);
    assert_eq!(server.address, address);
    for _ in 0..20 {
        assert_eq!(server.connect().get("/plaintext").text(), "Hello, World!");
    }
    // The options of the socket are the server's all the same.
    let socket = socket2::SockRef::from(&listener);
    assert!(socket.tcp_nodelay().unwrap());
}

#[test]
fn several_sockets_go_one_to_each_worker() {
    let _alone = alone();
    let ((first, one), (second, other)) = (listener(), listener());
    let (mut command, copies) = activated(&[&first, &second], "$$", &["--workers", "2"]);
    let server = Barewire::spawn(&mut command);
    drop(copies);
    assert_eq!(server.address, one);
    for address in [one, other] {
        assert_eq!(Wire::to(address).get("/plaintext").text(), "Hello, World!");
    }
}

#[test]
fn as_many_as_fit_neither_way_are_refused() {
    let _alone = alone();
    let ((first, _), (second, _)) = (listener(), listener());
    let (mut command, copies) = activated(&[&first, &second], "$$", &["--workers", "3"]);
    let output = command.output().unwrap();
    drop(copies);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("2 listening sockets for 3 workers"), "{said}");
}

/// `LISTEN_PID` is another's: the sockets are not for us.
#[test]
fn what_is_meant_for_another_process_is_left_alone() {
    let _alone = alone();
    let (listener, address) = listener();
    let (mut command, copies) = activated(&[&listener], "1", &["--port", "0"]);
    let server = Barewire::spawn(&mut command);
    drop(copies);
    assert_ne!(server.address, address);
    assert_eq!(server.connect().get("/plaintext").status, 200);
}

/// Clients that connect for each request, while the server is exchanged three times: first the old
/// one leaves, then the new one comes, and in between connections wait.
#[test]
fn a_restart_loses_no_connection() {
    let _alone = alone();
    let (listener, address) = listener();
    let start = || {
        let (mut command, copies) = activated(&[&listener], "$$", &["--workers", "2"]);
        let server = Barewire::spawn(&mut command);
        drop(copies);
        server
    };
    let (is_over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let client = || {
        while !is_over.load(Ordering::Relaxed) {
            ask(address).unwrap();
            served.fetch_add(1, Ordering::Relaxed);
        }
    };
    let more = || {
        let before = served.load(Ordering::Relaxed);
        wire::eventually("requests are served", || {
            served.load(Ordering::Relaxed) > before + 100
        });
    };
    thread::scope(|scope| {
        let clients = [(); 4].map(|()| scope.spawn(client));
        let over = Over(&is_over);
        let mut current = start();
        for _ in 0..3 {
            more();
            current.terminate();
            assert!(current.wait().status.success());
            current = start();
        }
        more();
        drop(over);
        for client in clients {
            client.join().unwrap();
        }
    });
}

/// Tells the clients to end when it goes, if by a failure, too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection, a request, an answer.
fn ask(address: SocketAddr) -> io::Result<()> {
    let mut wire = Wire::over(TcpStream::connect(address)?);
    let request = b"GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = wire
        .ask_leaving(request)?
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    assert_eq!(answer.text(), "Hello, World!");
    Ok(())
}
