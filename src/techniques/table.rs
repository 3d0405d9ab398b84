//! The rows: a technique each, in the order of the document.

use super::Group::{Buffers, Http, Jobs, Loop, Sharing, Sockets};
use super::{Takes, Technique, build, count, flag, switch, words};

#[rustfmt::skip] // A row is a line.
pub(super) fn rows() -> Vec<Technique> {
    vec![
        count("event-batching", Loop, 1..=1024, "1024", "1"),
        flag("register-once", Loop),
        flag("write-at-once", Loop),
        flag("short-read", Loop),
        count("turn-clock", Loop, 1..=1024, "8", "1"),
        flag("lazy-deadlines", Loop),
        count("accept-batches", Loop, 1..=65_535, "64", "65535"),
        flag("slab", Loop),
        count("spin", Loop, 0..=1_000_000, "50", "0"),
        flag("fine-timer", Loop),
        count("idle-buffers", Buffers, 0..=65_535, "128", "0"),
        flag("shared-input", Buffers),
        flag("uninit-reads", Buffers),
        flag("cursors", Buffers),
        flag("batched-writes", Buffers),
        flag("cached-date", Http),
        flag("head-template", Http),
        flag("json-in-place", Http),
        flag("field-slots", Http),
        words("static-routing", Http, &["match", "map", "patterns"], "match", "map"),
        flag("own-counters", Sharing),
        count("sharded-cache", Sharing, 1..=1024, "16", "1"),
        flag("own-listener", Sharing),
        flag("pinning", Sharing),
        flag("nodelay", Sockets),
        count("backlog", Sockets, 1..=65_535, "4096", "128"),
        flag("quickack", Sockets),
        words("congestion", Sockets, &["system", "cubic", "reno", "bbr"], "cubic", "system"),
        switch("linger", Sockets, Takes::Linger, "off", "0s").demonstration(),
        flag("file-jobs", Jobs),
        build("simd"),
        build("lto"),
        build("codegen-units"),
        build("opt-level"),
        build("target-cpu"),
        build("panic"),
        build("allocator"),
        build("pgo"),
    ]
}
