//! Nobody reads what the server says: its stderr or its stdout is full.
#![cfg(feature = "cli")]

mod wire;

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, PipeReader, PipeWriter, Write, pipe};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process};

use wire::process::{Barewire, command};
use wire::{Wire, eventually};

/// A pipe that takes no byte more, as long as its reader lives.
fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    fill(&mut writer);
    (reader, writer)
}

fn fill(writer: &mut PipeWriter) {
    ioctl_fionbio(&writer, true).unwrap();
    for piece in [&[b'-'; 4096][..], b"-"] {
        let end = std::iter::repeat_with(|| writer.write(piece)).find_map(Result::err);
        assert_eq!(end.unwrap().kind(), ErrorKind::WouldBlock);
    }
    // Whoever shares it is to wait again.
    ioctl_fionbio(&writer, false).unwrap();
}

/// A server whose stderr takes no byte more once it serves, and what must live until then.
fn unread(args: &[&str]) -> (Barewire, PipeReader) {
    let (reader, mut writer) = pipe().unwrap();
    let mut server = command(&["--port", "0", "--workers", "1"]);
    server.args(args).stderr(writer.try_clone().unwrap());
    let barewire = Barewire::spawn_with(&mut server);
    fill(&mut writer);
    (barewire, reader)
}

/// How a child ends, by itself.
fn code(mut child: Child) -> Option<i32> {
    let mut status = None;
    eventually("the process ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap().code()
}

#[test]
fn no_reactor_waits_for_the_log_and_what_is_dropped_is_counted() {
    let (barewire, _reader) = unread(&["--log", "access"]);
    let mut wire = barewire.connect();
    // A line each: more than the queue holds, and what the thread has taken out of it.
    for _ in 0..100 {
        wire.send(wire::PROBE.repeat(80));
        for _ in 0..80 {
            assert_eq!(wire.answer().status, 200);
        }
    }
    let dropped = wire.get("/stats").json()["log_lines_dropped"].as_u64();
    assert!(dropped > Some(0), "{dropped:?}");
    // Refusals, too.
    for _ in 0..400 {
        let mut wire = barewire.connect();
        assert_eq!(wire.ask("nonsense\r\n\r\n").status, 400);
    }
    barewire.terminate();
    drop(wire);
    assert_eq!(barewire.wait().status.code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_server_whose_stderr_nobody_reads() {
    let (barewire, _reader) = unread(&["--grace", "1h", "--drain-idle", "1h"]);
    let mut wire = barewire.connect();
    wire.expect_open();
    barewire.terminate_and_wait_until_closed();
    barewire.signal(Signal::INT);
    assert_eq!(barewire.wait().status.code(), Some(0));
}

#[test]
fn a_stderr_that_takes_nothing_keeps_nobody_from_serving() {
    let (_reader, writer) = full();
    let mut server = command(&["--port", "0", "--workers", "1"]);
    let barewire = Barewire::spawn_with(server.stderr(writer));
    barewire.connect().expect_open();
    barewire.terminate();
    assert_eq!(barewire.wait().status.code(), Some(0));
}

/// The address that the banner has, for want of the line on stdout.
fn address(child: &mut Child) -> SocketAddr {
    let mut line = String::new();
    let stderr = child.stderr.as_mut().unwrap();
    BufReader::new(stderr).read_line(&mut line).unwrap();
    let (_, address) = line.trim_end().split_once("http://").unwrap();
    address.parse().unwrap()
}

#[test]
fn a_stdout_that_takes_nothing_keeps_nobody_from_serving() {
    let (_reader, writer) = full();
    let full_disk = File::options().write(true).open("/dev/full").unwrap();
    for stdout in [Stdio::from(writer), full_disk.into()] {
        let mut server = command(&["--port", "0", "--workers", "1"]);
        let server = server.stdin(Stdio::null()).stdout(stdout);
        let mut child = server.stderr(Stdio::piped()).spawn().unwrap();
        let mut wire = Wire::to(address(&mut child));
        wire.expect_open();
        drop(wire);
        // Its stderr was closed behind the first line: that, too, is no reason to fail.
        child.stderr = None;
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(code(child), Some(0));
    }
}

#[test]
fn a_server_that_cannot_start_ends_though_nobody_reads_why() {
    let (_reader, writer) = full();
    let stranger = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    let mut server = command(&["--port", &port]);
    let server = server.stdin(Stdio::null()).stdout(Stdio::null());
    assert_eq!(code(server.stderr(writer).spawn().unwrap()), Some(1));
}
