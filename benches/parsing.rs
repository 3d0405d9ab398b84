//! Parsing a request head, against a parser made of string operations.
//!
//! The twin accepts anything that looks right; ours refuses what RFC 9112 wants refused, within the
//! same time that is shown. Both must find the same request before they are timed.

use std::collections::HashMap;
use std::hint::black_box;

use barewire::config::{Limits, Techniques};
use barewire::http::Method;
use barewire::http::parse::{Parser, Partial, Slots};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use criterion::{BenchmarkId, measurement::WallTime};

const REQUESTS: [(&str, &[u8]); 2] = [
    ("short", include_bytes!("requests/request-short.http")),
    ("browser", include_bytes!("requests/request-browser.http")),
];

/// A request as it is often written: everything copied, every field in a map.
struct NaiveHead {
    method: String,
    path: String,
    fields: HashMap<String, String>,
    bytes: usize,
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parsing");
    for (name, input) in REQUESTS {
        assert_agreement(input);
        group.throughput(Throughput::Bytes(input.len() as u64));
        ours(&mut group, name, input);
        group.bench_with_input(BenchmarkId::new("naive", name), input, |bencher, input| {
            bencher.iter(|| naive(black_box(input)).map(|head| head.bytes));
        });
    }
    group.finish();
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, input: &[u8]) {
    let mut parser = Parser::new(&Limits::default());
    group.bench_with_input(BenchmarkId::new("head", name), input, |bencher, input| {
        bencher.iter(|| {
            let mut slots = Slots::default();
            let head = parser.head(
                black_box(input),
                &mut Partial::default(),
                &mut slots,
                &Techniques::FULL,
            );
            black_box(head).is_ok()
        });
    });
}

fn naive(input: &[u8]) -> Option<NaiveHead> {
    let text = std::str::from_utf8(input).ok()?;
    let bytes = text.find("\r\n\r\n")? + 4;
    let mut lines = text[..bytes - 4].lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut fields = HashMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        fields.insert(name.to_lowercase(), value.trim().to_owned());
    }
    Some(NaiveHead {
        method,
        path,
        fields,
        bytes,
    })
}

fn assert_agreement(input: &[u8]) {
    let mut slots = Slots::default();
    let mut parser = Parser::new(&Limits::default());
    let head = parser.head(
        input,
        &mut Partial::default(),
        &mut slots,
        &Techniques::FULL,
    );
    let head = head.expect("a sound head").expect("a whole head");
    let twin = naive(input).expect("a whole head");
    assert_eq!(head.request.method, Method::from_token(&twin.method));
    assert_eq!(head.request.path, twin.path);
    assert_eq!(head.bytes, twin.bytes);
    assert_eq!(head.request.fields.len(), twin.fields.len());
    for field in head.request.fields {
        let value = twin.fields.get(&field.name.to_lowercase());
        assert_eq!(value.map(String::as_bytes), Some(field.value));
    }
}

criterion_group!(benches, parsing);
criterion_main!(benches);
