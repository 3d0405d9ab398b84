//! The buffer pool and the cursors, beside the naive ways: an allocation for each use, and
//! `split_to` for each request.
//!
//! `cargo bench --bench buffers`. Bytes are those of the requests taken out of the buffer.

use std::hint::black_box;
use std::sync::Arc;

use barewire::accounts::{Copied, ReactorAccount};
use barewire::config::{Config, Techniques};
use barewire::reactor::buffers::Input;
use barewire::reactor::pool::Pool;
use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BUFFER_BYTES: usize = 8 * 1024;
const REQUEST: &[u8] = include_bytes!("requests/request-short.http");
const PIPELINED: usize = 16;

fn pool(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a buffer for the rest of a request");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    let mut config = Config::default();
    (config.socket.buffer_size, config.limits.buffers) = (BUFFER_BYTES, usize::MAX);
    let mut pool = Pool::new(&config, Arc::<ReactorAccount>::default(), || ());
    group.bench_function("pooled", |bencher| {
        bencher.iter(|| {
            let buffer = pool
                .copy_of(Copied::Input, black_box(REQUEST), &[])
                .expect("no limit");
            pool.give_back(black_box(buffer));
        });
    });
    group.bench_function("naive: allocated and cleared", |bencher| {
        bencher.iter(|| {
            let mut buffer = vec![0; BUFFER_BYTES];
            buffer[..REQUEST.len()].copy_from_slice(black_box(REQUEST));
            black_box(buffer)
        });
    });
    group.finish();
}

fn cursors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests out of one input");
    group.throughput(Throughput::Bytes((PIPELINED * REQUEST.len()) as u64));
    let received = REQUEST.repeat(PIPELINED);
    let mut input = Input::new(BytesMut::with_capacity(BUFFER_BYTES));
    group.bench_function("cursors", |bencher| {
        bencher.iter(|| {
            input.bytes_mut().extend_from_slice(&received);
            while !input.is_empty() {
                black_box(&input.as_slice()[..REQUEST.len()]);
                input.consume(REQUEST.len(), &Techniques::FULL);
            }
        });
    });
    let mut bytes = BytesMut::with_capacity(BUFFER_BYTES);
    group.bench_function("naive: split_to and freeze", |bencher| {
        bencher.iter(|| {
            bytes.reserve(received.len());
            bytes.extend_from_slice(&received);
            while !bytes.is_empty() {
                black_box(bytes.split_to(REQUEST.len()).freeze());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, pool, cursors);
criterion_main!(benches);
