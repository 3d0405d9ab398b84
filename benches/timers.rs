//! The timers, beside the naive way: an ordered set in which every request moves its entry.
//!
//! `cargo bench --bench timers`. Elements are requests: each pushes its connection's deadline out.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use barewire::reactor::connections::ConnectionId;
use barewire::reactor::timers::{Time, Timers};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const CONNECTIONS: usize = 1_000;
const REQUESTS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(30);
/// Between two requests of the whole server.
const STEP: Duration = Duration::from_micros(10);

/// A deadline moves out: a store, and a comparison with the entry that stands. An entry is set when
/// none stands.
fn lazy(armed: &mut [Time], timers: &mut Timers) {
    let mut now = Time::ZERO;
    for request in 0..REQUESTS {
        now = now.after(STEP);
        let connection = request % CONNECTIONS;
        let deadline = black_box(now.after(IDLE));
        if deadline < armed[connection] {
            armed[connection] = deadline;
            timers.set(deadline, ConnectionId::from_token(connection));
        }
    }
}

/// A deadline moves out: the old entry is taken out, and a new one put in.
fn rearmed(armed: &mut [Time], entries: &mut BTreeSet<(Time, ConnectionId)>) {
    let mut now = Time::ZERO;
    for request in 0..REQUESTS {
        now = now.after(STEP);
        let connection = request % CONNECTIONS;
        let id = ConnectionId::from_token(connection);
        entries.remove(&(armed[connection], id));
        armed[connection] = black_box(now.after(IDLE));
        entries.insert((armed[connection], id));
    }
}

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    let unarmed = || vec![Time::NEVER; CONNECTIONS];
    group.bench_function("lazy deadlines", |bencher| {
        let fresh = || (unarmed(), Timers::default());
        bencher.iter_batched_ref(
            fresh,
            |(armed, timers)| lazy(armed, timers),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("naive: re-armed for each request", |bencher| {
        let fresh = || (unarmed(), BTreeSet::new());
        bencher.iter_batched_ref(
            fresh,
            |(armed, entries)| rearmed(armed, entries),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, timers);
criterion_main!(benches);
