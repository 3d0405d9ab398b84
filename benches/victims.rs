//! Who makes room: the longest idle of sixteen that are drawn, beside the naive way, which looks at
//! all connections.
//!
//! `cargo bench --bench victims`. Elements are choices.

use std::convert::Infallible;
use std::hint::black_box;

use barewire::config::{Techniques, bounds};
use barewire::duel::schedule::hash;
use barewire::reactor::connections::Connections;
use barewire::reactor::timers::Time;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// As long as a connection, some cache lines; only the moment is looked at.
struct Tenant {
    idle_since: Time,
    _rest: [u64; 40],
}

fn house(connections: u64) -> Connections<Tenant> {
    let mut house = Connections::new(&Techniques::FULL);
    for number in 0..connections {
        let idle_since = Time(hash(1, number));
        let Ok(_) = house.insert_with(|_| {
            Ok::<_, Infallible>(Tenant {
                idle_since,
                _rest: [number; 40],
            })
        });
    }
    house
}

fn drawn(house: &Connections<Tenant>, draws: &mut u64) -> Option<Time> {
    let tenants = (0..bounds::VICTIMS_SAMPLED).filter_map(|_| {
        *draws += 1;
        house.at(hash(0, *draws))
    });
    tenants.map(|(_, tenant)| tenant.idle_since).min()
}

fn all(house: &Connections<Tenant>) -> Option<Time> {
    let tenants = house.ids().into_iter().filter_map(|id| house.get(id));
    tenants.map(|tenant| tenant.idle_since).min()
}

fn victims(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("victims");
    group.throughput(Throughput::Elements(1));
    for connections in [1_000, 18_000] {
        let house = house(connections);
        let mut draws = 0;
        group.bench_function(BenchmarkId::new("drawn", connections), |bencher| {
            bencher.iter(|| drawn(black_box(&house), &mut draws));
        });
        group.bench_function(BenchmarkId::new("all", connections), |bencher| {
            bencher.iter(|| all(black_box(&house)));
        });
    }
    group.finish();
}

criterion_group!(benches, victims);
criterion_main!(benches);
