//! What bounds a peer, and what an operator may want to vary: numbers, each with its reason.
//!
//! A [`Config`] is a plain value: the command line fills it (`cli`), [`Server`](crate::Server)
//! hands it to the reactors, and tests shorten its durations. Nothing here reads a file, a variable
//! or a clock.
//!
//! Serde knows it as one flat map. The names there are those of the command line's options, and of
//! the techniques.
//!
//! What an operator may want to vary is a field, with its default in [`Default`]. What nobody
//! should have to vary is a constant in [`bounds`].

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub mod bounds;

mod techniques;

mod kind;

pub use kind::{Kind, shown_size};
pub use techniques::{Congestion, Routing, Techniques};

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
    /// The directory that `/files` and `/async-files` may read; `None`: sample files in memory.
    pub files_root: Option<PathBuf>,
    /// For how long an answer of `/files` may be used again without asking (RFC 9111 section
    /// 5.2.2.1); `None`: nothing is said of it.
    pub files_max_age: Option<Duration>,
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
    /// Techniques change while the server runs, and are compared by duels.
    pub live: bool,
    /// Where the control routes and the server's own figures are served instead, `HOST:PORT`.
    pub admin: Option<String>,
    /// Which routes are served: `all`, `lean`, names, or several of them with commas.
    pub routes: String,
    /// A name, beside `localhost`, addresses and the host itself, under which the control routes
    /// may be asked for.
    pub allow_host: Option<String>,
    /// Skips the probe for another process on our port (`SO_REUSEPORT` would silently share it).
    pub share_port: bool,
}

/// Options of the listening socket, which accepted sockets inherit where it matters (tcp(7),
/// socket(7)), and the room for a read from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SocketOptions {
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
    /// Bytes held by one reactor's connections, in buffers and by their jobs: 503 with Retry-After.
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
    /// Over each span of this length a body must come at [`bounds::RATE_MIN`] bytes a second:
    /// 408.
    pub body_rate_span: Duration,
    /// The peer takes no byte of an answer for so long, or under [`bounds::RATE_MIN`] bytes a
    /// second over a span of this length: closed. It is the `TCP_USER_TIMEOUT` of one that is left,
    /// which bounds what close(2) leaves to the kernel.
    #[serde(rename = "write-timeout")]
    pub write: Duration,
    /// Silence that ends a lingering close.
    #[serde(rename = "lingering-silence")]
    pub linger_silence: Duration,
    /// The longest lingering close.
    #[serde(rename = "lingering-timeout")]
    pub linger: Duration,
}

/// How the server leaves after a signal to stop.
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
            files_max_age: None,
            sample: 64,
            server_timing: false,
            log: LogLevel::Off,
            techniques: Techniques::default(),
            live: false,
            admin: None,
            routes: "all".to_owned(),
            allow_host: None,
            share_port: false,
        }
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
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
            body_rate_span: Duration::from_secs(10),
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
