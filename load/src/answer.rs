//! What must come back, and the kinds of what comes instead.
//!
//! An answer is checked in full here: status 200, a Content-Length, that many bytes of body, and of
//! these each one. The fast path calls none of this; it counts bytes. Absent on purpose: chunked
//! answers and answers that end with their connection; no server here is measured with them.

use std::fmt;
use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What an answer begins with.
const VERSION: &[u8] = b"HTTP/1.1 ";
/// Fields of an answer's head at most.
const FIELDS_MAX: usize = 64;
/// A head or a body that is longer is taken for an error: it would fill the memory.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The kinds of what can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No connection was made.
    Connect,
    /// The connection ended before the answer did.
    Reset,
    /// Nothing came, or not enough, for too long.
    Silence,
    /// Not 200, or no answer of HTTP at all.
    Status,
    /// Another body.
    Body,
    /// More or fewer bytes than the answer has.
    Length,
}

impl Kind {
    /// As in the result file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::Status => "status",
            Self::Body => "body",
            Self::Length => "length",
        }
    }
}

/// One thing that went wrong.
#[derive(Debug)]
pub struct Fault {
    /// Of which kind.
    pub kind: Kind,
    /// What was seen.
    what: String,
}

impl Fault {
    /// Of a kind, with what was seen.
    pub fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Self {
            kind,
            what: what.to_string(),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.name(), self.what)
    }
}

/// What the answer to a request must be.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Bytes of head and body; `None` if they vary from answer to answer.
    length: Option<usize>,
    /// The body; `None` if it varies.
    body: Option<Vec<u8>>,
}

impl Expected {
    /// Any answer of 200 whose length is said in its head; with this body, if there is one.
    pub fn varying(body: Option<&str>) -> Self {
        Self {
            length: None,
            body: body.map(|body| body.as_bytes().to_vec()),
        }
    }

    /// Exactly so many bytes with exactly this body.
    pub fn of(length: usize, body: &[u8]) -> Self {
        Self {
            length: Some(length),
            body: Some(body.to_vec()),
        }
    }

    /// Bytes of the whole answer; 0 if they vary.
    pub fn length(&self) -> usize {
        self.length.unwrap_or(0)
    }

    /// Checks the first answer of some bytes, and says how long it is; `None` if it has not ended.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let Some(head) = Head::of(bytes)? else {
            return Ok(None);
        };
        if head.status != 200 {
            let what = format!("{} instead of 200", head.status);
            return Err(Fault::new(Kind::Status, what));
        }
        let no_length = || Fault::new(Kind::Length, "no Content-Length that makes sense");
        let (head_bytes, body_bytes) = (head.bytes, head.body_bytes.ok_or_else(no_length)?);
        let whole = head_bytes + body_bytes;
        if let Some(body) = &self.body
            && body.len() != body_bytes
        {
            let what = format!("Content-Length {body_bytes} instead of {}", body.len());
            return Err(Fault::new(Kind::Length, what));
        }
        if let Some(length) = self.length
            && length != whole
        {
            let what = format!("an answer of {whole} bytes instead of {length} (see --varying)");
            return Err(Fault::new(Kind::Length, what));
        }
        let Some(body) = bytes.get(head_bytes..whole) else {
            return Ok(None);
        };
        if self.body.as_ref().is_some_and(|expected| expected != body) {
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]);
            return Err(Fault::new(Kind::Body, format!("{start:?}")));
        }
        Ok(Some(whole))
    }

    /// Sends a request once, and learns from its answer how the following ones must be. `patience`
    /// is the time for all of it.
    ///
    /// # Errors
    ///
    /// If there is none, or not the right one.
    pub fn learn(
        stream: &mut TcpStream,
        request: &[u8],
        body: Option<&str>,
        patience: Duration,
    ) -> Result<Self, Fault> {
        let reset = |error| Fault::new(Kind::Reset, error);
        let (varying, deadline) = (Self::varying(body), Instant::now() + patience);
        stream.write_all(request).map_err(reset)?;
        let mut answer = Vec::new();
        loop {
            receive(stream, deadline, &mut answer)?;
            if let Some(length) = varying.check(&answer)? {
                if length < answer.len() {
                    let what = format!("{} bytes instead of {length}", answer.len());
                    return Err(Fault::new(Kind::Length, what));
                }
                let head_bytes = Head::of(&answer)?.map_or(0, |head| head.bytes);
                return Ok(Self::of(length, &answer[head_bytes..]));
            }
        }
    }
}

/// Waits for more of an answer, until the deadline at the latest.
fn receive(stream: &mut TcpStream, deadline: Instant, answer: &mut Vec<u8>) -> Result<(), Fault> {
    let reset = |error| Fault::new(Kind::Reset, error);
    let mut piece = [0; 4096];
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::new(Kind::Silence, "no answer to the first request"));
    }
    stream.set_read_timeout(Some(left)).map_err(reset)?;
    match stream.read(&mut piece) {
        Ok(0) => return Err(Fault::new(Kind::Reset, "closed instead of answering")),
        Ok(received) => answer.extend_from_slice(&piece[..received]),
        // None were there in time.
        Err(error) if matches!(error.kind(), Interrupted | TimedOut | WouldBlock) => {}
        Err(error) => return Err(reset(error)),
    }
    Ok(())
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// Bytes of the head.
    pub bytes: usize,
    /// Its Content-Length; `None` without one that makes sense.
    pub body_bytes: Option<usize>,
}

impl Head {
    /// Of the first answer of some bytes; `None` if its head has not ended.
    ///
    /// Only the fields are left to httparse, by the function that the server calls too: with a
    /// second way into it the compiler would inline less of the first.
    ///
    /// # Errors
    ///
    /// If it is no answer of HTTP, or the head is too long.
    pub fn of(answer: &[u8]) -> Result<Option<Self>, Fault> {
        let no_answer = |what: &str| Fault::new(Kind::Status, format!("no answer of HTTP: {what}"));
        let start = &answer[..answer.len().min(VERSION.len())];
        if !VERSION.starts_with(start) {
            return Err(no_answer("another version, or none"));
        }
        let unended = || {
            if answer.len() > ANSWER_BYTES_MAX {
                return Err(Fault::new(Kind::Length, "a head without end"));
            }
            Ok(None)
        };
        let Some(line_bytes) = answer.windows(2).position(|two| two == b"\r\n") else {
            return unended();
        };
        let (line, rest) = answer.split_at(line_bytes + 2);
        let status = line.get(VERSION.len()..).and_then(<[u8]>::first_chunk::<3>);
        let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let status = status.ok_or_else(|| no_answer("no status"))?;
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let parsed = httparse::parse_headers(rest, &mut fields);
        let parsed = parsed.map_err(|error| no_answer(&error.to_string()))?;
        let httparse::Status::Complete((section_bytes, fields)) = parsed else {
            return unended();
        };
        let body_bytes = fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"))
            .and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok())
            .filter(|length| *length <= ANSWER_BYTES_MAX);
        Ok(Some(Self {
            status,
            bytes: line.len() + section_bytes,
            body_bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

    fn kind(expected: &Expected, bytes: &[u8]) -> Option<Kind> {
        expected.check(bytes).err().map(|fault| fault.kind)
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let varying = Expected::varying(None);
        for end in 0..ANSWER.len() {
            assert!(matches!(varying.check(&ANSWER[..end]), Ok(None)), "{end}");
        }
        assert_eq!(varying.check(ANSWER).unwrap(), Some(ANSWER.len()));
        let two = [ANSWER, b"HTTP"].concat();
        assert_eq!(varying.check(&two).unwrap(), Some(ANSWER.len()));
    }

    #[test]
    fn each_wrong_answer_has_its_kind() {
        let expected = Expected::of(ANSWER.len(), b"hi");
        assert_eq!(kind(&expected, ANSWER), None);
        let wrong: [(&[u8], Kind); 6] = [
            (
                b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nhi",
                Kind::Status,
            ),
            (b"SMTP ready\r\n\r\n", Kind::Status),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho",
                Kind::Body,
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi!",
                Kind::Length,
            ),
            (b"HTTP/1.1 200 OK\r\n\r\n", Kind::Length),
            (
                b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi",
                Kind::Length,
            ),
        ];
        for (bytes, expected_kind) in wrong {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(kind(&expected, bytes), Some(expected_kind), "{shown}");
        }
    }
}
