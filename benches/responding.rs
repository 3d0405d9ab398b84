//! Writing an answer, against `format!` into a fresh buffer with a fresh Date.
//!
//! Both must make the same bytes before they are timed.

use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use barewire::config::Techniques;
use barewire::http::date::Date;
use barewire::http::{ContentType, Exchange, Fixed, Reply, Response, Version};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Serialize;

const UNIX_SECONDS: u64 = 784_111_777;
const EXCHANGE: Exchange = Exchange {
    keep_alive: true,
    head_only: false,
    version: Version::Http11,
};

/// An answer: its name, how it is made, and how the twin makes it.
type Case = (&'static str, fn() -> Reply, fn() -> Vec<u8>);

const CASES: [Case; 3] = [
    ("fixed", fixed, naive_plaintext),
    ("plaintext", plaintext, naive_plaintext),
    ("json", json, naive_json),
];

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

const MESSAGE: Message = Message {
    message: "Hello, World!",
};

fn responding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("responding");
    let date = Date::at(UNIX_SECONDS);
    let mut out = Vec::with_capacity(64 * 1024);
    for (name, respond, naive) in CASES {
        write(respond(), &date, &mut out);
        assert_eq!(out.as_slice(), naive(), "{name}");
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(BenchmarkId::new("write", name), |bencher| {
            bencher.iter(|| {
                out.truncate(0);
                write(black_box(respond)(), black_box(&date), &mut out)
            });
        });
        group.bench_function(BenchmarkId::new("naive", name), |bencher| {
            bencher.iter(black_box(naive));
        });
        out.truncate(0);
    }
    group.finish();
}

/// How much of the body was copied.
fn write(reply: Reply, date: &Date, out: &mut Vec<u8>) -> usize {
    match reply {
        Reply::Fixed(fixed) => fixed.push(date, out),
        Reply::Now(response) => {
            let techniques = &Techniques::FULL;
            response.write(EXCHANGE, date, techniques, out).copied
        }
        _ => unreachable!("every case answers at once"),
    }
}

fn fixed() -> Reply {
    static ANSWER: Fixed = Fixed::new(ContentType::Text, b"Hello, World!");
    Reply::Fixed(&ANSWER)
}

fn plaintext() -> Reply {
    Response::fixed(ContentType::Text, b"Hello, World!").into()
}

fn json() -> Reply {
    Response::json_from(|| MESSAGE).into()
}

fn naive_plaintext() -> Vec<u8> {
    naive("text/plain; charset=utf-8", "Hello, World!")
}

fn naive_json() -> Vec<u8> {
    let body = serde_json::to_string(&MESSAGE).expect("a string serialises");
    naive("application/json", &body)
}

fn naive(content_type: &str, body: &str) -> Vec<u8> {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(black_box(UNIX_SECONDS)));
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: {date}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

criterion_group!(benches, responding);
criterion_main!(benches);
