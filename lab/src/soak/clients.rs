//! Clients that go on until the time is over: visitors ask for every route, one thing after the
//! other, and know what must come; strangers send anything and leave in any way.
//!
//! The invariant: each answer that the server can have made is either read and counted, or among
//! those that a stranger may have left unread.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{sync::atomic::Ordering::Relaxed, thread};

use anyhow::{Context, Result, ensure};
use barewire_load::Head;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use socket2::SockRef;

use super::Ledger;
use crate::process::{Answer, Client};

/// Between two questions of a visitor, and between two pieces of what a stranger sends.
const PAUSE: Duration = Duration::from_millis(2);
/// Between two strangers.
const STRANGER_PAUSE: Duration = Duration::from_millis(3);
/// One connection in so many questions is closed and made anew.
const VISITS_PER_CONNECTION: u32 = 50;
/// The largest body that is sent.
const BODY_MAX: usize = 200_000;
/// The files that are asked for.
const FILES: &str = r#"{"files":["small.txt","large.txt","none"]}"#;

/// What can be asked, and which status it may have.
const QUESTIONS: &[(&str, &str, &[u16])] = &[
    ("GET", "/plaintext", &[200]),
    ("GET", "/json", &[200]),
    ("HEAD", "/json", &[200]),
    ("OPTIONS", "/cache/a", &[204]),
    ("DELETE", "/json", &[405]),
    ("GET", "/nothing/here", &[404]),
    ("GET", "/", &[200]),
    ("GET", "/healthz", &[200]),
    ("GET", "/benchmark?work=500&wait_us=300", &[200]),
    ("GET", "/benchmark?work=50000", &[200]),
    ("GET", "/cache/a?cost_ms=5", &[200]),
    ("GET", "/cache/%C3%A4/b", &[200, 404]),
    ("GET", "/cache-stats", &[200]),
    ("GET", "/stats", &[200]),
    ("GET", "/accounts", &[200]),
    ("GET", "/metrics", &[200]),
    ("GET", "/findings", &[200]),
    ("GET", "/memory-stats", &[200]),
    ("GET", "/profiled", &[200]),
    ("GET", "/profiler-stats", &[200]),
    // One at a time: two visitors may meet.
    ("GET", "/memory-efficiency-test", &[200, 503]),
    ("GET", "/io-benchmark", &[200, 503]),
    ("POST", "/async-files", &[200]),
    ("POST", "/zero-copy", &[200]),
    ("POST", "/zero-copy", &[200]),
    ("POST", "/zero-copy", &[200]),
];
/// Routes that keep a core busy for a while: asked seldom.
const HEAVY: [&str; 2] = ["/memory-efficiency-test", "/io-benchmark"];
/// One in so many of those that were chosen.
const HEAVY_ONE_IN: u32 = 50;
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// A visitor.
///
/// # Errors
///
/// If an answer does not come, or has another status.
pub(super) fn visit(address: SocketAddr, until: Instant, seed: u64, ledger: &Ledger) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(seed);
    while Instant::now() < until {
        let client = Client::of(address);
        for _ in 0..VISITS_PER_CONNECTION {
            let (method, path, expected) = QUESTIONS.choose(&mut rng).context("there are some")?;
            if HEAVY.contains(path) && !rng.random_ratio(1, HEAVY_ONE_IN) {
                continue;
            }
            let answer = ask(&client, method, path, &mut rng);
            let (status, _) = answer.with_context(|| format!("{method} {path}"))?;
            ensure!(
                expected.contains(&status),
                "{method} {path} was answered with {status}, not with one of {expected:?}"
            );
            ledger.answers.fetch_add(1, Relaxed);
            thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// One question, with a body if there is to be one.
fn ask(client: &Client, method: &str, path: &str, rng: &mut SmallRng) -> Result<Answer> {
    match (method, path) {
        ("POST", "/async-files") => client.ask(method, path, FILES),
        ("POST", _) => {
            let mut body = vec![0; rng.random_range(0..BODY_MAX)];
            rng.fill(&mut body[..]);
            client.ask(method, path, body)
        }
        _ => client.ask(method, path, ()),
    }
}

/// One stranger after the other.
///
/// # Errors
///
/// If no connection can be made, or one that listens is not answered to the end.
pub(super) fn annoy(address: SocketAddr, until: Instant, seed: u64, ledger: &Ledger) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(seed);
    while Instant::now() < until {
        let sent = bytes(&mut rng);
        let mut stream = TcpStream::connect(address).context("a stranger cannot connect")?;
        ledger.strangers.fetch_add(1, Relaxed);
        say(&mut stream, &sent, &mut rng);
        // Half of them listen to the end.
        if rng.random() {
            // A reset is an error, too: it could overtake an answer.
            let heard = listen(&mut stream).and_then(|heard| answers(&heard));
            let heard = heard.with_context(|| format!("{:?}", String::from_utf8_lossy(&sent)))?;
            ledger.answers.fetch_add(heard, Relaxed);
        } else {
            ledger.unread.fetch_add(answers_max(&sent), Relaxed);
            // It resets at once, or closes: then the kernel resets if an answer is there.
            let linger = rng.random::<bool>().then_some(Duration::ZERO);
            SockRef::from(&stream).set_linger(linger)?;
        }
        drop(stream);
        thread::sleep(STRANGER_PAUSE);
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
    let (first, second) = bytes.split_at(rng.random_range(0..=bytes.len()));
    let _ = stream.write_all(first);
    if rng.random_ratio(1, 4) {
        thread::sleep(PAUSE);
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
        let answer = Head::of(heard)?.context("a head that does not end")?;
        // There is no length where there is no body, as with 204.
        let rest = heard.get(answer.bytes + answer.body_bytes.unwrap_or(0)..);
        heard = rest.context("an answer that is cut off")?;
        // 100 announces another.
        count += u64::from(answer.status != 100);
    }
    Ok(count)
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
