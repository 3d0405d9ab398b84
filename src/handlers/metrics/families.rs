//! The metrics that are counted by reactors: name, meaning, and the figure that it is.
//!
//! Names follow Prometheus' rules: a prefix, base units (seconds, bytes), `_total` for what only
//! goes up.

use super::exposition::Kind;
use crate::accounts::{Copied, CpuTime, Figures, Refusal, Stage, Woken, WouldBlock};
use crate::handlers::table::TABLE;
use crate::handlers::units::float;

/// A metric that has a series for each reactor.
pub(super) struct ByReactor {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// `None` if it is not known.
    pub(super) value: fn(&Figures) -> Option<f64>,
}

/// A counter that keeps kinds of one thing apart, of all reactors together.
pub(super) struct ByKind {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) label: &'static str,
    /// By kind; empty if it is not known.
    pub(super) counts: fn(&Figures) -> Vec<(&'static str, u64)>,
}

/// What tells one reactor from another.
pub(super) const BY_REACTOR: &[ByReactor] = &[
    counter(
        "barewire_requests_total",
        "Requests answered, refusals included.",
        |it| Some(float(it.requests)),
    ),
    counter(
        "barewire_accepted_connections_total",
        "Connections accepted.",
        |it| Some(float(it.accepted)),
    ),
    gauge(
        "barewire_open_connections",
        "Connections that are open now.",
        |it| Some(float(it.connections)),
    ),
    counter("barewire_received_bytes_total", "Bytes received.", |it| {
        Some(float(it.bytes_in))
    }),
    counter("barewire_sent_bytes_total", "Bytes sent.", |it| {
        Some(float(it.bytes_out))
    }),
    counter("barewire_reads_total", "Calls of recv(2).", |it| {
        Some(float(it.reads))
    }),
    counter("barewire_writes_total", "Calls of send(2).", |it| {
        Some(float(it.writes))
    }),
    counter("barewire_accepts_total", "Calls of accept4(2).", |it| {
        Some(float(it.accepts))
    }),
    counter(
        "barewire_registrations_total",
        "Calls of epoll_ctl(2).",
        |it| Some(float(it.registrations)),
    ),
    counter(
        "barewire_short_writes_total",
        "Sends that took less than they were given.",
        |it| Some(float(it.short_writes)),
    ),
    counter(
        "barewire_turns_total",
        "Turns of the loop, each of which begins with one epoll_wait(2).",
        |it| Some(float(it.turns)),
    ),
    counter(
        "barewire_events_total",
        "Events that epoll_wait(2) returned.",
        |it| Some(float(it.events)),
    ),
    counter(
        "barewire_stale_wakeups_total",
        "Wakeups whose connection was gone.",
        |it| Some(float(it.stale_wakeups)),
    ),
    counter(
        "barewire_timers_set_total",
        "Timer entries that were set.",
        |it| Some(float(it.timers_set)),
    ),
    counter(
        "barewire_timers_fired_total",
        "Timer entries that came due.",
        |it| Some(float(it.timers_fired)),
    ),
    counter(
        "barewire_jobs_total",
        "Jobs and tasks that were given to the pool of threads.",
        |it| Some(float(it.jobs)),
    ),
    counter(
        "barewire_pool_hits_total",
        "Buffers that were taken from the pool.",
        |it| Some(float(it.pool_hits)),
    ),
    counter(
        "barewire_pool_misses_total",
        "Buffers that had to be allocated.",
        |it| Some(float(it.pool_misses)),
    ),
    gauge(
        "barewire_buffer_bytes",
        "Bytes of buffers that connections hold now.",
        |it| Some(float(it.buffer_bytes)),
    ),
    counter(
        "barewire_panics_total",
        "Handlers and jobs that panicked; their requests were answered with 500.",
        |it| Some(float(it.panics)),
    ),
    counter(
        "barewire_resets_total",
        "Connections that the peer reset, or that failed otherwise; but for those of slow readers.",
        |it| Some(float(it.resets)),
    ),
    counter(
        "barewire_accept_pauses_total",
        "Times that accepting paused because there were no descriptors.",
        |it| Some(float(it.accept_pauses)),
    ),
    counter(
        "barewire_cpu_seconds_total",
        "CPU time of the reactor's thread, user and system, as the scheduler counts it.",
        |it| Some(float(it.cpu?.nanos) / 1e9),
    ),
    counter(
        "barewire_cpu_user_seconds_total",
        "The part of it in user space, known to a clock tick.",
        |it| Some(seconds(it.cpu?.user_ticks)),
    ),
    counter(
        "barewire_cpu_system_seconds_total",
        "The part of it in the kernel, known to a clock tick.",
        |it| Some(seconds(it.cpu?.system_ticks)),
    ),
];

/// What tells one kind from another.
pub(super) const BY_KIND: &[ByKind] = &[
    ByKind {
        name: "barewire_responses_total",
        help: "Answers by the class of their status.",
        label: "status",
        // 1xx is no answer.
        counts: |it| pairs(["2xx", "3xx", "4xx", "5xx"], &it.status_classes[1..]),
    },
    ByKind {
        name: "barewire_route_requests_total",
        help: "Requests by the pattern of their route; what was refused before, or found none, has \
               none.",
        label: "route",
        counts: |it| pairs(TABLE.iter().map(|route| route.path), &it.routes),
    },
    ByKind {
        name: "barewire_refusals_total",
        help: "Requests that were refused, and connections that the server ended.",
        label: "reason",
        counts: |it| pairs(Refusal::ALL.map(|(_, name)| name), &it.refusals),
    },
    ByKind {
        name: "barewire_wakeups_total",
        help: "Times that a connection was looked at, by the cause.",
        label: "cause",
        counts: |it| pairs(Woken::NAMES, &it.wakeups),
    },
    ByKind {
        name: "barewire_copied_bytes_total",
        help: "Bytes copied in user space, by the place.",
        label: "place",
        counts: |it| pairs(Copied::NAMES, &it.bytes_copied),
    },
    ByKind {
        name: "barewire_eagains_total",
        help: "Calls that found nothing to do (EAGAIN).",
        label: "call",
        counts: |it| pairs(WouldBlock::NAMES, &it.eagains),
    },
    ByKind {
        name: "barewire_allocations_total",
        help: "Allocations and reallocations of the reactors, by the stage of the request.",
        label: "stage",
        counts: allocations,
    },
];

/// Nothing is attributed to the wait: what the reactor does then, it does for others.
fn allocations(figures: &Figures) -> Vec<(&'static str, u64)> {
    let Some(counts) = figures.allocations else {
        return Vec::new();
    };
    let mut all = pairs(Stage::ALL.map(|(_, name)| name), &counts);
    all.remove(Stage::Wait as usize);
    all
}

const fn counter(
    name: &'static str,
    help: &'static str,
    value: fn(&Figures) -> Option<f64>,
) -> ByReactor {
    ByReactor {
        name,
        kind: Kind::Counter,
        help,
        value,
    }
}

const fn gauge(
    name: &'static str,
    help: &'static str,
    value: fn(&Figures) -> Option<f64>,
) -> ByReactor {
    ByReactor {
        kind: Kind::Gauge,
        ..counter(name, help, value)
    }
}

fn pairs(
    names: impl IntoIterator<Item = &'static str>,
    counts: &[u64],
) -> Vec<(&'static str, u64)> {
    names.into_iter().zip(counts.iter().copied()).collect()
}

fn seconds(ticks: u64) -> f64 {
    float(ticks * CpuTime::tick_ms()) / 1e3
}
