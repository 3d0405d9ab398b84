//! Whether a server gives the answers that are going to be timed.
//!
//! It is asked before any measurement, over plain blocking sockets: both routes, twice on the same
//! connection, then sixteen requests in one piece. A rival that fails in the first is not measured;
//! one that fails in the last only has no pipelined figure. Absent is any tolerance for an answer
//! without Content-Length: the generator learns how long an answer is, and needs it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::workload::Workload;

/// Requests of a pipelined batch.
const BATCH: usize = 16;
/// Longest wait for a part of an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fields of an answer's head that are looked at.
const FIELDS_MAX: usize = 64;
/// An answer to these routes that is longer is not one.
const ANSWER_MAX: usize = 64 * 1024;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Whether its head says that the connection ends here.
    pub closes: bool,
    /// Its body.
    pub body: Vec<u8>,
    /// Bytes of head and body.
    pub length: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Bytes of the answer to `/plaintext`, head included.
    pub plaintext_bytes: usize,
    /// Why pipelined requests cannot be timed; `None` if all were answered, in order.
    pub pipelining: Option<String>,
    /// Why `/json` cannot be timed.
    pub json: Option<String>,
}

/// Asks the server at this address.
///
/// # Errors
///
/// If `/plaintext` is not answered as it should be, or not twice on one connection.
pub fn check(address: SocketAddr) -> Result<Findings> {
    let plain = Workload::keep_alive();
    let plaintext_bytes = check_route(address, &plain)?;
    let json = check_route(address, &Workload::json());
    Ok(Findings {
        plaintext_bytes,
        pipelining: check_pipelining(address).err().as_ref().map(told),
        json: json.err().as_ref().map(told),
    })
}

/// One line with all causes.
fn told(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

/// Twice over one connection; gives the answer's length.
fn check_route(address: SocketAddr, workload: &Workload) -> Result<usize> {
    let mut asker = Asker::connect(address)?;
    let path = path(workload);
    let mut length = 0;
    for time in ["first", "second"] {
        asker.send(&request(path))?;
        let answer = asker.receive();
        let answer = answer.with_context(|| format!("{path}, {time} request of a connection"))?;
        ensure!(answer.status == 200, "{path}: status {}", answer.status);
        ensure_body(&answer, workload)?;
        ensure!(!answer.closes, "{path}: it closes the connection");
        length = answer.length;
    }
    Ok(length)
}

/// The path that is asked for.
fn path(workload: &Workload) -> &str {
    workload.paths.first().map_or("/", String::as_str)
}

fn ensure_body(answer: &Answer, workload: &Workload) -> Result<()> {
    let Some(expected) = &workload.body else {
        return Ok(());
    };
    let found = String::from_utf8_lossy(&answer.body);
    ensure!(
        found == expected.as_str(),
        "{}: the body is `{found}`",
        path(workload)
    );
    Ok(())
}

/// Plain text and JSON by turns in one piece, so that a wrong order shows.
fn check_pipelining(address: SocketAddr) -> Result<()> {
    let workloads = [Workload::keep_alive(), Workload::json()];
    let order = || workloads.iter().cycle().take(BATCH);
    let mut asker = Asker::connect(address)?;
    asker.send(
        &order()
            .map(|workload| request(path(workload)))
            .collect::<String>(),
    )?;
    for (answered, workload) in order().enumerate() {
        let answer = asker.receive();
        let answer = answer.with_context(|| format!("{answered} of {BATCH} answered"))?;
        ensure_body(&answer, workload).context("out of order")?;
    }
    Ok(())
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A connection, and what has been read of it but not yet looked at.
struct Asker {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Asker {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
        })
    }

    fn send(&mut self, requests: &str) -> Result<()> {
        Ok(self.stream.write_all(requests.as_bytes())?)
    }

    fn receive(&mut self) -> Result<Answer> {
        loop {
            if let Some(answer) = parse(&self.read)? {
                self.read.drain(..answer.length);
                return Ok(answer);
            }
            ensure!(self.read.len() < ANSWER_MAX, "an answer without an end");
            let mut part = [0; 4096];
            let count = self.stream.read(&mut part).map_err(|error| {
                let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                let seconds = PATIENCE.as_secs();
                if waited {
                    anyhow::anyhow!("no answer in {seconds} s")
                } else {
                    error.into()
                }
            })?;
            ensure!(count > 0, "it closed the connection");
            self.read
                .extend_from_slice(part.get(..count).unwrap_or_default());
        }
    }
}

/// The first answer in these bytes; `None` if it is not yet there as a whole.
fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_bytes) = head.parse(bytes)? else {
        return Ok(None);
    };
    let field = |name: &str| {
        let mut fields = head.headers.iter();
        fields.find(|field| field.name.eq_ignore_ascii_case(name))
    };
    let Some(length) = field("content-length") else {
        bail!("an answer without Content-Length");
    };
    let body_bytes: usize = std::str::from_utf8(length.value)?.trim().parse()?;
    ensure!(body_bytes < ANSWER_MAX, "a body of {body_bytes} bytes");
    let length = head_bytes + body_bytes;
    let Some(body) = bytes.get(head_bytes..length) else {
        return Ok(None);
    };
    Ok(Some(Answer {
        status: head.code.unwrap_or_default(),
        closes: field("connection").is_some_and(|field| field.value.eq_ignore_ascii_case(b"close")),
        body: body.to_vec(),
        length,
    }))
}
