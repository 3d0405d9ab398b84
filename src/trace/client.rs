//! The client of a trace.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

/// How long the client waits for an answer; the longest wait that a route can be asked for is 10 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it waits before it does anything: the server has finished with what came before, so two
/// traces tell the same in the same order.
const PAUSE: Duration = Duration::from_millis(10);

/// A client that waits for each answer before it goes on, and for the end after the last; returns
/// the answers' lengths.
pub(super) fn ask(stream: &TcpStream, requests: &[&str; 3]) -> io::Result<[u64; 3]> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let mut lengths = [0; 3];
    for (length, request) in lengths.iter_mut().zip(requests) {
        thread::sleep(PAUSE);
        (&*stream).write_all(request.as_bytes())?;
        *length = read_answer(&mut reader)?;
    }
    io::copy(&mut reader, &mut io::sink())?;
    thread::sleep(PAUSE);
    stream.shutdown(Shutdown::Write)?;
    Ok(lengths)
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("Content-Length: "));
    let body_bytes: u64 = length.unwrap_or("0").parse().map_err(io::Error::other)?;
    io::copy(&mut reader.take(body_bytes), &mut io::sink())?;
    Ok(head.len() as u64 + body_bytes)
}
