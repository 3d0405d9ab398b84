//! From the figures of a reactor, or of all together, to what is shown: counts, and each of them by
//! the request, the read or the send that it belongs to.
//!
//! Pure arithmetic over [`Figures`]: nothing in here asks the system anything.

use std::time::Duration;

use serde_json::{Value, json};

use super::Costs;
use super::explained::{busy_percent, explained, stage_mean};
use crate::accounts::{CpuTime, Figures, Snapshot, Stage, WouldBlock};
use crate::handlers::groups::{self, Named, object};
use crate::handlers::units::{decimals, float, per};

/// All that is shown of `figures`, which `reactors` of them counted in `span`.
pub(super) fn sheet(
    figures: &Figures,
    span: Duration,
    reactors: usize,
    costs: Costs,
    percentiles: Option<&[Snapshot; Stage::COUNT]>,
) -> Value {
    let by_request = |count: u64| ratio(count, figures.requests);
    let each_by_request = |named: Named| {
        object(
            named
                .into_iter()
                .map(|(name, count)| (name, by_request(count))),
        )
    };
    json!({
        "requests": figures.requests,
        "accepted": figures.accepted,
        "connections": figures.connections,
        "turns": figures.turns,
        "requests_per_turn": ratio(figures.requests, figures.turns),
        "events_per_poll": ratio(figures.events, figures.turns),
        "answers_per_send": ratio(figures.requests, figures.writes),
        "eagains_per_read": ratio(figures.eagains[WouldBlock::Recv as usize], figures.reads),
        "eagains": object(groups::eagains(figures)),
        "short_sends": figures.short_writes,
        "system_calls": object(system_calls(figures)),
        "system_calls_per_request": each_by_request(system_calls(figures)),
        "wakeups": object(groups::wakeups(figures)),
        "stale_wakeups": figures.stale_wakeups,
        "bytes_in_per_request": by_request(figures.bytes_in),
        "bytes_out_per_request": by_request(figures.bytes_out),
        "bytes_copied_per_request": each_by_request(with_all(groups::copies(figures))),
        "allocations_per_request":
            groups::allocations(figures).map(|named| each_by_request(with_all(named))),
        "pool": {
            "hits": figures.pool_hits,
            "misses": figures.pool_misses,
            "held_bytes": figures.buffer_bytes,
        },
        "timers_set_per_request": by_request(figures.timers_set),
        "timers_fired_per_request": by_request(figures.timers_fired),
        "jobs": figures.jobs,
        "deferred": {
            "count": figures.deferred.count,
            "mean_ns": stage_mean(figures.deferred, 0.0).map(decimals),
        },
        "stream_pieces": figures.pieces,
        "broken_streams": figures.broken_streams,
        "routes": object(routes(figures)),
        "status": object(groups::status(figures)),
        "refusals": object(groups::refusals(figures)),
        "panics": figures.panics,
        "resets": figures.resets,
        "accept_pauses": figures.accept_pauses,
        "cpu": cpu(figures, span, reactors),
        "stages": stages(figures, costs, percentiles),
        "cpu_ns_per_request": explained(figures, span, reactors, costs),
    })
}

/// A ratio of two counts; unknown of nothing.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    per(float(part), float(whole))
}

/// All that a reactor calls itself, after its start.
fn system_calls(figures: &Figures) -> Named {
    with_all(vec![
        ("recv", figures.reads),
        ("send", figures.writes.saturating_sub(figures.file_sends)),
        ("sendfile", figures.file_sends),
        ("accept", figures.accepts),
        ("epoll_wait", figures.turns),
        ("epoll_ctl", figures.registrations),
        ("shutdown", figures.shutdowns),
        ("close", figures.closes),
        ("getsockopt", figures.options_read),
        ("setsockopt", figures.options_set),
        ("timerfd_settime", figures.alarms_set),
        ("clock_gettime", figures.cpu_clock_readings),
    ])
}

/// And the sum of them.
fn with_all(mut named: Named) -> Named {
    named.push(("all", groups::sum(&named)));
    named
}

/// Requests by route; what no route served is the rest.
fn routes(figures: &Figures) -> Named {
    let mut routes = groups::routes(figures);
    let none = figures.requests.saturating_sub(groups::sum(&routes));
    routes.push(("none", none));
    routes
}

/// How busy the reactors were, and where. User and system time are divided by clock ticks: over
/// less than ten seconds that is chance. `ticks` is how many there were, so one in so many is what
/// the shares are known to.
fn cpu(figures: &Figures, span: Duration, reactors: usize) -> Value {
    let known = figures
        .cpu
        .filter(|_| span >= super::LOOK_BACK.mul_f64(0.99));
    let ticks = known.map(|cpu| cpu.user_ticks + cpu.system_ticks);
    let share = |part: fn(CpuTime) -> u64| per(100.0 * float(part(known?)), float(ticks?));
    json!({
        "busy_percent": busy_percent(figures, span, reactors),
        "user_percent": share(|cpu| cpu.user_ticks),
        "system_percent": share(|cpu| cpu.system_ticks),
        "ticks": ticks,
        "tick_ms": CpuTime::tick_ms(),
    })
}

/// Counts, means with the clock's own cost taken off, and percentiles as they were recorded.
fn stages(
    figures: &Figures,
    costs: Costs,
    percentiles: Option<&[Snapshot; Stage::COUNT]>,
) -> Value {
    object(Stage::ALL.map(|(stage, name)| {
        let timed = figures.stages[stage as usize];
        let at = |share| percentiles?[stage as usize].percentile(share);
        let row = json!({
            "count": timed.count,
            "mean_ns": stage_mean(timed, costs.clock).map(decimals),
            "p50_ns": at(0.5),
            "p99_ns": at(0.99),
        });
        (name, row)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Timed;

    const TEN: Duration = Duration::from_secs(10);

    fn number(sheet: &Value, path: &str) -> Option<f64> {
        let found = path
            .split('.')
            .try_fold(sheet, |sheet, name| sheet.get(name));
        found.unwrap_or_else(|| panic!("no {path}")).as_f64()
    }

    fn busy() -> Figures {
        let mut figures = Figures {
            requests: 1000,
            turns: 800,
            events: 1600,
            reads: 1200,
            writes: 250,
            accepts: 3,
            registrations: 2,
            shutdowns: 10,
            closes: 11,
            options_set: 12,
            alarms_set: 13,
            cpu_clock_readings: 14,
            eagains: [1, 300, 0],
            bytes_in: 50_000,
            bytes_copied: [13_000, 0, 7_000, 0, 0, 0],
            routes: [0; crate::config::bounds::ROUTES_MAX],
            allocations: Some([0, 0, 0, 2000, 0, 0, 500]),
            cpu: Some(CpuTime {
                nanos: 5_000_000_000,
                user_ticks: 100,
                system_ticks: 300,
            }),
            ..Figures::default()
        };
        figures.routes[0] = 990;
        figures.stages[Stage::Read as usize] = Timed {
            count: 10,
            sum: 20_000,
        };
        figures
    }

    #[test]
    fn ratios_are_by_what_they_belong_to() {
        let costs = Costs {
            clock: 25.0,
            cpu_clock: 0.0,
        };
        let sheet = sheet(&busy(), TEN, 1, costs, None);
        for (path, expected) in [
            ("requests_per_turn", 1.25),
            ("events_per_poll", 2.0),
            ("answers_per_send", 4.0),
            ("eagains_per_read", 0.25),
            ("system_calls.epoll_wait", 800.0),
            ("system_calls_per_request.recv", 1.2),
            ("system_calls_per_request.epoll_ctl", 0.002),
            ("system_calls_per_request.close", 0.011),
            ("system_calls_per_request.all", 2.315),
            ("bytes_in_per_request", 50.0),
            ("bytes_copied_per_request.answer", 13.0),
            ("bytes_copied_per_request.all", 20.0),
            ("allocations_per_request.handle", 2.0),
            ("allocations_per_request.all", 2.5),
            ("routes./plaintext", 990.0),
            ("routes.none", 10.0),
            ("cpu.busy_percent", 50.0),
            ("cpu.user_percent", 25.0),
            ("cpu.ticks", 400.0),
            ("stages.read.mean_ns", 1975.0),
        ] {
            assert_eq!(number(&sheet, path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let sheet = sheet(&Figures::default(), TEN, 1, Costs::default(), None);
        for path in [
            "requests_per_turn",
            "answers_per_send",
            "system_calls_per_request.recv",
            "bytes_copied_per_request.all",
            "allocations_per_request",
            "cpu.busy_percent",
            "cpu.user_percent",
            "stages.write.mean_ns",
            "stages.write.p50_ns",
        ] {
            assert_eq!(number(&sheet, path), None, "{path}");
        }
    }

    #[test]
    fn user_and_system_are_not_told_of_a_short_look() {
        let sheet = sheet(&busy(), Duration::from_secs(3), 1, Costs::default(), None);
        assert_eq!(number(&sheet, "cpu.user_percent"), None);
        assert!(number(&sheet, "cpu.busy_percent").is_some());
    }
}
