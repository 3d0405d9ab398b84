//! What is it worth? An answer is built in two ways, and the server says what the better one saves,
//! while it serves: `cargo run --release --example duel`.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use barewire::{Method, Response, Server};

/// The better way is in force: a switch like any other.
static ONE_BUFFER: AtomicBool = AtomicBool::new(true);

const ROWS: u32 = 100;
const CLIENTS: usize = 8;

/// Each row is written to where the answer grows.
fn in_one_buffer() -> String {
    let mut text = String::with_capacity(2048);
    for row in 0..ROWS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "row {row}: {}", row * row);
    }
    text
}

/// Each row is a String of its own, and then there is one of them all.
fn row_by_row() -> String {
    let rows = (0..ROWS).map(|row| format!("row {row}: {}\n", row * row));
    rows.collect::<Vec<_>>().concat()
}

fn main() -> io::Result<()> {
    let running = Server::new()
        .port(0)
        .workers(1)
        .live(true)
        .switch("one-buffer", &ONE_BUFFER)
        .route(Method::Get, "/rows", |_| {
            Response::text(if ONE_BUFFER.load(Relaxed) {
                in_one_buffer()
            } else {
                row_by_row()
            })
        })
        .start()?;
    let address = running.address();
    for _ in 0..CLIENTS {
        // They end when the server does.
        thread::spawn(move || ask_on_and_on(address));
    }
    let mut asking = TcpStream::connect(address)?;
    asking.write_all(
        b"POST /duel?without=one-buffer&seconds=5 HTTP/1.1\r\n\
          Host: localhost\r\nConnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    asking.read_to_string(&mut answer)?;
    let (_, report) = answer.split_once("\r\n\r\n").unwrap_or_default();
    print!("{report}");
    running.leave();
    running.join()
}

/// One request after the other, over one connection.
fn ask_on_and_on(address: SocketAddr) -> io::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    loop {
        stream
            .get_mut()
            .write_all(b"GET /rows HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
    }
}
