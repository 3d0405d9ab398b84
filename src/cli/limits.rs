//! The options that bound what a peer may ask for: how much, how long, and what becomes of it at
//! the end.
//!
//! Rows of the table in [`options`](super::options). Ranges admit whatever somebody may want to
//! try; values that contradict each other are found in [`checks`](super::checks).

use std::time::Duration;

use super::forms::{GIB, Or, Size, Span, Switch, Whole, WholeSeconds};
use super::setting::Setting;
use crate::config::{KIB, MIB, bounds};

/// The shortest span that a timeout may have. Shorter ones than a thread's time slice say more
/// about the scheduler than about the peer.
pub(super) const SPAN_MIN: Duration = Duration::from_millis(1);
/// The longest. Who is silent for an hour is gone, and its descriptor is needed.
pub(super) const SPAN_MAX: Duration = Duration::from_hours(1);

pub(super) fn heads() -> Vec<Setting> {
    // From the shortest request line there is, `GET / HTTP/1.1` and CRLF; a head is held in one
    // piece.
    let head_part = || Size(16..=MIB);
    vec![
        Setting::new(
            "request-line-max",
            head_part(),
            |values| &mut values.config.limits.request_line,
            "Bytes of a request line; beyond: 414",
            "RFC 9112 section 3 asks for at least 8000.",
        ),
        Setting::new(
            "header-section-max",
            head_part(),
            |values| &mut values.config.limits.header_section,
            "Bytes of a header section; beyond: 431",
            "Without the request line.",
        ),
        Setting::new(
            "header-fields-max",
            // The slots that a head is parsed into are an array.
            Whole(1..=bounds::FIELDS_MAX),
            |values| &mut values.config.limits.header_fields,
            "Fields of a header section; beyond: 431",
            "",
        ),
    ]
}

pub(super) fn bodies() -> Vec<Setting> {
    vec![
        Setting::new(
            "body-max",
            // A body is held in memory as a whole. 0 admits empty ones only.
            Size(0..=GIB),
            |values| &mut values.config.limits.body,
            "Bytes of a body; beyond: 413",
            "Known from Content-Length before the body is read, or found while its chunks arrive. \
             Not more than --buffers-max holds beside a request head.",
        ),
        Setting::new(
            "chunk-extensions-max",
            // They mean nothing to this server. 0 refuses them.
            Size(0..=MIB),
            |values| &mut values.config.limits.chunk_extensions,
            "Bytes of all chunk extensions of a body; beyond: 400",
            "They are read over and dropped.",
        ),
        Setting::new(
            "trailer-section-max",
            Size(0..=MIB),
            |values| &mut values.config.limits.trailer_section,
            "Bytes of a trailer section; beyond: 431",
            "Trailers are read over and dropped.",
        ),
        Setting::new(
            "trailer-fields-max",
            Whole(0..=bounds::FIELDS_MAX),
            |values| &mut values.config.limits.trailer_fields,
            "Fields of a trailer section; beyond: 431",
            "",
        ),
    ]
}

pub(super) fn server() -> Vec<Setting> {
    vec![
        Setting::new(
            "connections-max",
            // The most descriptors that Linux gives a process, unless told otherwise (fs.nr_open).
            Or("auto", Whole(1..=1_048_576)),
            |values| &mut values.config.limits.connections,
            "Open connections; beyond, new ones wait in the backlog",
            "Of the whole process, shared out among the reactors. auto takes 90 % of the file \
             limit, which is raised to the hard one at start.",
        ),
        Setting::new(
            "owed-max",
            // From one small answer; more than 64 MiB for one connection is a download, not an
            // answer.
            Size(KIB..=64 * MIB),
            |values| &mut values.config.limits.owed,
            "Bytes of answers gathered for a connection; beyond, they are sent",
            "If the peer does not take them, it is neither read nor served until it has. Not more \
             than --buffers-max.",
        ),
        Setting::new(
            "buffers-max",
            // From one segment of a body, to what a 32-bit size can tell.
            Size(bounds::SEGMENT_BYTES..=2 * GIB),
            |values| &mut values.config.limits.buffers,
            "Bytes that a reactor's connections may hold; beyond: 503",
            "With Retry-After. Requests and answers in part, and bodies; an idle connection holds \
             none.",
        ),
        Setting::new(
            "jobs-max",
            // Each that waits holds a connection; so many at once are a fault, not a peak.
            Whole(1..=65_536),
            |values| &mut values.config.limits.jobs,
            "Jobs that wait for a thread; beyond: 503",
            "With Retry-After. See --job-threads.",
        ),
    ]
}

pub(super) fn timeouts() -> Vec<Setting> {
    let span = || Span(SPAN_MIN..=SPAN_MAX);
    vec![
        Setting::new(
            "idle-timeout",
            span(),
            |values| &mut values.config.timeouts.idle,
            "No byte since accept or since the last answer: close",
            "Without an answer: browsers connect ahead, and would take a 408 for the answer to the \
             request that they send next.",
        ),
        Setting::new(
            "head-timeout",
            span(),
            |values| &mut values.config.timeouts.head,
            "From the first byte of a request head to its last: 408",
            "",
        ),
        Setting::new(
            "body-timeout",
            span(),
            |values| &mut values.config.timeouts.body,
            "Between two reads of a body: 408",
            "",
        ),
        Setting::new(
            "body-rate-after",
            span(),
            |values| &mut values.config.timeouts.body_rate_after,
            "After this long a body must come at 500 bytes a second: 408",
            "Else a peer could keep a body going for hours, a byte at a time.",
        ),
        Setting::new(
            "write-timeout",
            span(),
            |values| &mut values.config.timeouts.write,
            "The peer takes nothing of an answer: close",
            "Or, after this long, less than 500 bytes a second. It is TCP_USER_TIMEOUT too, which \
             bounds what the kernel goes on delivering after close().",
        ),
    ]
}

pub(super) fn closing() -> Vec<Setting> {
    let span = || Span(SPAN_MIN..=SPAN_MAX);
    vec![
        Setting::new(
            "linger",
            // The kernel counts whole seconds: it would take 500ms for 0, a reset. A thread that
            // stands still for a minute shows all that there is to be seen.
            Or("off", WholeSeconds(0..=60)),
            |values| &mut values.config.socket.linger,
            "What close() does with bytes not yet delivered (SO_LINGER)",
            "off is the kernel's default, and the article's disable_linger: close() returns at \
             once, and the kernel delivers in the background. 0 resets the connection and throws \
             the bytes away, so answers get lost. More makes close() wait for the peer, and needs \
             --linger-may-block.",
        ),
        Setting::new(
            "linger-may-block",
            Switch,
            |values| &mut values.linger_may_block,
            "Allow a --linger above 0",
            "close() then blocks the thread until the peer has taken all bytes or the time is \
             over, even though the socket is non-blocking (socket(7)). One slow peer holds up \
             every connection of its reactor for that long.",
        )
        .bare(),
        Setting::new(
            "lingering-silence",
            span(),
            |values| &mut values.config.timeouts.linger_silence,
            "Silence that ends a lingering close",
            "Before the server closes it reads and drops what the peer still sends: closed at \
             once, the kernel would answer that with a reset, and the peer would lose the answer \
             that it has not yet read (RFC 9112 section 9.6). Not to be confused with --linger.",
        ),
        Setting::new(
            "lingering-timeout",
            span(),
            |values| &mut values.config.timeouts.linger,
            "The longest lingering close",
            "However much the peer still sends.",
        ),
    ]
}
