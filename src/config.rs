//! What bounds a peer, and what an operator may want to vary: numbers, each with its reason.
//!
//! A [`Config`] is a plain value: the command line fills it (`cli`), [`Server`](crate::Server)
//! hands it to the reactors, and tests shorten its durations. Nothing here reads a file, a variable
//! or a clock.
//!
//! Serde knows it as one flat map. The names there are the option names of the command line, and the
//! names of the techniques.
//!
//! What an operator may want to vary is a field, with its default in [`Default`]. What nobody
//! should have to vary is a constant in [`bounds`].

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod techniques;

pub use techniques::{Choice, Chosen, Congestion, Full, Routing, Techniques};

/// One kibibyte, in bytes.
pub const KIB: usize = 1024;
/// One mebibyte, in bytes.
pub const MIB: usize = 1024 * KIB;

/// All that can be set, with the article's meaning where the article has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// Address, or name, to listen on. The article binds 0.0.0.0; a study server should not be
    /// reachable from outside before somebody asks for it.
    pub host: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Reactors, each a thread with its own listener, slab and pool.
    pub workers: usize,
    /// Threads of the one job pool, for work that would hold a reactor up (files, long
    /// computations).
    pub job_threads: usize,
    /// Options of the sockets.
    #[serde(flatten)]
    pub socket: SocketOptions,
    /// How much of anything a peer may make us hold.
    #[serde(flatten)]
    pub limits: Limits,
    /// How long a peer may keep us waiting.
    #[serde(flatten)]
    pub timeouts: Timeouts,
    /// How the server leaves.
    #[serde(flatten)]
    pub drain: Drain,
    /// The directory that `/async-files` may read; `None` makes one with sample files at start.
    pub files_root: Option<PathBuf>,
    /// One request in this many has its stages timed; 0 turns the clock readings off. 64 costs well
    /// under 1 % and still gives a thousand samples a second at the rates that matter.
    pub sample: u32,
    /// Times every request, and tells its answer (W3C Server Timing).
    pub server_timing: bool,
    /// What goes to stderr while serving.
    pub log: LogLevel,
    /// What makes the server fast; all of it can be switched off.
    #[serde(flatten)]
    pub techniques: Techniques,
    /// Skips the probe for another process on our port (`SO_REUSEPORT` would silently share it).
    pub share_port: bool,
}

/// Options of the listening socket, which accepted sockets inherit where it matters (tcp(7),
/// socket(7)), and the room for a read from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SocketOptions {
    /// `TCP_NODELAY`: Nagle's algorithm off. Each answer is sent whole with one send, so there is
    /// nothing to coalesce; with the algorithm on, a second answer waits for the peer's delayed ACK
    /// (40 ms).
    pub nodelay: bool,
    /// `SO_LINGER`. `None`, the kernel's default, lets close(2) return at once and deliver in the
    /// background; zero resets the connection and throws away what was not yet delivered. Longer
    /// times block the thread that closes, even on a non-blocking socket (socket(7)).
    pub linger: Option<Duration>,
    /// listen(2)'s backlog: connections that are established and wait for accept. The kernel caps
    /// it at net.core.somaxconn (4096 by default).
    pub backlog: usize,
    /// Bytes of the reactor's common input buffer, the article's `http_buffer_size`: the most that
    /// one recv takes.
    pub buffer_size: usize,
    /// `SO_RCVBUF` in bytes. `None` leaves the kernel's own tuning on; any value switches it off
    /// (tcp(7)).
    pub recv_buffer: Option<usize>,
    /// `SO_SNDBUF` in bytes. `None` leaves the kernel's own tuning on.
    pub send_buffer: Option<usize>,
}

/// How much a peer may make us hold. Beyond each limit there is one answer, given beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Request line in bytes: 414. RFC 9112 section 3 asks for at least 8,000.
    #[serde(rename = "request-line-max")]
    pub request_line: usize,
    /// Header section in bytes, without the request line: 431.
    #[serde(rename = "header-section-max")]
    pub header_section: usize,
    /// Fields in a header section, at most [`bounds::FIELDS_MAX`]: 431.
    #[serde(rename = "header-fields-max")]
    pub header_fields: usize,
    /// Body in bytes: 413, before it is read if Content-Length tells.
    #[serde(rename = "body-max")]
    pub body: usize,
    /// Bytes of all chunk extensions of one body: 400. They mean nothing to us; a peer could hide a
    /// flood in them.
    #[serde(rename = "chunk-extensions-max")]
    pub chunk_extensions: usize,
    /// Bytes of the trailer section: 431.
    #[serde(rename = "trailer-section-max")]
    pub trailer_section: usize,
    /// Fields of the trailer section: 431.
    #[serde(rename = "trailer-fields-max")]
    pub trailer_fields: usize,
    /// Connections of the whole process; `None` takes 90 % of the file limit. Beyond: accepting
    /// pauses.
    #[serde(rename = "connections-max")]
    pub connections: Option<usize>,
    /// Bytes of answers to one connection that are gathered before they are sent; if it does not
    /// take them, nothing more of it is served, and nothing read, until it has.
    #[serde(rename = "owed-max")]
    pub owed: usize,
    /// Bytes held in buffers by one reactor's connections: 503 with Retry-After.
    #[serde(rename = "buffers-max")]
    pub buffers: usize,
    /// Jobs that wait for a thread of the pool: 503 with Retry-After.
    #[serde(rename = "jobs-max")]
    pub jobs: usize,
}

/// How long a peer may keep us waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timeouts {
    /// No byte since accept or since the last answer: closed silently. Browsers connect ahead and
    /// take a 408 that nobody asked for as the answer to their next request.
    #[serde(rename = "idle-timeout")]
    pub idle: Duration,
    /// From the first byte of a request head to its last: 408.
    #[serde(rename = "head-timeout")]
    pub head: Duration,
    /// Between two reads of a body: 408.
    #[serde(rename = "body-timeout")]
    pub body: Duration,
    /// After this long a body must have come at [`bounds::RATE_MIN`] bytes a second: 408.
    pub body_rate_after: Duration,
    /// The peer takes no byte of an answer, or after this long under [`bounds::RATE_MIN`] bytes a
    /// second: closed. It is the sockets' `TCP_USER_TIMEOUT` too, which bounds what close(2) leaves
    /// to the kernel.
    #[serde(rename = "write-timeout")]
    pub write: Duration,
    /// Silence that ends a lingering close.
    #[serde(rename = "lingering-silence")]
    pub linger_silence: Duration,
    /// The longest lingering close.
    #[serde(rename = "lingering-timeout")]
    pub linger: Duration,
}

/// How the server leaves after SIGTERM or Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drain {
    /// `/healthz` says 503 and accepting goes on; behind a balancer, two check intervals.
    #[serde(rename = "drain-delay")]
    pub delay: Duration,
    /// An open connection that stays silent this long is shut down.
    #[serde(rename = "drain-idle")]
    pub idle: Duration,
    /// After this long the process leaves, whoever is still there.
    pub grace: Duration,
}

/// What goes to stderr while serving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Off,
    /// Refusals (with peer and reason), faults and panics.
    Errors,
    /// A line for each request, too.
    Access,
}

/// What nobody should have to vary: bounds of loops and queues.
pub mod bounds {
    use std::time::Duration;

    /// Events taken from one poll. More than the sockets that are ready in one turn under any load
    /// that two cores can make; the list is 1,024 x 12 bytes.
    pub const EVENTS_PER_POLL: usize = 1024;
    /// Connections accepted in one turn, so that a storm of them cannot starve those that are
    /// there.
    pub const ACCEPTS_PER_TURN: usize = 64;
    /// Connections taken from the backlog before the listener is closed: all that the default one
    /// can hold.
    pub const ACCEPTS_AT_DRAIN: usize = 4096;
    /// Rounds of fill, serve and flush in one `advance`; then the connection yields to the others.
    pub const ROUNDS_PER_ADVANCE: usize = 8;
    /// Due timers are looked at after this many advances: 8 x 6 us is short beside the 100 us
    /// promised.
    pub const ADVANCES_PER_CLOCK: usize = 8;
    /// A timer nearer than this has the clock read before each advance: sixty-four answers, one
    /// after the other, take half a millisecond.
    pub const TIMER_NEAR: Duration = Duration::from_millis(1);
    /// Due timers that are served before each advance, while other connections wait. Were it all of
    /// them, requests would be read in bursts when no timer is due, and come due in bursts that
    /// take longer to answer than to read; with two, both go on at one pace.
    pub const TIMERS_PER_ADVANCE: usize = 2;
    /// Due timers that are served in a turn in which nothing else happens.
    pub const TIMERS_PER_TURN: usize = 64;
    /// Slots for fields; httparse needs them before it parses.
    pub const FIELDS_MAX: usize = 100;
    /// Parameters in a route's pattern; they are found into an array of this size, without an
    /// allocation.
    pub const PARAMS_MAX: usize = 8;
    /// Routes whose requests are counted apart: more than there are.
    pub const ROUTES_MAX: usize = 32;
    /// Bytes of a body segment, and of the reactor's common output buffer.
    pub const SEGMENT_BYTES: usize = 64 * 1024;
    /// Buffers kept for reuse, of each size; beyond, they go back to the allocator.
    pub const IDLE_BUFFERS_KEPT: usize = 128;
    /// Bytes a second below which a peer is taken for an attack ("slow body", "slow read").
    pub const RATE_MIN: u64 = 500;
    /// After EMFILE nothing wakes the listener again: a timer tries it.
    pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);
    /// Timer entries beyond which stale ones are swept out.
    pub const TIMER_ENTRIES_MIN: usize = 1024;

    /// Loop steps of `/benchmark` when the query does not say: the article's.
    pub const WORK_DEFAULT: u64 = 1000;
    /// The most that `?work=` may ask for: about a millisecond of one thread.
    pub const WORK_MAX: u64 = 1_000_000;
    /// Beyond this many steps, some 10 us, the work goes to the job pool and holds no reactor up.
    pub const WORK_INLINE_MAX: u64 = 10_000;
    /// Microseconds that `/benchmark` waits when the query does not say: the article's.
    pub const WAIT_US_DEFAULT: u64 = 100;
    /// The most that `?wait_us=` may ask for: ten seconds, well inside a client's usual timeout.
    pub const WAIT_US_MAX: u64 = 10_000_000;
    /// Loop steps of `/profiled`: the article's.
    pub const PROFILED_STEPS: u64 = 10_000;
    /// Pairs of clock readings whose median is the cost of one measurement; some 5 us together.
    pub const MEASUREMENT_PAIRS: usize = 101;

    /// Parts of the cache, each with its lock: more than reactors, so that two seldom want the same
    /// one.
    pub const CACHE_SHARDS: usize = 16;
    /// Entries of the cache. Keys come from the network, so their number has to end somewhere.
    pub const CACHE_ENTRIES: usize = 10_000;
    /// Bytes of the cache. Entries with keys of 40 bytes reach the other bound first, those with
    /// the longest keys this one.
    pub const CACHE_BYTES: usize = 4 * super::MIB;
    /// Bytes that an entry takes beside its texts: its node in the list, its slot in the table, its
    /// counters.
    pub const CACHE_ENTRY_OVERHEAD: usize = 128;
    /// Time to live of a cached value, from the end of its computation.
    pub const CACHE_TTL: Duration = Duration::from_mins(1);
    /// Bytes of a key after percent-decoding.
    pub const CACHE_KEY_BYTES: usize = 256;
    /// What a miss costs when the query does not say: the article's.
    pub const CACHE_COST_MS_DEFAULT: u64 = 50;
    /// The most that `?cost_ms=` may ask for.
    pub const CACHE_COST_MS_MAX: u64 = 10_000;

    /// Files of one `/async-files` request: 413 beyond.
    pub const FILES_MAX: usize = 1000;
    /// Bytes of a file that `/async-files` reads; a larger one is an error of its own.
    pub const FILE_BYTES_MAX: u64 = 64 * super::MIB as u64;
    /// Bytes of a file that are held at once: large enough that the system call is a small part of
    /// the read.
    pub const FILE_CHUNK_BYTES: usize = 64 * super::KIB;
    /// A reactor that was never held up for longer counts as not blocked: "a few milliseconds" is
    /// what the other connections are promised.
    pub const HELD_UP_MAX: Duration = Duration::from_millis(5);

    /// Sizes of `/memory-efficiency-test` in bytes: the article's.
    pub const EFFICIENCY_SIZES: [usize; 5] = [1024, 4096, 16_384, 65_536, 262_144];
    /// Repetitions of each size: the article's.
    pub const EFFICIENCY_ITERATIONS: u32 = 1000;
    /// The two ways take turns in this many blocks, so that a disturbance meets both.
    pub const EFFICIENCY_BLOCKS: u32 = 10;
    /// Scenarios of `/io-benchmark`: name, files, bytes of each. The article's.
    pub const IO_SCENARIOS: [(&str, usize, usize); 3] = [
        ("small_files", 100, 1024),
        ("medium_files", 50, 10_240),
        ("large_files", 10, 102_400),
    ];
    /// Memory, position and length of a read past the page cache are multiples of this: the largest
    /// logical block of the disks in use (open(2), `O_DIRECT`).
    pub const DIRECT_ALIGNMENT: usize = 4096;
    /// Retry-After in seconds of a route that serves one request at a time; either takes less than
    /// that.
    pub const ONE_AT_A_TIME_RETRY: u32 = 1;
    /// How long the end of the process waits for `/io-benchmark` to remove its files; it looks up
    /// before each of them.
    pub const GATE_CLOSED_WITHIN: Duration = Duration::from_secs(1);

    /// Threads that count allocations in a cache line of their own; later ones share one. 128 x 128
    /// bytes.
    pub const ALLOCATOR_SLOTS: usize = 128;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            job_threads: 2,
            socket: SocketOptions::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            drain: Drain::default(),
            files_root: None,
            sample: 64,
            server_timing: false,
            log: LogLevel::Off,
            techniques: Techniques::default(),
            share_port: false,
        }
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            linger: None,
            backlog: 4096,
            buffer_size: 8 * KIB,
            recv_buffer: None,
            send_buffer: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * KIB,
            header_section: 16 * KIB,
            header_fields: bounds::FIELDS_MAX,
            body: MIB,
            chunk_extensions: 4 * KIB,
            trailer_section: 4 * KIB,
            trailer_fields: 32,
            connections: None,
            owed: 64 * KIB,
            buffers: 64 * MIB,
            jobs: 1024,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            body_rate_after: Duration::from_secs(5),
            write: Duration::from_secs(20),
            linger_silence: Duration::from_secs(2),
            linger: Duration::from_secs(30),
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            idle: Duration::from_secs(1),
            grace: Duration::from_secs(5),
        }
    }
}
