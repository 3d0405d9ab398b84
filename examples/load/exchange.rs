//! One request and its answer: learned from the first, in full, then compared with those that
//! follow.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

use crate::SILENCE_MAX;

/// What is sent and what must come back.
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    /// Where the answer has the Date's value; empty if it has none.
    date: Range<usize>,
}

impl Exchange {
    /// Sends the request once, and checks the answer in full: 200, with this body and its length.
    pub(crate) fn learn(
        stream: &mut TcpStream,
        request: Vec<u8>,
        body: &str,
    ) -> Result<Self, Box<dyn Error>> {
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let received = stream.read(&mut piece)?;
            if received == 0 {
                return Err("the server closed the connection instead of answering".into());
            }
            answer.extend_from_slice(&piece[..received]);
            if let Some(date) = check(&answer, body)? {
                return Ok(Self {
                    request,
                    answer,
                    date,
                });
            }
        }
    }

    /// Compares whole answers with the first one; a part of one at the end is left out.
    pub(crate) fn compare(&self, answers: &[u8]) -> io::Result<()> {
        let without_date = |answer: &[u8]| {
            let (before, after) = (&answer[..self.date.start], &answer[self.date.end..]);
            [before, after].concat()
        };
        let expected = without_date(&self.answer);
        let mut whole = answers.chunks_exact(self.answer.len());
        if whole.any(|answer| without_date(answer) != expected) {
            return Err(io::Error::other("an answer differs from the first one"));
        }
        Ok(())
    }
}

/// Checks an answer, and says where it has the Date's value; `None` if it has not ended yet.
fn check(answer: &[u8], body: &str) -> Result<Option<Range<usize>>, Box<dyn Error>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_bytes) = head.parse(answer)? else {
        return Ok(None);
    };
    if head.code != Some(200) {
        return Err(format!("status {:?} instead of 200", head.code).into());
    }
    let value = |name: &str| {
        let mut named = head
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        named.next().map(|field| field.value)
    };
    if value("Content-Length") != Some(body.len().to_string().as_bytes()) {
        return Err(format!("Content-Length is not {}", body.len()).into());
    }
    let received = &answer[head_bytes..];
    if received.len() < body.len() {
        return Ok(None);
    }
    if received != body.as_bytes() {
        return Err(format!("the body is not {body:?}").into());
    }
    let date = value("Date").map_or(0..0, |date| {
        let start = date.as_ptr().addr() - answer.as_ptr().addr();
        start..start + date.len()
    });
    Ok(Some(date))
}
