//! What makes the server fast, as values that can be taken away.
//!
//! One field for each technique that is a switch; its comment is the claim, and the table in
//! [`techniques`](crate::techniques) repeats it beside the name. Techniques that are options of the
//! listener (`backlog`, `linger`) are fields of [`SocketOptions`](super::SocketOptions). Nothing in
//! here decides anything: each field is read in one place of the file that the table names.

use serde::{Deserialize, Serialize};

use super::bounds;

/// Which techniques are in force. A plain value; whoever decides by it asks the reactor's kernel
/// for the current one.
// Each bool is a switch of its own, and any set of them is valid.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Techniques {
    /// One poll returns all that is ready, so its price is shared by the events of a turn.
    #[serde(rename = "event-batching")]
    pub events_per_poll: usize,
    /// Interest is registered once in a connection's life: no `epoll_ctl` for a request.
    pub register_once: bool,
    /// An answer is sent as soon as it is written, without a poll that says the socket is writable.
    pub write_at_once: bool,
    /// A read that came back short has emptied the socket: none follows that only returns EAGAIN.
    pub short_read: bool,
    /// The clock is read once for this many advances, and not for each.
    #[serde(rename = "turn-clock")]
    pub advances_per_clock: usize,
    /// A deadline that moves out is one store: no timer entry is set for a request.
    pub lazy_deadlines: bool,
    /// Accepting ends after a batch, so that a storm of connections does not starve those there.
    #[serde(rename = "accept-batches")]
    pub accepts_per_turn: usize,
    /// A connection is found by its place in a slab: one bounds check, no hashing.
    pub slab: bool,
    /// Microseconds that a reactor goes on polling before it sleeps: no wake-up from sleep to wait
    /// for, at the price of a core.
    #[serde(rename = "spin")]
    pub spin_us: usize,
    /// A timerfd ends a wait to the microsecond; `epoll_wait` alone rounds up to milliseconds.
    pub fine_timer: bool,
    /// Buffers that were given back are kept for the next who needs one: no allocation for it.
    pub idle_buffers: usize,
    /// All connections of a reactor read into one buffer: an idle one holds none.
    pub shared_input: bool,
    /// The kernel writes into memory that was not cleared first.
    pub uninit_reads: bool,
    /// recv and send are the processor's instruction in place: nothing returns right behind the
    /// kernel.
    pub inline_calls: bool,
    /// Consuming input moves a cursor: no reference count, no buffer in pieces.
    pub cursors: bool,
    /// The answers to all requests of a read leave with one send.
    pub batched_writes: bool,
    /// A request that repeats the one before it in the same read to the last byte is not parsed
    /// again.
    pub same_request: bool,
    /// The Date field is rendered once a second, and not for each answer.
    pub cached_date: bool,
    /// The usual head is copied from a template, and not formatted.
    pub head_template: bool,
    /// JSON is serialised straight into the output: no tree of values, no string in between.
    pub json_in_place: bool,
    /// Slots are made for as many fields as are likely, and not for a hundred in each request.
    pub field_slots: bool,
    /// A route is found by one compiled `match`, without hashing and without a call through a
    /// pointer.
    #[serde(rename = "static-routing")]
    pub routing: Routing,
    /// Every reactor counts for itself: no lock, no cache line that two of them write.
    pub own_counters: bool,
    /// Parts of the cache, each with its lock: two reactors seldom want the same one.
    #[serde(rename = "sharded-cache")]
    pub cache_shards: usize,
    /// Every reactor accepts from its own listener: no thread hands connections over.
    pub own_listener: bool,
    /// Each reactor stays on one core, whose caches know its connections.
    #[serde(rename = "pinning")]
    pub pinned: bool,
    /// An answer does not wait for the acknowledgement of the one before (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Acknowledgements are sent at once (`TCP_QUICKACK`), and not up to 40 ms later.
    pub quickack: bool,
    /// What paces the sending of a connection (`TCP_CONGESTION`).
    pub congestion: Congestion,
    /// Files are read by the job pool: no reactor waits for a disk.
    pub file_jobs: bool,
    /// A file goes from the page cache to the socket: no byte of it passes through our memory.
    pub sendfile: bool,
    /// The head of a file waits for its first bytes: both leave in one packet (`MSG_MORE`).
    pub send_more: bool,
    /// Small files are kept whole for a moment: head and body leave with one send.
    pub small_file_cache: bool,
}

/// How a route is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// One `match` of method and path, compiled into comparisons of whole words.
    Match,
    /// A `HashMap` from method and path to a boxed closure.
    Map,
    /// A list of patterns, tried one after the other.
    Patterns,
}

/// The congestion control of accepted connections (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Congestion {
    /// What the system has set (net.ipv4.tcp_congestion_control).
    System,
    /// RFC 9438; it is compiled into nearly every kernel.
    Cubic,
    /// RFC 5681; always there.
    Reno,
    /// Paces by measured bandwidth and round trip; a module that may be missing.
    Bbr,
}

impl Default for Techniques {
    fn default() -> Self {
        Self::FULL
    }
}

impl Techniques {
    /// As they are by default.
    pub const FULL: Self = {
        Self {
            events_per_poll: bounds::EVENTS_PER_POLL,
            register_once: true,
            write_at_once: true,
            short_read: true,
            advances_per_clock: bounds::ADVANCES_PER_CLOCK,
            lazy_deadlines: true,
            accepts_per_turn: bounds::ACCEPTS_PER_TURN,
            slab: true,
            spin_us: 0,
            fine_timer: true,
            idle_buffers: bounds::IDLE_BUFFERS_KEPT,
            shared_input: true,
            uninit_reads: true,
            inline_calls: true,
            cursors: true,
            batched_writes: true,
            same_request: true,
            cached_date: true,
            head_template: true,
            json_in_place: true,
            field_slots: true,
            routing: Routing::Match,
            own_counters: true,
            cache_shards: bounds::CACHE_SHARDS,
            own_listener: true,
            pinned: false,
            nodelay: true,
            quickack: false,
            congestion: Congestion::System,
            file_jobs: true,
            sendfile: true,
            send_more: true,
            small_file_cache: true,
        }
    };
}
