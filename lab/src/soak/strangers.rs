//! Clients who send anything and leave in any way.
//!
//! The invariant: each answer that the server can have made is either read and counted, or among
//! those that may have been left unread.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use socket2::SockRef;

use super::Ledger;

/// Between two strangers.
const PAUSE: Duration = Duration::from_millis(3);
/// Between two pieces of what one sends.
const PIECE_PAUSE: Duration = Duration::from_millis(2);
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Fields of an answer.
const FIELDS_MAX: usize = 32;

/// What is sent, whole or spoilt.
const REQUESTS: &[&[u8]] = &[
    b"GET /plaintext HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"GET /json HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n",
    b"GET /benchmark?wait_us=2000 HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"GET /cache/soak?cost_ms=3 HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"POST /zero-copy HTTP/1.1\r\nHost: soak\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /zero-copy HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n\
      5\r\nhello\r\n0\r\n\r\n",
    b"POST /zero-copy HTTP/1.1\r\nHost: soak\r\nContent-Length: 70000\r\n\r\nsome of it",
    b"POST /async-files HTTP/1.1\r\nHost: soak\r\nContent-Length: 23\r\n\r\n\
      {\"files\":[\"small.txt\"]}",
    b"PUT /json HTTP/1.1\r\nHost: soak\r\nContent-Length: 3\r\n\r\nabc",
    b"BREW /pot HTTP/1.1\r\nHost: soak\r\n\r\n",
];
/// Requests of one connection.
const REQUESTS_MAX: usize = 5;

/// How one leaves.
#[derive(Clone, Copy)]
enum End {
    /// It shuts down its side and reads to the end.
    Listens,
    /// It closes and reads nothing; the kernel resets if an answer is there.
    Closes,
    /// It resets at once.
    Resets,
}

/// One stranger after the other, until the time is over.
///
/// # Errors
///
/// If no connection can be made, or one that listens is not answered to the end.
pub(super) fn pester(
    address: SocketAddr,
    until: Instant,
    seed: u64,
    ledger: &Ledger,
) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(seed);
    while Instant::now() < until {
        let sent = bytes(&mut rng);
        let ends = [End::Listens, End::Listens, End::Closes, End::Resets];
        let end = *ends.choose(&mut rng).context("there are some")?;
        let mut stream = TcpStream::connect(address).context("a stranger cannot connect")?;
        Ledger::add(&ledger.strangers, 1);
        say(&mut stream, &sent, &mut rng);
        match end {
            End::Listens => {
                // A reset is an error, too: it could overtake an answer.
                let heard = listen(&mut stream).and_then(|heard| answers(&heard));
                let heard =
                    heard.with_context(|| format!("{:?}", String::from_utf8_lossy(&sent)))?;
                Ledger::add(&ledger.answers, heard);
            }
            End::Closes => Ledger::add(&ledger.unread, answers_max(&sent)),
            End::Resets => {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                Ledger::add(&ledger.unread, answers_max(&sent));
            }
        }
        drop(stream);
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Some requests, of which half the time one byte is changed, dropped or doubled, or the end is
/// missing.
fn bytes(rng: &mut SmallRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(0..=REQUESTS_MAX) {
        bytes.extend_from_slice(REQUESTS.choose(rng).copied().unwrap_or_default());
    }
    if bytes.is_empty() || rng.random() {
        return bytes;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..4) {
        0 => bytes[at] = rng.random(),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, bytes[at]),
        _ => drop(bytes.remove(at)),
    }
    bytes
}

/// Sends them, now and then in two pieces. If the server has closed by then, that is its right.
fn say(stream: &mut TcpStream, bytes: &[u8], rng: &mut SmallRng) {
    let cut = rng.random_range(0..=bytes.len());
    let (first, second) = bytes.split_at(cut);
    let _ = stream.write_all(first);
    if rng.random_ratio(1, 4) {
        thread::sleep(PIECE_PAUSE);
    }
    let _ = stream.write_all(second);
}

/// All that the server says, to its end.
fn listen(stream: &mut TcpStream) -> Result<Vec<u8>> {
    // An error says that the server was faster.
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard)?;
    Ok(heard)
}

/// How many answers these are; an error if the last one is not whole. None of them is to HEAD.
fn answers(mut heard: &[u8]) -> Result<u64> {
    let mut count = 0;
    while !heard.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut answer = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(end) = answer.parse(heard)? else {
            anyhow::bail!(
                "a head that does not end: {:?}",
                String::from_utf8_lossy(heard)
            );
        };
        let length = length(answer.headers)?;
        ensure!(heard.len() >= end + length, "an answer that is cut off");
        // 100 announces another.
        count += u64::from(answer.code != Some(100));
        heard = &heard[end + length..];
    }
    Ok(count)
}

/// The length of a body; 0 where there is none, as with 204.
fn length(fields: &[httparse::Header<'_>]) -> Result<usize> {
    let mut fields = fields.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("content-length"));
    field.map_or(
        Ok(0),
        |field| Ok(std::str::from_utf8(field.value)?.parse()?),
    )
}

/// How many answers there can be at the most: one to each head that ends, and one to what follows.
fn answers_max(sent: &[u8]) -> u64 {
    let ends = memchr::memmem::find_iter(sent, b"\r\n\r\n").count();
    ends as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_and_half_a_one_is_an_error() {
        let one = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(answers(&one.repeat(3)).unwrap(), 3);
        assert_eq!(answers(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), 1);
        assert!(answers(&one[..one.len() - 1]).is_err());
        assert!(answers(b"HTTP/1.1 200 OK\r\n").is_err());
    }

    #[test]
    fn the_bound_counts_each_head_and_a_refusal() {
        assert_eq!(answers_max(b""), 1);
        assert_eq!(answers_max(&REQUESTS[0].repeat(4)), 5);
    }
}
