//! Whether a server answers what is wanted, before anybody times it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::workload::Workload;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests that come in one piece.
const BATCH: usize = 16;

/// What a server was seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Bytes of an answer to `/plaintext`, head and body.
    pub bytes: usize,
    /// Of sixteen requests in one piece, how many were answered.
    pub of_a_batch: usize,
}

impl Answers {
    /// Whether it answers all requests that come in one piece.
    pub fn pipelining(self) -> bool {
        self.of_a_batch == BATCH
    }
}

/// Asks for `/plaintext` and `/json`, twice over one connection, and then for sixteen at once. An
/// error says which answer was wrong.
pub fn check(address: SocketAddr) -> Result<Answers> {
    let mut bytes = 0;
    for workload in [Workload::keep_alive().of_json(), Workload::keep_alive()] {
        let body = workload.body.as_deref().unwrap_or_default();
        let mut stream = connect(address)?;
        for which in ["first", "second"] {
            stream.write_all(request(&workload.path).as_bytes())?;
            let found = answers(&mut stream, 1)?;
            let [answer] = &found[..] else {
                bail!(
                    "{} was not answered ({which} request of a connection)",
                    workload.path
                );
            };
            judge(answer, body).with_context(|| format!("the answer to {}", workload.path))?;
            bytes = answer.bytes;
        }
    }
    let mut stream = connect(address)?;
    stream.write_all(request("/plaintext").repeat(BATCH).as_bytes())?;
    let found = answers(&mut stream, BATCH)?;
    let body = Workload::keep_alive().body.unwrap_or_default();
    let right = found.iter().filter(|answer| judge(answer, &body).is_ok());
    Ok(Answers {
        bytes,
        of_a_batch: right.count(),
    })
}

#[derive(Debug)]
struct Answer {
    status: u16,
    length: Option<usize>,
    body: Vec<u8>,
    bytes: usize,
}

fn judge(answer: &Answer, body: &str) -> Result<()> {
    ensure!(answer.status == 200, "has status {}", answer.status);
    ensure!(
        answer.length == Some(body.len()),
        "has a Content-Length of {:?}, not {}",
        answer.length,
        body.len()
    );
    let found = String::from_utf8_lossy(&answer.body);
    ensure!(found == body, "has the body {found:?}, not {body:?}");
    Ok(())
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads up to so many answers; fewer if the server closes or falls silent.
fn answers(stream: &mut TcpStream, wanted: usize) -> Result<Vec<Answer>> {
    let (mut found, mut input) = (Vec::new(), Vec::new());
    let mut piece = [0; 16 * 1024];
    while found.len() < wanted {
        while let Some(answer) = first(&input)? {
            input.drain(..answer.bytes);
            found.push(answer);
        }
        if found.len() >= wanted {
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(received) => input.extend_from_slice(&piece[..received]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// The first answer, if it is whole.
fn first(input: &[u8]) -> Result<Option<Answer>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = head.parse(input).context("is no HTTP answer")? else {
        return Ok(None);
    };
    let length = head
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok());
    let Some(body) = input.get(end..end + length.unwrap_or(0)) else {
        return Ok(None);
    };
    Ok(Some(Answer {
        status: head.code.unwrap_or(0),
        length,
        body: body.to_vec(),
        bytes: end + body.len(),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that gives these bytes for each request that begins a piece, or for all of them.
    fn server(answer: &'static str, all: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut piece = [0; 4096];
                while let Ok(received @ 1..) = stream.read(&mut piece) {
                    let text = String::from_utf8_lossy(&piece[..received]).into_owned();
                    let asked = if all { text.matches("GET ").count() } else { 1 };
                    let body = if text.contains("/json") {
                        r#"{"message":"Hello, World!"}"#
                    } else {
                        "Hello, World!"
                    };
                    let whole = answer
                        .replace("LENGTH", &body.len().to_string())
                        .replace("BODY", body);
                    stream.write_all(whole.repeat(asked).as_bytes()).unwrap();
                }
            }
        });
        address
    }

    const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\n\r\nBODY";

    #[test]
    fn a_server_that_answers_all_is_right() {
        let found = check(server(RIGHT, true)).unwrap();
        assert!(found.pipelining());
        assert_eq!(found.bytes, 53);
    }

    #[test]
    fn one_that_loses_requests_has_no_pipelining() {
        let found = check(server(RIGHT, false)).unwrap();
        assert_eq!(found.of_a_batch, 1);
    }

    #[test]
    fn wrong_answers_are_told() {
        for (answer, told) in [
            (
                "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n",
                "has status 404",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
                "has a Content-Length of Some(2)",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\nno-no-no-no-no-no-no-no-no-",
                "has the body",
            ),
            ("nonsense\r\n\r\n", "is no HTTP answer"),
        ] {
            let error = format!("{:#}", check(server(answer, true)).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
