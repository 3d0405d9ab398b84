//! The runtime alone: a task for each connection on tokio, httparse, and a canned answer. The same
//! bytes, socket options and parser as the canned loop at level 2, so the difference is the runtime,
//! with the drivers for sockets and for timers that hyper's and axum's have (`enable_all`).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use bytes::{Buf as _, BytesMut};
use clap::{Parser, ValueEnum};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Bytes of one read.
const INPUT_BYTES: usize = 8 * 1024;
/// The body of the answer, its last piece.
const BODY_BYTES: usize = "Hello, World!".len();
/// Fields of a head that the parser has room for: the canned loop's number.
const FIELDS: usize = 100;

/// Serves a canned answer from a task for each connection.
#[derive(Debug, Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The runtime.
    #[arg(long, value_enum, default_value_t = Runtime::CurrentThread)]
    runtime: Runtime,
    /// Send each answer by itself, head and body as two pieces by one writev(2), as a server does
    /// whose body is not copied behind its head.
    #[arg(long)]
    vectored: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Runtime {
    /// One thread that does everything.
    CurrentThread,
    /// The scheduler of many workers, with one: nobody steals from it. The main thread waits beside
    /// it, so the two share a table of descriptors.
    MultiThread,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut builder = match options.runtime {
        Runtime::CurrentThread => Builder::new_current_thread(),
        Runtime::MultiThread => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(1).enable_all().build()?;
    let date = httpdate::fmt_http_date(SystemTime::now());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: {date}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!"
    );
    // It lives as long as the process.
    let answer: &'static [u8] = answer.leak().as_bytes();
    runtime.block_on(async {
        let listener = listen(options.port)?;
        println!("listening on http://{}", listener.local_addr()?);
        // In a task, so that a worker polls it, and not the thread that waits for the end.
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(serve(stream, answer, options.vectored));
            }
        });
        accepting.await?
    })
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

/// One connection, to its end.
async fn serve(mut stream: TcpStream, answer: &'static [u8], vectored: bool) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(INPUT_BYTES);
    let mut output = Vec::new();
    while stream.read_buf(&mut input).await? > 0 {
        while let Some(end) = end_of_head(&input)? {
            input.advance(end);
            if vectored {
                let (head, body) = answer.split_at(answer.len() - BODY_BYTES);
                let pieces = [IoSlice::new(head), IoSlice::new(body)];
                let sent = stream.write_vectored(&pieces).await?;
                // What does not fit at once is rare, and goes as it can.
                stream.write_all(&answer[sent..]).await?;
            } else {
                output.extend_from_slice(answer);
            }
        }
        stream.write_all(&output).await?;
        output.clear();
        input.reserve(INPUT_BYTES);
    }
    Ok(())
}

/// Where the first head ends, if all of it is there.
fn end_of_head(input: &[u8]) -> io::Result<Option<usize>> {
    if input.is_empty() {
        return Ok(None);
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut head = httparse::Request::new(&mut []);
    let parsed = head.parse_with_uninit_headers(input, &mut fields);
    match parsed.map_err(io::Error::other)? {
        httparse::Status::Complete(end) => Ok(Some(end)),
        httparse::Status::Partial => Ok(None),
    }
}
