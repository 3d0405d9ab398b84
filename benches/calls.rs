//! recv and send as the processor's instruction in place, beside the C library's functions, which
//! return right behind the kernel.
//!
//! `cargo bench --bench calls`: one recv that finds nothing, and 100 bytes sent and received.

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use barewire::reactor::{buffers, socket};
use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use mio::net::TcpStream;
use rustix::net::{RecvFlags, SendFlags, recv, send};

const BUFFER_BYTES: usize = 8 * 1024;
const SENT: [u8; 100] = [b'x'; 100];

/// Two ends of a connection over loopback.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let near = std::net::TcpStream::connect(address).expect("a connection");
    let (far, _) = listener.accept().expect("its other end");
    for end in [&near, &far] {
        end.set_nonblocking(true).expect("an option");
        end.set_nodelay(true).expect("an option");
    }
    (TcpStream::from_std(near), TcpStream::from_std(far))
}

fn calls(criterion: &mut Criterion) {
    let (mut near, far) = pair();
    let mut into = BytesMut::with_capacity(BUFFER_BYTES);
    let in_place = |into: &mut BytesMut| {
        buffers::receive(into, BUFFER_BYTES, |room| {
            Ok(recv(&far, room, RecvFlags::empty())?.1)
        })
    };
    let by_library = |into: &mut BytesMut| {
        buffers::receive(into, BUFFER_BYTES, |room| socket::receive(&far, room))
    };

    let mut group = criterion.benchmark_group("a recv that finds nothing");
    group.bench_function("in place", |bencher| {
        bencher.iter(|| {
            let found = in_place(&mut into);
            assert!(found.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        });
    });
    group.bench_function("naive: the library's", |bencher| {
        bencher.iter(|| {
            let found = by_library(&mut into);
            assert!(found.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("100 bytes sent and received");
    group.bench_function("in place", |bencher| {
        bencher.iter(|| {
            into.clear();
            send(&near, &SENT, SendFlags::NOSIGNAL).expect("room");
            in_place(&mut into).expect("loopback brings it at once")
        });
    });
    group.bench_function("naive: the library's", |bencher| {
        bencher.iter(|| {
            into.clear();
            near.write_all(&SENT).expect("room");
            by_library(&mut into).expect("loopback brings it at once")
        });
    });
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
