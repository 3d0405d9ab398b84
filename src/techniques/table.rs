//! The rows of the techniques that are switches.
//!
//! The claims are those of the fields in `config`; a test compares them, and another holds that
//! each field is read in the file that its row names and in no other.

use std::time::Duration;

use super::Group::{Buffers, Http, Jobs, Loop, Sharing, Sockets};
use super::{Access, Technique, count, demonstration, flag, row, word};
use crate::config::{Config, Congestion, Routing};

/// Those that are switches, in the order of the documents.
pub(super) static SWITCHES: [Technique; 30] = [
    row(
        "event-batching",
        Loop,
        count(
            |config| &mut config.techniques.events_per_poll,
            1..=1024,
            "1024",
            "1",
        ),
        "src/reactor/linux.rs",
        "One poll returns all that is ready, so its price is shared by the events of a turn.",
    ),
    row(
        "register-once",
        Loop,
        flag(|config| &mut config.techniques.register_once),
        "src/reactor/transfer.rs",
        "Interest is registered once in a connection's life: no `epoll_ctl` for a request.",
    ),
    row(
        "write-at-once",
        Loop,
        flag(|config| &mut config.techniques.write_at_once),
        "src/reactor/transfer.rs",
        "An answer is sent as soon as it is written, without a poll that says the socket is \
         writable.",
    ),
    row(
        "short-read",
        Loop,
        flag(|config| &mut config.techniques.short_read),
        "src/reactor/transfer.rs",
        "A read that came back short has drained the socket: none follows that only returns \
         EAGAIN.",
    ),
    row(
        "turn-clock",
        Loop,
        count(
            |config| &mut config.techniques.advances_per_clock,
            1..=1024,
            "8",
            "1",
        ),
        "src/reactor/shared.rs",
        "The clock is read once for this many advances, and not for each.",
    ),
    row(
        "lazy-deadlines",
        Loop,
        flag(|config| &mut config.techniques.lazy_deadlines),
        "src/reactor/deadline.rs",
        "A deadline that moves out is one store: no timer entry is set for a request.",
    ),
    row(
        "accept-batches",
        Loop,
        count(
            |config| &mut config.techniques.accepts_per_turn,
            1..=65_535,
            "64",
            "65535",
        ),
        "src/reactor/acceptor.rs",
        "Accepting ends after a batch, so that a storm of connections does not starve those there.",
    ),
    row(
        "slab",
        Loop,
        flag(|config| &mut config.techniques.slab),
        "src/reactor/connections.rs",
        "A connection is found by its place in a slab: one bounds check, no hashing.",
    ),
    row(
        "spin",
        Loop,
        count(
            |config| &mut config.techniques.spin_us,
            0..=1_000_000,
            "50",
            "0",
        ),
        "src/reactor/shared.rs",
        "Microseconds that a reactor goes on polling before it sleeps: no wake-up from sleep to \
         wait for, at the price of a core.",
    ),
    row(
        "fine-timer",
        Loop,
        flag(|config| &mut config.techniques.fine_timer),
        "src/reactor/linux.rs",
        "A timerfd ends a wait to the microsecond; `epoll_wait` alone rounds up to milliseconds.",
    ),
    row(
        "idle-buffers",
        Buffers,
        count(
            |config| &mut config.techniques.idle_buffers,
            0..=65_535,
            "128",
            "0",
        ),
        "src/reactor/buffers.rs",
        "Buffers that were given back are kept for the next who needs one: no allocation for it.",
    ),
    row(
        "shared-input",
        Buffers,
        flag(|config| &mut config.techniques.shared_input),
        "src/reactor/acceptor.rs",
        "All connections of a reactor read into one buffer: an idle one holds none.",
    ),
    row(
        "uninit-reads",
        Buffers,
        flag(|config| &mut config.techniques.uninit_reads),
        "src/reactor/buffers.rs",
        "The kernel writes into memory that was not cleared first.",
    ),
    row(
        "cursors",
        Buffers,
        flag(|config| &mut config.techniques.cursors),
        "src/reactor/buffers.rs",
        "Consuming input moves a cursor: no reference count, no buffer in pieces.",
    ),
    row(
        "batched-writes",
        Buffers,
        flag(|config| &mut config.techniques.batched_writes),
        "src/reactor/serve.rs",
        "The answers to all requests of a read leave with one send.",
    ),
    row(
        "cached-date",
        Http,
        flag(|config| &mut config.techniques.cached_date),
        "src/reactor/shared.rs",
        "The Date field is rendered once a second, and not for each answer.",
    ),
    row(
        "head-template",
        Http,
        flag(|config| &mut config.techniques.head_template),
        "src/http/output.rs",
        "The usual head is copied from a template, and not formatted.",
    ),
    row(
        "json-in-place",
        Http,
        flag(|config| &mut config.techniques.json_in_place),
        "src/http/output.rs",
        "JSON is serialised straight into the output: no tree of values, no string in between.",
    ),
    row(
        "field-slots",
        Http,
        flag(|config| &mut config.techniques.field_slots),
        "src/http/parse.rs",
        "Slots are made for as many fields as are likely, and not for a hundred in each request.",
    ),
    row(
        "static-routing",
        Http,
        word(&["match", "map", "patterns"], routing, "match", "map"),
        "src/handlers/mod.rs",
        "A route is found by one compiled `match`, without hashing and without a call through a \
         pointer.",
    ),
    row(
        "own-counters",
        Sharing,
        flag(|config| &mut config.techniques.own_counters),
        "src/reactor/shared.rs",
        "Every reactor counts for itself: no lock, no cache line that two of them write.",
    ),
    row(
        "sharded-cache",
        Sharing,
        count(
            |config| &mut config.techniques.cache_shards,
            1..=1024,
            "16",
            "1",
        ),
        "src/handlers/cache.rs",
        "Parts of the cache, each with its lock: two reactors seldom want the same one.",
    ),
    row(
        "own-listener",
        Sharing,
        flag(|config| &mut config.techniques.own_listener),
        "src/server/listeners.rs",
        "Every reactor accepts from its own listener: no thread hands connections over.",
    ),
    row(
        "pinning",
        Sharing,
        flag(|config| &mut config.techniques.pinned),
        "src/server/running.rs",
        "Each reactor stays on one core, whose caches know its connections.",
    ),
    row(
        "nodelay",
        Sockets,
        flag(|config| &mut config.socket.nodelay),
        "src/reactor/socket.rs",
        "An answer does not wait for the acknowledgement of the one before (`TCP_NODELAY`).",
    ),
    row(
        "backlog",
        Sockets,
        count(
            |config| &mut config.socket.backlog,
            1..=65_535,
            "4096",
            "128",
        ),
        "src/reactor/socket.rs",
        "Connections that come in a burst wait in a long queue, and are not dropped for a second.",
    ),
    row(
        "quickack",
        Sockets,
        flag(|config| &mut config.techniques.quickack),
        "src/reactor/linux.rs",
        "Acknowledgements are sent at once (`TCP_QUICKACK`), and not up to 40 ms later.",
    ),
    row(
        "congestion",
        Sockets,
        word(
            &["system", "cubic", "reno", "bbr"],
            congestion,
            "cubic",
            "system",
        ),
        "src/reactor/socket.rs",
        "What paces the sending of a connection (`TCP_CONGESTION`).",
    ),
    row(
        "linger",
        Sockets,
        demonstration(word(&["off", "0"], linger, "off", "0")),
        "src/reactor/socket.rs",
        "What was answered is delivered after close(2); a reset (`SO_LINGER` of 0) would be \
         quicker and lose it.",
    ),
    row(
        "file-jobs",
        Jobs,
        flag(|config| &mut config.techniques.file_jobs),
        "src/handlers/files.rs",
        "Files are read by the job pool: no reactor waits for a disk.",
    ),
];

fn routing(config: &mut Config, access: Access<'_>) -> &'static str {
    const WORDS: [(&str, Routing); 3] = [
        ("match", Routing::Match),
        ("map", Routing::Map),
        ("patterns", Routing::Patterns),
    ];
    access.to(&mut config.techniques.routing, &WORDS)
}

fn congestion(config: &mut Config, access: Access<'_>) -> &'static str {
    const WORDS: [(&str, Congestion); 4] = [
        ("system", Congestion::System),
        ("cubic", Congestion::Cubic),
        ("reno", Congestion::Reno),
        ("bbr", Congestion::Bbr),
    ];
    access.to(&mut config.techniques.congestion, &WORDS)
}

fn linger(config: &mut Config, access: Access<'_>) -> &'static str {
    const WORDS: [(&str, Option<Duration>); 2] = [("off", None), ("0", Some(Duration::ZERO))];
    access.to(&mut config.socket.linger, &WORDS)
}
