//! From the figures of a reactor, or of all together, to what is shown: counts, and each of them by
//! the request, the read or the send that it belongs to.
//!
//! Pure arithmetic over [`Figures`]: nothing in here asks the system anything.

use std::time::Duration;

use super::Costs;
use super::explained::{busy_percent, explained, stage_mean};
use crate::accounts::{Copied, CpuTime, Figures, Refusal, Snapshot, Stage, Woken, WouldBlock};
use crate::handlers::sheet::{Entry, decimals, per};
use crate::handlers::table::TABLE;
use crate::handlers::units::float;

/// All that is shown of `figures`, which `reactors` of them counted in `span`.
pub(super) fn sheet(
    figures: &Figures,
    span: Duration,
    reactors: usize,
    costs: Costs,
    percentiles: Option<&[Snapshot; Stage::COUNT]>,
) -> Entry {
    let per_request = |count: u64| ratio(count, figures.requests);
    let recv_eagains = figures.eagains[WouldBlock::Recv as usize];
    Entry::Group(vec![
        ("requests", Entry::Count(figures.requests)),
        ("accepted", Entry::Count(figures.accepted)),
        ("connections", Entry::Count(figures.connections)),
        ("turns", Entry::Count(figures.turns)),
        ("requests_per_turn", ratio(figures.requests, figures.turns)),
        ("events_per_poll", ratio(figures.events, figures.turns)),
        ("answers_per_send", ratio(figures.requests, figures.writes)),
        ("eagains_per_read", ratio(recv_eagains, figures.reads)),
        (
            "eagains",
            Entry::counts(&WouldBlock::NAMES, &figures.eagains),
        ),
        ("short_sends", Entry::Count(figures.short_writes)),
        ("system_calls", system_calls(figures, Entry::Count)),
        (
            "system_calls_per_request",
            system_calls(figures, per_request),
        ),
        ("wakeups", Entry::counts(&Woken::NAMES, &figures.wakeups)),
        ("stale_wakeups", Entry::Count(figures.stale_wakeups)),
        ("bytes_in_per_request", per_request(figures.bytes_in)),
        ("bytes_out_per_request", per_request(figures.bytes_out)),
        ("bytes_copied_per_request", by_place(figures)),
        ("allocations_per_request", allocations(figures)),
        ("pool", pool(figures)),
        ("timers_set_per_request", per_request(figures.timers_set)),
        (
            "timers_fired_per_request",
            per_request(figures.timers_fired),
        ),
        ("jobs", Entry::Count(figures.jobs)),
        ("routes", routes(figures)),
        ("status", status(figures)),
        (
            "refusals",
            Entry::counts(&refusal_names(), &figures.refusals),
        ),
        ("panics", Entry::Count(figures.panics)),
        ("resets", Entry::Count(figures.resets)),
        ("accept_pauses", Entry::Count(figures.accept_pauses)),
        ("cpu", cpu(figures, span, reactors)),
        ("stages", stages(figures, costs, percentiles)),
        (
            "cpu_ns_per_request",
            explained(figures, span, reactors, costs),
        ),
    ])
}

/// A ratio of two counts; unknown of nothing.
fn ratio(part: u64, whole: u64) -> Entry {
    Entry::Number(per(float(part), float(whole)))
}

fn system_calls(figures: &Figures, shown: impl Fn(u64) -> Entry) -> Entry {
    let calls = [
        ("recv", figures.reads),
        ("send", figures.writes),
        ("accept", figures.accepts),
        ("epoll_wait", figures.turns),
        ("epoll_ctl", figures.registrations),
    ];
    let all = calls.iter().map(|(_, count)| count).sum();
    let rows = calls.into_iter().chain([("all", all)]);
    Entry::Group(rows.map(|(name, count)| (name, shown(count))).collect())
}

fn by_place(figures: &Figures) -> Entry {
    let all: u64 = figures.bytes_copied.iter().sum();
    let places = Copied::NAMES.into_iter().zip(figures.bytes_copied);
    let rows = places.chain([("all", all)]);
    Entry::Group(
        rows.map(|(name, bytes)| (name, ratio(bytes, figures.requests)))
            .collect(),
    )
}

/// By the stage in which they happened. Nothing is attributed to the wait: what the reactor does
/// then, it does for others.
fn allocations(figures: &Figures) -> Entry {
    let Some(allocations) = figures.allocations else {
        return Entry::Number(None);
    };
    let rows = Stage::ALL.iter().filter(|row| row.0 != Stage::Wait);
    let rows = rows.map(|&(stage, name)| (name, allocations[stage as usize]));
    let all = ("all", allocations.iter().sum());
    Entry::Group(
        rows.chain([all])
            .map(|(name, count)| (name, ratio(count, figures.requests)))
            .collect(),
    )
}

fn pool(figures: &Figures) -> Entry {
    Entry::Group(vec![
        ("hits", Entry::Count(figures.pool_hits)),
        ("misses", Entry::Count(figures.pool_misses)),
        ("held_bytes", Entry::Count(figures.buffer_bytes)),
    ])
}

/// Requests by route; what no route served is the rest.
fn routes(figures: &Figures) -> Entry {
    let known = TABLE.iter().zip(figures.routes);
    let mut rows: Vec<_> = known
        .map(|(route, count)| (route.path, Entry::Count(count)))
        .collect();
    let routed = figures.routes.iter().sum();
    rows.push((
        "none",
        Entry::Count(figures.requests.saturating_sub(routed)),
    ));
    Entry::Group(rows)
}

/// Answers by class; 1xx is no answer.
fn status(figures: &Figures) -> Entry {
    Entry::counts(&["2xx", "3xx", "4xx", "5xx"], &figures.status_classes[1..])
}

fn refusal_names() -> [&'static str; Refusal::COUNT] {
    Refusal::ALL.map(|(_, name)| name)
}

/// How busy the reactors were, and where. User and system time are divided by clock ticks: over
/// less than ten seconds that is chance. `ticks` is how many there were, so one in so many is what
/// the shares are known to.
fn cpu(figures: &Figures, span: Duration, reactors: usize) -> Entry {
    let known = figures
        .cpu
        .filter(|_| span >= super::LOOK_BACK.mul_f64(0.99));
    let ticks = known.map_or(0, |cpu| cpu.user_ticks + cpu.system_ticks);
    let share = |part: fn(CpuTime) -> u64| {
        Entry::Number(known.and_then(|cpu| per(100.0 * float(part(cpu)), float(ticks))))
    };
    Entry::Group(vec![
        (
            "busy_percent",
            Entry::Number(busy_percent(figures, span, reactors)),
        ),
        ("user_percent", share(|cpu| cpu.user_ticks)),
        ("system_percent", share(|cpu| cpu.system_ticks)),
        ("ticks", Entry::Number(known.map(|_| float(ticks)))),
        ("tick_ms", Entry::Count(CpuTime::tick_ms())),
    ])
}

/// Counts, means with the clock's own cost taken off, and percentiles as they were recorded.
fn stages(
    figures: &Figures,
    costs: Costs,
    percentiles: Option<&[Snapshot; Stage::COUNT]>,
) -> Entry {
    let row = |&(stage, name): &(Stage, &'static str)| {
        let timed = figures.stages[stage as usize];
        let mean = stage_mean(timed, costs.clock).map(decimals);
        let mut rows = vec![
            ("count", Entry::Count(timed.count)),
            ("mean_ns", Entry::Number(mean)),
        ];
        let at = |share| {
            let recorded = percentiles.map(|stages| &stages[stage as usize]);
            Entry::Number(recorded.and_then(|all| all.percentile(share)).map(float))
        };
        rows.extend([("p50_ns", at(0.5)), ("p99_ns", at(0.99))]);
        (name, Entry::Group(rows))
    };
    Entry::Group(Stage::ALL.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Timed;

    const TEN: Duration = Duration::from_secs(10);

    fn number(sheet: &Entry, path: &str) -> Option<f64> {
        match sheet.at(path) {
            Some(Entry::Number(number)) => *number,
            Some(Entry::Count(count)) => Some(float(*count)),
            other => panic!("{path}: {other:?}"),
        }
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
            eagains: [1, 300, 0],
            bytes_in: 50_000,
            bytes_copied: [13_000, 0, 7_000, 0, 0],
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
            ("system_calls_per_request.all", 2.255),
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
