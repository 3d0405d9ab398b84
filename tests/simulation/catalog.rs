//! What clients ask for: one request of each kind that the tests' server answers.

use rand::Rng;
use rand::rngs::SmallRng;

use crate::support::pattern;

/// A request; `true` if it is one after which the server closes.
pub(crate) type Wish = (Vec<u8>, bool);

/// Lengths of bodies: none, around the small buffers, around a segment, beyond what is sent at
/// once.
const LENGTHS: [usize; 8] = [0, 1, 63, 64, 65, 1000, 9000, 70_000];

/// Where a handler or a job fails: at once, while it writes, and after a wait.
const PANICS: [&str; 5] = ["handler", "writer", "then", "job", "job-writer"];

/// Streams that come to their end: by themselves, after a wait, when woken, and before they begin.
const STREAMS: [&str; 10] = [
    "5,0,9000,70000E",
    "1000L50,1000,K,1000T",
    "100,K,100L100,K,100",
    "9000,1000?length=10000",
    "L30,K,70000?length=70000",
    "E",
    "F",
    "100P",
    "100,5000S,K,200000S?length=205100",
    "70000S,J,1S,100?length=70101",
];

/// Bodies that are taken as they come: all of them, with waits, and not to the end.
const TAKERS: [&str; 6] = [
    "/take/",
    "/take/L30,,K",
    "/take/K,K,L50?limit=70000",
    "/take/U",
    "/take/P",
    "/take-not",
];

/// Streams that break off, so that the server closes.
const BROKEN: [&str; 5] = [
    "1000,F",
    "9000L50,100P",
    "100,100E?length=300",
    "70000,K,F",
    "100,10Z?length=110",
];

/// Requests that leave the connection open.
pub(crate) fn lasting(rng: &mut SmallRng) -> Wish {
    let number = rng.random_range(0..10);
    let length = LENGTHS[rng.random_range(0..LENGTHS.len())];
    let request = match rng.random_range(0..24) {
        0 | 1 => get(&format!("/name?{number}")),
        2 => request("HEAD", "/hello", "", b""),
        3 => by_length("/echo", length),
        4 => in_chunks("/echo", length, 1 + number * 37),
        5 => get(&format!("/large?bytes={}", 10 * length)),
        6 => by_length("/echo-later", length),
        7 => get(&format!("/job?{number}")),
        8 => by_length("/job-of-body", length),
        9 | 10 => get(&format!("/panic/{}", PANICS[number % PANICS.len()])),
        11 => by_length("/missing", length),
        12 => request("BREW", "/hello", "", b""),
        13 => get(&format!("/large-later?bytes={}", 10 * length)),
        14 => get("/wait-then-job"),
        15 => get("/job-then-wait"),
        16 => [b"\r\n".to_vec(), get("/hello")].concat(),
        20 | 21 => by_length(TAKERS[number % TAKERS.len()], length),
        22 => in_chunks(TAKERS[number % TAKERS.len()], length, 1 + number * 37),
        17 | 18 => get(&format!("/stream/{}", STREAMS[number % STREAMS.len()])),
        19 => get(["/wait-then-stream", "/job-then-stream"][number % 2]),
        _ => b"GET /name?old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec(),
    };
    (request, false)
}

/// Requests behind whose answer the server closes.
pub(crate) fn last(rng: &mut SmallRng) -> Wish {
    let broken = BROKEN[rng.random_range(0..BROKEN.len())];
    let request = match rng.random_range(0..11) {
        0 => get("/close"),
        1 => request("GET", "/name?last", "Connection: close\r\n", b""),
        2 => b"GET /name?old HTTP/1.0\r\n\r\n".to_vec(),
        3 => b"GET /name HTTP/1.1\r\nHost: a\nx: y\r\n\r\n".to_vec(),
        4 => request(
            "POST",
            "/echo",
            "Transfer-Encoding: chunked\r\n",
            b"3\r\nabcd\r\n0\r\n\r\n",
        ),
        5 => request("POST", "/echo", "Content-Length: 1, 1\r\n", b"x"),
        6 => request("POST", "/echo", "Content-Length: 99999999999\r\n", b""),
        7 => get(&format!("/stream/{broken}")),
        8 => format!("GET /stream/{broken} HTTP/1.0\r\n\r\n").into_bytes(),
        9 => b"GET /stream/1000,K,9000L50,1000E HTTP/1.0\r\n\r\n".to_vec(),
        _ => get("/wait-and-close"),
    };
    (request, true)
}

fn get(target: &str) -> Vec<u8> {
    request("GET", target, "", b"")
}

fn by_length(target: &str, bytes: usize) -> Vec<u8> {
    let length = format!("Content-Length: {bytes}\r\n");
    request("POST", target, &length, &pattern(bytes))
}

fn in_chunks(target: &str, bytes: usize, chunk_bytes: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, chunk) in pattern(bytes).chunks(chunk_bytes).enumerate() {
        let extension = if number == 0 { ";first" } else { "" };
        body.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        body.extend(chunk);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\nTrailer: dropped\r\n\r\n");
    request("POST", target, "Transfer-Encoding: chunked\r\n", &body)
}

fn request(method: &str, target: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    [head.as_bytes(), body].concat()
}
