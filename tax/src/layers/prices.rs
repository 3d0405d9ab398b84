//! Prices: of what applications pay anywhere, and of the things that layers are predicted from.
//!
//! The second kind varies one thing, so that a price is a difference divided by a count.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use barewire::http::Request;
use serde::Serialize;

/// How many of a thing a price is made of.
pub const EACH: usize = 20;
/// Bytes of the block that is copied.
pub const COPIED: usize = 4096;
/// Calls through a pointer.
pub const CALLS: usize = 100;

#[derive(Serialize)]
struct Account {
    message: &'static str,
    path: String,
    fields: usize,
    bytes: usize,
}

/// An answer in JSON from a struct.
pub fn json_struct(request: &Request<'_>, out: &mut Vec<u8>) {
    let account = Account {
        message: crate::HELLO,
        path: request.path.to_owned(),
        fields: request.fields.len(),
        bytes: request.head.len(),
    };
    serde_json::to_writer(out, &account).expect("a struct without maps");
}

/// The same from a `serde_json::Value`.
pub fn json_value(request: &Request<'_>, out: &mut Vec<u8>) {
    let account = serde_json::json!({
        "message": crate::HELLO,
        "path": request.path,
        "fields": request.fields.len(),
        "bytes": request.head.len(),
    });
    serde_json::to_writer(out, &account).expect("keys that are strings");
}

/// A line of an access log, and one write(2) of it. To /dev/null: a disk costs more.
pub fn log_line(request: &Request<'_>, _: &mut Vec<u8>) {
    thread_local!(static LOG: RefCell<File> = RefCell::new(
        File::options().write(true).open("/dev/null").expect("/dev/null")
    ));
    let date = httpdate::fmt_http_date(SystemTime::now());
    let (method, path) = (request.method.as_str(), request.path);
    let line = format!("127.0.0.1 - - [{date}] \"{method} {path} HTTP/1.1\" 200 13\n");
    LOG.with_borrow_mut(|log| log.write_all(line.as_bytes()).expect("/dev/null takes all"));
}

/// A lock that all workers share, around a counter by path.
pub fn lock(request: &Request<'_>, _: &mut Vec<u8>) {
    static COUNTS: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    match counts.get_mut(request.path) {
        Some(count) => *count += 1,
        None => drop(counts.insert(request.path.to_owned(), 1)),
    }
}

/// Blocks of 64 bytes, allocated and freed, one after the other.
pub fn allocations(_: &Request<'_>, _: &mut Vec<u8>) {
    for _ in 0..EACH {
        drop(black_box(Vec::<u8>::with_capacity(64)));
    }
}

/// The same of 8 KiB.
pub fn allocations_8k(_: &Request<'_>, _: &mut Vec<u8>) {
    for _ in 0..EACH {
        drop(black_box(Vec::<u8>::with_capacity(8192)));
    }
}

/// A block copied.
pub fn copies(_: &Request<'_>, out: &mut Vec<u8>) {
    static BLOCK: [u8; COPIED] = [b'x'; COPIED];
    out.extend_from_slice(black_box(&BLOCK));
}

/// Counts of a shared pointer, up and down.
pub fn atomics(_: &Request<'_>, _: &mut Vec<u8>) {
    static SHARED: LazyLock<Arc<u64>> = LazyLock::new(Arc::default);
    for _ in 0..EACH {
        drop(black_box(Arc::clone(&SHARED)));
    }
}

/// Calls through a pointer, which nothing can inline.
pub fn calls(_: &Request<'_>, _: &mut Vec<u8>) {
    let next: fn(u64) -> u64 = black_box(|number| number.wrapping_mul(31) ^ 7);
    let mut number = 1;
    for _ in 0..CALLS {
        number = next(black_box(number));
    }
    black_box(number);
}

/// Look-ups in a map by name, with the standard library's hash.
pub fn hashes(request: &Request<'_>, _: &mut Vec<u8>) {
    thread_local!(static NAMES: HashMap<String, usize> =
        ["/", "/plaintext", "/json", "/benchmark"]
            .into_iter()
            .enumerate()
            .map(|(at, name)| (name.to_owned(), at))
            .collect());
    NAMES.with(|names| {
        for _ in 0..EACH {
            black_box(names.get(black_box(request.path)));
        }
    });
}
