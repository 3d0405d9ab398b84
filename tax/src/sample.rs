//! A request for who has no socket, and what a layer allocates for it.

use barewire::allocator::thread_totals;
use barewire::http::{Field, Method, Request, Version};

use crate::Layer;

static HEAD: &str = "GET /plaintext HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

/// A request as barewire's loop hands it over: names and values are parts of its head.
pub static REQUEST: Request<'static> = Request {
    method: Method::Get,
    path: part("/plaintext"),
    version: Version::Http11,
    fields: &[
        Field {
            name: part("Host"),
            value: part("localhost").as_bytes(),
        },
        Field {
            name: part("Accept"),
            value: part("*/*").as_bytes(),
        },
    ],
    head: HEAD.as_bytes(),
    ..Request::EMPTY
};

/// Where a text stands in the head.
const fn part(text: &str) -> &'static str {
    let mut at = 0;
    while !begins_with(HEAD.split_at(at).1.as_bytes(), text.as_bytes()) {
        at += 1;
    }
    HEAD.split_at(at).1.split_at(text.len()).0
}

const fn begins_with(text: &[u8], with: &[u8]) -> bool {
    let mut at = 0;
    while at < with.len() && text[at] == with[at] {
        at += 1;
    }
    at == with.len()
}

/// Requests before a layer's allocations are counted: buffers grow until then.
const WARM: u32 = 64;
/// Requests of a count: buffers that are shared are renewed now and then.
const COUNTED: u32 = 512;

/// How often a layer allocates for a request, with all that lies below it. `None` of one whose work
/// is done elsewhere, and in a program whose allocator does not count
/// ([`CountingAllocator`](barewire::allocator::CountingAllocator)).
pub fn allocations(layer: &Layer) -> Option<f64> {
    if layer.name == crate::HAND_OVER {
        return None;
    }
    let serve = |count| (0..count).for_each(|_| layer.run(&REQUEST));
    serve(WARM);
    let before = thread_totals()?.allocations;
    serve(COUNTED);
    let more = thread_totals()?.allocations - before;
    Some(u32::try_from(more).map(f64::from).ok()? / f64::from(COUNTED))
}
